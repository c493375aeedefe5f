"""Rare acts that wait for a second person: who asked for what, and why.

An act is known by a keyed hash over its kind and everything it says, so the second person confirms
exactly what the first one asked for; whatever differs is another act, asked for anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.event import Keys
from gateway.store import ledger
from gateway.store.database import Database, Transaction
from gateway.store.ledger import Ledger
from gateway.store.rows import Clock

LASTS_US = 7 * 24 * 3600 * 1_000_000
"""How long an act that was asked for may be confirmed, in microseconds."""


@dataclass(frozen=True, slots=True)
class SecondRow:
    """One act that was asked for."""

    by: str
    reason: str
    at: int


class Seconds:
    """The acts that wait."""

    def __init__(self, database: Database, keys: Keys, ledger: Ledger, clock: Clock) -> None:
        self._database, self._keys, self._ledger, self._clock = database, keys, ledger, clock

    def asked(self, kind: str, body: Mapping[str, Any]) -> SecondRow | None:
        """Who asked for exactly this, not too long ago; None where nobody did."""
        sql = "SELECT who, reason, at FROM second WHERE act = ? AND at > ?"
        row = self._database.read().one(sql, [self._act(kind, body), self._clock() - LASTS_US])
        return SecondRow(*row) if row else None

    def ask(self, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> None:
        """Have an act wait for a second person; who and why go to the ledger.  Durable on return."""
        act = self._act(kind, body)

        def piece(transaction: Transaction) -> None:
            transaction.run("DELETE FROM second WHERE act = ? OR at <= ?", [act, self._clock() - LASTS_US])
            transaction.run("INSERT INTO second (act, who, reason, at) VALUES (?, ?, ?, ?)", [act, by, reason, self._clock()])
            head = ledger.lock(transaction)
            self._ledger.noted(transaction, head, "asked", {"act": kind}, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)

    def done(self, kind: str, body: Mapping[str, Any]) -> None:
        """It was carried out: doing it again takes two people again."""
        self._database.write(lambda transaction: transaction.run("DELETE FROM second WHERE act = ?", [self._act(kind, body)]))

    def _act(self, kind: str, body: Mapping[str, Any]) -> bytes:
        return self._keys.token("second", kind.encode(), orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
