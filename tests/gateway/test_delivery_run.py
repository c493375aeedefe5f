"""Delivery from a real journal to a real RabbitMQ: restarts, outages, fairness, and what it all adds up to."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway import store as stores
from gateway import topology
from gateway.adapter import Batch, RawRecord
from gateway.agreement import Agreement, Destination, Limits, Projected, exchange
from gateway.backoff import Backoff
from gateway.bus import Publisher
from gateway.delivery import Delivery
from gateway.delivery.board import TRIES
from gateway.delivery.codes import NOT_IN_FORCE
from gateway.errors import Problem
from gateway.event import Draft, Keys
from gateway.lane import Heard, Tell
from gateway.store.rows import Intake

if TYPE_CHECKING:
    from gateway.store import Store
    from tests.peers.rabbitmq import RabbitMQ

KEYS = Keys(bytes(range(32)))
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def agreed(name: str, **other: Any) -> Agreement:
    return replace(
        Agreement(
            name, "A sample", "Sample PD", "Sample City", "Sample", True, date(2026, 1, 1), date(2027, 1, 1),
            ("police.#",), None, False, (Destination("services", "bus"), Destination("log", "log")), date(2020, 1, 1), "0" * 16,
        ),
        **other,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.open(f"sqlite:///{tmp_path / 'store.db'}", KEYS) as opened:
        yield opened


def journal(store: Store, count: int, *, feed: str = "calls", subjects: int = 0, begin: int = 0, size: int = 0) -> int:
    """Journal `count` records, over so many subjects (0: each its own); returns the feed's id."""
    row = store.journal.feed("cad", feed)
    records = [record(f"{feed} {number}", size) for number in range(begin, begin + count)]

    def translate(raw: RawRecord) -> Sequence[Draft]:
        number = int(raw.key.split()[-1])
        subject = f"subject {number % subjects}" if subjects else ""
        data = orjson.dumps({"incidentId": raw.key, "narrative": raw.fields["filling"]})
        return [Draft("incident", "", subject, "", "2026-06-01T00:00:00Z", data)]

    intake = Intake("cad", "VT0040100", translate, lambda _kind: "ab" * 8, lambda _kind: "incident")
    for start in range(0, count, 1000):
        store.journal.accept(row.id, Batch(str(start), records[start : start + 1000]), intake)
    return row.id


def record(key: str, size: int) -> RawRecord:
    return RawRecord("call", key, key, "put", {"key": key, "filling": "x" * size}, key.encode(), "here")


@dataclass
class Recorder:
    """A lane that keeps what it is given and confirms it when told to, or at once."""

    at_once: bool = True
    careful = False
    last_s = 2.0

    def __post_init__(self) -> None:
        self.ready = threading.Event()
        self.ready.set()
        self.problem = None
        self.given: list[tuple[int, Projected]] = []
        self.open: list[int] = []
        self.tell: Tell = lambda _heard: None

    def lane(self, exchange: str, heard: Tell) -> Recorder:
        self.tell = heard
        return self

    def send(self, batch: Sequence[tuple[int, Projected]]) -> bool:
        self.given.extend(batch)
        if self.at_once:
            self.tell(Heard(confirmed=[ticket for ticket, _ in batch]))
        else:
            self.open.extend(ticket for ticket, _ in batch)
        return True

    def close(self) -> None:
        """Nothing is held."""


def delivery(
    store: Store, agreement: Agreement, lanes: Any, *, clock: Callable[[], datetime] = lambda: NOW
) -> Delivery:
    to = agreement.destinations[0 if lanes is not None else 1]
    return Delivery(store, agreement, to, keys=KEYS, lane=lanes, clock=clock, stop=threading.Event())


def drain(one: Delivery, *, timeout_s: float = 10) -> None:
    until = time.monotonic() + timeout_s
    while not one.idle() or one.step():
        assert time.monotonic() < until
        if not one.step():
            time.sleep(0.01)


def said(one: Delivery) -> str:
    """The code of what keeps it from delivering."""
    return "" if one.problem is None else one.problem.code.id


def counts(store: Store, one: Delivery) -> tuple[int, int, int, int, int]:
    found = store.deliveries.counts(one.id, one.agreement.wants)
    return found.delivered, found.parked, found.withheld, found.expired, found.in_progress


