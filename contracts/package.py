"""The contract package: everything a consumer's developer needs, as one archive, the same bytes every time.

Schemas, the AsyncAPI document, invented samples, types for Python and TypeScript.  Nothing of a site is in it.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contracts import MAJOR, frozen, publish, types
from contracts.schema import BODIES
from gateway.errors import Problem, Refused, code

UNREADABLE = code(
    "contract.package",
    "what should be a contract package or a folder of published schemas is neither",
    "Name a file that copperline contracts package wrote, or a folder that holds incident.json and the others.",
)

NAME: Final = f"copperline-contracts-v{MAJOR}"

_README = f"""\
# Copperline contracts, version {MAJOR}

- `asyncapi.json`: every topic with its message, AsyncAPI 3
- `schemas/`: JSON Schema, draft 2020-12; `envelope.json` is the event around the data
- `samples/`: invented data of each contract; once published they are never edited
- `types/copperline.py`, `types/copperline.d.ts`: the same as types; `Event` is any event

A minor change adds: new fields and new codes may come, so let unknown ones pass. What breaks gets a new major version, which
is part of every topic and type (`v{MAJOR}`).
"""


def files() -> dict[str, bytes]:
    """Path in the archive → contents."""
    made = publish.build()
    schemas = {name: json.loads(made[f"{name}.json"]) for name in BODIES}
    return {
        "README.md": _README.encode(),
        "asyncapi.json": made["asyncapi.json"],
        **{f"schemas/{name}.json": made[f"{name}.json"] for name in BODIES},
        **{f"samples/{path.name}": path.read_bytes() for path in sorted(frozen.FOLDER.glob("*.json"))},
        "types/copperline.py": types.python(schemas).encode(),
        "types/copperline.d.ts": types.typescript(schemas).encode(),
    }


def archive() -> bytes:
    """The package as a compressed tar archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, contents in sorted(files().items()):
            entry = tarfile.TarInfo(f"{NAME}/{path}")
            entry.size, entry.mode = len(contents), 0o644
            tar.addfile(entry, io.BytesIO(contents))
    return gzip.compress(packed.getvalue(), mtime=0)


def schemas_of(path: Path) -> Mapping[str, Any]:
    """Contract → schema, of a package or of a folder of published schemas.  Raises Refused where it is neither."""
    try:
        found = _of_folder(path) if path.is_dir() else _of_archive(path.read_bytes())
        schemas = {name: json.loads(contents) for name, contents in found.items() if name in BODIES}
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, ValueError) as e:
        raise Refused(Problem(UNREADABLE, rule=type(e).__name__)) from e
    if not schemas:
        raise Refused(Problem(UNREADABLE))
    return schemas


def _of_folder(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in folder.glob("*.json")}


def _of_archive(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        entries = [entry for entry in tar if entry.isfile() and "/schemas/" in entry.name]
        return {Path(entry.name).stem: held.read() for entry in entries if (held := tar.extractfile(entry))}
