"""How the running gateway stands, in one small file that `status` reads beside it.

What is true only in memory (breakers, the last polls, the way to the broker) is written every two
seconds by one atomic rename; everything else is read from the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from gateway.runner import Runner

EVERY_S = 2.0
STALE_S = 10.0


class Page:
    """The file of one running gateway."""

    def __init__(self, var: Path) -> None:
        self._path = var / "standing.json"
        self._next = 0.0

    def write(self, runner: Runner) -> None:
        """Write it anew where that is due."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        into = self._path.with_suffix(".new")
        with suppress(OSError):  # a full disk: intake waits for it, and says so; the page only grows old
            into.unlink(missing_ok=True)
            with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(orjson.dumps(_standing(runner)))
            into.rename(self._path)

    def clear(self) -> None:
        """The gateway stops."""
        self._path.unlink(missing_ok=True)


def read(var: Path) -> Mapping[str, Any] | None:
    """What the running gateway last wrote; None where none runs or it no longer writes."""
    path = var / "standing.json"
    try:
        if time.time() - path.stat().st_mtime > STALE_S:
            return None
        said: Mapping[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return said


def _standing(runner: Runner) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "intake_paused": runner.waits is not None,
        "systems": runner.standing(),
        "destinations": runner.outbound.standing(),
        "metrics": list(runner.metrics.lines()),
    }
