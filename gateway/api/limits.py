"""How often and how much at once one caller may ask, so that no caller slows another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from gateway.access import Caller
from gateway.api.codes import AT_ONCE, RATE
from gateway.api.problems import Refusal
from gateway.errors import Problem


@dataclass(slots=True)
class _Use:
    """One caller's bucket: it fills at the caller's rate and holds a minute's worth."""

    left: float
    at: float
    under_way: int = 0


class Meter:
    """Used on the event loop only.  `clock`: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uses: dict[str, _Use] = {}

    def enter(self, caller: Caller) -> None:
        """One request more.  Raises Refusal where that is too many."""
        now, limits = self._clock(), caller.limits
        use = self._uses.get(caller.name)
        if use is None:
            use = self._uses[caller.name] = _Use(limits.per_minute, now)
        use.left = min(limits.per_minute, use.left + (now - use.at) * limits.per_minute / 60)
        use.at = now
        if use.left < 1:
            raise Refusal(429, Problem(RATE), after=timedelta(seconds=(1 - use.left) * 60 / limits.per_minute))
        if use.under_way >= limits.at_once:
            raise Refusal(429, Problem(AT_ONCE), after=timedelta(seconds=1))
        use.left -= 1
        use.under_way += 1

    def leave(self, caller: Caller) -> None:
        """One request less is under way."""
        self._uses[caller.name].under_way -= 1
