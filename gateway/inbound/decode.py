"""Messages to records.  A publisher speaks for itself only, in one of three forms, and never commands.

    CloudEvent (structured or binary)    its data: what the contract of its kind says, CAP, an entity, or a consumer's answer
    CAP 1.2                              the alert
    NGSI-LD notification                 each of its entities

Whatever is refused is one rejected record with the message's bytes and every problem.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem, Reject
from gateway.inbound import answer, cap, cloudevent, message, ngsi
from gateway.inbound.cloudevent import Event
from gateway.inbound.codes import FORM, LARGE, PUBLISHER, SOURCE
from gateway.inbound.message import Message
from gateway.inbound.settings import Settings

WHERE = "message"
XML = ("application/cap+xml", "application/xml", "text/xml")


def decode(settings: Settings, document: Document) -> Iterator[RawRecord | Rejected]:
    """The records of one message.  What its publisher may not say, or did not say well, is a Rejected."""
    said = message.of(document)
    vouched = not document.preamble or said.user == settings.user
    try:
        if not vouched:
            raise Reject(Problem(PUBLISHER))
        if len(said.body) > settings.largest:
            raise Reject(Problem(LARGE))
        yield from list(_records(settings, said))
    except Reject as e:
        yield Rejected(said.body, WHERE, e.problems)


def skipped(document: Document) -> list[tuple[int, int, str]]:
    """The bytes of a message that are no record: what stands around the entities of a notification."""
    return ngsi.around(document.body or b"")


def _records(settings: Settings, said: Message) -> Iterator[RawRecord | Rejected]:
    event = cloudevent.read(said)
    if event is not None:
        if not settings.speaks_for(event.source):
            raise Reject(Problem(SOURCE, path="source"))
        yield _of_event(settings, event, said.body)
    elif said.content_type.partition(";")[0].strip().lower() in XML or said.body.lstrip()[:1] == b"<":
        yield _of_cap(settings, said.body, said.body)
    else:
        yield from _of_entities(settings, said.body)


def _of_event(settings: Settings, event: Event, original: bytes) -> RawRecord | Rejected:
    """The record that a CloudEvent carries; its own id tells a repeated one."""
    version = f"{event.source} {event.id}"
    record: RawRecord | Rejected
    if event.xml is not None:
        record = _of_cap(settings, event.xml, original)
    elif ngsi.is_entity(event.data):
        (record,) = ngsi.records([(event.data, original)], settings)
    elif event.type in answer.KINDS:
        record = answer.record(event, settings, original)
    else:
        record = cloudevent.record(event, settings.events.get(event.type, "alert"), settings, original)
    return record._replace(version=version) if isinstance(record, RawRecord) else record


def _of_cap(settings: Settings, text: bytes, original: bytes) -> RawRecord:
    alert = cap.read(text)
    if alert["sender"] != settings.sender:
        raise Reject(Problem(SOURCE, path="sender"))
    version = f"{alert['sender']} {alert['identifier']} {alert['sent']}"
    return RawRecord("cap", cap.key(alert), version, "put", alert, original, WHERE)


def _of_entities(settings: Settings, body: bytes) -> Iterator[RawRecord | Rejected]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise Reject(Problem(FORM)) from e
    yield from ngsi.records(ngsi.entities(said, body), settings)
