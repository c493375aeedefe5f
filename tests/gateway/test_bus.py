"""The bus: frames as pika would write them, confirms, and every way the other side can say no."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pika
import pytest
from pika import frame

from gateway.agreement import Projected, Projector, matcher
from gateway.backoff import Backoff, bound_s
from gateway.bus import Publisher, address, admin, wire
from gateway.errors import Refused
from gateway.lane import Heard
from tests import peers
from tests.gateway.api.certificates import Authority
from tests.gateway.test_agreement import Kept
from tests.peers.stunnel import Stunnel

if TYPE_CHECKING:
    from tests.peers.rabbitmq import RabbitMQ

QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": 20}


def projected(sequence: int = 1, *, topic: str = "police.a.incident.created.v1", size: int = 0) -> Projected:
    everything = Projector(
        key=bytes(32), wants=matcher(["#"]), allowed=None, outside=False, backfill=True
    )  # fmt: skip
    data = b'{"incidentId":"' + b"x" * size + b'"}'
    kept = Kept(topic=topic, event=sequence.to_bytes(16), sequence=sequence, extra={"backfill": True}, data=data)
    event = everything.project(kept)
    assert isinstance(event, Projected)
    return event


class Sender:
    """What a delivery does with a lane, without a journal: everything it was told, and what came of it."""

    def __init__(self, publisher: Publisher, exchange: str, *, window: int = 1000) -> None:
        self.told: list[Heard] = []
        self.changed = threading.Condition()
        self.lane = publisher.lane(exchange, self._hear, window=window)

    def _hear(self, heard: Heard) -> None:
        with self.changed:
            self.told.append(heard)
            self.changed.notify_all()

    @property
    def confirmed(self) -> list[int]:
        return [ticket for heard in self.told for ticket in heard.confirmed]

    def until(self, true: Callable[[], object], timeout_s: float = 15) -> None:
        with self.changed:
            assert self.changed.wait_for(true, timeout_s), (self.told[-3:], self.lane.state, self.lane.problem)


def quick() -> Backoff:
    return Backoff(0.05, 0.2)


@contextmanager
def publishing(url: str) -> Iterator[Publisher]:
    publisher = Publisher(lambda: url, backoff=quick)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def destination(
    rabbitmq: RabbitMQ, name: str, arguments: dict[str, object] | None = None, topic: str = "police.#"
) -> str:
    exchange = f"copperline.bus.{name}"
    with admin.connect(rabbitmq.url) as broker:
        broker.declare_exchange(exchange)
        broker.declare_queue(exchange, arguments or QUORUM)
        broker.bind(exchange, exchange, topic)
    return exchange


@pytest.mark.parametrize("size", [0, 1, 1000, 131_064 - 700, 300_000])
def test_the_frames_are_byte_for_byte_what_pika_writes(size: int) -> None:
    event = projected(7, size=size)
    written = b"".join(wire.Frames(3, "copperline.a.b", frame_max=131_072).message(event))
    publish = pika.spec.Basic.Publish(exchange="copperline.a.b", routing_key=event.topic, mandatory=True)
    room = 131_072 - 8
    body = [event.body[start : start + room] for start in range(0, len(event.body), room)]
    frames = [
        frame.Method(3, publish),
        frame.Header(3, len(event.body), wire.plain(event)),
        *(frame.Body(3, part) for part in body),
    ]
    # pika writes the headers' names in no stated order of ours: compare what a reader makes of them
    mine, theirs = list(read_frames(written)), list(read_frames(b"".join(one.marshal() for one in frames)))
    assert [type(one) for one in mine] == [type(one) for one in theirs]
    assert mine[1].properties == theirs[1].properties
    assert mine[1].body_size == len(event.body)
    assert [one.marshal() for one in (mine[0], *mine[2:])] == [one.marshal() for one in (theirs[0], *theirs[2:])]


def read_frames(data: bytes) -> Iterator[frame.Frame]:
    while data:
        used, one = frame.decode_frame(data)
        data = data[used:]
        yield one


@contextmanager
def over_tls(rabbitmq: RabbitMQ, certificate: Path, key: Path) -> Iterator[str]:
    """The broker's address over TLS: a relay with that certificate stands before it."""
    (port,) = peers.free_ports(1)
    lines = ["[amqps]", f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{rabbitmq.port}", f"cert = {certificate}", f"key = {key}"]
    relay = Stunnel("\n".join(lines) + "\n", port)
    relay.start()
    try:
        yield rabbitmq.url.replace("amqp://", "amqps://").replace(f":{rabbitmq.port}", f":{port}")
    finally:
        relay.close()


@pytest.mark.parametrize("old", [False, True], ids=["with key identifiers", "without"])
def test_a_broker_is_believed_by_the_authority_that_the_machine_names(
    rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    authority = Authority(tmp_path, old=old)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    exchange = destination(rabbitmq, f"tls-{old}".lower())
    with over_tls(rabbitmq, *authority.sign("broker")) as url, publishing(url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        sender.lane.send([(1, projected(1, size=200_000))])
        sender.until(lambda: sender.confirmed == [1])
        with admin.connect(url) as broker:
            broker.declare_exchange(exchange)


def test_a_broker_that_nobody_vouches_for_is_given_nothing(rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "known").pem))
    exchange = destination(rabbitmq, "tls-unknown")
    with over_tls(rabbitmq, *Authority(tmp_path / "unknown").sign("broker")) as url, publishing(url) as publisher:
        sender = Sender(publisher, exchange)
        sender.until(lambda: sender.lane.problem is not None)
        assert not sender.lane.ready.is_set()
        assert (sender.lane.problem.code.id, sender.lane.problem.rule.endswith("(unable to get local issuer certificate)")) == ("bus.tls", True)
        with pytest.raises(Refused, match=r"bus\.tls"), admin.connect(url):
            pass


def test_a_certificate_of_another_host_is_not_believed_and_the_host_not_named(
    rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    with over_tls(rabbitmq, *authority.sign("broker")) as url, publishing(url.replace("127.0.0.1", "localhost")) as publisher:
        sender = Sender(publisher, "copperline.bus.nowhere")
        sender.until(lambda: sender.lane.problem is not None)
        assert (sender.lane.problem.code.id, sender.lane.problem.rule.endswith("(hostname mismatch)")) == ("bus.tls", True)


def test_a_command_that_cannot_connect_says_so() -> None:
    (port,) = peers.free_ports(1)
    for host in ("127.0.0.1", "nowhere.invalid"):
        with pytest.raises(Refused, match=r"bus\.unreachable"), admin.connect(f"amqp://a:b@{host}:{port}/"):
            pass


def test_a_broker_that_is_not_there_is_unreachable_and_says_how() -> None:
    (port,) = peers.free_ports(1)
    with publishing(f"amqp://a:b@127.0.0.1:{port}/") as publisher:
        sender = Sender(publisher, "copperline.bus.nowhere")
        sender.until(lambda: sender.lane.problem is not None)
        assert (sender.lane.problem.code.id, sender.lane.problem.rule.endswith("(ConnectionRefusedError)")) == ("bus.unreachable", True)


def test_the_hook_that_batches_are_written_to_is_pikas_own() -> None:
    assert pika.__version__.startswith("1.4.")
    assert callable(pika.SelectConnection._adapter_emit_data)


def test_a_consumer_gets_the_event_its_properties_and_its_headers(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "plain")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        event = projected(1, size=200_000)
        sender.lane.send([(1, event)])
        sender.until(lambda: sender.confirmed == [1])
    ((properties, body),) = rabbitmq.drain(exchange)
    assert body == event.body
    assert {name: value for name, value in properties.headers.items() if not name.startswith("x-")} == event.headers
    assert properties.headers["cloudEvents_backfill"] == "true"
    assert (properties.message_id, properties.type, properties.app_id, properties.delivery_mode) == (
        event.id, "police.incident.created.v1", "copperline", 2,
    )  # fmt: skip
    assert properties.content_type == "application/cloudevents+json; charset=utf-8"
    assert properties.timestamp == event.recorded_us // 1_000_000


def test_thousands_are_confirmed_in_order_and_told_in_few_calls(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "many")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        events = [(number, projected(number)) for number in range(3000)]
        sender.lane.send(events[:1500])
        sender.lane.send(events[1500:])
        sender.until(lambda: len(sender.confirmed) == 3000)
        assert sorted(sender.confirmed) == list(range(3000))
        assert len(sender.told) < 300
    assert [properties.message_id for properties, _ in rabbitmq.drain(exchange)] == [event.id for _, event in events]


def test_a_topic_without_a_binding_is_told_and_the_others_pass(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "unbound", topic="police.*.incident.#")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        unit = projected(2, topic="police.a.unit.created.v1")
        sender.lane.send([(1, projected(1)), (2, unit), (3, projected(3))])
        sender.until(lambda: len(sender.confirmed) == 2 and any(heard.unrouted for heard in sender.told))
        assert sorted(sender.confirmed) == [1, 3]
        assert [ticket for heard in sender.told for ticket in heard.unrouted] == [2]


def test_a_missing_queue_is_named_and_found_once_it_is_made(rabbitmq: RabbitMQ) -> None:
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, "copperline.bus.late")
        sender.until(lambda: sender.lane.problem is not None)
        assert sender.lane.problem is not None
        assert sender.lane.problem.code.id == "bus.topology"
        assert not sender.lane.ready.is_set()
        destination(rabbitmq, "late")
        assert sender.lane.ready.wait(10)
        sender.lane.send([(1, projected())])
        sender.until(lambda: sender.confirmed == [1])
        assert sender.lane.problem is None


def test_a_queue_deleted_under_load_loses_what_it_did_not_confirm_and_says_why(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "deleted")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        with rabbitmq.channel() as other:
            other.queue_delete(exchange)
        sender.lane.send([(number, projected(number)) for number in range(100)])
        sender.until(lambda: any(heard.lost for heard in sender.told))
        assert sender.confirmed == []
        assert not any(heard.unrouted for heard in sender.told)
        assert sender.lane.problem is not None
        assert sender.lane.problem.code.id == "bus.topology"


def test_a_full_queue_nacks_and_the_channel_is_opened_again(rabbitmq: RabbitMQ) -> None:
    full = {**QUORUM, "x-max-length": 5, "x-overflow": "reject-publish"}
    exchange = destination(rabbitmq, "full", full)
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange, window=5)
        assert sender.lane.ready.wait(10)
        left = list(range(40))
        while left and not any(heard.lost for heard in sender.told):
            sender.lane.send([(number, projected(number)) for number in left])
            sender.until(lambda: any(heard.lost for heard in sender.told))
        assert sender.confirmed
        taken = len(rabbitmq.drain(exchange))
        assert taken >= len(sender.confirmed)
        assert sender.lane.ready.wait(10)
        before = len(sender.confirmed)
        sender.lane.send([(99, projected(99))])
        sender.until(lambda: len(sender.confirmed) > before)
        assert sender.lane.problem is None


