"""The AsyncAPI 3 document: every topic with its message, for tools and for people who read them.

Made from the published schemas and the frozen samples alone, so it cannot say anything else.  It
stands for itself: the parts that schemas share are components, and no reference leads out of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contracts import MAJOR
from contracts.events import ACTIONS, MEANINGS, Event, events

SAMPLES: Final = Path(__file__).parent / "samples" / f"v{MAJOR}"

_EXAMPLES: Final[Mapping[str, str]] = {
    "incident": "incident-call",
    "unit": "unit-on-scene",
    "recording": "recording-late",
    "evidence": "evidence-knife",
    "custody-transfer": "custody-transfer-to-lab",
    "alert": "alert-road",
    "removed": "removed-incident",
}

_ABOUT = """\
Every message is one CloudEvent 1.0 in structured JSON; its attributes stand in the headers as well (`cloudEvents_*`).
A consumer reads one queue, `copperline.<agreement>.<destination>`, and receives the topics and fields that its agreement
names: any field may be absent.  Unknown fields may come: let them pass.  Delivery is at least once: keep the ids you have
seen, and of each `partitionkey` the highest `sequence`."""


def document(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole document.  `schemas`: contract → published schema."""
    known = events()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Copperline events",
            "version": f"{MAJOR}.0.0",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {**{_id(event): _channel(event) for event in known}, "inbound": _INBOUND},
        "operations": {**{f"send.{_id(event)}": _operation(event) for event in known}, "receive.inbound": _RECEIVES},
        "components": {
            "messages": {**{_id(event): _message(event) for event in known}, "inbound": _inbound(), **_answers()},
            "schemas": dict(_components(schemas)),
        },
    }


ANSWERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "answer-read": (
        "copperline.read.v1",
        "answer-read-day",
        "How far the consumer has read, and how much of each day.",
    ),
    "answer-deleted": (
        "copperline.deleted.v1",
        "answer-deleted-two",
        "What the consumer no longer holds, after it was told to forget it.",
    ),
}
"""Contract → the CloudEvents type under which a consumer sends it, a sample, and what it says."""

_INBOUND: Final[Mapping[str, Any]] = {
    "address": "copperline.inbound.{user}",
    "summary": "Alerts of one publisher, and its answers as a consumer",
    "description": "The exchange of one publisher, who sets `user_id` to its log-in. CAP 1.2 and NGSI-LD are taken too; see docs/inbound.md.",
    "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("inbound", *ANSWERS)},
    "parameters": {"user": {"description": "The publisher's log-in", "examples": ["city-desk"]}},
    "bindings": {
        "amqp": {"is": "routingKey", "exchange": {"type": "topic", "durable": True}, "bindingVersion": "0.3.0"}
    },
}
_RECEIVES: Final[Mapping[str, Any]] = {
    "action": "receive",
    "channel": {"$ref": "#/channels/inbound"},
    "summary": "The gateway takes an alert or an answer; nothing that comes in is a command",
    "bindings": {"amqp": {"ack": True, "bindingVersion": "0.3.0"}},
}


def _inbound() -> dict[str, Any]:
    """An alert that comes in."""
    said = _comes_in("alert", "org.example.alert.v1", "alert-road")
    del said["payload"]["properties"]["type"]["const"]  # a publisher's own
    return {"name": "inbound", "title": "alert from outside", "summary": "A warning, or what a sensor saw.", **said}


def _answers() -> dict[str, Any]:
    """What a consumer answers about its own queue."""
    return {
        name: {
            "name": type,
            "title": f"a consumer's answer: {name.removeprefix('answer-')}",
            "summary": said,
            **_comes_in(name, type, example),
        }
        for name, (type, example, said) in ANSWERS.items()
    }


def _comes_in(contract: str, type: str, sample: str) -> dict[str, Any]:
    """A CloudEvent with the four attributes that the standard requires."""
    example = {"specversion": "1.0", "id": "1", "source": "/city/desk", "type": type, "data": _sample(sample)}
    return {
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string"},
                "source": {"type": "string"},
                "type": {"type": "string", "const": type},
                "data": {"$ref": f"#/components/schemas/{contract}"},
            },
        },
        "examples": [{"name": contract, "summary": "Invented", "payload": example}],
    }


def example(event: Event) -> dict[str, Any]:
    """One invented event of this kind, as a consumer receives it; made from the frozen samples."""
    envelope = _sample("envelope-incident")
    data = _sample(_EXAMPLES[event.body])
    if event.body == "removed":
        data["entity"] = event.entity
    if event.action == "withdrawn":
        del data["reason"]  # it never says why
    made = {
        **envelope,
        "type": event.type,
        "dataschema": f"urn:copperline:contract:{event.body}:v{MAJOR}",
        "data": data,
    }
    if event.action == "corrected":
        made["causationid"] = "6f1e0000000000000000000000000004"
    return made


def _sample(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_bytes())
    return made


def _id(event: Event) -> str:
    return f"{event.entity}.{event.action}"


def _channel(event: Event) -> dict[str, Any]:
    return {
        "address": event.topic,
        "summary": f"{event.entity} {event.action}",
        "description": f"{MEANINGS[event.entity]} {ACTIONS[event.action]}",
        "messages": {"event": {"$ref": f"#/components/messages/{_id(event)}"}},
        "parameters": {"agency": {"description": "The agency's ORI, lower case", "examples": ["vt0040100"]}},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"type": "topic", "durable": True}, "bindingVersion": "0.3.0"}
        },
    }


def _operation(event: Event) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_id(event)}"},
        "summary": f"The gateway says that something of kind {event.entity} is {event.action}",
        "bindings": {
            "amqp": {"deliveryMode": 2, "mandatory": True, "timestamp": True, "ack": True, "bindingVersion": "0.3.0"}
        },
    }


def _message(event: Event) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": f"{event.entity} {event.action}",
        "summary": ACTIONS[event.action],
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.type},
                        "data": {"$ref": f"#/components/schemas/{event.body}"},
                    },
                },
            ]
        },
        "examples": [{"name": _id(event), "summary": "Invented", "payload": example(event)}],
    }


def _components(schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The contracts, then the parts that they share, by name."""
    parts: dict[str, Any] = {}
    for name, schema in schemas.items():
        for part, said in schema.get("$defs", {}).items():
            if parts.setdefault(part, said) != said:
                raise ValueError(f"two contracts mean different things by the part {part}")
        yield name, _inside({key: value for key, value in schema.items() if key not in {"$schema", "$id", "$defs"}})
    for part in sorted(parts):
        yield part, _inside(parts[part])


def _inside(node: Any) -> Any:
    """The same schema with its references to components; what stands beside a reference is kept, around it."""
    if isinstance(node, list):
        return [_inside(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {key: _inside(value) for key, value in node.items()}
    led = {"$ref": f"#/components/schemas/{node['$ref'].rpartition('/')[2]}"}
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**beside, "allOf": [led]} if beside else led
