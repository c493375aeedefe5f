"""One run: look at everything that exists, mend what differs, then see what is gone."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias, TypeVar

from gateway.adapter import RawRecord, Rejected, Survey
from gateway.errors import Problem, Refused, Retry, code
from gateway.reconcile.days import Days
from gateway.store import Store
from gateway.store.census import PREFIXES, Compared
from gateway.store.rows import Accepted
from gateway.system import Feed

T = TypeVar("T")
Found: TypeAlias = "Sequence[RawRecord | Rejected]"
Mend: TypeAlias = "Callable[[Callable[[], Found]], Accepted]"
"""Journals what a function finds, while nothing else of the feed is read or journalled; its cursor stays."""

Steps: TypeAlias = "Generator[timedelta, None, T]"
"""Something done in steps; each gives the time to wait before the next."""
NOTHING = timedelta(0)

ROWS, KEYS = 500, 200
"""Records of one look; keys that are asked for at once."""

FEW_GONE, SHARE_GONE = 50, 0.20
"""More than both of these at once are not taken for removals by themselves."""

MANY_GONE = code(
    "reconcile.many-gone",
    "so many records are gone at the source that it looks like an emptied table, another database or a purge",
    "Look at the system.  If they really are to be removed: copperline reconcile SYSTEM FEED --removals --reason TEXT; "
    "if the system drops old records, let the feed look at fewer days: reconcile: {days: N}.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a run is to be done, and who asked for it."""

    since: str = ""
    """The first day, YYYY-MM-DD; "" for all there is."""
    removals: bool = False
    """A person has looked: take removals however many they are."""
    dry_run: bool = False
    by: str = "gateway"
    reason: str = "on schedule"


