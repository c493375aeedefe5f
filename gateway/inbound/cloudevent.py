"""CloudEvents 1.0 as they come over AMQP 0-9-1: structured, or binary in any of the header spellings in use.

`cloudEvents_` and `cloudEvents:` are the AMQP binding's, `ce-` the one written for RabbitMQ; one
message uses one of them.  The data of an event keeps the contract of its kind, unless its
content type says that it is CAP.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.adapter import RawRecord, Rejected
from gateway.errors import Problem, Reject
from gateway.inbound.codes import ATTRIBUTE, CONTRACT, FORM
from gateway.inbound.message import Message
from gateway.inbound.settings import Settings

STRUCTURED = "application/cloudevents"
PREFIXES = ("cloudevents_", "cloudevents:", "ce-")
NEEDED = ("id", "source", "specversion", "type")
CAP = ("application/cap+xml", "application/xml", "text/xml")
FOLLOWS = ("Update", "Cancel", "Ack", "Error")
"""Message types that are about an earlier alert."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: what it is called, and its data as JSON or as XML."""

    id: str
    source: str
    type: str
    data: Any = None
    xml: bytes | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def read(message: Message) -> Event | None:
    """The CloudEvent in a message; None where it is none.  Raises Reject with everything that is wrong with one."""
    kind = message.content_type.partition(";")[0].strip().lower()
    if kind.startswith(STRUCTURED):
        if kind not in (STRUCTURED, f"{STRUCTURED}+json"):
            raise Reject(Problem(FORM, rule="only single events in JSON are taken"))
        return _structured(_json(message.body))
    headers = _attributes(message.headers)
    if headers:
        return _binary(headers, kind, message.body)
    said = _json_or_nothing(message.body) if not kind.endswith("xml") else None
    return _structured(said) if isinstance(said, dict) and "specversion" in said else None


def record(event: Event, kind: str, settings: Settings, original: bytes) -> RawRecord | Rejected:
    """The record that an event carries, held against the contract of its kind; rejected with its key where that can be read."""
    data = event.data
    if not isinstance(data, dict):
        raise Reject(Problem(CONTRACT, path="data", rule="is not an object"))
    own = settings.contracts.get(kind)
    key, name = (str(data.get(own.key) or ""), own.key) if own else (_key(data), "alertId")
    missing = () if key else (Problem(CONTRACT, path=name, rule="is missing"),)
    problems = (*missing, *settings.broken(kind)(data))
    if problems:
        return Rejected(original, "message", problems, kind if key else "", key, f"{event.source} {event.id}")
    told = {"id": event.id, "source": event.source, "type": event.type, **event.attributes}
    return RawRecord(kind, key, "", "put", {**data, "cloudevent": told}, original, "message")


def _key(data: Mapping[str, Any]) -> str:
    """The number of the record that an alert belongs to: its own, or that of the first one that it refers to."""
    references = data.get("references")
    if data.get("msgType") in FOLLOWS and isinstance(references, list) and references:
        return str(references[0])
    return str(data.get("alertId") or "")


def _structured(said: Any) -> Event:
    if not isinstance(said, dict):
        raise Reject(Problem(FORM))
    attributes = {name: value for name, value in said.items() if name not in ("data", "data_base64")}
    texts = _checked(attributes)
    data = said.get("data")
    if "data_base64" in said:
        return _event(texts, _decoded(said["data_base64"]))
    if isinstance(data, str) and _xml(texts):
        return _event(texts, data.encode())
    return Event(texts["id"], texts["source"], texts["type"], data, attributes=_others(texts))


def _binary(headers: Mapping[str, str], kind: str, body: bytes) -> Event:
    return _event(_checked({"datacontenttype": kind, **headers}), body)


def _event(texts: Mapping[str, str], body: bytes) -> Event:
    """An event whose data came as bytes."""
    made = Event(texts["id"], texts["source"], texts["type"], attributes=_others(texts))
    if _xml(texts):
        return Event(made.id, made.source, made.type, xml=body, attributes=made.attributes)
    return Event(made.id, made.source, made.type, _json(body), attributes=made.attributes)


def _attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes among a message's headers.  Raises Reject where two spellings are mixed."""
    found: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        for prefix in PREFIXES:
            if name.lower().startswith(prefix):
                found.setdefault(prefix, {})[name[len(prefix) :].lower()] = value
    if len(found) > 1:
        raise Reject(Problem(FORM, rule="headers of two spellings are mixed in one message"))
    return next(iter(found.values()), {})


def _checked(attributes: Mapping[str, Any]) -> dict[str, str]:
    """The attributes as text.  Raises Reject with each that is missing or no plain value."""
    problems = [Problem(ATTRIBUTE, path=name, rule="is missing") for name in NEEDED if not attributes.get(name)]
    problems += [
        Problem(ATTRIBUTE, path=str(name)[:40], rule="is no plain value")
        for name, value in attributes.items()
        if not isinstance(value, str | int | bool)
    ]
    if not problems and str(attributes["specversion"]) != "1.0":
        problems = [Problem(ATTRIBUTE, path="specversion", rule="is not 1.0")]
    if problems:
        raise Reject(*problems)
    return {name: str(value) for name, value in attributes.items()}


def _others(texts: Mapping[str, str]) -> dict[str, str]:
    kept = ("time", "subject", "dataschema")
    return {name: texts[name] for name in kept if texts.get(name)}


def _xml(texts: Mapping[str, str]) -> bool:
    return texts.get("datacontenttype", "").partition(";")[0].strip().lower() in CAP


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as e:
        raise Reject(Problem(ATTRIBUTE, path="data_base64", rule="is not base64")) from e


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise Reject(Problem(FORM, rule="the body is not JSON")) from e


def _json_or_nothing(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
