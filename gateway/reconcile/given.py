"""One agreement day by day: what its sources gave, what was journalled, what was delivered, what the consumer says it has.

A day is that of `recordedtime`, in UTC, on every side, so that a consumer can count what it holds without
knowing anything of ours.  A number that is missing on one side shows where to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from gateway import agreement, consumers
from gateway.agreed import MISSING, agreements
from gateway.agreement import Agreement, Destination
from gateway.errors import Problem, Refused
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import FeedRow

MOST = 5000
"""So many answers of a consumer are looked through for a day."""


def given(site: Site, store: Store, name: str, first: date) -> dict[str, Any]:
    """The counts from `first` on.  Raises Refused where nobody ever approved such an agreement."""
    one = next((one for one in agreements(site, store) if one.name == name), None)
    if one is None:
        raise Refused(Problem(MISSING, rule=f"no agreement {name} was ever approved"))
    after = store.deliveries.before(_us(first))
    wants = agreement.concerned(one.topics)
    events = {key: count for key, count in store.daily.events(after).items() if wants(key[2])}
    feeds = [row for row in store.journal.feeds() if any(row.id == feed for feed, _, _ in events)]
    journal = _summed((day, count) for (_, day, _), count in events.items())
    ids = {row.id for row in feeds}
    source = _summed((day, count) for (feed, day), count in store.daily.records(after).items() if feed in ids)
    return {
        "agreement": name,
        "from": first.isoformat(),
        "destinations": [_destination(site, store, one, to, first, source, journal) for to in one.destinations],
        "sources": [_source(store, row) for row in feeds],
    }


def _destination(
    site: Site, store: Store, one: Agreement, to: Destination, first: date, source: Mapping[str, int], journal: Mapping[str, int]
) -> dict[str, Any]:
    delivered = _delivered(store, one.name, to.name, first)
    said = _said(site, store, one, to, {*journal, *delivered})
    today = datetime.now(UTC).date().isoformat()
    days = [
        {
            "day": day,
            "source": source.get(day, 0),
            "journal": journal.get(day, 0),
            "delivered": delivered.get(day, 0),
            "confirmed": said.get(day),
            "state": _state(delivered.get(day, 0), said.get(day), over=day < today),
        }
        for day in sorted({*journal, *delivered, *source})
    ]
    states = {day["state"] for day in days}
    worst = next((state for state in ("differs", "behind", "unsaid") if state in states), "agreed")
    return {"destination": f"{one.name}/{to.name}", "state": worst, "days": days}


def _state(delivered: int, confirmed: int | None, *, over: bool) -> str:
    """`unsaid`: the consumer has never counted this day; `behind`: it may still be reading."""
    if confirmed is None:
        return "unsaid" if delivered else "agreed"
    if confirmed == delivered:
        return "agreed"
    return "behind" if confirmed < delivered and not over else "differs"


def _delivered(store: Store, name: str, to: str, first: date) -> Counter[str]:
    """Messages that arrived, each id once, by the day of their event."""
    seen: dict[bytes, int] = {}
    after = 0
    while batches := store.disclosures.batches(agreement=name, since=_us(first), after=after):
        seen |= {one.id: one.position for batch in batches if batch.destination == to for one in batch.given}
        after = batches[-1].id
    days = store.daily.days(set(seen.values()))
    return Counter(day for position in seen.values() if (day := days.get(position, "")) >= first.isoformat())


def _said(site: Site, store: Store, one: Agreement, to: Destination, days: set[str]) -> dict[str, int]:
    """What the consumer said of each day when it last named it."""
    found: dict[str, int] = {}
    systems = consumers.answering(site).get(one.name, [])
    for number, (_, said) in enumerate(consumers.answered(store, systems, agreement.exchange(one.name, to.name))):
        for each in said.get("days", ()):
            found.setdefault(each["day"], each["events"])
        if number >= MOST or days <= found.keys():
            break
    return found


def _source(store: Store, row: FeedRow) -> dict[str, Any]:
    """A feed that gave something, and how it compared with its system when it was last compared."""
    last = store.census.last(row.id)
    compared = {"finished": _time(last.finished), "state": last.state, **{key: last.result.get(key) for key in ("theirs", "ours", "days_differing")}} if last else None
    return {"feed": f"{row.system}/{row.feed}", "compared": compared}


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for day, count in pairs:
        found[day] += count
    return found


def _us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds")