def test_the_one_message_that_closes_the_channel_is_found_among_the_others(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "large")
    control(rabbitmq, "eval", "application:set_env(rabbit, max_message_size, 50000).")
    try:
        with publishing(rabbitmq.url) as publisher:
            sender = Sender(publisher, exchange)
            waiting = {number: projected(number, size=60_000 if number == 7 else 0) for number in range(12)}
            refused = deliver_all_but_refused(sender, waiting)
    finally:
        control(rabbitmq, "eval", "application:set_env(rabbit, max_message_size, 134217728).")
    assert [ticket for ticket, _ in refused] == [7]
    assert "max size" in refused[0][1]
    assert sorted(set(sender.confirmed)) == [number for number in range(12) if number != 7]


def deliver_all_but_refused(sender: Sender, waiting: dict[int, Projected]) -> list[tuple[int, str]]:
    """Send until nothing is left, as a delivery does: what was lost again, what was refused never."""
    heard = 0

    def ended() -> bool:
        return any(each.lost for each in sender.told[heard:]) or not waiting.keys() - set(sender.confirmed)

    while waiting:
        assert sender.lane.ready.wait(10)
        heard = len(sender.told)
        sender.lane.send(list(waiting.items()))
        sender.until(ended)
        refused = [each.refused for each in sender.told if each.refused]
        for ticket in (*sender.confirmed, *(ticket for ticket, _ in refused)):
            waiting.pop(ticket, None)
    return refused


