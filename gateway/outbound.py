"""Everything that leaves: which destinations are open, their threads, and where their pairs stand.

A destination on the bus opens when site.yaml names a broker; until then it has no position and no
pairs.  The site's own log is always open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from gateway import agreement, context
from gateway.adapter import Log
from gateway.agreement import Agreement, Destination
from gateway.bus.publisher import Publisher
from gateway.delivery import Delivery
from gateway.event import Keys
from gateway.figures import add
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Counts


class Outbound:
    """The deliveries of one gateway.  `start`, then `wake` after every commit that made events, then `stop`."""

    def __init__(self, site: Site, store: Store, keys: Keys, *, log: Log) -> None:
        self._store = store
        self._log = log
        self._stop = threading.Event()
        self._agreements = agreement.load_all(site.agreements)
        broker = site.settings.broker
        self._publisher = Publisher(broker.resolve) if broker is not None and self._on_bus() else None
        self._deliveries = [self._delivery(one, to, keys) for one in self._agreements for to in one.destinations if self._open(to)]

    def start(self) -> None:
        """Connect and begin to deliver; returns at once."""
        if self._publisher is not None:
            self._publisher.start()
        for delivery in self._deliveries:
            delivery.start()

    def stop(self) -> None:
        """End after what is under way; what is unconfirmed stays in the journal."""
        self._stop.set()
        for delivery in self._deliveries:
            delivery.stop()
        if self._publisher is not None:
            self._publisher.stop()

    def wake(self) -> None:
        """Events were journalled."""
        for delivery in self._deliveries:
            delivery.wake()

    @property
    def failed(self) -> BaseException | None:
        """What ended a delivery's thread; None while all run."""
        return next((each.failed for each in self._deliveries if each.failed is not None), None)

    @property
    def moves(self) -> int:
        """Grows with everything that is settled."""
        return sum(delivery.moves for delivery in self._deliveries)

    def settled(self) -> bool:
        """Whether nothing is in progress any more at any destination."""
        return all(delivery.idle() for delivery in self._deliveries) and not any(
            counts.in_progress for counts in self.counts().values()
        )

    def counts(self) -> dict[str, Counts]:
        """Where the pairs of each system's events stand, over the destinations that are open."""
        found: dict[str, Counts] = {}
        for row in self._store.journal.feeds():
            for delivery in self._deliveries:
                counts = self._store.deliveries.counts(delivery.id, self._wants[delivery.agreement.name], feed=row.id)
                found[row.system] = add(found.get(row.system, Counts()), counts)
        return found

    def standing(self) -> dict[str, Any]:
        """Per destination: whether it delivers, and why not."""
        return {
            f"{each.agreement.name}/{each.destination.name}": {
                "state": "waiting" if each.problem is not None else "running",
                "problem": each.problem.as_dict() if each.problem is not None else None,
            }
            for each in self._deliveries
        }

    @cached_property
    def _wants(self) -> Mapping[str, Callable[[str], bool]]:
        return {one.name: agreement.matcher(one.topics) for one in self._agreements}

    def _on_bus(self) -> bool:
        return any(to.via == "bus" for one in self._agreements for to in one.destinations)

    def _open(self, to: Destination) -> bool:
        return to.via == "log" or self._publisher is not None

    def _delivery(self, one: Agreement, to: Destination, keys: Keys) -> Delivery:
        lane = self._publisher if to.via == "bus" else None
        return Delivery(self._store, one, to, keys=keys, lane=lane, clock=context.now, stop=self._stop)
