"""SQLite: one file, one process that writes it, any number that read.

WAL with `synchronous=FULL` makes a commit survive a power cut; both are asserted at start.  A lock
beside the file keeps a second gateway out.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import quote

from gateway.errors import Problem, Refused
from gateway.store.database import ABSENT, LOCKED, READ_ONLY, UNSAFE, Transaction
from gateway.store.sqlite_connection import Connection, Reading, edge
from gateway.store.writer import Writer

T = TypeVar("T")

PRAGMAS: Mapping[str, str | int] = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 0}
"""What must be in force; each is set and then asked for again.  2 is FULL."""

TUNING: Mapping[str, str | int] = {
    "page_size": 8192,
    "cache_size": -32_000,
    "wal_autocheckpoint": 4000,
    "temp_store": 2,
}
"""Pages of 8 KB hold three records of the usual size; 4 KB hold one, and 16 KB cost more where names lie scattered."""

WAIT_S = 10
"""How long to wait for another process that writes a request."""

SCRUB_MS = 1000
"""How long to wait for readers before the log is cut; meanwhile nobody writes."""


class Sqlite:
    """One store file.

    `pragmas` exists for tests that break the store on purpose.
    """

    blob = "BLOB"
    key = "INTEGER"
    identity = "INTEGER PRIMARY KEY AUTOINCREMENT"
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?"

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        pragmas: Mapping[str, str | int] | None = None,
    ) -> None:
        self._path, self._read_only = path, read_only
        self._pragmas = {**PRAGMAS, **(pragmas or {})}
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._mutex, self._systems = threading.Lock(), dict[str, threading.Lock]()
        self._closed = False
        if read_only:
            if not path.is_file():
                raise Refused(Problem(ABSENT))
            return
        self._lock = _lock(path)
        try:
            with edge():
                self._writer = Writer(self._connect())
        except BaseException:
            os.close(self._lock)
            raise

    def blank(self, column: str) -> str:
        """As many zeros as there were bytes."""
        return f"zeroblob(length({column}))"

    def read(self) -> Reading:
        """This thread's own reading connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            with edge():
                connection = self._connect_reader()
            self._local.connection = connection
            with self._mutex:
                self._readers.append(connection)
        return Reading(connection)

    def write(self, piece: Callable[[Transaction], T]) -> T:
        """Hand a piece to the writer; return when the commit that holds it is on the disk."""
        return cast("T", self._only_writer().write(piece))

    def visit(self, piece: Callable[[Transaction], T]) -> T:
        """A short transaction; of a read-only store, over a connection that lives only for it."""
        if not self._read_only:
            return self.write(piece)
        connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
        try:
            with edge():
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("BEGIN IMMEDIATE")
                result = piece(Connection(connection))
                connection.execute("COMMIT")
                return result
        finally:
            connection.close()

    @contextmanager
    def exclusive(self, system: str) -> Iterator[None]:
        """One process writes, so a lock in memory is enough."""
        with self._mutex:
            lock = self._systems.setdefault(system, threading.Lock())
        with lock:
            yield

    def scrub(self) -> bool:
        """Move the log into the file and cut it to nothing."""

        def checkpoint(transaction: Transaction) -> bool:
            transaction.run(f"PRAGMA busy_timeout={SCRUB_MS}")
            row = transaction.one("PRAGMA wal_checkpoint(TRUNCATE)")
            transaction.run(f"PRAGMA busy_timeout={WAIT_S * 1000}")
            return row is not None and row[0] == 0

        return bool(self._only_writer().write(checkpoint, whole=True))

    def ping(self) -> None:
        """Commit nothing, to see whether the writer lives."""
        self.write(lambda transaction: transaction.one("SELECT 1"))

    def free_bytes(self) -> int:
        """Bytes that an ordinary user may still write on the store's volume."""
        volume = os.statvfs(self._path.parent)
        return volume.f_bavail * volume.f_frsize

    def size_bytes(self) -> int:
        """Bytes of the store's files, the write-ahead log included."""
        files = [self._path, self._path.with_name(self._path.name + "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Finish what waits, then let go of the file and its lock."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        if not self._read_only:
            self._writer.close()
        with self._mutex:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        if not self._read_only:
            os.close(self._lock)

    def _only_writer(self) -> Writer:
        if self._read_only:
            raise Refused(Problem(READ_ONLY))
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # the log takes its mode from the file
        connection = sqlite3.connect(
            self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            self._secure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secure(self, connection: sqlite3.Connection) -> None:
        """Set what durability and erasing rest on, and see that it is in force."""
        for name, value in {**TUNING, **self._pragmas}.items():
            connection.execute(f"PRAGMA {name}={value}")
        for name, value in self._pragmas.items():
            if connection.execute(f"PRAGMA {name}").fetchone()[0] != value:
                raise Refused(Problem(UNSAFE, path=name))

    def _connect_reader(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self._path))}?mode=ro",
            uri=True,
            timeout=WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only=1")
        return connection


def _lock(path: Path) -> int:
    """Hold the store for this process.  The kernel lets go of it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        os.close(handle)
        raise Refused(Problem(LOCKED)) from e
    return handle
