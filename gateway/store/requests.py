"""What a command asks the running process to do.

A command that changes something does not change it: it leaves a row, and the one process that
writes carries it out and answers in the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.store.database import Database, Transaction
from gateway.store.rows import Clock, RequestRow

REQUEST = "id, kind, body, who, reason, state, result"


class Requests:
    """The rows that commands leave and the running process answers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def add(self, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> int:
        """Ask; returns the number to look the answer up with.  Works beside a running process too."""
        sql = (
            "INSERT INTO request (kind, body, who, reason, state, result, asked, finished) "
            "VALUES (?, ?, ?, ?, 'open', '{}', ?, 0) RETURNING id"
        )
        values = [kind, orjson.dumps(body).decode(), by, reason, self._clock()]

        def piece(transaction: Transaction) -> int:
            row = transaction.one(sql, values)
            assert row is not None
            return int(row[0])

        return self._database.visit(piece)

    def pending(self) -> RequestRow | None:
        """The oldest that nobody has answered."""
        row = self._database.read().one(f"SELECT {REQUEST} FROM request WHERE state = 'open' ORDER BY id LIMIT 1")
        return _request(row) if row else None

    def finish(self, id: int, result: Mapping[str, Any], *, failed: bool = False) -> None:
        """Answer one."""
        sql = "UPDATE request SET state = ?, result = ?, finished = ? WHERE id = ?"
        values = ["failed" if failed else "done", orjson.dumps(result).decode(), self._clock(), id]
        self._database.write(lambda transaction: transaction.run(sql, values))

    def find(self, id: int) -> RequestRow | None:
        """One request with its answer, where there is one."""
        row = self._database.read().one(f"SELECT {REQUEST} FROM request WHERE id = ?", [id])
        return _request(row) if row else None


def _request(row: Sequence[Any]) -> RequestRow:
    return RequestRow(row[0], row[1], orjson.loads(row[2]), row[3], row[4], row[5], orjson.loads(row[6]))
