"""A note of the answer that was taken last from a service that forgets what it has answered.

The answer itself is in the archive.  The note says from which cursor it was asked for, and outlives a
crash before the journal holds a cursor that names the answer: the next read then finds it here instead
of asking a service that no longer has it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from adapters.soap.cursor import Reading


class Taken:
    """The note of one feed."""

    def __init__(self, root: Path, feed: str) -> None:
        self._path = root / "var" / "soap" / f"{hashlib.sha256(feed.encode()).hexdigest()[:32]}.taken"

    def write(self, after: str, reading: Reading) -> None:
        """Durable when this returns."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"after": _short(after), "reading": asdict(reading)}, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, after: str) -> Reading | None:
        """The answer that was asked for from this cursor; None where none was."""
        try:
            said = json.loads(self._path.read_bytes())
            return Reading(**said["reading"]) if said["after"] == _short(after) else None
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None


def _short(cursor: str) -> str:
    """A cursor may hold a token that lets somebody in; a digest of it says as much."""
    return hashlib.sha256(cursor.encode()).hexdigest()
