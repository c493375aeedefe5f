"""What has to exist on RabbitMQ, and the difference to what does.

It follows from the agreements alone: a topic exchange, a queue of the same name and a binding for
each topic.  A person (or the demo) applies it; the running gateway only publishes and looks.
Nothing is ever deleted or changed here: what differs, or is no longer agreed, is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from gateway.agreement import Agreement, Limits, bound, exchange
from gateway.errors import Problem, Refused, code
from gateway.inbound.publishers import feeds
from gateway.site import Site

DIFFERENT = code(
    "topology.different",
    "RabbitMQ has an exchange or a queue of this name, but a different one.",
    "Let its consumer empty the queue, delete it, apply again, then replay what was missed: "
    "a queue's arguments cannot be changed.",
)
DEFINITIONS = code(
    "topology.definitions",
    "The file is not an export of RabbitMQ's definitions.",
    "Make it with `rabbitmqctl export_definitions FILE`, or from the management page.",
)

OURS = "copperline."
"""Every exchange and queue of ours begins so; nothing else is looked at."""

Kind = Literal["exchange", "queue", "binding", "permission"]


@dataclass(frozen=True, slots=True)
class Step:
    """One difference between what is agreed and what the broker has."""

    state: Literal["missing", "different", "extra", "unknown"]
    """`unknown`: a binding, which AMQP cannot tell, and a log-in's rights, which a person gives; once more changes nothing."""
    kind: Kind
    name: str
    """Of the exchange and the queue; they share it."""
    topic: str = ""
    """Of a binding; of a permission, the one exchange that may be written to."""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.kind == "permission":
            said = rights(self.topic)
            return f"{self.state:9} {self.kind:10} rabbitmqctl set_permissions {self.name} '{said['configure']}' '{said['write']}' '{said['read']}'"
        return f"{self.state:9} {self.kind:10} {self.name}" + (f" <- {self.topic}" if self.topic else "")


@dataclass(frozen=True, slots=True)
class Publisher:
    """A log-in that publishes to the gateway: to its own exchange, and to nothing else."""

    user: str
    queue: str
    length: int


def publishers(site: Site) -> list[Publisher]:
    """Every publisher that the systems of a site name, by user."""
    found = {said.user: Publisher(said.user, said.queue, said.length) for _, _, said in feeds(site)}
    return [found[user] for user in sorted(found)]


def wanted(agreements: Iterable[Agreement], publishers: Iterable[Publisher] = ()) -> list[Step]:
    """Everything that has to exist, in the order in which it is made."""
    steps = [step for one in publishers for step in _way_in(one)]
    for agreement in agreements:
        for destination in agreement.destinations:
            if destination.via == "bus":
                name = exchange(agreement.name, destination.name)
                steps.append(Step("missing", "exchange", name))
                steps.append(Step("missing", "queue", name, arguments=arguments(destination.limits)))
                steps.extend(Step("missing", "binding", name, topic) for topic in bound(agreement.topics))
    return steps


def _way_in(one: Publisher) -> list[Step]:
    """A publisher's own exchange and queue.  A full queue refuses; nothing is dropped, however often it is handed out."""
    said = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000, "x-max-length": one.length, "x-overflow": "reject-publish"}
    return [
        Step("missing", "exchange", one.queue),
        Step("missing", "queue", one.queue, arguments=said),
        Step("missing", "binding", one.queue, "#"),
        Step("unknown", "permission", one.user, one.queue),
    ]


def rights(queue: str) -> dict[str, str]:
    """What a publisher may do: write to its own exchange.  A right to read, to a queue of an agreement, is added by a person."""
    return {"configure": "^$", "write": "^" + queue.replace(".", "\\.") + "$", "read": "^$"}


def arguments(limits: Limits) -> dict[str, Any]:
    """The arguments of a destination's queue.  A full queue refuses; it never drops what it took."""
    said: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": limits.deliveries}
    if limits.length:
        said |= {"x-max-length": limits.length, "x-overflow": "reject-publish"}
    if limits.megabytes:
        said |= {"x-max-length-bytes": limits.megabytes << 20, "x-overflow": "reject-publish"}
    if limits.hours:
        said["x-message-ttl"] = limits.hours * 3_600_000
    return said


def plan(agreements: Iterable[Agreement], url: str, publishers: Iterable[Publisher] = ()) -> list[Step]:
    """What is missing or different on the broker at `url`; bindings as `unknown`.  Changes nothing.

    Raises Refused where the broker cannot be asked.
    """
    from gateway.bus import admin  # pika: a command that asks no broker does not pay for it

    with admin.connect(url) as broker:
        return [step for one in wanted(agreements, publishers) if (step := _asked(broker, one)) is not None]


