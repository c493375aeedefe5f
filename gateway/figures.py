"""The figures of a run, and the two sums that always hold.

Records are those of this run: read = accepted + unchanged + late + quarantined.  Deliveries are
(event, destination) pairs that were not settled when the run began, or came up in it: each is now
delivered, parked, withheld, expired or in progress, and in exactly one of these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway import agreed, agreement
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Accepted, Counts

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


def wanted(site: Site, store: Store) -> dict[tuple[str, str], Callable[[str], bool]]:
    """Every destination that an approved agreement names, by agreement and name, and which topics it asks for."""
    return {
        (one.name, to.name): agreement.concerned(one.topics)
        for one in agreed.agreements(site, store)
        for to in one.destinations
    }


def standing_by_system(site: Site, store: Store) -> dict[str, Counts]:
    """Where the pairs of each system's events stand, over every destination that was ever opened and is still agreed."""
    asked = wanted(site, store)
    opened = [(row.id, wants) for row in store.deliveries.destinations() if (wants := asked.get((row.agreement, row.name)))]
    found: dict[str, Counts] = {}
    for feed in store.journal.feeds():
        for destination, wants in opened:
            counts = store.deliveries.counts(destination, wants, feed=feed.id)
            found[feed.system] = _add(found.get(feed.system, Counts()), counts)
    return found


def _add(left: Counts, right: Counts) -> Counts:
    return Counts(**{key: getattr(left, key) + getattr(right, key) for key in PAIRS})


def _pairs(before: Counts, after: Counts) -> dict[str, int]:
    return {key: getattr(after, key) - (getattr(before, key) if key in _SETTLED else 0) for key in PAIRS}
