"""Which rows of the overlap have been read: fingerprints of (watermark, key), few bytes each, in the cursor.

Only rows that the window can show again are kept.  Of those the cursor carries the newest; the rest is
known to this process alone, so that a restart reads a busy window's older part once more, and the
journal finds it unchanged.  A window may hold a million rows, after an outage or a change of a whole
table: what is older than the newest hundred thousand costs eight bytes each.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

SIZE = 8
"""Bytes of a fingerprint."""

CARRIED = 4000
"""Fingerprints in a cursor, at most."""

BUCKET = 64
"""Fingerprints that are forgotten together, by their highest watermark."""

QUICK = 100_000
"""So many are held for the quickest look; half of them are packed away when there are more."""


def fingerprint(*parts: Any) -> bytes:
    """Eight bytes that stand for a row at one watermark."""
    said = orjson.dumps(parts, default=str)
    return blake2b(said, digest_size=SIZE).digest()


def digest(original: bytes) -> bytes:
    """Eight bytes that stand for a row's content."""
    return blake2b(original, digest_size=SIZE).digest()


@dataclass(slots=True)
class _Bucket:
    """Fingerprints that came one after the other, the highest watermark of them, and themselves as text once it is full."""

    highest: Any
    held: list[bytes]
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Packed:
    """Many older fingerprints, sorted as numbers, with the lowest and the highest of their watermarks."""

    lowest: Any
    highest: Any
    numbers: array[int]

    def holds(self, mark: Any, one: bytes) -> bool:
        if not self.lowest <= mark <= self.highest:
            return False
        number = int.from_bytes(one)
        at = bisect_left(self.numbers, number)
        return at < len(self.numbers) and self.numbers[at] == number


class Known:
    """A set of fingerprints that forgets what the window cannot show again."""

    def __init__(self) -> None:
        self._packed: list[_Packed] = []
        self._buckets: list[_Bucket] = []
        self._all: set[bytes] = set()
        self._highest: Any = None
        self._lowest: Any = None

    def holds(self, mark: Any, one: bytes) -> bool:
        """Whether this row was read at this watermark."""
        return one in self._all or any(packed.holds(mark, one) for packed in self._packed)

    def __len__(self) -> int:
        return len(self._all) + sum(len(packed.numbers) for packed in self._packed)

    def may_hold(self, mark: Any) -> bool:
        """Whether a row of this watermark can be known at all; spares the fingerprint of what is new for certain."""
        return self._highest is not None and bool(mark <= self._highest)

    def add(self, mark: Any, one: bytes) -> None:
        """A row was read at this watermark."""
        if one in self._all:
            return
        self._all.add(one)
        if self._highest is None:
            self._highest = self._lowest = mark
        elif mark > self._highest:
            self._highest = mark
        elif mark < self._lowest:
            self._lowest = mark
        last = self._buckets[-1] if self._buckets else None
        if last is None or len(last.held) == BUCKET:
            self._buckets.append(_Bucket(mark, [one]))
            if len(self._all) > QUICK:
                self._pack()
            return
        last.held.append(one)
        last.highest = max(last.highest, mark)

    def forget_below(self, mark: Any) -> None:
        """The window begins here from now on."""
        self._packed = [packed for packed in self._packed if packed.highest >= mark]
        for bucket in self._buckets:
            if bucket.highest < mark:
                self._all.difference_update(bucket.held)
        self._buckets = [bucket for bucket in self._buckets if bucket.highest >= mark]

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

    def _pack(self) -> None:
        """The older half."""
        half = len(self._buckets) // 2
        older, self._buckets = self._buckets[:half], self._buckets[half:]
        prints = [one for bucket in older for one in bucket.held]
        self._all.difference_update(prints)
        numbers = array("Q", sorted(map(int.from_bytes, prints)))
        self._packed.append(_Packed(self._lowest, max(bucket.highest for bucket in older), numbers))

    def _newest(self) -> Iterator[list[Any]]:
        left = CARRIED
        for bucket in reversed(self._buckets):
            left -= len(bucket.held)
            if left < 0:
                return
            text = bucket.text or b64encode(b"".join(bucket.held)).decode()
            if len(bucket.held) == BUCKET:
                bucket.text = text
            yield [bucket.highest, text]
