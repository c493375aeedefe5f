"""SQLite: one thread writes, and commits what has gathered.

Life of a write: it is queued; the writer begins a transaction, runs every piece that waits in a
savepoint of its own, and commits once.  Only then does any of them return.  WAL with
`synchronous=FULL` makes that commit survive a power cut; both are asserted at start.  A failed
sync is fatal: the kernel may have dropped what it could not write, so nobody may go on.
"""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

from gateway.errors import GatewayError, Problem, Refused, Retry
from gateway.store.database import (
    ABSENT,
    BROKEN,
    BUSY,
    DAMAGED,
    FULL,
    LOCKED,
    READ_ONLY,
    UNSAFE,
    Fatal,
    Row,
    Transaction,
)

T = TypeVar("T")

GATHER = 64
"""At most this many pieces share one commit."""

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

CHUNK = 200
"""Values in one `IN (…)`: one text, so one prepared statement."""


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
        text, found = sql.replace("(*)", f"({'?, ' * (CHUNK - 1)}?)"), []
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            found += self.raw.execute(text, chunk + chunk[-1:] * (CHUNK - len(chunk))).fetchall()
        return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self.raw.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self.raw.executemany(sql, rows)

    def rows(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))
        self.raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


class _Work:
    """One piece and the promise of its result."""

    __slots__ = ("future", "piece", "result", "whole")

    def __init__(self, piece: Callable[[Transaction], Any], *, whole: bool) -> None:
        self.piece, self.whole = piece, whole
        self.future: Future[Any] = Future()
        self.result: Any = None


class Sqlite:
    """One store file.

    `pragmas` and `early` (answer before the commit) exist for the mutants of the campaigns,
    which must be caught.
    """

    blob = "BLOB"
    key = "INTEGER"
    identity = "INTEGER PRIMARY KEY AUTOINCREMENT"
    without_rowid = " WITHOUT ROWID"
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?"

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        pragmas: Mapping[str, str | int] | None = None,
        early: bool = False,
    ) -> None:
        self._path, self._read_only = path, read_only
        self._early = early
        self._pragmas = {**PRAGMAS, **(pragmas or {})}
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._mutex, self._systems = threading.Lock(), dict[str, threading.Lock]()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._broken: Problem | None = None
        self._closed = False
        if read_only:
            if not path.is_file():
                raise Refused(Problem(ABSENT))
            return
        self._lock = _lock(path)
        try:
            with _edge():
                self._writer = self._connect()
        except BaseException:
            os.close(self._lock)
            raise
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def blank(self, column: str) -> str:
        """As many zeros as there were bytes."""
        return f"zeroblob(length({column}))"

    def read(self) -> _Reading:
        """This thread's own reading connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            with _edge():
                connection = self._connect_reader()
            self._local.connection = connection
            with self._mutex:
                self._readers.append(connection)
        return _Reading(connection)

    def write(self, piece: Callable[[Transaction], T]) -> T:
        """Hand a piece to the writer; return when the commit that holds it is on the disk."""
        return cast("T", self._hand_over(_Work(piece, whole=False)))

    def visit(self, piece: Callable[[Transaction], T]) -> T:
        """A short transaction; of a read-only store, over a connection that lives only for it."""
        if not self._read_only:
            return self.write(piece)
        connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
        try:
            with _edge():
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

        return bool(self._hand_over(_Work(checkpoint, whole=True)))

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
            self._queue.put(None)
        if not self._read_only:
            self._thread.join()
            self._writer.close()
        with self._mutex:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        if not self._read_only:
            os.close(self._lock)

    # The writer's thread

    def _hand_over(self, work: _Work) -> Any:
        if self._read_only:
            raise Refused(Problem(READ_ONLY))
        with self._mutex:
            if self._broken is not None or self._closed:
                raise Fatal(self._broken or Problem(BROKEN, rule="the store was closed"))
            self._queue.put(work)
        return work.future.result()

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            if work.whole:
                self._alone(work)
                continue
            group, after = self._gather(work)
            self._commit(group)
            if after is not None:
                self._alone(after)

    def _gather(self, first: _Work) -> tuple[list[_Work], _Work | None]:
        """What waits now, up to one that must run outside a transaction or the end."""
        group = [first]
        while len(group) < GATHER:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                break
            if work is None:
                self._queue.put(None)
                break
            if work.whole:
                return group, work
            group.append(work)
        return group, None

    def _alone(self, work: _Work) -> None:
        try:
            with _edge():
                work.future.set_result(work.piece(Connection(self._writer)))
        except (GatewayError, sqlite3.Error) as e:
            work.future.set_exception(e)

    def _commit(self, group: list[_Work]) -> None:
        """All pieces, one commit, then the answers: nobody is answered before it is durable."""
        done: list[_Work] = []
        try:
            if self._broken is not None:
                raise Fatal(self._broken)
            with _edge():
                self._writer.execute("BEGIN IMMEDIATE")
                done = [work for work in group if self._run(work)]
                if self._early:
                    _answer(done)
                self._writer.execute("COMMIT")
        except GatewayError as e:
            self._undo(group, e)
        except sqlite3.Error as e:
            self._undo(group, Fatal(Problem(BROKEN, rule=type(e).__name__)))
        else:
            _answer(done)

    def _run(self, work: _Work) -> bool:
        """One piece in its savepoint.  False where it raised; the others go on."""
        self._writer.execute("SAVEPOINT piece")
        try:
            work.result = work.piece(Connection(self._writer))
        except BaseException as e:
            if isinstance(e, sqlite3.Error) and _meant(e) is not None:
                raise  # a fault of disk or file concerns everybody in the group
            self._writer.execute("ROLLBACK TO piece")
            self._writer.execute("RELEASE piece")
            work.future.set_exception(e)
            return False
        self._writer.execute("RELEASE piece")
        return True

    def _undo(self, group: list[_Work], error: GatewayError) -> None:
        if isinstance(error, Fatal):
            self._broken = error.problem
        elif self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        for work in group:
            if not work.future.done():
                work.future.set_exception(error)

    # Connections

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # the log takes its mode from the file
        connection = sqlite3.connect(
            self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for name, value in {**TUNING, **self._pragmas}.items():
            connection.execute(f"PRAGMA {name}={value}")
        for name, value in self._pragmas.items():
            if connection.execute(f"PRAGMA {name}").fetchone()[0] != value:
                raise Refused(Problem(UNSAFE, path=name))
        return connection

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


class _Reading(Connection):
    """A reading connection: its errors are ours."""

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with _edge():
            return super().all(sql, values)

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        with _edge():
            return super().one(sql, values)

    def within(self, sql: str, values: Iterable[Any]) -> list[Row]:
        with _edge():
            return super().within(sql, values)


def _answer(done: list[_Work]) -> None:
    for work in done:
        if not work.future.done():
            work.future.set_result(work.result)


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


@contextmanager
def _edge() -> Iterator[None]:
    """SQLite's errors as ours: full and busy pass, a failed read, write or sync is fatal."""
    try:
        yield
    except sqlite3.Error as e:
        meant = _meant(e)
        if meant is None:
            raise
        raise meant from e


def _meant(error: sqlite3.Error) -> GatewayError | None:
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
