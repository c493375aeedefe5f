"""The newest events as they were committed, so that a destination that keeps pace reads no disk.

It holds what the store holds or nothing: an event gets in after its commit, in the order of
positions, and whatever else writes to a feed makes it forget that feed.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter

from gateway.store.rows import Outgoing

MOST_BYTES = 8 * 1024 * 1024
"""Of event data, all feeds together; the oldest of the feed that grows go first."""
MOST_RECORDS = 100_000
"""Records of which the latest version is remembered."""


@dataclass(slots=True)
class _Tail:
    """The end of one feed: every event after position `since` is here."""

    since: int
    events: list[Outgoing] = field(default_factory=list)
    bytes: int = 0


class Recent:
    """Safe from any thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._lock = most_bytes, threading.Lock()
        self._tails: dict[int, _Tail] = {}
        self._latest: dict[bytes, int] = {}
        """Of each record that was said again lately, the position of its latest event."""
        self._since: int | None = None
        """Every version after this position is in `_latest`; None: nothing is known of any."""
        self.generation = 0
        """Grows whenever something was forgotten."""

    def add(self, feed: int, low: int, events: Sequence[Outgoing]) -> None:
        """Committed events of a feed; none of it lies between position `low` and the first of them."""
        with self._lock:
            tail = self._tails.setdefault(feed, _Tail(low - 1))
            tail.events += events
            tail.bytes += sum(len(event.data) for event in events)
            self._note(low, events)
            if sum(other.bytes for other in self._tails.values()) > self._most:
                _shorten(tail, self._most // 2)

    def read(self, feed: int, after: int, limit: int) -> list[Outgoing] | None:
        """The next events after a position; None where the store must be asked."""
        with self._lock:
            tail = self._tails.get(feed)
            if tail is None or after < tail.since:
                return None
            start = bisect_right(tail.events, after, key=attrgetter("position"))
            return tail.events[start : start + limit]

    def newest(self, partition: bytes, position: int) -> int | None:
        """The position of a version of a record after `position`, 0 for none; None where the store must be asked."""
        since = self._since
        if since is None or position <= since:
            return None
        found = self._latest.get(partition, 0)
        return found if found > position else 0

    def seen(self, partition: bytes) -> int:
        """The position of the latest version of a record that came in lately; 0 for none."""
        return self._latest.get(partition, 0)

    def _note(self, low: int, events: Sequence[Outgoing]) -> None:
        if len(self._latest) > MOST_RECORDS:
            self._latest, self._since = {}, None
            self.generation += 1
        if self._since is None:
            self._since = low - 1
        for event in events:
            if event.sequence > 1:
                self._latest[event.partition] = event.position

    @contextmanager
    def set_aside(self, feed: int | None = None) -> Iterator[None]:
        """Something else writes to a feed, or to any: whether it succeeds or not, the store is asked afterwards."""
        try:
            yield
        finally:
            self.forget(feed)

    @contextmanager
    def unless_it_fails(self, feed: int) -> Iterator[None]:
        """A commit without an answer may have happened all the same: then what is here would have a hole."""
        try:
            yield
        except BaseException:
            self.forget(feed)
            raise

    def forget(self, feed: int | None = None) -> None:
        """Ask the store about a feed, or about all."""
        with self._lock:
            self._latest, self._since = {}, None
            self.generation += 1
            if feed is None:
                self._tails.clear()
            else:
                self._tails.pop(feed, None)


def _shorten(tail: _Tail, most: int) -> None:
    """Drop the oldest until at most so many bytes are left."""
    count = 0
    while count < len(tail.events) and tail.bytes > most:
        tail.bytes -= len(tail.events[count].data)
        tail.since = tail.events[count].position
        count += 1
    del tail.events[:count]
