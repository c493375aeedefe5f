"""Stores what a destination has moved: after some 500 ends or 200 ms, each time all of it or nothing.

Where the store cannot take it, it is kept and stored before anything else happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from gateway.delivery.flow import Flow
from gateway.delivery.track import End

if TYPE_CHECKING:
    from gateway.store.deliveries import Deliveries
    from gateway.store.rows import Settlement

SETTLED_AT = 500
"""Ends after which a settlement is stored."""
SETTLED_AFTER_S = 0.2
"""Time after which it is, however few they are."""

Ended: TypeAlias = Callable[[Sequence[tuple[int, End]]], None]
"""Told, before they are settled, how deliveries of a careful destination ended: position and end.  Raises Retry to be told again."""


class Settling:
    """Used by one thread.  `wording`: the digest of what is agreed."""

    def __init__(self, deliveries: Deliveries, dest: int, flow: Flow, wording: str, ended: Ended | None) -> None:
        self._deliveries, self._dest, self._flow, self._wording, self._ended = deliveries, dest, flow, wording, ended
        self._unstored: Settlement | None = flow.settlement(wording)
        """At the start: what a process that ended leaves in doubt.  That is known before anything is judged."""
        self._untold: list[tuple[int, End]] = []
        self._settled = float("-inf")
        self._moves = 0

    @property
    def done(self) -> bool:
        """Nothing that was taken together waits for the store."""
        return self._unstored is None

    def settle(self, *, now: bool = False) -> bool:
        """Store what moved, where it is time or `now`.  Raises what the store raises; then nothing is lost."""
        ended = self._flow.moves - self._moves
        waited = time.monotonic() - self._settled >= SETTLED_AFTER_S
        if not (now or ended >= SETTLED_AT or waited):
            return False
        self._settled = time.monotonic()
        self._moves = self._flow.moves
        self._unstored = self._flow.settlement(self._wording)
        return self.store()

    def store(self) -> bool:
        """Store what was taken together before and could not be stored then."""
        self._tell()
        if self._unstored is None:
            return False
        self._deliveries.settle(self._dest, self._unstored)
        self._unstored = None
        return True

    def _tell(self) -> None:
        """Before they are settled: what a crash lets be told twice is told once, since whoever hears of it knows it again."""
        self._untold += self._flow.take_ends()
        if self._untold and self._ended is not None:
            self._ended(self._untold)
        self._untold = []
