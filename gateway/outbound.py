"""Everything that leaves: which destinations are open, their threads, and where their pairs stand.

A destination on the bus opens when site.yaml names a broker; until then it has no position and no
pairs.  The site's own log is always open.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from gateway import agreement, context
from gateway.agreement import Agreement, Destination
from gateway.delivery import Delivery
from gateway.event import Keys
from gateway.figures import standing_by_system
from gateway.lane import Lanes
from gateway.settings import Address
from gateway.sink import Doors, Gate, SinkLane, SinkLanes
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Counts

__all__ = ["Outbound", "standing_by_system"]

LOOK_S = 0.2
"""How often the store is asked whether anything is in progress."""


class Outbound:
    """The deliveries of one gateway.  `start`, then `wake` after every commit that made events, then `stop`."""

    def __init__(self, site: Site, store: Store, keys: Keys, doors: Doors) -> None:
        self._site = site
        self._keys, self._doors = keys, doors
        self._store = store
        self._stop = threading.Event()
        self._look = 0.0
        self._agreements = agreement.load_all(site.agreements)
        broker = site.settings.broker
        self._publisher = _publisher(broker) if broker is not None and self._on_bus() else None
        self._sinks: list[SinkLane] = []
        self._deliveries = [self._delivery(one, to) for one in self._agreements for to in one.destinations if self._open(to)]
        store.remotes.open((each.id, each.destination.system) for each in self._deliveries if each.destination.via == "sink")

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

    def look(self) -> None:
        """See which legacy systems may be written to; several times a second."""
        for sink in self._sinks:
            sink.look()

    def wake(self, feed_id: int | None = None) -> None:
        """Events were journalled, in this feed or in any."""
        for delivery in self._deliveries:
            delivery.wake(feed_id)

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
        if not all(delivery.idle() for delivery in self._deliveries) or time.monotonic() < self._look:
            return False
        self._look = time.monotonic() + LOOK_S
        return not any(counts.in_progress for counts in self.counts().values())

    def counts(self) -> dict[str, Counts]:
        """Where the pairs of each system's events stand, over the destinations that are open."""
        return standing_by_system(self._site, self._store)

    def standing(self) -> dict[str, Any]:
        """Per destination: whether it delivers, and why not."""
        return {
            f"{each.agreement.name}/{each.destination.name}": {
                "state": "waiting" if each.problem is not None else "running",
                "problem": each.problem.as_dict() if each.problem is not None else None,
            }
            for each in self._deliveries
        }

    def _on_bus(self) -> bool:
        return any(to.via == "bus" for one in self._agreements for to in one.destinations)

    def _open(self, to: Destination) -> bool:
        return to.via != "bus" or self._publisher is not None

    def _delivery(self, one: Agreement, to: Destination) -> Delivery:
        return Delivery(self._store, one, to, keys=self._keys, lane=self._lanes(one, to), clock=context.now, stop=self._stop)

    def _lanes(self, one: Agreement, to: Destination) -> Lanes | None:
        match to.via:
            case "bus":
                return self._publisher
            case "sink":
                gate = Gate(self._doors, to.system, to.feed)
                return SinkLanes(self._store, self._keys, gate, one, to, self._sinks.append)
            case "log":
                return None


def _publisher(broker: Address) -> Any:
    from gateway.bus.publisher import Publisher

    return Publisher(broker.resolve)
