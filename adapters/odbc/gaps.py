"""Numbers that were passed over: rolled back, or of a transaction that is not over yet.

Each range is looked at again until it is filled or too old to be.  At most 1,000 are kept; where more
would be needed the oldest are given up and `due` is set: then only reconciliation can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST = 1000


@dataclass(slots=True)
class Gaps:
    """Ranges of missing numbers, ascending; each with the second at which it was first seen."""

    ranges: list[tuple[int, int, int]] = field(default_factory=list)
    due: bool = False

    def passed(self, before: int, number: int, now_s: int) -> None:
        """The next number after `before` was `number`."""
        if number > before + 1:
            self.ranges.append((before + 1, number - 1, now_s))
            if len(self.ranges) > MOST:
                del self.ranges[0]
                self.due = True

    def fill(self, number: int) -> bool:
        """A number has arrived; whether it was missing."""
        for at, (first, last, seen) in enumerate(self.ranges):
            if first <= number <= last:
                rest = [(first, number - 1, seen), (number + 1, last, seen)]
                self.ranges[at : at + 1] = [one for one in rest if one[0] <= one[1]]
                return True
        return False

    def expire(self, before_s: int) -> int:
        """Give up what was first seen before then; how many ranges that were."""
        kept = [one for one in self.ranges if one[2] >= before_s]
        given_up = len(self.ranges) - len(kept)
        self.ranges = kept
        return given_up

    def chunks(self, size: int) -> Iterator[Sequence[tuple[int, int]]]:
        """The ranges, so many at a time."""
        for at in range(0, len(self.ranges), size):
            yield [(first, last) for first, last, _ in self.ranges[at : at + size]]
