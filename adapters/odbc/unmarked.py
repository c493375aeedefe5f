"""Rows whose watermark is NULL: no round can find them by it, so they are read in every round, as long as they are few.

What is as it was is passed over.  Where there are more than MOST the gateway is told that only a
reconciliation finds what changes among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.odbc.known import digest
from adapters.odbc.reader import Question, Reader
from adapters.odbc.row import Key, Pair, normal
from adapters.odbc.track import Item, Page
from gateway.adapter import Log

MOST = 500
"""So many rows are read again in each round."""


class Unmarked:
    """The main table's rows without a watermark.  What they held is known to this process; a new one reads them once more."""

    fresh = False

    def __init__(self, log: Log, said: dict[str, Any]) -> None:
        self._log = log
        self._at: list[Any] = said.get("at", [])
        self._count: int = said.get("count", 0)
        self._many: bool = said.get("many", False)
        self.lost = False
        """There are more than are read, and nobody was told yet."""
        self._known: dict[Key, bytes] = {}
        self._now: dict[Key, bytes] = {}

    def begin(self, reader: Reader) -> None:
        """The snapshot reads them with all others."""

    def page(self, reader: Reader, limit: int) -> Page:
        """The next of them, by their key; none where they are too many."""
        if self._many and not self._at:
            self._many = reader.unmarked_count(MOST + 1) > MOST
        if self._many or self._count > MOST:
            return Page(ended=True)
        rows = reader.unmarked(self._at, limit)
        return Page([Item(row.key, [], row, doubtful=True) for row in rows], ended=len(rows) < limit)

    def expected(self, reader: Reader, limit: int) -> Question | None:
        """Nothing is asked for ahead."""
        return None

    def took(self, item: Item, original: bytes) -> None:
        """Behind this row."""
        self._at, self._count = list(item.key), self._count + 1
        self._now[normal(item.key)] = digest(original)

    def passed(self, page: Page) -> None:
        """At the end of a round only what was there is remembered."""
        if not page.ended:
            return
        if self._count > MOST and not self._many:
            self._many = self.lost = True
            self._log.warning("more rows without a watermark than are read again", at_least=self._count)
        self._known, self._now = self._now, {}
        self._at, self._count = [], 0

    def note(self, pair: Pair, original: bytes) -> None:
        """The snapshot read it."""
        if len(self._known) < MOST:
            self._known[normal(pair.key)] = digest(original)

    def same(self, item: Item, original: bytes) -> bool:
        """Whether it is as it was in the round before."""
        return self._known.get(normal(item.key)) == digest(original)

    def state(self) -> dict[str, Any]:
        """The place in the round under way."""
        said = {"at": self._at, "count": self._count, "many": self._many}
        return {name: value for name, value in said.items() if value}

    def taken(self) -> Sequence[int]:
        """Nothing is ever deleted."""
        return ()
