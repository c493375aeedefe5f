"""Which feeds are read now: what is due is handed to the workers, a suspected feed while no other is read.

Everything here is used under the runner's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.line import Line, Loop
from gateway.workers import Job

Wanted = Callable[[Loop, datetime], bool]
"""Whether a feed is to be polled at this time, as whoever runs the gateway sees it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does with a feed."""

    poll: Callable[[Line, Loop, Job], None]
    audit: Callable[[Loop, Job], None]
    lost_audit: Callable[[Loop], None]
    """Told instead of the pool's owner that the worker of an audit was written off."""


class Rota:
    """Hands out polls and reconciliations."""

    def __init__(self, lines: Mapping[str, Line], submit: Callable[[Job], None], work: Work) -> None:
        self._lines, self._submit, self._work = lines, submit, work

    def hand_out(self, now: datetime, wanted: Wanted, *, reconciles: bool) -> None:
        """Everything that is due; where processes died in a feed, that one alone, and before the others."""
        loops = [(each, loop) for each, loop in self._loops() if each.asks and not each.rests(loop, now)]
        due = [(each, loop) for each, loop in loops if not loop.busy and wanted(loop, now)]
        suspects = [(each, loop) for each, loop in due if loop.pull.suspected]
        if suspects or any(loop.busy and loop.pull.suspected for _, loop in self._loops()):
            if not any(loop.busy or loop.audit.busy for _, loop in self._loops()):
                self._polls(suspects[:1], now)
            return
        self._polls(due, now)
        if reconciles:
            self._audits(loops, now)

    def _loops(self) -> Iterator[tuple[Line, Loop]]:
        return ((each, loop) for each in self._lines.values() for loop in each.loops.values())

    def _polls(self, due: Sequence[tuple[Line, Loop]], now: datetime) -> None:
        for each, loop in due:
            if each.breaker.admits(now):
                loop.busy = True
                feed = loop.pull.feed
                self._submit(Job(feed.system, feed.name, partial(self._work.poll, each, loop), loop.pull.cancel))

    def _audits(self, loops: Sequence[tuple[Line, Loop]], now: datetime) -> None:
        for each, loop in loops:
            if loop.read_once and loop.audit.wanted(now) and each.breaker.admits(now):
                loop.audit.busy = True
                feed = loop.pull.feed
                lost = partial(self._work.lost_audit, loop)
                self._submit(Job(feed.system, feed.name, partial(self._work.audit, loop), loop.audit.cancel, lost=lost))
