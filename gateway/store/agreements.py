"""What people decided about each agreement: which wording is approved, by whom, and whether it is suspended.

The approved digest is in the ledger, so that a report can say under which wording something left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.errors import Problem, Refused, code
from gateway.store import ledger
from gateway.store.database import Database, Transaction
from gateway.store.ledger import Ledger
from gateway.store.rows import Clock

AGREEMENT = "name, state, digest, wording, prepared, who, reason, at"

NEVER_APPROVED = code(
    "agreement.never-approved",
    "nobody has ever approved this agreement, so nothing leaves through it",
    "See copperline agreements list.",
)


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One agreement as it was approved last."""

    name: str
    state: Literal["approved", "suspended"]
    digest: str
    wording: str
    """The approved text and map points, as `agreement.wording` reads them."""
    prepared: str
    by: str
    """Who approved or suspended it."""
    reason: str
    at: int


class Agreements:
    """The agreements that were ever approved."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database, self._ledger, self._clock = database, ledger, clock

    def get(self, name: str) -> AgreementRow | None:
        """One agreement; None where it was never approved."""
        row = self._database.read().one(f"SELECT {AGREEMENT} FROM agreement WHERE name = ?", [name])
        return AgreementRow(*row) if row else None

    def all(self) -> list[AgreementRow]:
        """Every agreement that was ever approved, by name."""
        return [AgreementRow(*row) for row in self._database.read().all(f"SELECT {AGREEMENT} FROM agreement ORDER BY name")]

    def approve(self, name: str, digest: str, wording: str, *, prepared: str, by: str, reason: str) -> None:
        """Put a wording into force; it takes the place of an earlier one, and ends a suspension."""

        def piece(transaction: Transaction) -> None:
            transaction.run(
                "INSERT INTO agreement (name, state, digest, wording, prepared, who, reason, at) "
                "VALUES (?, 'approved', ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state, "
                "digest = excluded.digest, wording = excluded.wording, prepared = excluded.prepared, who = excluded.who, "
                "reason = excluded.reason, at = excluded.at",
                [name, digest, wording, prepared, by, reason, self._clock()],
            )
            self._note(transaction, name, "approved", digest, prepared, by, reason)

        self._database.write(piece)

    def suspend(self, name: str, *, by: str, reason: str) -> None:
        """Let nothing leave through it any more, until it is approved again.  Refused where it never was."""

        def piece(transaction: Transaction) -> None:
            row = transaction.one("SELECT digest, prepared FROM agreement WHERE name = ?", [name])
            if row is None:
                raise Refused(Problem(NEVER_APPROVED))
            sql = "UPDATE agreement SET state = 'suspended', who = ?, reason = ?, at = ? WHERE name = ?"
            transaction.run(sql, [by, reason, self._clock(), name])
            self._note(transaction, name, "suspended", row[0], row[1], by, reason)

        self._database.write(piece)

    def _note(
        self, transaction: Transaction, name: str, state: str, digest: str, prepared: str, by: str, reason: str
    ) -> None:
        head = ledger.lock(transaction)
        body = {"agreement": name, "digest": digest, "prepared": self._ledger.commitment(prepared), "state": state}
        self._ledger.noted(transaction, head, "agreement-changed", body, by=by, reason=reason)
        ledger.release(transaction, head)
