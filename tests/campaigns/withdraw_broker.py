"""The same evenings against a real RabbitMQ: what counts is what lies in the queues, in the order in which it came.

Connections are cut in the midst of everything; the process that ends leaves its channels as they are.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from gateway.agreement import Destination, Projected, exchange
from gateway.agreement.topics import TAKES_BACK
from gateway.backoff import Backoff
from gateway.bus.publisher import Publisher
from gateway.delivery import Delivery
from gateway.lane import Tell, Ticket
from tests import peers
from tests.campaigns import faults, restoring, withdraw
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell as Say
from tests.peers.rabbitmq import RabbitMQ

CALM_S, MUTANTS_CALM_S = 60.0, 3.0
"""How long a destination may take to come to rest once nothing breaks any more; a mutant's may never do."""


class Wire:
    """A real lane that notes what is handed over to it."""

    careful = False

    def __init__(self, evening: OnBroker, name: str, inner: Any) -> None:
        self._evening, self._name, self.inner = evening, name, inner
        self.ready: threading.Event = inner.ready
        self.last_s: float = inner.last_s

    @property
    def problem(self) -> Any:
        return self.inner.problem

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        for ticket, event in batch:
            self._evening.left(self._name, ticket, event)
        sent: bool = self.inner.send(batch)
        return sent

    def close(self) -> None:
        self.inner.close()


@dataclass(frozen=True)
class _Wires:
    evening: OnBroker
    name: str

    def lane(self, exchange: str, heard: Tell) -> Wire:
        return Wire(self.evening, self.name, self.evening.publisher.lane(exchange, heard))


class OnBroker(withdraw.Evening):
    """An evening whose recipients are queues."""

    def __init__(self, random_: random.Random, tally: Tally, folder: Path, broker: RabbitMQ, proxy: faults.Proxy, publisher: Publisher, calm_s: float) -> None:
        self.broker, self.proxy, self.publisher, self._calm_s = broker, proxy, publisher, calm_s
        self._number = random_.randrange(1 << 40)
        self._known: dict[tuple[str, str | bool], str] = {}
        """What a record is called in an agreement."""
        super().__init__(random_, tally, folder)

    def agreements(self) -> dict[str, Any]:
        made = {name: replace(one, destinations=(Destination(f"e{self._number}", "bus"),)) for name, one in super().agreements().items()}
        with self.broker.channel() as channel:
            for queue in self._queues(made):
                channel.exchange_declare(queue, exchange_type="topic", durable=True)
                channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
                channel.queue_bind(queue, queue, "#")
        return made

    def lanes(self, name: str) -> Any:
        return _Wires(self, name)

    def open(self, name: str) -> None:
        old = self.deliveries.get(name)
        if old is not None:
            _gone(old)
        super().open(name)

    def arrives(self, name: str, key: str, event: Projected, *, given: bool) -> None:
        """Nothing yet: what comes to the queue counts."""
        self._known[name, dict(event.varying)["partitionkey"]] = key

    def take(self) -> None:
        """What lies in the queues has arrived."""
        for name, one in self.agreed.items():
            for _, body in self.broker.drain(exchange(name, one.destinations[0].name), quiet_s=0.3):
                event = orjson.loads(body)
                given = event["type"].split(".")[2] not in TAKES_BACK
                self.arrived[name, self._known[name, event["partitionkey"]]].append(given)

    def before_restore(self) -> None:
        for delivery in self.deliveries.values():
            _gone(delivery)
        self.take()

    def cut(self) -> None:
        self.tally.fired += self.proxy.drop()

    def calm(self) -> None:
        for _ in range(3):
            for name, delivery in self.deliveries.items():
                self.store.deliveries.retry(delivery.id, by="campaign", reason="calm")
                self.now += timedelta(minutes=30)
                self._rest(name, delivery)
        self.tally.recovered = self.tally.fired
        self.take()

    def close(self) -> None:
        for delivery in self.deliveries.values():
            _gone(delivery)
        with self.broker.channel() as channel:
            for queue in self._queues(self.agreed):
                channel.queue_delete(queue)
                channel.exchange_delete(queue)
        super().close()

    def _rest(self, name: str, delivery: Delivery) -> None:
        """Work until nothing moves for a while and nothing is under way."""
        until, still = time.monotonic() + self._calm_s, 0
        while still < 20 and time.monotonic() < until:
            moved = self._work(delivery) or bool(delivery._flow.under_way) or not delivery._lane.ready.is_set()
            still = 0 if moved else still + 1
            time.sleep(0 if moved and not delivery._flow.under_way else 0.005)

    def _queues(self, agreed: Any) -> list[str]:
        return [exchange(name, one.destinations[0].name) for name, one in agreed.items()]


def _gone(delivery: Delivery) -> None:
    """The process that had this delivery is gone; what it had given to the broker comes before what the next one gives."""
    lane: Any = delivery._lane
    lane.close()
    until = time.monotonic() + 5
    while lane.inner._channel is not None and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.05)


@contextmanager
def _publishing(proxy: faults.Proxy, broker: RabbitMQ) -> Iterator[Publisher]:
    url = broker.url.replace(f":{broker.port}/", f":{proxy.port}/")
    publisher = Publisher(lambda: url, backoff=lambda: Backoff(0.05, 0.2))
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def campaign(count: int, seed: int, tell: Say, *, broker: RabbitMQ) -> Tally:
    """`count` evenings; then the mutant's, until it is caught."""
    random_, proxy = random.Random(seed), faults.Proxy(broker.port)
    tally = withdraw.account("withdraw_broker")
    try:
        with _publishing(proxy, broker) as publisher:

            def once(account: Tally) -> None:
                calm_s = CALM_S if account is tally else MUTANTS_CALM_S
                with tempfile.TemporaryDirectory() as folder:
                    withdraw.played(OnBroker(random_, account, Path(folder), broker, proxy, publisher, calm_s))

            for number in range(count):
                once(tally)
                tell(f"evening {number + 1}: {tally.fired} cuts; leaked {tally.extra['leaked']}, untold {tally.extra['untold']}")
            withdraw.hunted(((withdraw.only_selects, ("leaked", "untold")), (restoring.looks_at_no_mark, ("untold",))), tally, once, tell)
    finally:
        proxy.close()
    return tally


def main(count: int, seed: int, tell: Say) -> Tally:
    """As started by a person: with a broker of its own."""
    with peers.started(RabbitMQ, tell) as broker:
        if broker is None:
            raise SystemExit("this campaign is about a broker")
        return campaign(count, seed, tell, broker=broker)
