"""NGSI-LD: a notification of a context broker, or one entity of it.

Entities come normalised: each attribute is an object with its value.  A record's fields are the values;
its original is the entity's own piece of the notification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.adapter import RawRecord, Rejected
from gateway.errors import Problem, Reject
from gateway.inbound.codes import CONTRACT, FORM, SOURCE
from gateway.inbound.settings import Settings

_DATA = re.compile(rb'"data"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_KIND = re.compile(r"[^a-z0-9]+")


def is_entity(value: Any) -> bool:
    """Whether a JSON value is an NGSI-LD entity."""
    return isinstance(value, dict) and isinstance(value.get("id"), str) and value["id"].startswith("urn:ngsi-ld:") and isinstance(value.get("type"), str)


def entities(said: Any, body: bytes) -> list[tuple[Any, bytes]]:
    """The entities of a body, each with its own bytes.  Raises Reject where it is neither notification nor entity."""
    if is_entity(said) and said["type"] != "Notification":
        return [(said, body)]
    if not isinstance(said, dict) or said.get("type") != "Notification" or not isinstance(said.get("data"), list):
        raise Reject(Problem(FORM))
    pieces = [body[start:end] for start, end in _pieces(body)]
    if not said["data"] or len(pieces) != len(said["data"]):
        raise Reject(Problem(CONTRACT, path="data", rule="holds no entity"))
    return list(zip(said["data"], pieces, strict=True))


def records(found: Iterable[tuple[Any, bytes]], settings: Settings) -> Iterator[RawRecord | Rejected]:
    """One record for each entity; an entity that says the same again is told by its fields."""
    for number, (entity, original) in enumerate(found):
        if not is_entity(entity):
            raise Reject(Problem(CONTRACT, path=f"data.{number}", rule="is no entity: id and type are missing"))
        fields = {name: _value(value) for name, value in entity.items() if name != "@context"}
        source = fields.get("source")
        if isinstance(source, str) and not settings.speaks_for(source):
            raise Reject(Problem(SOURCE, path=f"data.{number}.source"))
        kind = kind_of(entity)
        problems = list(settings.broken(kind)(fields)) if kind in settings.contracts else []
        if problems:
            yield Rejected(original, f"message, entity {number}", tuple(problems), kind, entity["id"])
            continue
        yield RawRecord(kind, entity["id"], "", "put", fields, original, f"message, entity {number}")


def kind_of(entity: Mapping[str, Any]) -> str:
    """The kind of record that an entity's type stands for."""
    return "ngsi-" + _KIND.sub("-", entity["type"].rpartition("/")[2].lower()).strip("-")


def around(body: bytes) -> list[tuple[int, int, str]]:
    """What stands around the entities of a notification; nothing of any other body."""
    pieces = _pieces(body) if b'"Notification"' in body[:4096] else []
    edges = [0, *(edge for piece in pieces for edge in piece), len(body)]
    gaps = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]
    return [(start, end - start, "around the entities of a notification") for start, end in gaps] if pieces else []


def _pieces(body: bytes) -> list[tuple[int, int]]:
    """Where each entity of a notification begins and ends, in bytes."""
    found = _DATA.search(body)
    if found is None:
        return []
    text = body[found.end() :].decode("utf-8", "replace")
    pieces: list[tuple[int, int]] = []
    decoder, at, offset = json.JSONDecoder(), 0, found.end()
    while True:
        start = _BETWEEN.match(text, at).end()  # type: ignore[union-attr] # the pattern matches nothing, too
        if text[start : start + 1] != "{":
            return pieces
        try:
            _, end = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            return pieces
        first = offset + len(text[:start].encode())
        pieces.append((first, first + len(text[start:end].encode())))
        at = end


def _value(value: Any) -> Any:
    """What an attribute says: its value, or the entity that it relates to."""
    if isinstance(value, Mapping):
        for name in ("value", "object", "languageMap"):
            if name in value:
                return value[name]
    return value
