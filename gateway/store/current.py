"""The records as they stand now: of each name the events that stand for it, by position.

Nothing is kept for this: the latest of each name already says which events stand for it, so a page
is a walk along the record log that leaves out what was followed by something newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.database import Database


class Page(NamedTuple):
    """Positions of events that stand for records now, and the last position that was looked at."""

    positions: Sequence[int]
    seen: int
    more: bool


class Current:
    """Finds the events that stand for records now.  Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, entity: str, after: int, limit: int) -> Page:
        """The next records of an entity after a position: at most `limit` rows of the log are looked at."""
        rows = self._database.read().all(
            "SELECT r.position, n.parts FROM record r JOIN name n ON n.name = r.name "
            "WHERE r.position > ? AND r.outgoing = 1 AND r.topic LIKE ? ORDER BY r.position LIMIT ?",
            [after, f"police.%.{entity}.%", limit],
        )
        standing = [position for position, parts in rows if str(position) in parts.split()]
        return Page(standing, rows[-1][0] if rows else after, len(rows) == limit)

    def position(self, partition: bytes) -> int:
        """The event that stands for one canonical record now; 0 where none does."""
        reader = self._database.read()
        row = reader.one("SELECT name, parts FROM name WHERE name = ?", [partition])
        if row is None:  # one of several that were made of one raw record
            row = reader.one(
                "SELECT n.name, n.parts FROM record r JOIN name n ON n.name = r.name "
                "WHERE r.partition = ? AND r.partition <> r.name LIMIT 1",
                [partition],
            )
        if row is None or not row[1]:
            return 0
        found = reader.within("SELECT position, partition FROM record WHERE outgoing = 1 AND position IN (*)", map(int, row[1].split()))
        return next((position for position, of in found if of == partition), 0)

    def before(self, recorded: int) -> int:
        """The last position that was journalled before a time (microseconds); 0 where none was."""
        sql = "SELECT position FROM record WHERE recorded < ? ORDER BY position DESC LIMIT 1"
        row = self._database.read().one(sql, [recorded])
        return int(row[0]) if row else 0

    def head(self) -> int:
        """The last position that was given out."""
        row = self._database.read().one("SELECT position FROM head WHERE id = 1")
        return int(row[0]) if row else 0
