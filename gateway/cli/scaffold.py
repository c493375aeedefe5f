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

from gateway.adapter import BATCH_BYTES, Adapter, Batch, Context, Document, RawRecord, Rejected
from gateway.errors import Problem, code

NOT_JSON = code("NAME.not-json", "a line is not a JSON object with the key field", "Look at the line in the quarantine.")
LONGEST = 1024 * 1024
"""Bytes of a line."""


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    file: Path = Field(description="The file, inside the site's folder.")
    kind: str = Field(default="record", description="The kind of its records.")
    key: str = Field(default="id", description="The field that names a record.")


class Lines:
    """The cursor is the byte to go on from.  A line without its end is still being written: it waits."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._path = context.root / settings.file
        self._closed = False

    def read(self, after: str, limit: int) -> Batch:
        at = int(after or 0)
        records = []
        for line in self._lines(at):
            records.append(_record(self._settings, line, at))
            at += len(line)
            if len(records) == limit or at - int(after or 0) + LONGEST > BATCH_BYTES:
                return Batch(str(at), records)
        return Batch(str(at), records, more=False)

    def acknowledge(self, cursor: str) -> None:
        """Nothing to move away: the file stays."""

    def close(self) -> None:
        self._closed = True

    def _lines(self, at: int) -> Iterator[bytes]:
        if self._closed or not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(at)
            while (line := file.readline(LONGEST)).endswith(b"\\n"):
                yield line


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

import json

from gateway.testing import LegacySystem, SourceConformance

from MODULE import adapter


class Program(LegacySystem):
    """The other side: a program that appends to a file.  The methods it leaves out are faults it cannot have."""

    settings = {"file": "records.jsonl"}
    count = 0

    def add(self, count):
        keys = [f"{self.count + number:06d}" for number in range(count)]
        self.count += count
        self._append("".join(json.dumps({"id": key, "what": "invented"}) + "\\n" for key in keys))
        return keys

    def half(self):
        self._append('{"id": "half", "wh')
        return ["half"]

    def finish(self):
        self._append('at": "invented"}\\n')

    def spoiled(self, secret):
        first = self.add(1)
        self._append(f'{{"id": {secret}\\n')
        return first + self.add(1)

    def one_instant(self, count):
        return self.add(count)

    def _append(self, text):
        with (self.root / "records.jsonl").open("a") as file:
            file.write(text)


class TestItKeepsThePromisesOfASource(SourceConformance):
    adapter = adapter
    system = Program
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
