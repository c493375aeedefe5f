"""Counts by day: what sources gave and what became of it, by the UTC day on which it was journalled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.store.database import Database

_DAY_US = 86_400_000_000


def day(microseconds: int) -> str:
    """The UTC day of a time, as `2026-03-08`."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).date().isoformat()


class Daily:
    """Answers from the record log; each looks at every row after a position."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self, after: int) -> dict[tuple[int, str], int]:
        """By feed and day: the records that sources gave, whatever became of them; what said nothing new is not among them."""
        rows = self._database.read().all(
            f"SELECT feed, recorded / {_DAY_US}, COUNT(*) FROM record WHERE position > ? AND origin = position GROUP BY 1, 2",
            [after],
        )
        return {(row[0], day(int(row[1]) * _DAY_US)): int(row[2]) for row in rows}

    def events(self, after: int) -> dict[tuple[int, str, str], int]:
        """By feed, day and topic: the events that were made of them."""
        rows = self._database.read().all(
            f"SELECT feed, recorded / {_DAY_US}, topic, COUNT(*) FROM record WHERE position > ? AND outgoing = 1 GROUP BY 1, 2, 3",
            [after],
        )
        return {(row[0], day(int(row[1]) * _DAY_US), row[2]): int(row[3]) for row in rows}

    def days(self, positions: Iterable[int]) -> dict[int, str]:
        """The day of each position."""
        rows = self._database.read().within("SELECT position, recorded FROM record WHERE position IN (*)", positions)
        return {row[0]: day(row[1]) for row in rows}