def compare(
    agreements: Iterable[Agreement], found: Mapping[str, Any], publishers: Iterable[Publisher] = (), *, vhost: str = "/"
) -> list[Step]:
    """The same from RabbitMQ's definitions: also bindings, and what is there though nobody agreed to it."""
    there = {(one.kind, one.name, one.topic): one for one in _found(found, vhost)}
    steps: list[Step] = []
    for one in wanted(agreements, publishers):
        other = there.pop((one.kind, one.name, one.topic), None)
        if one.kind == "permission":
            steps += [] if _has_rights(found, one, vhost) else [replace(one, state="different")]
        elif other is None:
            steps.append(one)
        elif other.arguments != one.arguments:
            steps.append(Step("different", one.kind, one.name, arguments=one.arguments))
    return steps + list(there.values())


def _has_rights(found: Mapping[str, Any], one: Step, vhost: str) -> bool:
    """Whether a publisher may write to its own exchange, and configure or write nothing else; what it may read is its agreements'."""
    for said in found.get("permissions", ()):
        if (said.get("user"), said.get("vhost")) == (one.name, vhost):
            wants = rights(one.topic)
            return bool(said.get("write") == wants["write"] and said.get("configure") in ("", "^$"))
    return False


def apply(agreements: Sequence[Agreement], url: str, publishers: Sequence[Publisher] = ()) -> list[Step]:
    """Make what is missing; returns what was made, bindings always.  May be repeated.

    Raises Refused, and changes nothing, where something of the same name is different.
    """
    from gateway.bus import admin  # pika: a command that asks no broker does not pay for it

    steps = plan(agreements, url, publishers)
    different = [Problem(DIFFERENT, path=step.name, rule="") for step in steps if step.state == "different"]
    if different:
        raise Refused(*different)
    with admin.connect(url) as broker:
        for step in steps:
            match step.kind:
                case "exchange":
                    broker.declare_exchange(step.name)
                case "queue":
                    broker.declare_queue(step.name, step.arguments)
                case "binding":
                    broker.bind(step.name, step.name, step.topic)
                case "permission":
                    pass  # AMQP cannot give rights: `Step` names the command that does
    return steps


def export(agreements: Iterable[Agreement], publishers: Iterable[Publisher] = (), *, vhost: str = "/") -> bytes:
    """The topology as RabbitMQ's definitions (JSON), for `rabbitmqctl import_definitions` or a deployment."""
    steps = wanted(agreements, publishers)
    return orjson.dumps(
        {
            "exchanges": [_exchange(step, vhost) for step in steps if step.kind == "exchange"],
            "queues": [_queue(step, vhost) for step in steps if step.kind == "queue"],
            "bindings": [_binding(step, vhost) for step in steps if step.kind == "binding"],
            "permissions": [{"user": step.name, "vhost": vhost, **rights(step.topic)} for step in steps if step.kind == "permission"],
        },
        option=orjson.OPT_INDENT_2,
    )


def definitions(text: bytes) -> dict[str, Any]:
    """What RabbitMQ exported.  Raises Refused where it is something else."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise Refused(Problem(DEFINITIONS)) from e
    if not isinstance(found, dict) or not all(isinstance(found.get(key, []), list) for key in _LISTS):
        raise Refused(Problem(DEFINITIONS))
    return found


_LISTS = ("exchanges", "queues", "bindings")


def _asked(broker: Any, step: Step) -> Step | None:
    match step.kind:
        case "exchange":
            state = broker.exchange(step.name)
        case "queue":
            state = broker.queue(step.name, step.arguments)
        case _:
            state = "unknown"
    return None if state == "same" else Step(state, step.kind, step.name, step.topic, step.arguments)


def _found(found: Mapping[str, Any], vhost: str) -> list[Step]:
    """What of ours the definitions hold, each as `extra` until something wants it."""

    def of(kind: str, name: str) -> list[Any]:
        return [one for one in found.get(kind, ()) if one.get("vhost") == vhost and one[name].startswith(OURS)]

    return [
        *(Step("extra", "exchange", one["name"], arguments=_unlike_topic(one)) for one in of("exchanges", "name")),
        *(Step("extra", "queue", one["name"], arguments=one.get("arguments", {})) for one in of("queues", "name")),
        *(Step("extra", "binding", _bound(one), one["routing_key"]) for one in of("bindings", "source")),
    ]


def _bound(one: Mapping[str, Any]) -> str:
    """The name that exchange and queue share; where a person bound them across, both."""
    return one["source"] if one["source"] == one["destination"] else f"{one['source']} -> {one['destination']}"


def _unlike_topic(one: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing for a durable topic exchange; else what is unlike one."""
    unlike = {} if one.get("type") == "topic" else {"type": one.get("type")}
    return unlike if one.get("durable", True) else {**unlike, "durable": False}


def _exchange(step: Step, vhost: str) -> dict[str, Any]:
    return {
        "name": step.name, "vhost": vhost, "type": "topic",
        "durable": True, "auto_delete": False, "internal": False, "arguments": {},
    }  # fmt: skip


def _queue(step: Step, vhost: str) -> dict[str, Any]:
    return {"name": step.name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": dict(step.arguments)}


def _binding(step: Step, vhost: str) -> dict[str, Any]:
    return {
        "source": step.name, "vhost": vhost, "destination": step.name,
        "destination_type": "queue", "routing_key": step.topic, "arguments": {},
    }  # fmt: skip
