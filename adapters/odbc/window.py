"""Follows a table by a watermark that every change moves on: a time or a number.

Rows become visible when their transaction ends, not when their watermark was written, and a clock may
be set back.  So each round begins below the newest watermark of the round before, by the overlap; what
was read there is known by its fingerprint, and only what is not is read.  Two changes of one row may
bear the same time: a row is known for good only when the database's clock has left its tick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.odbc.known import Known, digest
from adapters.odbc.moments import as_utc, earlier, parsed
from adapters.odbc.reader import MAIN, Question, Reader, View
from adapters.odbc.row import Pair, Row
from adapters.odbc.settings import Rowversion, Timestamp
from adapters.odbc.track import Item, Page
from gateway.adapter import Log

KEYS = 2000
"""Watermarks and keys of one page."""

STEP = timedelta(seconds=1)
"""A clock that lost less than this was not set back; the overlap covers it."""

SKEW = timedelta(seconds=2)

FUTURE = timedelta(days=1)
"""A watermark that lies further ahead is a sentinel, and no time of a change."""

SAMPLES = 10
"""So many looks at the clock are remembered of one overlap."""

OVERLAP = 10_000
"""Of numbers, where the settings name none and the database has no bound of its own."""


class Window:
    """One table's window over its own watermark."""

    fresh = False

    def __init__(self, view: View, watermark: Timestamp | Rowversion, clock: Callable[[], datetime], log: Log, said: dict[str, Any]) -> None:
        self._view, self._watermark, self._clock, self._log = view, watermark, clock, log
        self._low: Any = said.get("low")
        self._front: Any = said.get("front")
        self._next: Any = said.get("next")
        self._at: list[Any] | Pair | None = said.get("at")
        """Behind what this round goes on."""
        self._then: list[str] | None = said.get("then")
        self._since: list[str] | None = said.get("since")
        self._samples: list[list[str]] = said.get("samples", [])
        self._known = Known.unpacked(said.get("known", ()))
        self._young: dict[str, list[Any]] = dict(said.get("young", {}))
        self._began = "next" in said
        self._skew = timedelta(0)

    def begin(self, reader: Reader) -> None:
        """The window opens below what is there now."""
        newest, now = self._looked(reader)
        self._low = self._next = self._below(newest, now)
        self._front = _least(newest, now)
        self._began = False

    def page(self, reader: Reader, limit: int) -> Page:
        """Keys while the window may show what is known; rows beyond it."""
        if not self._began:
            self._begin_round(reader)
        position = self._place or []
        if self._beyond(position):
            return self._rows(reader, position, limit)
        return self._keys(reader, position)

    def expected(self, reader: Reader, limit: int) -> Question | None:
        """Rows beyond the window follow each other."""
        position = self._place or []
        return reader.question(self._view, position, self._low, limit) if self._began and self._beyond(position) else None

    def took(self, item: Item, original: bytes) -> None:
        """Known from now on, and the place to go on from."""
        for pair in item.pairs:
            self.note(pair, original)
        self._at = item.pairs[0]

    def passed(self, page: Page) -> None:
        """Behind the last of the page; at the end of a round the window moves up."""
        self._at = page.last or self._at
        if page.ended:
            self._end_round()

    def note(self, pair: Pair, original: bytes) -> None:
        """A row was read; while another change may still bear its time, its content is remembered with it."""
        mark = pair[0]
        if self._since is not None and self._since[0] <= mark <= self._since[1]:
            self._young[pair.print.hex()] = [mark, digest(original).hex()]
            return
        low = self._next if self._began else self._low
        if low is None or mark >= low:  # what lies below it no later round looks at
            print_ = pair.print
            if self._young:
                self._young.pop(print_.hex(), None)
            self._known.add(mark, print_)

    def same(self, item: Item, original: bytes) -> bool:
        """Whether all its young rows were read with this very content."""
        content = digest(original).hex()
        return all(self._young.get(pair.print.hex(), ["", ""])[1] == content for pair in item.pairs)

    def state(self) -> dict[str, Any]:
        """The window, what is known in it, and when the clock was looked at."""
        said = {"low": self._low, "front": self._front, "at": self._place, "then": self._then, "since": self._since}
        held = {"samples": self._samples, "known": self._known.packed(), "young": self._young}
        round_ = {"next": self._next} if self._began else {}
        return {name: value for name, value in {**said, **held}.items() if value} | round_

    def taken(self) -> Sequence[int]:
        """Nothing is ever deleted."""
        return ()

    def _beyond(self, position: Sequence[Any]) -> bool:
        """Whether nothing from here on can be known."""
        return self._view.name == MAIN and bool(position) and (self._front is None or position[0] > self._front)

    def _begin_round(self, reader: Reader) -> None:
        newest, now = self._looked(reader)
        self._next = self._below(newest, now)
        self._began = True

    def _looked(self, reader: Reader) -> tuple[Any, Any]:
        """The newest watermark and the database's clock.  A clock that was set back lowers the window by what passed since."""
        newest, now, utc = reader.newest(self._view)
        here = self._clock()
        if now is not None:
            now = str(now).replace(" ", "T") if "T" in str(newest) else now  # the column is text, and written so
            lowest = self._watch_clock(now, here)
            self._report_skew(utc, here)
            tick = timedelta(seconds=getattr(self._watermark, "tick_s", 0.0))
            self._since = [earlier(now, tick), earlier(now, -FUTURE)]
            self._then = [now, here.isoformat()]
            self._sample(min(_least(newest, now), lowest), here)
        return newest, now

    def _watch_clock(self, now: str, here: datetime) -> str:
        """The lowest time that can have been written since the clock was last looked at."""
        at = parsed(now)
        if self._then is None or at is None:
            return now
        before, then = parsed(self._then[0]), datetime.fromisoformat(self._then[1])
        passed = max(timedelta(0), here - then)
        if before is None or at >= before + passed - STEP:
            return now
        self._log.warning("source clock was set back", seconds=round((before + passed - at).total_seconds(), 1))
        lowest = earlier(now, passed + self._overlap)
        if self._low is not None and lowest < self._low:
            self._low, self._at = lowest, None
        return lowest

    def _sample(self, least: str, here: datetime) -> None:
        """Remember how far times had come, for as long as a transaction may last: a clock that jumps ahead leaves it behind."""
        since = (here - self._overlap).isoformat()
        older = [one for one in self._samples if one[0] < since]
        recent = [one for one in self._samples if one[0] >= since]
        step = (here - self._overlap / SAMPLES).isoformat()
        if not recent or recent[-1][0] <= step or least < recent[-1][1]:
            recent.append([here.isoformat(), least])
        self._samples = older[-1:] + recent

    def _report_skew(self, utc: Any, here: datetime) -> None:
        there = as_utc(utc)
        skew = there - here if there is not None else timedelta(0)
        if abs(skew) > SKEW and abs(skew - self._skew) > SKEW:
            self._log.warning("source clock differs from ours", seconds=round(skew.total_seconds(), 1))
        self._skew = skew

    @property
    def _place(self) -> list[Any] | None:
        return self._at.place if isinstance(self._at, Pair) else self._at

    @property
    def _overlap(self) -> timedelta:
        return timedelta(seconds=getattr(self._watermark, "overlap_s", 0))

    def _below(self, newest: Any, now: Any) -> Any:
        """Where the next round begins: no row that is still to become visible has a lower watermark."""
        least = _least(newest, now)
        if least is None:
            return None
        if isinstance(least, str):
            return min(earlier(least, self._overlap), *(text for _, text in self._samples))
        overlap = getattr(self._watermark, "overlap", None)
        return least - (overlap if overlap is not None else 0 if self._view.mark.upper else OVERLAP)

    def _rows(self, reader: Reader, position: list[Any], limit: int) -> Page:
        rows = reader.behind(self._view, position, self._low, limit)
        page = Page(ended=len(rows) < limit, last=Pair(rows[-1].mark, rows[-1].key).place if rows else None)
        if rows and not self._young and not self._known.may_hold(rows[0].mark):
            page.items = [Item(row.key, [row.pair or Pair(row.mark, row.key)], row) for row in rows]
            return page  # nothing from here on was read before
        for row in rows:
            self._add(page, row.pair or Pair(row.mark, row.key), row)
        return page

    def _keys(self, reader: Reader, position: list[Any]) -> Page:
        pairs = reader.pairs(self._view, position, self._low, KEYS)
        page = Page(ended=len(pairs) < KEYS, last=pairs[-1].place if pairs else None)
        items: dict[Any, Item] = {}
        for pair in pairs:
            if pair.key in items and not self._knows(pair):
                items[pair.key].pairs.append(pair)
                items[pair.key].doubtful &= self._doubts(pair)
            else:
                added = self._add(page, pair, None)
                if added is not None:
                    items[pair.key] = added
        return page

    def _add(self, page: Page, pair: Pair, row: Row | None) -> Item | None:
        if self._knows(pair):
            return None
        page.items.append(Item(pair.key, [pair], row, doubtful=self._doubts(pair)))
        return page.items[-1]

    def _knows(self, pair: Pair) -> bool:
        return self._known.may_hold(pair.mark) and self._known.holds(pair.mark, pair.print)

    def _doubts(self, pair: Pair) -> bool:
        return bool(self._young) and pair.print.hex() in self._young

    def _end_round(self) -> None:
        if self._at is not None:
            reached = self._at[0] if self._then is None else min(self._at[0], self._then[0])
            self._front = reached if self._front is None else max(self._front, reached)
        self._low, self._at, self._began = self._next, None, False
        if self._low is not None:
            self._known.forget_below(self._low)
            self._young = {name: young for name, young in self._young.items() if young[0] >= self._low}


def _least(newest: Any, now: Any) -> Any:
    """The newest watermark, unless it lies in the future; of an empty table the present."""
    if newest is None or now is None:
        return now if newest is None else newest
    return newest if parsed(newest) is not None and newest < now else now
