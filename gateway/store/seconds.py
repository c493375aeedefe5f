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
from gateway.store.crypto import BODY, Vault
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """One act that waits, for the second person to see.  `act`: what it is confirmed by."""

    act: bytes
    kind: str
    body: Mapping[str, Any]
    asked: SecondRow


class Seconds:
    """The acts that wait."""

    def __init__(self, database: Database, keys: Keys, vault: Vault, ledger: Ledger, clock: Clock) -> None:
        self._database, self._keys, self._vault, self._ledger, self._clock = database, keys, vault, ledger, clock

    def asked(self, kind: str, body: Mapping[str, Any]) -> SecondRow | None:
        """Who asked for exactly this, not too long ago; None where nobody did."""
        sql = "SELECT who, reason, at FROM second WHERE act = ? AND at > ?"
        row = self._database.read().one(sql, [self._act(kind, body), self._clock() - LASTS_US])
        return SecondRow(*row) if row else None

    def ask(self, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> None:
        """Have an act wait for a second person; who and why go to the ledger.  Durable on return."""
        act = self._act(kind, body)
        sealed = self._vault.seal(BODY, orjson.dumps(body), b"second")

        def piece(transaction: Transaction) -> None:
            transaction.run("DELETE FROM second WHERE act = ? OR at <= ?", [act, self._clock() - LASTS_US])
            sql = "INSERT INTO second (act, who, reason, at, kind, body) VALUES (?, ?, ?, ?, ?, ?)"
            transaction.run(sql, [act, by, reason, self._clock(), kind, sealed])
            head = ledger.lock(transaction)
            self._ledger.noted(transaction, head, "asked", {"act": kind}, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)

    def waiting(self) -> list[Waiting]:
        """Every act that may still be confirmed, the oldest first."""
        sql = "SELECT act, kind, body, who, reason, at FROM second WHERE at > ? AND kind <> '' ORDER BY at"
        rows = self._database.read().all(sql, [self._clock() - LASTS_US])
        return [
            Waiting(bytes(act), kind, orjson.loads(self._vault.unseal(BODY, body, b"second")), SecondRow(by, reason, at))
            for act, kind, body, by, reason, at in rows
        ]

    def done(self, kind: str, body: Mapping[str, Any]) -> None:
        """It was carried out: doing it again takes two people again."""
        self._database.write(lambda transaction: transaction.run("DELETE FROM second WHERE act = ?", [self._act(kind, body)]))

    def _act(self, kind: str, body: Mapping[str, Any]) -> bytes:
        return self._keys.token("second", kind.encode(), orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
