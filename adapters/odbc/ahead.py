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

    def drop(self) -> None:
        """Its answer is not wanted; it is waited for, as a driver may crash that is told to cancel what just begins."""
        self._thread.join()
        with suppress(Exception):
            self._cursor.close()

    def _run(self) -> None:
        try:
            self._execute()
        except BaseException as e:  # noqa: BLE001 - raised again where the rows are asked for
            self._error = e
        self._ended_s = time.monotonic()
