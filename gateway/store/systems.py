"""What was decided about each system as a whole: its state, by whom, why, and the folder it was decided on."""

from __future__ import annotations

from gateway.store import ledger
from gateway.store.database import Database, Transaction
from gateway.store.ledger import Ledger
from gateway.store.rows import Clock, SystemRow

SYSTEM = "system, state, reason, digest, who, at"


class Systems:
    """The systems of the site and what state each is in."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database, self._ledger, self._clock = database, ledger, clock

    def get(self, system: str) -> SystemRow | None:
        """One system; None where nothing was ever decided about it."""
        row = self._database.read().one(f"SELECT {SYSTEM} FROM system WHERE system = ?", [system])
        return SystemRow(*row) if row else None

    def all(self) -> list[SystemRow]:
        """Every system, by name."""
        return [SystemRow(*row) for row in self._database.read().all(f"SELECT {SYSTEM} FROM system ORDER BY system")]

    def set(self, system: str, state: str, *, digest: str = "", by: str, reason: str) -> None:
        """Put a system into a state; the ledger keeps who, why, and the digest of the folder."""

        def piece(transaction: Transaction) -> None:
            transaction.run(
                "INSERT INTO system (system, state, reason, digest, who, at) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (system) DO UPDATE SET state = excluded.state, reason = excluded.reason, "
                "digest = excluded.digest, who = excluded.who, at = excluded.at",
                [system, state, reason, digest, by, self._clock()],
            )
            head = ledger.lock(transaction)
            body = {"digest": digest, "state": state, "system": system}
            self._ledger.noted(transaction, head, "system-changed", body, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)