def test_the_sites_own_log_is_delivered_at_once_and_counted(store: Store) -> None:
    one = delivery(store, agreed("own"), None)
    journal(store, 2500)
    assert counts(store, one) == (0, 0, 0, 0, 2500)
    drain(one)
    assert counts(store, one) == (2500, 0, 0, 0, 0)


def test_what_was_settled_is_not_sent_again_after_a_restart_and_what_was_not_is(store: Store) -> None:
    feed = journal(store, 10)
    lanes = Recorder(at_once=False)
    one = delivery(store, agreed("again"), lanes)
    one.step()
    first = [event.id for _, event in lanes.given]
    lanes.tell(Heard(confirmed=lanes.open[:4]))
    lanes.tell(Heard(confirmed=lanes.open[6:]))
    time.sleep(0.25)
    one.step()
    assert store.deliveries.positions(one.id)[feed] == lanes.open[3]
    lanes = Recorder()
    drain(delivery(store, agreed("again"), lanes))
    assert [event.id for _, event in lanes.given] == first[4:]
    assert counts(store, one) == (10, 0, 0, 0, 0)


def test_a_destination_without_an_agreement_in_force_receives_nothing_and_waits(store: Store) -> None:
    journal(store, 5)
    clock = [datetime(2025, 12, 31, 23, 59, tzinfo=UTC)]
    lanes = Recorder()
    one = delivery(store, agreed("later"), lanes, clock=lambda: clock[0])
    one.step()
    assert lanes.given == []
    assert said(one) == "delivery.not-in-force"
    assert counts(store, one) == (0, 0, 0, 0, 5)
    clock[0] = NOW
    drain(one)
    assert said(one) == ""
    assert counts(store, one) == (5, 0, 0, 0, 0)


def test_what_waits_for_a_person_or_for_longer_is_at_rest(store: Store) -> None:
    clock, lanes = [NOW], Recorder(at_once=False)
    one = delivery(store, agreed("city"), lanes, clock=lambda: clock[0])
    journal(store, 3, subjects=1)
    for tries in range(1, TRIES + 1):
        one.step()
        assert len(lanes.given) == tries
        assert not one.at_rest(clock[0])  # it is under way
        lanes.tell(Heard(unrouted=[1]))
        drain(one)
        assert one.at_rest(clock[0] - timedelta(hours=1))
        clock[0] += timedelta(hours=1)
        assert one.at_rest(clock[0]) == (tries == TRIES)  # until it is parked it is tried again by then
    assert one.parked == 1
    assert counts(store, one)[-1] == 2  # behind it


