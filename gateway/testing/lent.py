"""What the gateway lends a plugin, for a test: a clock that is moved by hand, an archive and a log in memory."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from gateway.adapter import Context


@dataclass(slots=True)
class Clock:
    """A clock that moves when it is told to, in both directions."""

    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@dataclass(slots=True)
class KeptInMemory:
    """An archive that forgets with the test, and checks what it is given."""

    kept: dict[bytes, tuple[bytes, bool]] = field(default_factory=dict)

    def keep(self, sha256: bytes, document: Path, *, encrypt: bool) -> None:
        body = document.read_bytes()
        assert hashlib.sha256(body).digest() == sha256, "what is kept must be what its digest says"
        self.kept.setdefault(sha256, (body, encrypt))

    def open(self, sha256: bytes) -> BinaryIO:
        if sha256 not in self.kept:
            raise FileNotFoundError
        return BytesIO(self.kept[sha256][0])


@dataclass(slots=True)
class Heard:
    """A log that remembers."""

    lines: list[str] = field(default_factory=list)

    def _hear(self, event: str, **fields: Any) -> None:
        self.lines.append(f"{event} {fields}")

    info = warning = error = _hear


def context(root: Path, clock: Clock | None = None) -> Context:
    """What a plugin is lent, in a folder of the test."""
    return Context(clock or Clock(), threading.Event(), Heard(), _no_secret, KeptInMemory(), root)


def _no_secret(reference: str) -> NoReturn:
    raise LookupError(f"a conformance test holds no secret: {reference}")
