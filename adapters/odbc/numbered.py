"""Follows rows that are only ever added, by their number: a log, or a queue that triggers fill.

A number that is missing may belong to a transaction that is not over.  It is remembered, and looked
for in each round, until it arrives or is too old to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from adapters.odbc.gaps import Gaps
from adapters.odbc.reader import MAIN, Question, Reader, View
from adapters.odbc.row import Pair
from adapters.odbc.settings import Id, Queue
from adapters.odbc.track import Item, Page
from gateway.adapter import Log

RANGES = 50
"""Gaps in one statement."""

LOOK_BACK = 10_000
"""Numbers below a queue's newest that are looked through for gaps before the snapshot."""


class Numbered:
    """One table's numbers.  The main table's rows come with the page; a queue's are read by their key."""

    def __init__(self, view: View, watermark: Id | Queue, clock: Callable[[], datetime], log: Log, said: dict[str, Any]) -> None:
        self._view, self._watermark, self._clock, self._log = view, watermark, clock, log
        self.fresh = isinstance(watermark, Id)
        self._front: int | None = said.get("front")
        self.lost = False
        """Gaps were given up that may still be filled, and nobody was told yet."""
        self._gaps = Gaps([(first, last, seen) for first, last, seen in said.get("gaps", ())], bool(said.get("due")))
        self._searched = bool(said.get("searched"))
        self._taken: list[int] = []

    def begin(self, reader: Reader) -> None:
        """A queue begins behind what is in it; what is missing among its newest numbers may still come."""
        if self.fresh:
            return
        newest = reader.newest(self._view)[0]
        self._front = 0 if newest is None else int(newest)
        before = max(0, self._front - LOOK_BACK)
        for pair in reader.pairs(self._view, [], before, LOOK_BACK + 1):
            self._gaps.passed(before, min(int(pair.mark), self._front + 1), self._now_s)
            before = int(pair.mark)

    def page(self, reader: Reader, limit: int) -> Page:
        """First what has arrived in a gap, once a round; then what is newer."""
        self._taken = []
        if not self._searched:
            found = self._in_gaps(reader)
            self._searched = len(found) <= limit  # more of them than a batch holds: look once more
            if found:
                return Page(found[:limit])
        return self._newer(reader, limit)

    def expected(self, reader: Reader, limit: int) -> Question | None:
        """The rows behind the highest number; a queue's are read by their keys."""
        return reader.question(self._view, self._place, None, limit) if self._searched and self._whole else None

    def took(self, item: Item, original: bytes) -> None:
        """Its numbers have arrived."""
        for pair in item.pairs:
            number = int(pair.mark)
            self._taken.append(number)
            if not self._gaps.fill(number) and (self._front is None or number > self._front):
                if self._front is not None:
                    self._gaps.passed(self._front, number, self._now_s)
                self._front = number

    def passed(self, page: Page) -> None:
        """At the end of a round gaps that are too old are given up."""
        if not page.ended:
            return
        self._searched = False
        if given_up := self._gaps.expire(self._now_s - self._watermark.gap_s):
            self._log.info("gaps in the numbers were given up", ranges=given_up)
        if self._gaps.due:
            self._gaps.due, self.lost = False, True
            self._log.warning("reconciliation is due", reason="more gaps in the numbers than are kept")

    def note(self, pair: Pair, original: bytes) -> None:
        """Numbers are noted when they are taken."""

    def same(self, item: Item, original: bytes) -> bool:
        """Rows that are only added do not change."""
        return False

    def state(self) -> dict[str, Any]:
        """The highest number, and what is missing below it."""
        said = {"front": self._front, "gaps": self._gaps.ranges, "due": self._gaps.due, "searched": self._searched}
        return {name: value for name, value in said.items() if value not in (None, False, [])}

    def taken(self) -> Sequence[int]:
        """Of a queue that is to be emptied, what this batch took from it."""
        return self._taken if isinstance(self._watermark, Queue) and self._watermark.delete else ()

    @property
    def _whole(self) -> bool:
        """Whether rows come with the page."""
        return self._view.name == MAIN and self.fresh

    @property
    def _place(self) -> list[int]:
        return [] if self._front is None else [self._front]

    @property
    def _now_s(self) -> int:
        return int(self._clock().timestamp())

    def _in_gaps(self, reader: Reader) -> list[Item]:
        pairs = [pair for ranges in self._gaps.chunks(RANGES) for pair in reader.in_ranges(self._view, ranges)]
        return _merged(pairs)

    def _newer(self, reader: Reader, limit: int) -> Page:
        if self._whole:
            rows = reader.behind(self._view, self._place, None, limit)
            items = [Item(row.key, [Pair(row.mark, row.key)], row) for row in rows]
            return Page(items, None, ended=len(rows) < limit)
        pairs = reader.pairs(self._view, self._place, None, limit)
        return Page(_merged(pairs), None, ended=len(pairs) < limit)


def _merged(pairs: Sequence[Pair]) -> list[Item]:
    """One item a key, in the order of their first numbers."""
    items: dict[Any, Item] = {}
    for pair in pairs:
        items.setdefault(pair.key, Item(pair.key, [])).pairs.append(pair)
    return list(items.values())
