"""What recipients were told to forget, and whether they have said since that they did.

A row for each message that took something back, written with the settlement that says that it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.store.database import Database, Transaction
from gateway.store.rows import BACK, Clock, Disclosed


class Deletion(NamedTuple):
    """One message that took something back, at one destination.  Times are microseconds UTC."""

    agreement: str
    destination: str
    position: int
    event: bytes
    """The id that the recipient knows."""
    told: int
    answered: int
    """When the recipient said that it has deleted; 0: it has not."""


class Owed(NamedTuple):
    """What one destination was told to forget, altogether."""

    told: int = 0
    open: int = 0
    """Of these the recipient has not answered."""
    since: int = 0
    """When it was told the earliest of them; 0 for none."""


def write(transaction: Transaction, dest: int, at: int, disclosed: Iterable[Disclosed]) -> None:
    """Keep what a settled batch took back.  Told again, it is still the same message."""
    transaction.many(
        "INSERT INTO deletion (destination, event, position, at, answered) VALUES (?, ?, ?, ?, 0) ON CONFLICT (destination, event) DO NOTHING",
        [(dest, one.id, one.position, at) for one in disclosed if one.kind == BACK],
    )


class Deletions:
    """Safe from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def answered(self, agreement: str, destination: str, events: Sequence[bytes]) -> int:
        """The recipient says that it has deleted what these messages took back.  Returns how many of them it was sent; durable on return."""

        def piece(transaction: Transaction) -> int:
            row = transaction.one(
                "SELECT id FROM destination WHERE agreement = ? AND name = ?", [agreement, destination]
            )
            if row is None:
                return 0
            known = transaction.within(
                f"SELECT event FROM deletion WHERE destination = {row[0]:d} AND event IN (*)", events
            )
            sql = "UPDATE deletion SET answered = ? WHERE destination = ? AND event = ? AND answered = 0"
            transaction.many(sql, [(self._clock(), row[0], one[0]) for one in known])
            return len(known)

        return self._database.write(piece)

    def owed(self) -> dict[tuple[str, str], Owed]:
        """By agreement and destination: what was told, and what of it is not answered."""
        rows = self._database.read().all(
            "SELECT t.agreement, t.name, COUNT(*), SUM(CASE WHEN d.answered = 0 THEN 1 ELSE 0 END), "
            "MIN(CASE WHEN d.answered = 0 THEN d.at END) FROM deletion d JOIN destination t ON t.id = d.destination GROUP BY t.agreement, t.name"
        )
        return {(row[0], row[1]): Owed(int(row[2]), int(row[3]), int(row[4] or 0)) for row in rows}

    def of(self, positions: Iterable[int]) -> list[Deletion]:
        """What was told because of the events at these positions, in order."""
        rows = self._database.read().within(
            "SELECT t.agreement, t.name, d.position, d.event, d.at, d.answered FROM deletion d "
            "JOIN destination t ON t.id = d.destination WHERE d.position IN (*)",
            positions,
        )
        return sorted(Deletion(*row) for row in rows)

    def of_receipt(self, receipt: int) -> list[Deletion]:
        """What was told about any record of a document, because of this or of a later version."""
        rows = self._database.read().all("SELECT DISTINCT name FROM record WHERE receipt = ?", [receipt])
        names = [row[0] for row in rows]
        within = self._database.read().within
        first = within("SELECT r.position FROM name n JOIN record r ON r.position = n.first WHERE n.name IN (*)", names)
        again = within("SELECT position FROM record WHERE again = 1 AND name IN (*)", names)
        return self.of({row[0] for row in (*first, *again)})
