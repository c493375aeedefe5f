"""Back-pressure ends at the disk: below a stated free space intake waits; deliveries go on.

The origin keeps its data, the broker its messages, and callers are told when to come again.
"""

from __future__ import annotations

from gateway.adapter import Log
from gateway.errors import Problem
from gateway.store import Store
from gateway.store.database import FULL
from gateway.telemetry import Metrics


class Space:
    """The space of one store.  `wanted`: bytes that must stay free."""

    def __init__(self, store: Store, wanted: int, *, log: Log, metrics: Metrics) -> None:
        self._store, self._wanted, self._log, self._metrics = store, wanted, log, metrics
        self.short = False
        """Less is free than is wanted."""
        self._met: dict[int, Problem] = {}

    def look(self) -> None:
        """See how much is free."""
        free = self._store.free_bytes()
        short = free < self._wanted
        self._metrics.set("copperline_free_bytes", free)
        self._metrics.set("copperline_intake_paused", short)
        if short and not self.short:
            self._log.warning("intake paused until there is space", free=free, wanted=self._wanted)
        elif self.short and not short:
            self._log.info("intake resumed", free=free)
        self.short = short

    def polled(self, feed_id: int, problem: Problem | None) -> None:
        """A poll of a feed ended; where its problem is a full store, intake waits until a batch is taken or the feed's next poll finds no such thing."""
        if problem is not None and problem.code is FULL:
            self._met[feed_id] = problem
        else:
            self._met.pop(feed_id, None)

    def took(self) -> None:
        """The store took a batch: there is room."""
        self._met.clear()

    @property
    def full(self) -> Problem | None:
        """What the store said when it could not take a batch; None where it has taken one since, or there is none to take."""
        return next(iter(tuple(self._met.values())), None)  # workers change it meanwhile

    @property
    def problem(self) -> Problem | None:
        """Why intake waits for a person to free some space; None where it does not."""
        return self.too_little or self.full

    @property
    def too_little(self) -> Problem | None:
        """Why nothing is taken in; None while there is enough, even where the last batch found none: the next one may."""
        return Problem(FULL, rule=f"less than {self._wanted} bytes are free, which free_space: keeps") if self.short else None
