"""The one thread that writes to a SQLite store: group commit.

Life of a write: it is queued; the writer begins a transaction, runs every piece that waits in a
savepoint of its own, and commits once.  Only then does any of them return.  A failed sync is
fatal: the kernel may have dropped what it could not write, so nobody is answered any more.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gateway.errors import GatewayError, Problem
from gateway.store.database import BROKEN, Fatal, Transaction
from gateway.store.sqlite_connection import Connection, edge, meant

GATHER = 64
"""At most this many pieces share one commit."""


class _Work:
    """One piece and the promise of its result."""

    __slots__ = ("future", "piece", "result", "whole")

    def __init__(self, piece: Callable[[Transaction], Any], *, whole: bool) -> None:
        self.piece, self.whole = piece, whole
        self.future: Future[Any] = Future()
        self.result: Any = None


class Writer:
    """Owns the writing connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._mutex = threading.Lock()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._broken: Problem | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, piece: Callable[[Transaction], Any], *, whole: bool = False) -> Any:
        """Have a piece run; return its result when the commit that holds it is on the disk.

        A `whole` one runs alone, outside a transaction.
        """
        work = _Work(piece, whole=whole)
        with self._mutex:
            if self._broken is not None or self._closed:
                raise Fatal(self._broken or Problem(BROKEN, rule="the store was closed"))
            self._queue.put(work)
        return work.future.result()

    def close(self) -> None:
        """Finish what waits, then close the connection."""
        with self._mutex:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

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
            with edge():
                work.future.set_result(work.piece(Connection(self._connection)))
        except (GatewayError, sqlite3.Error) as e:
            work.future.set_exception(e)

    def _commit(self, group: list[_Work]) -> None:
        """All pieces, one commit, then the answers: nobody is answered before it is durable."""
        done: list[_Work] = []
        try:
            if self._broken is not None:
                raise Fatal(self._broken)
            with edge():
                self._connection.execute("BEGIN IMMEDIATE")
                done = [work for work in group if self._run(work)]
                self._connection.execute("COMMIT")
        except GatewayError as e:
            self._undo(group, e)
        except sqlite3.Error as e:
            self._undo(group, Fatal(Problem(BROKEN, rule=type(e).__name__)))
        else:
            _answer(done)

    def _run(self, work: _Work) -> bool:
        """One piece in its savepoint.  False where it raised; the others go on."""
        self._connection.execute("SAVEPOINT piece")
        try:
            work.result = work.piece(Connection(self._connection))
        except BaseException as e:
            if isinstance(e, sqlite3.Error) and meant(e) is not None:
                raise  # a fault of disk or file concerns everybody in the group
            self._connection.execute("ROLLBACK TO piece")
            self._connection.execute("RELEASE piece")
            work.future.set_exception(e)
            return False
        self._connection.execute("RELEASE piece")
        return True

    def _undo(self, group: list[_Work], error: GatewayError) -> None:
        if isinstance(error, Fatal):
            self._broken = error.problem
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        for work in group:
            if not work.future.done():
                work.future.set_exception(error)


def _answer(done: list[_Work]) -> None:
    for work in done:
        if not work.future.done():
            work.future.set_result(work.result)
