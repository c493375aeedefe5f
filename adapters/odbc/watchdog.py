"""Statements that take too long are cancelled from outside: the time-out of pyodbc works on none of the drivers.

One thread watches over all of them: to start one for each statement costs more than most statements do.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Self


class Watchdog:
    """For the time of one statement.  `struck` tells whether it was cancelled for its time."""

    def __init__(self, cancel: Callable[[], object], timeout_s: float) -> None:
        self.struck = False
        self.due_s = time.monotonic() + timeout_s
        self._cancel = cancel
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Self:
        _WATCH.over(self)
        return self

    def __exit__(self, *_: object) -> None:
        _WATCH.leave(self)
        with self._lock:
            self._over = True

    def strike(self) -> None:
        """Its time is up."""
        with self._lock:
            if self._over:  # the statement ended first: its successor must not be hit
                return
            self.struck = True
            self._cancel()


class _Watch:
    """The thread, and what it watches over.  It begins with the first statement."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Watchdog] = set()
        self._wakes_s = math.inf
        self._thread: threading.Thread | None = None

    def over(self, one: Watchdog) -> None:
        """From now on."""
        with self._changed:
            self._watched.add(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="odbc-watch", daemon=True)
                self._thread.start()
            elif one.due_s < self._wakes_s:
                self._changed.notify()

    def leave(self, one: Watchdog) -> None:
        """No more; the thread need not be told."""
        with self._changed:
            self._watched.discard(one)

    def _run(self) -> None:
        while True:
            for one in self._due():
                # A cancellation may wait for the driver, and others' time may be up meanwhile.
                threading.Thread(target=one.strike, name="odbc-strike", daemon=True).start()

    def _due(self) -> list[Watchdog]:
        """Wait until somebody's time is up."""
        with self._changed:
            now = time.monotonic()
            due = [one for one in self._watched if one.due_s <= now]
            if not due:
                self._wakes_s = min((one.due_s for one in self._watched), default=math.inf)
                self._changed.wait(None if self._wakes_s == math.inf else self._wakes_s - now)
            self._watched.difference_update(due)
            return due


_WATCH = _Watch()
