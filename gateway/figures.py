"""The figures of a run, and the two sums that always hold.

Records are those of this run: read = accepted + unchanged + late + quarantined.  Deliveries are
(event, destination) pairs that were not settled when the run began, or came up in it: each is now
delivered, parked, withheld, expired or in progress, and in exactly one of these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway import agreed, agreement
from gateway.errors import code
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Accepted, Counts

CLOSED = code(
    "delivery.closed",
    "the destination is on the bus, and site.yaml names no broker: what is for it waits in the journal",
    "Name the broker in site.yaml again; or take the destination out of its agreement.",
)
RECORDS = ("read", "accepted", "unchanged", "late", "quarantined")
PAIRS = ("delivered", "parked", "withheld", "expired", "in_progress")
_SETTLED = ("delivered", "withheld", "expired")

BySystem = Mapping[str, Counts]
"""Where the pairs of each system's events stand, over all destinations."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run did: a sum and the same for each system."""

    systems: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As the last line of `run --once --json`."""
        total = {key: sum(each[key] for each in self.systems.values()) for key in (*RECORDS, *PAIRS)}
        return {**total, "systems": {name: dict(each) for name, each in sorted(self.systems.items())}}


class Tally:
    """Counts the records of a run, from any worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._systems: dict[str, dict[str, int]] = {}
        self.moves = 0
        """Grows with every batch: who watches it sees whether anything moves."""

    def add(self, system: str, accepted: Accepted) -> None:
        """A batch was committed."""
        with self._lock:
            into = self._systems.setdefault(system, dict.fromkeys(RECORDS, 0))
            for key in RECORDS:
                into[key] += getattr(accepted, key)
            self.moves += 1

    def figures(self, before: BySystem, after: BySystem) -> Figures:
        """The run's figures, given where the pairs stood before it and stand now."""
        with self._lock:
            records = {name: dict(each) for name, each in self._systems.items()}
        return Figures(
            {
                name: {
                    **records.get(name, dict.fromkeys(RECORDS, 0)),
                    **_pairs(before.get(name, Counts()), after.get(name, Counts())),
                }
                for name in {*records, *before, *after}
            }
        )


class Wanted(NamedTuple):
    """What an approved agreement says of one destination, as far as figures need it."""

    asks: Callable[[str], bool]
    """Which topics it asks for."""
    open: bool
    """Whether anybody delivers there: a destination on the bus is closed while site.yaml names no broker.

    What is in a mailbox waits for its system to fetch it, however long that takes: no figure waits for it."""


def wanted(site: Site, store: Store) -> dict[tuple[str, str], Wanted]:
    """Every destination that an approved agreement names, by agreement and name."""
    return {
        (one.name, to.name): Wanted(agreement.concerned(one.topics), _open(site, to.via))
        for one in agreed.agreements(site, store)
        for to in one.destinations
    }


def _open(site: Site, via: str) -> bool:
    return via != "mailbox" and (via != "bus" or site.settings.broker is not None)


def standing_by_system(site: Site, store: Store) -> dict[str, Counts]:
    """Where the pairs of each system's events stand, over every destination that was ever opened, is still agreed and open."""
    known = wanted(site, store)
    opened = [(row.id, to.asks) for row in store.deliveries.destinations() if (to := known.get((row.agreement, row.name))) and to.open]
    found: dict[str, Counts] = {}
    for feed in store.journal.feeds():
        for destination, asks in opened:
            counts = store.deliveries.counts(destination, asks, feed=feed.id)
            found[feed.system] = _add(found.get(feed.system, Counts()), counts)
    return found


def waiting_at_closed(site: Site, store: Store) -> dict[str, int]:
    """The closed destinations that events wait for, and how many; what waits is not lost, and counted nowhere else."""
    known = wanted(site, store)
    found = {}
    for row in store.deliveries.destinations():
        to = known.get((row.agreement, row.name))
        if to and not to.open and (events := store.deliveries.counts(row.id, to.asks).in_progress):
            found[f"{row.agreement}/{row.name}"] = events
    return found


def _add(left: Counts, right: Counts) -> Counts:
    return Counts(**{key: getattr(left, key) + getattr(right, key) for key in PAIRS})


def _pairs(before: Counts, after: Counts) -> dict[str, int]:
    return {key: getattr(after, key) - (getattr(before, key) if key in _SETTLED else 0) for key in PAIRS}
