"""What stands for a system's names, versions, events and fields: keyed hashes, four of them a record.

Each is `Keys.token` of its parts; a test compares them.  Written out, since what never changes from
record to record is then put together once: a third of the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.event import Keys, sized


class Tokens:
    """Names, versions, event ids and digests of one system's records."""

    __slots__ = ("_digest", "_entities", "_keys", "_kinds", "_system")

    def __init__(self, keys: Keys, system: str) -> None:
        self._digest = keys.ids
        self._keys, self._system = keys, system.encode()
        self._kinds: dict[str, bytes] = {}
        self._entities: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def name(self, kind: str, key: str) -> bytes:
        """The name of a record: system, kind and key."""
        prefix = self._kinds.get(kind)
        if prefix is None:
            prefix = self._kinds[kind] = b"name" + sized(self._system, kind.encode()) + b"\x00"
        text = key.encode()
        return self._digest(prefix + len(text).to_bytes(4) + text)[:16]

    def version(self, name: bytes, change: int, version: str) -> bytes:
        """Stands for a version and change of a name; empty where the origin keeps none."""
        if not version:
            return b""
        text = version.encode()
        said = b"\x00\x00\x00\x00\x01r\x00" if change else b"\x00\x00\x00\x00\x01p\x00"
        return self._digest(b"version\x00\x00\x00\x00\x10" + name + said + len(text).to_bytes(4) + text)[:16]

    def event(self, name: bytes, sequence: int, entity: str, index: int, fields: bytes) -> bytes:
        """The id of one event, over name, sequence, entity, index within the raw record and fields digest."""
        found = self._entities.get((entity, index))
        if found is None:
            end = sized(entity.encode(), index.to_bytes(4))
            found = self._entities[entity, index] = b"event\x00\x00\x00\x00\x10", end + b"\x00\x00\x00\x00\x10"
        before, after = found
        return self._digest(before + name + b"\x00\x00\x00\x00\x08" + sequence.to_bytes(8) + after + fields)[:16]

    def fields(self, fields: Mapping[str, Any]) -> bytes:
        """Stands for decoded fields; equal for equal fields whatever their order."""
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
        return self._digest(b"fields\x00" + len(text).to_bytes(4) + text)[:16]

    # Seldom made, so straight from the keys

    def part(self, name: bytes, entity: str, part: str) -> bytes:
        """Stands for one of several canonical records of a name."""
        return self._keys.token("part", name, entity.encode(), part.encode())

    def subject(self, agency: str, subject: str) -> bytes:
        """Stands for an incident or exhibit of an agency, whichever of its systems speaks of it."""
        return self._keys.token("subject", agency.lower().encode(), subject.encode())

    def rejected(self, original: bytes) -> bytes:
        """Stands for bytes that could not be read."""
        return self._keys.token("rejected", original)

    def nameless(self, document: bytes, where: str, digest: bytes) -> bytes:
        """The name of a record whose key could not be read: its document, place and bytes."""
        return self._keys.token("nameless", self._system, document, where.encode(), digest)