def test_nothing_is_at_rest_while_a_round_is_under_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks from another thread, while rows are on their way from the journal to memory, would find neither."""
    one = delivery(store, agreed("own"), None)
    feed = journal(store, 1)
    drain(one)
    read, seen = store.deliveries.read, list[bool]()

    def watched(*asked: Any, **more: Any) -> Any:
        seen.append(one.idle() or one.at_rest(NOW))
        return read(*asked, **more)

    monkeypatch.setattr(store.deliveries, "read", watched)
    journal(store, 1, begin=1)
    one.wake(feed)
    one.step()
    assert seen
    assert not any(seen)
    drain(one)
    assert counts(store, one) == (2, 0, 0, 0, 0)


def test_what_a_suspension_keeps_back_is_at_rest(store: Store) -> None:
    one = delivery(store, agreed("city"), Recorder())
    one.hold(Problem(NOT_IN_FORCE))
    journal(store, 3)
    one.start()
    try:
        wait_for(lambda: one.at_rest(NOW))
        assert counts(store, one)[-1] == 3
        one.hold(None)
        wait_for(lambda: one.moves == 3 and one.at_rest(NOW))
        assert counts(store, one)[0] == 3
    finally:
        one.stop()


def test_a_paused_destination_receives_nothing_until_it_is_resumed(store: Store) -> None:
    lanes = Recorder()
    one = delivery(store, agreed("paused"), lanes)
    store.deliveries.state(one.id, "paused", by="somebody", reason="sample")
    journal(store, 3)
    one.step()
    assert (lanes.given, said(one)) == ([], "delivery.paused")


def test_a_long_backlog_of_one_feed_does_not_delay_the_event_of_another(store: Store) -> None:
    journal(store, 6000, feed="bulk")
    journal(store, 1, feed="calls")
    lanes = Recorder(at_once=False)
    one = delivery(store, agreed("fair"), lanes)
    one.step()
    keys = [orjson.loads(event.body)["data"]["incidentId"] for _, event in lanes.given]
    assert "calls 0" in keys
    assert len(keys) <= 2250


def test_a_feed_that_is_new_is_read_as_soon_as_it_is_told(store: Store) -> None:
    lanes = Recorder()
    one = delivery(store, agreed("new-feed"), lanes)
    drain(one)
    one.wake(journal(store, 1, feed="fresh"))
    one.step()
    assert len(lanes.given) == 1


def test_a_large_record_is_read_with_few_others_at_a_time(store: Store) -> None:
    journal(store, 60, size=600_000)
    lanes = Recorder(at_once=False)
    one = delivery(store, agreed("large"), lanes)
    for _ in range(100):
        one.step()
    assert sum(len(event.body) for _, event in lanes.given) < 260 * 600_000
    assert len(lanes.given) < 60


def test_a_replay_goes_out_again_under_the_same_id_and_says_so(store: Store) -> None:
    journal(store, 3)
    lanes = Recorder()
    one = delivery(store, agreed("replayed"), lanes)
    drain(one)
    ids = [event.id for _, event in lanes.given]
    store.deliveries.replay(one.id, [lanes.given[1][0]], by="somebody", reason="sample")
    assert counts(store, one) == (2, 0, 0, 0, 1)
    time.sleep(1.01)
    drain(one)
    again = orjson.loads(lanes.given[3][1].body)
    assert again["id"] == again["replayof"] == ids[1]
    assert counts(store, one) == (3, 0, 0, 0, 0)


def test_what_was_given_to_whom_stands_in_the_ledger(store: Store) -> None:
    journal(store, 3)
    one = delivery(store, agreed("leaf"), Recorder())
    drain(one)
    leaf = store.ledger.leaf(store.ledger.size() - 1)
    said = orjson.loads(leaf.body)
    assert (leaf.kind, said["agreement"], said["destination"], said["count"]) == ("delivered", "leaf", "services", 3)
    assert said["fields"] == ["incident.*"]


def test_stopping_settles_what_was_confirmed(store: Store) -> None:
    journal(store, 100)
    one = delivery(store, agreed("stopped"), None)
    one.start()
    wait_for(lambda: one.moves == 100)
    one.stop()
    assert one.failed is None
    assert counts(store, one) == (100, 0, 0, 0, 0)


def test_stopping_waits_for_what_is_under_way_so_that_it_is_not_sent_again(store: Store) -> None:
    journal(store, 20, subjects=10)
    lanes = Recorder(at_once=False)
    one = delivery(store, agreed("under-way"), lanes)
    one.start()
    wait_for(lambda: len(lanes.open) == 10)
    later = threading.Timer(0.3, lambda: lanes.tell(Heard(confirmed=list(lanes.open))))
    later.start()
    one.stop()
    assert counts(store, one) == (10, 0, 0, 0, 10)
    assert len(lanes.given) == 10


# With RabbitMQ.


@contextlib.contextmanager
def publishing(rabbitmq: RabbitMQ, agreement: Agreement) -> Iterator[Publisher]:
    topology.apply([agreement], rabbitmq.url)
    publisher = Publisher(lambda: rabbitmq.url, backoff=lambda: Backoff(0.1, 1.0))
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def received(rabbitmq: RabbitMQ, agreement: Agreement) -> list[dict[str, Any]]:
    return [orjson.loads(body) for _, body in rabbitmq.drain(exchange(agreement.name, "services"))]


def reordered(events: Sequence[dict[str, Any]]) -> int:
    """First arrivals of one subject that came after a later one."""
    latest: dict[str, int] = {}
    seen: set[str] = set()
    wrong = 0
    for event in events:
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        number = int(event["data"]["incidentId"].split()[-1])
        wrong += number < latest.get(event["subject"], -1)
        latest[event["subject"]] = max(number, latest.get(event["subject"], -1))
    return wrong


def test_thousands_arrive_once_and_in_the_order_of_their_subjects(rabbitmq: RabbitMQ, store: Store) -> None:
    agreement = agreed("thousands")
    journal(store, 4000, subjects=700)
    with publishing(rabbitmq, agreement) as publisher:
        one = delivery(store, agreement, publisher)
        one.start()
        wait_for(lambda: one.moves == 4000 and one.idle())
        one.stop()
    events = received(rabbitmq, agreement)
    assert (len(events), len({event["id"] for event in events}), reordered(events)) == (4000, 4000, 0)
    assert counts(store, one) == (4000, 0, 0, 0, 0)


def test_a_broker_killed_and_stopped_under_load_loses_nothing_and_reorders_nothing(
    rabbitmq: RabbitMQ, store: Store, record_property: Callable[[str, object], None]
) -> None:
    agreement = agreed("outage")
    total, faults = 12_000, 0
    with publishing(rabbitmq, agreement) as publisher:
        time.sleep(2)  # a quorum queue declared just before a kill may not come back on 3.10
        one = delivery(store, agreement, publisher)
        one.start()
        loader = threading.Thread(target=load, args=(store, one, total))
        loader.start()
        for end in (rabbitmq.kill, rabbitmq.stop):
            wait_for(partial(moved_on, one, one.moves + 500))
            end()
            faults += 1
            rabbitmq.start()
        loader.join()
        wait_for(lambda: one.moves == total and one.idle(), timeout_s=60)
        one.stop()
    events = received(rabbitmq, agreement)
    arrivals = Counter(event["id"] for event in events)
    resent = len(events) - len(arrivals)
    record_property("faults", faults)
    record_property("resent", resent)
    assert len(arrivals) == total
    assert reordered(events) == 0
    assert resent <= faults * 2000
    assert counts(store, one) == (total, 0, 0, 0, 0)


def moved_on(one: Delivery, moves: int) -> bool:
    return one.moves > moves


def load(store: Store, one: Delivery, total: int) -> None:
    for begin in range(0, total, 500):
        one.wake(journal(store, 500, subjects=900, begin=begin))
        time.sleep(0.15)


def test_a_topic_without_a_binding_is_parked_alone_and_goes_after_it_is_bound(rabbitmq: RabbitMQ, store: Store) -> None:
    bound = agreed("half", topics=("police.*.unit.#",))
    wanting = agreed("half")
    journal(store, 2)
    with publishing(rabbitmq, bound) as publisher:
        to = wanting.destinations[0]
        one = Delivery(
            store,
            wanting,
            to,
            keys=KEYS,
            lane=publisher,
            clock=lambda: datetime.now(UTC),
            stop=threading.Event(),
            draw=no_wait,
        )
        one.start()
        wait_for(lambda: one.parked == 2)
        wait_for(lambda: counts(store, one) == (0, 2, 0, 0, 0))
        topology.apply([wanting], rabbitmq.url)
        assert store.deliveries.retry(one.id, by="somebody", reason="bound again") == 2
        wait_for(lambda: counts(store, one) == (2, 0, 0, 0, 0))
        one.stop()


def no_wait(low: float, high: float) -> float:
    return 0.0


def test_an_event_of_one_feed_does_not_wait_for_the_load_of_another(rabbitmq: RabbitMQ, store: Store) -> None:
    agreement = agreed("latency")
    bulk, last = journal(store, 10_000, feed="bulk"), 10_000
    with publishing(rabbitmq, agreement) as publisher:
        one = delivery(store, agreement, publisher)
        one.start()
        wait_for(lambda: one.moves > 100)
        feed = journal(store, 1)
        one.wake(feed)
        wait_for(lambda: feed in store.deliveries.positions(one.id) and store.deliveries.positions(one.id)[feed] > 0)
        assert store.deliveries.positions(one.id)[bulk] < last
        one.stop()


def test_a_full_queue_keeps_the_rest_in_the_journal_and_parks_nothing(rabbitmq: RabbitMQ, store: Store) -> None:
    agreement = agreed("brimful", destinations=(Destination("services", "bus", Limits(length=50)),))
    total = 3000
    journal(store, total)
    with publishing(rabbitmq, agreement) as publisher:
        one = delivery(store, agreement, publisher)
        one.start()
        wait_for(lambda: said(one) == "bus.nacked")
        assert one.moves < total
        got: set[str] = set()
        until = time.monotonic() + 40
        while len(got) < total and time.monotonic() < until:
            got |= {event["id"] for event in received(rabbitmq, agreement)}
        assert len(got) == total
        wait_for(lambda: counts(store, one) == (total, 0, 0, 0, 0))
        one.stop()


def wait_for(true: Callable[[], object], *, timeout_s: float = 20) -> None:
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
