"""Everything that leaves: which destinations are open, their threads, and where their pairs stand.

What is agreed is looked at once a second: a new, changed, suspended or removed agreement takes effect
in the running gateway.  A destination on the bus opens when site.yaml names a broker; until then it
has no position and no pairs; where the broker is taken out again it is closed, and what is for it
waits in the journal.  The site's own log is always open.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

from gateway import context
from gateway.agreed import Agreed, Standing
from gateway.agreement import Agreement, Destination, exchange
from gateway.delivery import Delivery
from gateway.event import Keys
from gateway.figures import standing_by_system, waiting_at_closed
from gateway.lane import Lanes
from gateway.settings import Address
from gateway.sink import Doors, Gate, Mailbox, Mailboxes, SinkLane, SinkLanes
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Counts

__all__ = ["Outbound", "standing_by_system"]

LOOK_S = 1.0
"""How often what is agreed is looked at without being told."""


class Outbound:
    """The deliveries of one gateway.  `start`, then `wake` after every commit that made events, then `stop`."""

    def __init__(self, site: Site, store: Store, keys: Keys, doors: Doors) -> None:
        self._site = site
        self._keys, self._doors = keys, doors
        self._store = store
        self._keys = keys
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._started = False
        self._looked = 0.0
        self._agreed = Agreed(site.agreements, store)
        self._standings: list[Standing] = []
        self._publisher: Any = None
        self._depths: dict[str, int] = {}
        self._depths_at = float("-inf")
        self._open: dict[tuple[str, str], Delivery] = {}
        self._sinks: list[SinkLane] = []
        self._mailboxes: list[Mailbox] = []
        self._fetched = False
        self.look()

    def start(self) -> None:
        """Connect and begin to deliver; returns at once."""
        with self._lock:
            self._started = True
            if self._publisher is not None:
                self._publisher.start()
            for delivery in self._open.values():
                delivery.start()

    def stop(self) -> None:
        """End after what is under way; what is unconfirmed stays in the journal."""
        self._stop.set()
        for delivery in self._deliveries:
            delivery.stop()
        if self._publisher is not None:
            self._publisher.stop()

    def look(self) -> None:
        """Let what is agreed now take effect: open, close and hold destinations.  Returns when that is so."""
        with self._lock:
            self._looked = time.monotonic()
            self._standings = self._agreed.look()
            wanted = {
                (standing.name, to.name): (standing, standing.agreed, to)
                for standing in self._standings
                if standing.agreed is not None
                for to in standing.agreed.destinations
                if self._opens(to)
            }
            for key in [key for key in self._open if key not in wanted]:
                self._open.pop(key).stop()
            for key, (standing, agreed, to) in wanted.items():
                self._put(key, standing, agreed, to)
            sinks = ((each.id, each.destination.system) for each in self._open.values() if each.destination.via in {"mailbox", "sink"})
            self._store.remotes.open(sinks)

    def open_mailboxes(self) -> None:
        """Something serves them from now on: what waits in one that nobody can fetch from would only wait."""
        self._fetched = True
        self.look()

    def mailboxes(self, system: str) -> list[Mailbox]:
        """The open mailboxes of a system, by the name of their feed."""
        with self._lock:
            self._mailboxes = [each for each in self._mailboxes if not each.over]
            return sorted((each for each in self._mailboxes if each.gate.system == system), key=lambda each: each.gate.name)

    def agreed(self, name: str) -> Agreement | None:
        """The wording under which anything may leave now, its dates aside; None where nothing may."""
        with self._lock:
            return next((one.agreed for one in self._standings if one.name == name and one.problem is None), None)

    def look_when_due(self) -> None:
        """What is agreed, once a second; which legacy systems may be written to, whenever this is called."""
        self._sinks = [sink for sink in self._sinks if not sink.over]
        for sink in self._sinks:
            sink.look()
        if time.monotonic() - self._looked >= LOOK_S:
            self.look()

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

    def at_rest(self, until: datetime) -> bool:
        """Whether nothing moves at any destination before then: what is still in progress waits for a person, or for longer."""
        return all(delivery.at_rest(until) for delivery in self._deliveries)

    def counts(self) -> dict[str, Counts]:
        """Where the pairs of each system's events stand, over the destinations that are open."""
        return standing_by_system(self._site, self._store)

    def closed(self) -> dict[str, int]:
        """The destinations that nobody delivers to and that events wait for, and how many."""
        return waiting_at_closed(self._site, self._store)

    def standing(self) -> dict[str, Any]:
        """Per destination: whether it delivers, why not, and what its queue holds; also of an agreement that nobody has approved."""
        depths = self.queued()
        found = {
            f"{each.agreement.name}/{each.destination.name}": {
                "state": "waiting" if each.problem is not None else "running",
                "problem": each.problem.as_dict() if each.problem is not None else None,
                "queued": depths.get((each.agreement.name, each.destination.name)),
            }
            for each in self._deliveries
        }
        waiting = (one for one in self._standings if one.agreed is None and one.problem is not None)
        return found | {one.name: {"state": "waiting", "problem": one.problem.as_dict()} for one in waiting if one.problem}

    def queued(self) -> dict[tuple[str, str], int]:
        """By agreement and destination: the messages that its queue held when it was last looked at, two seconds ago at most."""
        with self._lock:
            if self._publisher is not None and time.monotonic() - self._depths_at >= LOOK_S:
                self._depths_at, self._depths = time.monotonic(), self._publisher.depths()
            return {key: self._depths[name] for key in self._open if (name := exchange(*key)) in self._depths}

    @property
    def _deliveries(self) -> list[Delivery]:
        with self._lock:
            return list(self._open.values())

    def _opens(self, to: Destination) -> bool:
        match to.via:
            case "bus":
                return self._site.settings.broker is not None
            case "mailbox":
                return self._fetched
            case _:
                return True

    def _put(self, key: tuple[str, str], standing: Standing, agreed: Agreement, to: Destination) -> None:
        """Have one destination deliver under the approved wording, or be held."""
        old = self._open.get(key)
        if old is not None and old.agreement.digest == agreed.digest:
            old.hold(standing.problem)
            return
        if old is not None:
            old.stop()
        made = self._open[key] = self._delivery(agreed, to)
        made.hold(standing.problem)
        if self._started:
            made.start()

    def _delivery(self, one: Agreement, to: Destination) -> Delivery:
        return Delivery(self._store, one, to, keys=self._keys, lane=self._lanes(one, to), clock=context.now, stop=self._stop, ended=self._doors.ended)

    def _lanes(self, one: Agreement, to: Destination) -> Lanes | None:
        match to.via:
            case "bus":
                return self._bus()
            case "sink":
                gate = Gate(self._doors, to.system, to.feed)
                return SinkLanes(self._store, self._keys, gate, one, to, self._sinks.append)
            case "mailbox":
                gate = Gate(self._doors, to.system, to.feed)
                return Mailboxes(self._store, self._keys, gate, one, to, self._mailboxes.append)
            case "log":
                return None

    def _bus(self) -> Lanes | None:
        """The way to the broker, made when the first destination needs it."""
        if self._publisher is None and self._site.settings.broker is not None:
            self._publisher = _publisher(self._site.settings.broker)
            if self._started:
                self._publisher.start()
        bus: Lanes | None = self._publisher
        return bus


def _publisher(broker: Address) -> Any:
    from gateway.bus.publisher import Publisher

    return Publisher(broker.resolve)
