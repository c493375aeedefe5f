"""The files that `adapters new` writes: a plugin that runs, small enough to be read, with its conformance test.

MODULE and NAME are replaced.  The example reads one JSON object a line from one file.
"""

from __future__ import annotations

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "copperline-NAME"
version = "0.1.0"
description = "An adapter of Copperline"
requires-python = ">=3.11"
dependencies = ["copperline"]

[project.entry-points."copperline.adapters"]
NAME = "MODULE:adapter"

[tool.hatch.build.targets.wheel]
packages = ["MODULE"]
"""

_ADAPTER = '''\
"""The adapter NAME: reads one JSON object a line from one file.

A plugin is a value: a kind, typed settings, plain functions.  Replace what `Lines` does; keep the
promises of `gateway.adapter.Source`, which the conformance test in tests/ holds you to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.adapter import Adapter, Batch, Context, Document, RawRecord, Rejected
from gateway.errors import Problem, Retry, code

NOT_JSON = code("NAME.not-json", "a line is not a JSON object with the key field", "Look at the line in the quarantine.")
NO_FILE = code("NAME.no-file", "the file is not there", "Nothing, if the system has yet to write it.")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    file: Path = Field(description="The file, inside the site's folder.")
    kind: str = Field(default="record", description="The kind of its records.")
    key: str = Field(default="id", description="The field that names a record.")


class Lines:
    """The cursor is the byte to go on from."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._path = context.root / settings.file

    def read(self, after: str, limit: int) -> Batch:
        start = int(after or 0)
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                lines = [line for _, line in zip(range(limit), file, strict=False) if line.endswith(b"\\n")]
        except FileNotFoundError as e:
            raise Retry(Problem(NO_FILE)) from e
        records, at = [], start
        for line in lines:
            records.append(_record(self._settings, line, at))
            at += len(line)
        return Batch(cursor=str(at), records=records, more=len(lines) == limit)

    def acknowledge(self, cursor: str) -> None:
        """Nothing to move away: the file stays."""

    def close(self) -> None:
        """Nothing is held open between two reads."""


def decode(settings: Settings, document: Document) -> Iterator[RawRecord | Rejected]:
    at = 0
    for line in (document.body or b"").splitlines(keepends=True):
        yield _record(settings, line, at)
        at += len(line)


def _record(settings: Settings, line: bytes, at: int) -> RawRecord | Rejected:
    where = f"byte {at}"
    try:
        fields: dict[str, Any] = json.loads(line)
        key = str(fields[settings.key])
    except (ValueError, KeyError, TypeError):
        return Rejected(line, where, (Problem(NOT_JSON, where=where),))
    version = hashlib.sha256(line).hexdigest()[:32] + f"-{at}"
    return RawRecord(settings.kind, key, version, "put", fields, line, where)


adapter = Adapter(kind="NAME", settings=Settings, source=Lines, decode=decode, summary="One JSON object a line.")
'''

_TEST = '''\
"""The promises of a source, held by the gateway's own conformance suite."""

from gateway.testing import SourceConformance

from MODULE import Settings, adapter


class TestNAMEKeepsItsPromises(SourceConformance):
    adapter = adapter

    def settings(self, folder):
        return Settings(file=folder / "records.jsonl")

    def give(self, folder, number):
        with (folder / "records.jsonl").open("ab") as file:
            file.write(b\'{"id": "%d", "what": "invented"}\\n\' % number)
'''

_README = """\
# copperline-NAME

An adapter of Copperline.

    pip install --editable .
    pytest

Then name it in site.yaml: `plugins: [NAME]`, and in a system.yaml: `adapter: NAME`.
"""

FILES = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "MODULE/__init__.py": _ADAPTER,
    "tests/test_MODULE.py": _TEST,
}
"""Path → text."""