def test_the_password_guest_is_for_loopback_only() -> None:
    for host in ("broker.example", "192.0.2.7"):
        with pytest.raises(Refused, match=r"bus\.guest"):
            address.parameters(f"amqp://gateway:guest@{host}/")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        address.parameters(f"amqp://guest:guest@{host}/")


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    for url in ("http://hidden-host/", "amqp://user:hidden@host:port-x/", ""):
        with pytest.raises(Refused) as refused:
            address.parameters(url)
        assert "hidden" not in str(refused.value)


def test_a_refused_password_halts_and_a_new_secret_is_read_at_the_next_try(rabbitmq: RabbitMQ) -> None:
    right = rabbitmq.url
    urls = [right.replace("guest:guest@", "gateway:wrong@"), right]
    publisher = Publisher(lambda: urls[0], backoff=quick)
    publisher.start()
    try:
        wait_for(lambda: publisher.status.state == "halted")
        assert publisher.status.problem is not None
        assert publisher.status.problem.code.id == "bus.credentials"
        assert "wrong" not in str(publisher.status)
        urls.pop(0)
        publisher.retry()
        wait_for(lambda: publisher.status.state == "connected")
    finally:
        publisher.stop()
    assert publisher.status.state == "stopped"


def test_a_connection_that_is_dropped_comes_back_and_says_what_was_lost(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "dropped")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        sender.lane.send([(number, projected(number)) for number in range(200)])
        connection = publisher._connection
        assert connection is not None
        os_socket = connection.socket if hasattr(connection, "socket") else connection._transport._sock
        os_socket.shutdown(2)
        sender.until(lambda: any(heard.lost for heard in sender.told))
        assert sender.lane.ready.wait(10)
        told = set(sender.confirmed)
        sender.lane.send([(number, projected(number)) for number in range(200) if number not in told])
        sender.until(lambda: len(set(sender.confirmed)) == 200)
    assert len({properties.message_id for properties, _ in rabbitmq.drain(exchange)}) == 200


