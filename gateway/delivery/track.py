"""How far one feed is settled at one destination: never further than the lowest event that is not done.

Events are read in order and finish in any order.  What finishes early waits here, counted nowhere,
until all before it have finished; then position and counts move together.  So a stored position may
lag behind what was confirmed, and never leads.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Literal

from gateway.store.rows import FeedSettled

End = Literal["delivered", "withheld", "expired", "parked", "passed", "exception"]
"""`passed`: the agreement does not ask for it, it counts nowhere; `exception`: it has a row of its own, also when `parked`."""


class Track:
    """One feed.  `position` is settled or about to be; `read_to` is the last one read."""

    __slots__ = ("_counts", "_done", "_feed", "_open", "moved", "position", "read_to")

    def __init__(self, feed: int, position: int) -> None:
        self.position = self.read_to = position
        self._feed = feed
        self._open: deque[int] = deque()
        self._done: dict[int, End] = {}
        self._counts: Counter[End] = Counter()
        self.moved = False
        """Whether there is something to settle."""

    def __len__(self) -> int:
        """Events that were read and are not yet behind the position."""
        return len(self._open)

    def read(self, position: int) -> bool:
        """An event was read.  False: it was already done, before a loss made us read again."""
        self._open.append(position)
        self.read_to = position
        return position not in self._done

    def passed(self, position: int) -> bool:
        """Whether an event was read, or ended before a loss made us read again."""
        return position <= self.read_to or position in self._done

    def done(self, position: int, end: End) -> None:
        """An event ended; `advance` moves the position over it when its turn has come."""
        self._done[position] = end

    def advance(self) -> None:
        """Move the position over everything that is done without a gap."""
        waiting, done = self._open, self._done
        while waiting and (end := done.pop(waiting[0], None)) is not None:
            self.position = waiting.popleft()
            self._counts[end] += 1
            self.moved = True

    def count(self, end: End) -> None:
        """Count an event that ended; also one that had a row of its own, whose position was passed long ago."""
        self._counts[end] += 1
        self.moved = True

    def settled(self) -> FeedSettled | None:
        """What to store since the last time; None where nothing moved."""
        if not self.moved:
            return None
        counts, self._counts, self.moved = self._counts, Counter(), False
        return FeedSettled(self._feed, self.position, counts["delivered"], counts["withheld"], counts["expired"])

    def rewind(self) -> None:
        """What was under way is unknown: read again from the position.  What is done stays done."""
        self._open.clear()
        self.read_to = self.position
