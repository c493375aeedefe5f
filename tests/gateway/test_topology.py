"""Topology: what follows from the agreements, what the broker has, and applying the difference."""

from __future__ import annotations

import subprocess
from datetime import date
from typing import TYPE_CHECKING

import orjson
import pytest

from gateway import topology
from gateway.agreement import Agreement, Destination, Limits
from gateway.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.rabbitmq import RabbitMQ


NO_LIMITS = Limits()


def agreement(name: str, topics: tuple[str, ...] = ("police.#",), limits: Limits = NO_LIMITS) -> Agreement:
    destinations = (Destination("services", "bus", limits), Destination("log", "log"))
    return Agreement(
        name, "A sample", "Sample PD", "Sample City", "Sample", True, date(2026, 1, 1), date(2027, 1, 1),
        topics, None, False, destinations, None, "0" * 16,
    )  # fmt: skip


def states(steps: list[topology.Step]) -> list[tuple[str, str, str]]:
    return [(step.state, step.kind, step.topic) for step in steps]


def test_a_destination_on_the_bus_is_an_exchange_a_queue_and_its_bindings() -> None:
    steps = topology.wanted([agreement("planned", ("police.*.incident.#", "police.*.unit.#"))])
    assert {step.name for step in steps} == {"copperline.planned.services"}
    assert [step.kind for step in steps] == ["exchange", "queue", "binding", "binding"]
    assert steps[1].arguments == {"x-queue-type": "quorum", "x-delivery-limit": 20}


def test_a_queue_with_a_limit_refuses_and_never_drops_what_it_took() -> None:
    said = topology.arguments(Limits(length=500, hours=2, deliveries=5))
    assert said == {
        "x-queue-type": "quorum", "x-delivery-limit": 5, "x-max-length": 500,
        "x-overflow": "reject-publish", "x-message-ttl": 7_200_000,
    }  # fmt: skip


def test_apply_makes_what_is_missing_and_again_changes_nothing(rabbitmq: RabbitMQ) -> None:
    agreed = [agreement("applied", ("police.*.incident.#", "police.*.alert.#"))]
    assert {step.state for step in topology.plan(agreed, rabbitmq.url)} == {"missing", "unknown"}
    made = topology.apply(agreed, rabbitmq.url)
    assert [step.kind for step in made] == ["exchange", "queue", "binding", "binding"]
    assert {(step.state, step.kind) for step in topology.apply(agreed, rabbitmq.url)} == {("unknown", "binding")}
    with rabbitmq.channel() as channel:
        channel.basic_publish("copperline.applied.services", "police.any.alert.created.v1", b"routed")
    assert [body for _, body in rabbitmq.drain("copperline.applied.services")] == [b"routed"]


def test_what_differs_is_refused_and_left_as_it_is(rabbitmq: RabbitMQ) -> None:
    topology.apply([agreement("differs")], rabbitmq.url)
    changed = [agreement("differs", limits=Limits(length=10)), agreement("new-one")]
    assert ("different", "queue", "") in states(topology.plan(changed, rabbitmq.url))
    with pytest.raises(Refused, match=r"topology\.different"):
        topology.apply(changed, rabbitmq.url)
    assert {step.state for step in topology.plan([agreement("new-one")], rabbitmq.url)} == {"missing", "unknown"}


def test_an_export_is_what_rabbitmq_imports_and_compares_as_nothing_to_do(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    agreed = [agreement("exported", ("police.*.unit.#",))]
    (tmp_path / "in.json").write_bytes(topology.export(agreed))
    control(rabbitmq, "import_definitions", str(tmp_path / "in.json"))
    control(rabbitmq, "export_definitions", str(tmp_path / "out.json"))
    found = topology.definitions((tmp_path / "out.json").read_bytes())
    assert [step for step in topology.compare(agreed, found) if "exported" in step.name] == []
    assert {step.state for step in topology.plan(agreed, rabbitmq.url)} == {"unknown"}


def test_definitions_show_what_is_missing_different_and_no_longer_agreed() -> None:
    agreed = [agreement("old", ("police.*.unit.#",)), agreement("kept", ("police.*.unit.#",))]
    found = orjson.loads(topology.export(agreed))
    found["queues"][1]["arguments"]["x-delivery-limit"] = 3
    found["exchanges"].append({"name": "somebody.else", "vhost": "/", "type": "fanout", "arguments": {}})
    now = [agreement("kept", ("police.*.unit.#", "police.*.alert.#"))]
    assert states(topology.compare(now, found)) == [
        ("different", "queue", ""),
        ("missing", "binding", "police.*.alert.#"),
        ("extra", "exchange", ""),
        ("extra", "queue", ""),
        ("extra", "binding", "police.*.unit.#"),
    ]


def test_a_file_that_is_no_export_is_refused() -> None:
    for text in (b"<html>", b"[]", b'{"queues": 1}'):
        with pytest.raises(Refused, match=r"topology\.definitions"):
            topology.definitions(text)


def control(rabbitmq: RabbitMQ, *command: str) -> None:
    """RabbitMQ's own tool, on the test's node."""
    env = rabbitmq._environment()
    subprocess.run(
        ["/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", env["RABBITMQ_NODENAME"], *command],
        env=env, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
