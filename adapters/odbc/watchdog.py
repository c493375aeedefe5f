"""Statements that take too long are cancelled from outside: the time-out of pyodbc works on none of the drivers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Watchdog:
    """For the time of one statement.  `struck` tells whether it was cancelled for its time."""

    def __init__(self, cancel: Callable[[], object], timeout_s: float) -> None:
        self.struck = False
        self._cancel = cancel
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(timeout_s, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True

    def _strike(self) -> None:
        with self._lock:
            if self._over:  # the statement ended first: its successor must not be hit
                return
            self.struck = True
            self._cancel()
