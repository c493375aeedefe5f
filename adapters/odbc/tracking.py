"""SQL Server's Change Tracking, read like a queue: version and key of each row that changed, in the order of commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.odbc import codes
from adapters.odbc.reader import Question, Reader
from adapters.odbc.row import Pair
from adapters.odbc.track import Item, Page
from gateway.errors import Halt, Problem


class Tracked:
    """One table's changes.  A version is given at commit, so nothing can appear below one that was read."""

    fresh = False

    def __init__(self, reader: Reader, said: dict[str, Any]) -> None:
        self._statements = reader.main.change_tracking()
        self._base: int = said.get("base", 0)
        self._at: list[Any] = said.get("at", [])
        self._begun = "at" in said

    def begin(self, reader: Reader) -> None:
        """The version that the snapshot stands on."""
        self._base = int(reader.ask(self._statements.current)[0][0] or 0)

    def page(self, reader: Reader, limit: int) -> Page:
        """The next changes; raises Halt where the database has forgotten some that were never read."""
        if not self._begun:
            oldest = reader.ask(self._statements.oldest)[0][0]
            if oldest is None or int(oldest) > self._base:
                raise Halt(Problem(codes.FORGOTTEN, where=reader.main.table))
            self._begun = True
        sql, bound = self._statements.page(limit, self._base, self._at)
        pairs = [Pair(row[0], tuple(row[1:])) for row in reader.ask(sql, bound)]
        return Page([Item(pair.key, [pair]) for pair in pairs], None, ended=len(pairs) < limit)

    def expected(self, reader: Reader, limit: int) -> Question | None:
        """Nothing is asked for ahead."""
        return None

    def took(self, item: Item, original: bytes) -> None:
        """Behind this change."""
        self._at = item.pairs[0].place

    def passed(self, page: Page) -> None:
        """At the end of a round the last version is the new base."""
        if page.ended:
            self._base = int(self._at[0]) if self._at else self._base
            self._at, self._begun = [], False

    def note(self, pair: Pair, original: bytes) -> None:
        """Versions tell what was read."""

    def same(self, item: Item, original: bytes) -> bool:
        """Each change has a version of its own."""
        return False

    def state(self) -> dict[str, Any]:
        """The version that everything was read up to, and the place in the round under way."""
        return {"base": self._base, **({"at": self._at} if self._begun else {})}

    def taken(self) -> Sequence[int]:
        """Nothing is ever deleted."""
        return ()
