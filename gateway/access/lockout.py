"""Guessing is stopped: after five failures in fifteen minutes a claim is heard no more for as long.

A failure counts for the address and what was claimed (the id of a key, a name), so that one who
guesses behind a relay locks nobody else out there.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
WINDOW_S = 15 * 60.0
REMEMBERED = 10_000
"""Claims that are remembered; the oldest go first."""


@dataclass(slots=True)
class _Failures:
    count: int
    since: float


class Lockout:
    """Counts failures.  Safe from any thread.  `clock`: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def left_s(self, address: str, claim: str) -> float:
        """Seconds for which this claim is not heard; 0 where it is."""
        with self._lock:
            found = self._failures.get((address, claim))
            if found is None or found.count < FAILURES:
                return 0.0
            return max(0.0, found.since + WINDOW_S - self._clock())

    def failed(self, address: str, claim: str) -> bool:
        """One claim was wrong; True where this locks it out."""
        now = self._clock()
        with self._lock:
            found = self._failures.get((address, claim))
            if found is None or now > found.since + WINDOW_S:
                found = self._failures[address, claim] = _Failures(0, now)
            self._failures.move_to_end((address, claim))
            found.count += 1
            if found.count == FAILURES:
                found.since = now  # the time of being locked out begins with the last failure
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)
            return found.count == FAILURES

    def succeeded(self, address: str, claim: str) -> None:
        """The claim was right: what went wrong before is forgotten."""
        with self._lock:
            self._failures.pop((address, claim), None)
