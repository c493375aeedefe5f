"""One event as one consumer sees it: CloudEvents 1.0, structured JSON, put together from bytes.

What is the same for every event of a topic, system and mapping is encoded once.  The rest is a
handful of short strings around the record's own bytes, which are never parsed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from gateway.agreement.topics import TAKES_BACK

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
NUMBER = "agreementseq"
"""Counts the messages to one destination without a gap."""
PREFIX = "cloudEvents_"
"""What an attribute's name is preceded by as a message header."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """The attributes that all events of one topic, system, mapping and status share; one object for all of them."""

    entity: str
    attributes: tuple[tuple[str, str], ...]
    json: bytes
    """The same as the opening of a JSON object, up to and with the last comma."""
    type: str
    content_type: str = CONTENT_TYPE
    """Of the whole body: the event as structured JSON, unless a destination asks for another format."""


Attributes: TypeAlias = tuple[tuple[str, str | Literal[True]], ...]
"""CloudEvents attributes; the only one that is no text says yes, or is absent."""


def text(value: str | Literal[True]) -> str:
    """An attribute as a message header."""
    return "true" if value is True else value


class Projected(NamedTuple):
    """One event for one agreement, ready to leave."""

    body: bytes
    """Structured CloudEvents JSON, UTF-8; in another format the data alone, with every attribute in the headers."""
    id: str
    """The event's id in this agreement: 32 hex digits."""
    topic: str
    """The routing key."""
    recorded_us: int
    """When it was journalled: microseconds UTC."""
    fields: tuple[str, ...]
    """The names of the fields disclosed, ("*",) for all."""
    fixed: Fixed
    varying: Attributes
    """The attributes that are this event's own."""

    @property
    def data(self) -> Any:
        """The record's part of the body, read again."""
        return orjson.loads(self.body)["data"]

    @property
    def headers(self) -> dict[str, str]:
        """Every attribute, mirrored as a message header."""
        return {PREFIX + name: text(value) for name, value in (*self.fixed.attributes, *self.varying)}


@lru_cache(maxsize=4096)
def fixed(topic: str, system: str, mapping: str, status: str) -> Fixed:
    """What follows from the topic `police.<agency>.<entity>.<action>.v<major>` and where the event came from."""
    _, agency, entity, action, major = topic.split(".")
    contract = "removed" if action in TAKES_BACK else entity
    attributes = (
        ("specversion", "1.0"),
        ("type", f"police.{entity}.{action}.{major}"),
        ("source", f"/agencies/{agency}/systems/{system}"),
        ("datacontenttype", "application/json"),
        ("dataschema", f"urn:copperline:contract:{contract}:{major}"),
        ("sequencetype", "Integer"),
        ("status", status),
        ("mapping", mapping),
    )
    written = tuple((name, value) for name, value in attributes if value)
    return Fixed(entity, written, orjson.dumps(dict(written))[:-1] + b",", f"police.{entity}.{action}.{major}")


def body(shared: Fixed, varying: Attributes, data: bytes) -> bytes:
    """The whole event as JSON.  `data` must be one JSON value already."""
    return b'%b%b,"data":%b}' % (shared.json, orjson.dumps(dict(varying))[1:-1], data)


def numbered(event: Projected, number: int) -> Projected:
    """The same event as the message of this number to its destination."""
    said = str(number)
    opened = b'{"%b":"%b",' % (NUMBER.encode(), said.encode())
    return event._replace(body=opened + event.body[1:], varying=(*event.varying, (NUMBER, said)))


@lru_cache(maxsize=64)
def instant(microseconds: int) -> str:
    """Microseconds UTC as RFC 3339.  The events of one batch share the time, so a few are remembered."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