def test_an_exception_out_of_the_loop_leaves_no_socket_open_and_the_connection_comes_back(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "thrown")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        sender.until(sender.lane.ready.is_set)
        sockets = open_sockets()
        for _ in range(5):
            publisher._post(lambda: 1 / 0)
            sender.until(lambda: not sender.lane.ready.is_set())
            sender.until(sender.lane.ready.is_set)
        gc.collect()  # a socket that was left open is an error here: ResourceWarning
        assert open_sockets() == sockets


def open_sockets() -> int:
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def test_a_broker_short_of_memory_is_shown_as_blocked_and_waited_for(rabbitmq: RabbitMQ) -> None:
    exchange = destination(rabbitmq, "blocked")
    with publishing(rabbitmq.url) as publisher:
        sender = Sender(publisher, exchange)
        assert sender.lane.ready.wait(10)
        control(rabbitmq, "set_vm_memory_high_watermark", "0.0000001")
        try:
            sender.lane.send([(1, projected())])
            wait_for(lambda: publisher.status.state == "blocked", timeout_s=20)
        finally:
            control(rabbitmq, "set_vm_memory_high_watermark", "absolute", "400MB")
        wait_for(lambda: publisher.status.state == "connected")
        sender.until(lambda: sender.confirmed == [1])


def test_nothing_is_taken_while_there_is_no_connection() -> None:
    publisher = Publisher(lambda: "amqp://guest:guest@127.0.0.1:1/", backoff=quick)
    sender = Sender(publisher, "copperline.bus.none")
    publisher.start()
    try:
        wait_for(lambda: publisher.status.state == "waiting")
        assert publisher.status.problem is not None
        assert publisher.status.problem.code.id == "bus.unreachable"
        assert not sender.lane.ready.is_set()
    finally:
        publisher.stop()


def test_waits_double_up_to_five_minutes_and_are_drawn_at_random() -> None:
    assert [bound_s(tries) for tries in (0, 1, 2, 20)] == [0.5, 1.0, 2.0, 300.0]
    backoff = Backoff(draw=lambda _low, high: high)
    assert [backoff.next_s() for _ in range(3)] == [0.5, 1.0, 2.0]
    backoff.reset()
    assert backoff.next_s() == 0.5


def control(rabbitmq: RabbitMQ, *command: str) -> None:
    from tests.gateway.test_topology import control as run

    run(rabbitmq, *command)


def wait_for(true: Callable[[], object], *, timeout_s: float = 15) -> None:
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)