class Reconciliation:
    """One run over one feed.  `steps` does it, a call or two into the system at a time."""

    def __init__(self, store: Store, feed: Feed, feed_id: int, survey: Survey, mend: Mend, asked: Asked) -> None:
        self._store, self._feed, self._id, self._survey, self._mend, self._asked = store, feed, feed_id, survey, mend, asked
        self.within: Callable[[], AbstractContextManager[None]] = nullcontext
        """Around every call into the system: gives it its deadline."""
        self.until, self.started = store.census.now()
        self._seen = [bytearray() for _ in range(PREFIXES)]
        self._days = Days()
        self._counts = dict.fromkeys(("missing", "differing", "gone", "unreadable", "journalled", "removed"), 0)
        self._too_many = False

    def steps(self) -> Steps[None]:
        """The whole run; between two steps nothing is under way.  A step may ask for a time to wait before the next.

        Raises what the survey raises, but for a Retry that names its time.
        """
        cursor, more = "", True
        while more:
            batch = yield from self._patiently(partial(self._call, partial(self._survey.read, cursor, ROWS)))
            yield from self._again(self._compare(batch.records))
            cursor, more = batch.cursor, batch.more
            yield NOTHING
        gone = array("q")
        for candidates in self._unseen():
            gone.extend((yield from self._gone(candidates)))
            yield NOTHING
        self._counts["gone"] = len(gone)
        self._too_many = len(gone) > FEW_GONE and len(gone) > SHARE_GONE * self._days.ours and not self._asked.removals
        for chunk in _chunks(gone, 0 if self._too_many or self._asked.dry_run else KEYS):
            yield from self._remove(chunk)
            yield NOTHING

    def outcome(self) -> tuple[str, dict[str, Any]]:
        """After the last step: agreed, mended or differs, and what was found."""
        found = {**self._days.as_dict(), **self._counts, "since": self._asked.since}
        if self._too_many:
            found["problem"] = Problem(MANY_GONE, rule=f"{self._counts['gone']} of {self._days.ours} records are gone").as_dict()
        differ = any(self._counts[name] for name in ("missing", "differing", "gone"))
        if not differ:
            return "agreed", found
        return "differs" if self._too_many or self._asked.dry_run else "mended", found

    def _call(self, ask: Callable[[], T]) -> T:
        with self.within():
            return ask()

    def _patiently(self, act: Callable[[], T]) -> Steps[T]:
        """What an act gives; where the system, or the feed's own reading, asks for time it is given it."""
        while True:
            try:
                return act()
            except Retry as e:
                if e.after is None:
                    raise
                yield e.after

    # What exists

    def _compare(self, records: Found) -> dict[str, list[str]]:
        """Count records on both sides; the keys, by kind, of those that are unknown here or not the same."""
        wrong: defaultdict[str, list[str]] = defaultdict(list)
        for record, compared in zip(records, self._store.census.compare(self._feed.system, records), strict=True):
            if compared is None:
                self._counts["unreadable"] += not record.key
                continue
            self._seen[compared.name[0]] += compared.name
            day = self._days[self._day(record)]
            day.theirs.add(compared.name, compared.theirs)
            if compared.ours:
                day.ours.add(compared.name, compared.ours)
            if compared.ours != compared.theirs:
                wrong[record.kind].append(record.key)
                self._counts["differing" if compared.ours else "missing"] += 1
        return wrong

    def _day(self, record: RawRecord | Rejected) -> str:
        return self._survey.day(record) if isinstance(record, RawRecord) else ""

    def _again(self, wrong: dict[str, list[str]]) -> Steps[None]:
        """Read by key, and journal, what differs."""
        for kind, keys in () if self._asked.dry_run else wrong.items():
            for chunk in _chunks(keys, KEYS):
                accepted = yield from self._patiently(partial(self._mend, partial(self._present, kind, chunk)))
                self._counts["journalled"] += accepted.accepted + accepted.quarantined

    def _present(self, kind: str, keys: Sequence[str]) -> Found:
        """As it is now, whatever version was seen before: a restored backup says an old one again, and means it."""
        return [record._replace(version="") if isinstance(record, RawRecord) else record for record in self._find(kind, keys)]

    def _find(self, kind: str, keys: Sequence[str]) -> Found:
        return self._call(partial(self._survey.find, kind, keys))

    # What is gone

    def _unseen(self) -> Iterator[Sequence[int]]:
        """Positions of what was journalled before the run and was not met in it."""
        since = _microseconds(self._asked.since)
        for prefix, names in enumerate(self._seen):
            seen = {bytes(names[at : at + 16]) for at in range(0, len(names), 16)}
            names.clear()
            yield from _chunks(self._store.census.unseen(self._id, prefix, seen, until=self.until, since=since), KEYS)

    def _gone(self, positions: Sequence[int]) -> Steps[list[int]]:
        """Of these positions the ones whose record does not exist any more, by asking for its key."""
        records = self._known(positions)
        absent = yield from self._absent(records)
        gone = [position for position, record in records.items() if (record.kind, record.key) in absent]
        lost = [records[position] for position in gone]
        for record, compared in zip(lost, self._store.census.compare(self._feed.system, lost), strict=True):
            if compared is not None:
                self._days[self._day(record)].ours.add(compared.name, _latest(compared))
        return gone

    def _known(self, positions: Sequence[int]) -> dict[int, RawRecord]:
        """The records that were journalled there, decoded again, as far as their day is looked at."""
        found = {}
        for position in positions:
            record = self._decoded(position)
            if record is not None and not "" < self._day(record) < self._asked.since:
                found[position] = record
        return found

    def _decoded(self, position: int) -> RawRecord | None:
        try:
            records = list(self._feed.decode(self._store.journal.document(position)))
        except Refused:  # erased meanwhile
            return None
        return records[0] if len(records) == 1 and isinstance(records[0], RawRecord) else None

    def _absent(self, records: dict[int, RawRecord]) -> Steps[set[tuple[str, str]]]:
        """Kind and key of those that do not exist now.  One that does was only missed: it is compared like the others."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for record in records.values():
            wanted[record.kind].append(record.key)
        absent = set()
        for kind, keys in wanted.items():
            there = yield from self._patiently(partial(self._find, kind, keys))
            yield from self._again(self._compare(there))
            absent |= {(kind, key) for key in {*keys} - {record.key for record in there}}
        return absent

    def _remove(self, positions: Sequence[int]) -> Steps[None]:
        """Asked for once more while the feed stands still, then journalled as a removal."""
        records = self._known(positions)
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for record in records.values():
            wanted[record.kind].append(record.key)
        for kind, keys in wanted.items():
            accepted = yield from self._patiently(partial(self._mend, partial(self._removals, kind, keys)))
            self._counts["removed"] += accepted.accepted

    def _removals(self, kind: str, keys: Sequence[str]) -> Found:
        there = {record.key for record in self._find(kind, keys)}
        return [RawRecord(kind, key, "", "remove", {}, b"", "reconciliation") for key in keys if key not in there]


def _latest(compared: Compared) -> bytes:
    return compared.ours or compared.theirs


def _microseconds(since: str) -> int:
    """A record is never journalled before its day began, whatever the zone and the clocks: a day to spare."""
    if not since:
        return 0
    return int((datetime.fromisoformat(since).replace(tzinfo=UTC) - timedelta(days=1)).timestamp() * 1_000_000)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(items) if size else 0, size or 1):
        yield items[at : at + size]
