"""A statement that the database works on before its rows are asked for, while its reader makes records of the last page.

Only execution is done beside the reader, which then waits for the database and for nobody else; rows
are fetched by whoever asks for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyodbc

FRESH_S = 2.0
"""An answer that has lain about for longer is given up: what the database says now may be another."""

ENDS_S = 2.0
"""So long whoever closes the link waits for what was begun."""


class Ahead:
    """One statement: `execute` runs it on `cursor`, in a thread of its own."""

    def __init__(self, sql: str, parameters: Sequence[Any], cursor: pyodbc.Cursor, execute: Callable[[], None]) -> None:
        self._question = (sql, list(parameters))
        self._cursor, self._execute = cursor, execute
        self._error: BaseException | None = None
        self._ended_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="odbc-ahead", daemon=True)

    def begin(self) -> None:
        """From now on the database works."""
        self._thread.start()

    def answers(self, sql: str, parameters: Sequence[Any]) -> bool:
        """Whether it is this statement, and its answer not old."""
        old = self._ended_s is not None and time.monotonic() > self._ended_s + FRESH_S
        return self._question == (sql, list(parameters)) and not old

    def cursor(self) -> pyodbc.Cursor:
        """Wait for the database; raises what execution met."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._cursor

    def abandoned(self) -> pyodbc.Cursor:
        """Its cursor, whatever it met: its answer is not wanted, and waited for, as it has to end before another begins."""
        self._thread.join()
        return self._cursor

    def let_end(self) -> None:
        """Wait a moment for its end: a process should not end while a driver is at work."""
        with suppress(RuntimeError):  # not begun yet
            self._thread.join(ENDS_S)

    def _run(self) -> None:
        try:
            self._execute()
        except BaseException as e:  # noqa: BLE001 - raised again where the rows are asked for
            self._error = e
        self._ended_s = time.monotonic()
