"""The circuit breaker of one system: it keeps a system that fails from being asked over and over.

Closed: calls pass.  After `THRESHOLD` failures in a row it opens; when its wait is over one call
may try, and its outcome closes it or opens it for longer.  A person may trip it, and only a person
resets what was tripped.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

THRESHOLD = 5
"""Failures in a row that open a breaker."""

LONGEST = timedelta(minutes=5)
"""No wait between two tries is longer."""

State = Literal["closed", "open", "half-open", "tripped"]


def full_jitter(failures: int, *, first: timedelta = timedelta(seconds=1), dice: random.Random | None = None) -> timedelta:
    """How long to wait after so many failures in a row: anything up to a bound that doubles, to `LONGEST`."""
    bound = min(LONGEST, first * (1 << min(failures, 16)))
    share: float = (dice or random).uniform(0.1, 1.0)
    return bound * share


@dataclass(slots=True)
class Breaker:
    """One system's breaker.  Used under the runner's lock; the clock is passed in."""

    failures: int = 0
    opened_until: datetime | None = None
    tripped: bool = False
    trying: bool = False
    dice: random.Random = field(default_factory=random.Random)

    def state(self, now: datetime) -> State:
        """What it is at this moment."""
        if self.tripped:
            return "tripped"
        if self.opened_until is None:
            return "closed"
        return "open" if now < self.opened_until else "half-open"

    def admits(self, now: datetime) -> bool:
        """Whether a call may start now; of a half-open one, the first call only."""
        match self.state(now):
            case "closed":
                return True
            case "half-open" if not self.trying:
                self.trying = True
                return True
            case _:
                return False

    def succeeded(self) -> None:
        """A call came back with an answer."""
        self.failures, self.opened_until, self.trying = 0, None, False

    def failed(self, now: datetime) -> timedelta:
        """A call found the system unreachable; returns how long to wait before the next."""
        self.failures += 1
        self.trying = False
        wait = full_jitter(self.failures, dice=self.dice)
        if self.failures >= THRESHOLD:
            self.opened_until = now + wait
        return wait

    def trip(self) -> None:
        """A person opens it, until a person resets it."""
        self.tripped = True

    def reset(self) -> None:
        """A person closes it."""
        self.tripped = False
        self.succeeded()
