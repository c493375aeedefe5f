"""One connection to SQLite as a Transaction, and what SQLite's errors mean for the gateway."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from gateway.errors import GatewayError, Problem, Retry
from gateway.store.database import BROKEN, BUSY, DAMAGED, FULL, Fatal, Row

CHUNKS = (16, 64, 200)
"""Values in one `IN (…)`: few texts, so few prepared statements."""

TOGETHER = (64, 16, 4, 1)
"""Rows in one INSERT: so few texts that each stays prepared."""

# Without an adapter of its own, sqlite3 asks each `bytes` for one in three ways: a third of an insert's price.
sqlite3.register_adapter(bytes, bytes.__bytes__)


class Connection:
    """One connection as a Transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.raw = connection

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self.raw.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        cursor = self.raw.execute(sql, values)
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    def within(self, sql: str, values: Iterable[Any]) -> list[Row]:
        wanted = list(values)
        size = next((size for size in CHUNKS if len(wanted) <= size), CHUNKS[-1])
        text, found = sql.replace("(*)", f"({'?, ' * (size - 1)}?)"), []
        for start in range(0, len(wanted), size):
            chunk = wanted[start : start + size]
            found += self.raw.execute(text, chunk + chunk[-1:] * (size - len(chunk))).fetchall()
        return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self.raw.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self.raw.executemany(sql, rows)

    def rows(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Many rows to a statement: each statement lets other threads run, and gets its turn back late."""
        mark = f"({', '.join('?' * (columns.count(',') + 1))})"
        insert = f"INSERT INTO {table} ({columns}) VALUES "
        start = 0
        for count in TOGETHER:
            many = insert + ", ".join([mark] * count)
            while len(rows) - start >= count:
                self.raw.execute(many, [*chain.from_iterable(rows[start : start + count])])
                start += count


class Reading(Connection):
    """A reading connection: its errors are ours."""

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with edge():
            return super().all(sql, values)

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        with edge():
            return super().one(sql, values)

    def within(self, sql: str, values: Iterable[Any]) -> list[Row]:
        with edge():
            return super().within(sql, values)


@contextmanager
def edge() -> Iterator[None]:
    """SQLite's errors as ours: full and busy pass, a failed read, write or sync is fatal."""
    try:
        yield
    except sqlite3.Error as e:
        said = meant(e)
        if said is None:
            raise
        raise said from e


def meant(error: sqlite3.Error) -> GatewayError | None:
    """What a fault of disk or file means for the gateway; None for anything else, which is a mistake of ours."""
    name = getattr(error, "sqlite_errorname", None) or ""
    # A full disk also shows as a shared-memory file that cannot grow.
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR_SHM"):
        return Retry(Problem(FULL))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Retry(Problem(BUSY))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Fatal(Problem(DAMAGED))
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PROTOCOL")):
        return Fatal(Problem(BROKEN, rule=name))
    return None
