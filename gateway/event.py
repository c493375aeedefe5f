"""Sealing: how a canonical record becomes an event that never changes again.

Every id is a keyed hash under the site's key over what it names.  So a crash, a second replica or
a file that arrives twice gives the same ids again, and nobody without the key can guess one.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

MAJOR = 1
"""The major version of the contracts that this gateway seals."""


class Draft(NamedTuple):
    """A canonical record on its way in: mapped and valid, not yet an event.  A tuple, as one is made for every record."""

    entity: str
    """As on the topics: incident, unit, recording, evidence, custody-transfer, alert."""
    part: str
    """Tells apart the several canonical records of one raw record; "" where there is one."""
    subject: str
    """The incident or exhibit it is about, as text that is stable for it; "" means the record's own name."""
    agency: str
    """ORI or the like, as the record gives it; "" means the system's own."""
    time: str
    """When it happened, RFC 3339; "" where the record does not say."""
    data: bytes
    """The canonical record as JSON, already valid against its contract."""
    status: str = "Actual"
    expires: str = ""


class Keys:
    """The site's key, and everything that is derived from it.

    `site_key`: 32 bytes.  Derived keys are HMAC-SHA256 of a purpose under it, so that one that
    leaks gives away no other.
    """

    __slots__ = ("_ids", "_site", "body")

    def __init__(self, site_key: bytes) -> None:
        if len(site_key) != 32:
            raise ValueError("a site key has 32 bytes")
        self._site = site_key
        self._ids = self.derive("ids")
        self.body = self.derive("body")

    def derive(self, purpose: str) -> bytes:
        """A key of its own for one purpose: 32 bytes."""
        return hmac.digest(self._site, purpose.encode(), "sha256")

    def token(self, what: str, *parts: bytes) -> bytes:
        """128 bits that stand for `parts` and say nothing about them; `what` keeps the purposes apart."""
        message = b"\x00".join((what.encode(), *(len(part).to_bytes(4) + part for part in parts)))
        return hmac.digest(self._ids, message, "sha256")[:16]

    def name(self, system: str, kind: str, key: str) -> bytes:
        """The name of a record: system, kind and key."""
        return self.token("name", system.encode(), kind.encode(), key.encode())

    def event_id(self, name: bytes, sequence: int, entity: str, index: int, fields: bytes) -> bytes:
        """The id of one event: 128 bits over name, sequence, entity, index within the raw record and fields digest."""
        return self.token("event", name, sequence.to_bytes(8), entity.encode(), index.to_bytes(4), fields)

    def fields_digest(self, fields: Mapping[str, Any]) -> bytes:
        """128 bits over decoded fields; equal for equal fields whatever their order."""
        return self.token("fields", orjson.dumps(fields, option=orjson.OPT_SORT_KEYS))


_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def topic(agency: str, entity: str, action: str) -> str:
    """The routing key `police.<agency>.<entity>.<action>.v<major>`: at most 255 bytes, nothing personal in it."""
    word = _NOT_A_WORD.sub("-", agency.lower()).strip("-")[:32] or "unknown"
    return f"police.{word}.{entity}.{action}.v{MAJOR}"
