"""Sealing: how a canonical record becomes an event that never changes again.

Every id is a keyed hash under the site's key over what it names.  So a crash, a second replica or
a file that arrives twice gives the same ids again, and nobody without the key can guess one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

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
    action: str = ""
    """As on the topics; "" lets the journal tell: created, updated."""


class Keys:
    """The site's key, and everything that is derived from it.

    `site_key`: 32 bytes.  Derived keys are HMAC-SHA256 of a purpose under it, so that one that
    leaks gives away no other.
    """

    __slots__ = ("_site", "body", "ids")

    def __init__(self, site_key: bytes) -> None:
        if len(site_key) != 32:
            raise ValueError("a site key has 32 bytes")
        self._site = site_key
        self.ids = keyed(self.derive("ids"))
        """HMAC-SHA256 under the key of all ids."""
        self.body = self.derive("body")

    def derive(self, purpose: str) -> bytes:
        """A key of its own for one purpose: 32 bytes."""
        return hmac.digest(self._site, purpose.encode(), "sha256")

    def token(self, what: str, *parts: bytes) -> bytes:
        """128 bits that stand for `parts` and say nothing about them; `what` keeps the purposes apart."""
        return self.ids(what.encode() + sized(*parts))[:16]


def sized(*parts: bytes) -> bytes:
    """Parts one after the other, each with its length before it, so that no two lists of parts read the same."""
    return b"".join(b"\x00" + len(part).to_bytes(4) + part for part in parts)


def keyed(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 under one key, with the key's two blocks hashed once: half the price of `hmac.digest`."""
    block = key.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def digest(message: bytes) -> bytes:
        first, second = inner(), outer()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    return digest


_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def topic(agency: str, entity: str, action: str) -> str:
    """The routing key `police.<agency>.<entity>.<action>.v<major>`: at most 255 bytes, nothing personal in it."""
    word = _NOT_A_WORD.sub("-", agency.lower()).strip("-")[:32] or "unknown"
    return f"police.{word}.{entity}.{action}.v{MAJOR}"
