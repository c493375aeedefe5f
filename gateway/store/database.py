"""What the store needs of a database: a small interface, two drivers, one set of errors.

SQL is written once, with `?` for a bound value and `IN (*)` for a bound list.  A write is a
function of a transaction: when `write` returns, what it did is durable, or an error says that
nothing of it was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, TypeVar

from gateway.errors import GatewayError, Problem, code

T = TypeVar("T")
Row: TypeAlias = "tuple[Any, ...]"

FULL = code(
    "store.full",
    "the disk under the store is full; nothing of the batch was kept",
    "Free space on that volume (or move the site's var folder to a larger one); intake goes on by itself.",
)
BUSY = code(
    "store.busy",
    "the store is held by another writer for too long",
    "Wait and try again; if it lasts, look for a backup or a tool that keeps the store's file open.",
)
BROKEN = code(
    "store.broken",
    "the store could not be written or synced: what is on the disk is unknown",
    "The gateway stops at once. Check the disk and the system's log, then start it again: it recovers by itself.",
)
DAMAGED = code(
    "store.damaged",
    "the store's file is not a database or is damaged",
    "Restore the site's var folder from a backup; keep the damaged one for the examiner.",
)
LOCKED = code(
    "store.locked",
    "another gateway is running on this store",
    "Stop the other one first; commands that change something are handed to the running gateway by themselves.",
)
UNSAFE = code(
    "store.unsafe",
    "the database does not promise that a commit survives a power cut",
    "SQLite needs WAL and synchronous=FULL, PostgreSQL fsync, full_page_writes and synchronous_commit on.",
)
ABSENT = code(
    "store.absent",
    "there is no store at that place yet",
    "Run `copperline run` once; it makes the store.",
)
ADDRESS = code(
    "store.address",
    "the store's address is neither sqlite:///absolute/path nor postgresql://…",
    "Correct `store:` in site.yaml, or leave it out to use SQLite under var/.",
)
READ_ONLY = code(
    "store.read-only",
    "the store was opened for reading only",
    "Run the command on the machine where the gateway runs, or stop the gateway first.",
)
NEWER = code(
    "store.newer",
    "the store was made by a newer version of the gateway",
    "Start that version, or restore the backup that was taken before the upgrade.",
)


class Fatal(GatewayError):
    """The process must exit at once and start again; nothing that was not answered may be answered."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem} What to do: {problem.code.remedy}")
        self.problem = problem


class Reader(Protocol):
    """Asks.  Every call sees what was committed before it."""

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Row]: ...

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None: ...

    def within(self, sql: str, values: Iterable[Any]) -> list[Row]:
        """The rows of a query whose `IN (*)` takes the values; any number of them."""
        ...


class Transaction(Reader, Protocol):
    """Asks and changes, all or nothing."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One statement; returns how many rows it changed."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        ...

    def rows(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """New rows, the fastest way the database has."""
        ...


class Database(Protocol):
    """A real database.  Safe from any thread."""

    blob: str
    """How this database calls bytes in a table's definition."""
    key: str
    """How it calls a whole number that is a table's key."""
    identity: str
    """How it calls a key that it gives out itself."""
    tables: str
    """The query that finds a table by its name."""

    def blank(self, column: str) -> str:
        """The SQL that overwrites a column of bytes so that nothing of it stays."""
        ...

    def read(self) -> Reader: ...

    def write(self, piece: Callable[[Transaction], T]) -> T:
        """Run `piece` in a transaction; return when it is durable.  What `piece` raises undoes it and is raised here."""
        ...

    def visit(self, piece: Callable[[Transaction], T]) -> T:
        """As `write`, also beside a running writer: for a request only."""
        ...

    def exclusive(self, system: str) -> AbstractContextManager[None]:
        """While it is held nobody else changes names of that system; held by one thread at a time."""
        ...

    def scrub(self) -> bool:
        """Drive what was overwritten out of every file; False where a reader stood in the way."""
        ...

    def ping(self) -> None:
        """Raises where the database cannot be written now."""
        ...

    def free_bytes(self) -> int: ...

    def size_bytes(self) -> int: ...

    def close(self) -> None: ...
