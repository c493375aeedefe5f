"""How long the oldest thing that a recipient has not read has waited: here, or in its queue."""

from __future__ import annotations

from collections.abc import Callable

from gateway.store.database import Database
from gateway.store.disclosures import ENTRY


class Lag:
    """Answers in microseconds UTC; 0 where nothing waits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting_since(self, dest: int, wants: Callable[[str], bool]) -> int:
        """When the oldest event that a destination has not been given, and asks for, was journalled."""
        rows = self._database.read().all(
            "SELECT r.topic, MIN(r.recorded) FROM feed f LEFT JOIN position p ON p.feed = f.id AND p.destination = ? "
            "JOIN record r ON r.feed = f.id AND r.outgoing = 1 AND r.position > COALESCE(p.position, 0) GROUP BY r.topic "
            "UNION ALL SELECT r.topic, MIN(r.recorded) FROM exception e JOIN record r ON r.position = e.position "
            "WHERE e.destination = ? GROUP BY r.topic",
            [dest, dest],
        )
        return min((int(since) for topic, since in rows if wants(topic)), default=0)

    def given(self, dest: int, messages: int) -> int:
        """When the last but so many messages was given to a destination: the oldest of a queue that holds so many."""
        before, at = 2**62, 0
        while messages > 0:
            row = self._database.read().one(
                "SELECT id, at, LENGTH(given) FROM disclosure WHERE destination = ? AND id < ? ORDER BY id DESC LIMIT 1", [dest, before]
            )
            if row is None:
                break
            before, at, messages = row[0], int(row[1]), messages - row[2] // ENTRY.size
        return at
