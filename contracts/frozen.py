"""Frozen samples: what a consumer tested with last year still says the same.

`FROZEN` beside the samples holds the digest of each.  A sample may be added, never edited and never
taken away, for as long as its major version is served.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from contracts import MAJOR
from contracts.schema import BODIES

FOLDER: Final = Path(__file__).parent / "samples" / f"v{MAJOR}"
_LIST = "FROZEN"


def digests(folder: Path = FOLDER) -> dict[str, str]:
    """File name → SHA-256, as they were frozen."""
    path = folder / _LIST
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def changed(folder: Path = FOLDER) -> list[str]:
    """Names of the frozen samples that were edited or are gone; empty when all is well."""
    return sorted(name for name, digest in digests(folder).items() if _digest(folder / name) != digest)


def unfrozen(folder: Path = FOLDER) -> list[str]:
    """Names of the samples that are not frozen yet."""
    frozen = digests(folder)
    return sorted(path.name for path in folder.glob("*.json") if path.name not in frozen)


def freeze(folder: Path = FOLDER) -> list[str]:
    """Freeze what is new, and return its names.  What is frozen already stays as it was, even where it differs."""
    new = unfrozen(folder)
    known = digests(folder) | {name: _digest(folder / name) for name in new}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(known.items()))
    if new:
        (folder / _LIST).write_text(text, encoding="utf-8")
    return new


def contract(name: str) -> str:
    """The contract that a sample of this name keeps: `incident-call.json` is of `incident`."""
    return max((body for body in BODIES if name.startswith(body)), key=len)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
