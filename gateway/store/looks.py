"""Who looked: one packed row for each answer that showed records to a caller, beside its leaf of the ledger.

The leaf commits to who, why and the root over what was shown; the row keeps what these were made of.
Why is sealed: a purpose may name a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.store import ledger, merkle
from gateway.store.crypto import BODY, Vault
from gateway.store.database import Database, Transaction
from gateway.store.disclosures import pack, unpack
from gateway.store.ledger import Ledger
from gateway.store.rows import Clock, Disclosed, Disclosure

_ROW = "id, caller, agreement, what, purpose, leaf, wording, at, given"


class Looks:
    """Writes them down and answers from them."""

    def __init__(self, database: Database, ledger: Ledger, vault: Vault, clock: Clock) -> None:
        self._database, self._ledger, self._vault, self._clock = database, ledger, vault, clock

    def note(
        self, what: str, seen: Sequence[Disclosed], fields: Sequence[str], *, agreement: str, wording: str, caller: str, why: str
    ) -> None:
        """A caller is about to be shown events; durable when this returns, so before it sees them."""
        body = {
            "agreement": agreement,
            "batch": merkle.root([merkle.leaf_hash(one.id + one.body) for one in seen]).hex(),
            "caller": caller,
            "count": len(seen),
            "fields": list(fields),
            "what": what,
            "wording": wording,
        }
        purpose, positions = self._vault.seal(BODY, why.encode(), b"purpose"), [one.position for one in seen]
        row = [wording, self._clock(), min(positions), max(positions), pack(seen)]

        def piece(transaction: Transaction) -> None:
            head = ledger.lock(transaction)
            leaf = self._ledger.noted(transaction, head, "read", body, by=caller, reason=why)
            ledger.release(transaction, head)
            sql = (
                "INSERT INTO look (caller, agreement, what, purpose, leaf, wording, at, low, high, given) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )
            transaction.run(sql, [caller, agreement, what, purpose, leaf, *row])

        self._database.write(piece)

    def batches(self, *, agreement: str = "", since: int = 0, until: int = 2**62, after: int = 0, limit: int = 500) -> list[Disclosure]:
        """Answers after number `after`, through one agreement or all, within a time, in order."""
        only, values = ("AND agreement = ?", [agreement]) if agreement else ("", [])
        rows = self._database.read().all(
            f"SELECT {_ROW} FROM look WHERE id > ? AND at >= ? AND at < ? {only} ORDER BY id LIMIT ?", [after, since, until, *values, limit]
        )
        return [self._batch(row) for row in rows]

    def _batch(self, row: Sequence[Any]) -> Disclosure:
        id, caller, agreement, what, purpose, leaf, wording, at, given = row
        why = self._vault.unseal(BODY, purpose, b"purpose").decode()
        return Disclosure(id, agreement, f"REST {what}", leaf, wording, at, tuple(unpack(given)), caller, why)
