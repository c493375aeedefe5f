"""Which rows of the overlap have been read: fingerprints of (watermark, key), few bytes each, in the cursor.

Only rows that the window can show again are kept.  Of those the cursor carries the newest; the rest is
known to this process alone, so that a restart reads a busy window's older part once more, and the
journal finds it unchanged.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

SIZE = 8
"""Bytes of a fingerprint."""

CARRIED = 4000
"""Fingerprints in a cursor, at most."""

BUCKET = 64
"""Fingerprints that are forgotten together, by their highest watermark."""


def fingerprint(*parts: Any) -> bytes:
    """Eight bytes that stand for a row at one watermark."""
    said = orjson.dumps(parts, default=str)
    return hashlib.blake2b(said, digest_size=SIZE, usedforsecurity=False).digest()


def digest(original: bytes) -> bytes:
    """Eight bytes that stand for a row's content."""
    return hashlib.blake2b(original, digest_size=SIZE, usedforsecurity=False).digest()


class Known:
    """A set of fingerprints that forgets what the window cannot show again."""

    def __init__(self) -> None:
        self._buckets: list[tuple[Any, list[bytes]]] = []
        self._all: set[bytes] = set()
        self._highest: Any = None

    def __contains__(self, one: bytes) -> bool:
        return one in self._all

    def __len__(self) -> int:
        return len(self._all)

    def may_hold(self, mark: Any) -> bool:
        """Whether a row of this watermark can be known at all; spares the fingerprint of what is new for certain."""
        return self._highest is not None and bool(mark <= self._highest)

    def add(self, mark: Any, one: bytes) -> None:
        """A row was read at this watermark."""
        if one in self._all:
            return
        self._all.add(one)
        self._highest = mark if self._highest is None else max(self._highest, mark)
        if self._buckets and len(self._buckets[-1][1]) < BUCKET:
            highest, held = self._buckets[-1]
            held.append(one)
            self._buckets[-1] = (max(highest, mark), held)
        else:
            self._buckets.append((mark, [one]))

    def forget_below(self, mark: Any) -> None:
        """The window begins here from now on."""
        for highest, held in self._buckets:
            if highest < mark:
                self._all.difference_update(held)
        self._buckets = [(highest, held) for highest, held in self._buckets if highest >= mark]

    def packed(self) -> list[list[Any]]:
        """The newest of them, for a cursor."""
        return list(self._newest())[::-1]

    @classmethod
    def unpacked(cls, said: Sequence[Sequence[Any]]) -> Known:
        """From a cursor."""
        known = cls()
        for mark, text in said:
            held = b64decode(text)
            for at in range(0, len(held), SIZE):
                known.add(mark, held[at : at + SIZE])
        return known

    def _newest(self) -> Iterator[list[Any]]:
        left = CARRIED
        for mark, held in reversed(self._buckets):
            left -= len(held)
            if left < 0:
                return
            yield [mark, b64encode(b"".join(held)).decode()]
