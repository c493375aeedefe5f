"""Whether a legacy system may be written to now: its state, its breaker, and its feed as the folder has it.

A system's feeds share one line, so `pause`, `trip` and a breaker that opened hold writing and
reading alike; and a sink that fails counts like a poll that fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from gateway.adapter import Context
from gateway.delivery.settling import Ended
from gateway.errors import Problem
from gateway.line import Line
from gateway.sink.codes import AWAY, NO_FEED, NOT_RUNNING
from gateway.system import Feed
from gateway.workers import Job

Halted: TypeAlias = Callable[[str, str, Problem], None]
"""Told the system, the feed and what a person must look at."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What every gate of a runner shares."""

    lines: Mapping[str, Line]
    lock: threading.RLock
    submit: Callable[[Job], None]
    context: Context
    halted: Halted
    fatal: Callable[[BaseException], None]
    """Told of what no retry mends: the process must end."""
    ended: Ended
    """Told how deliveries to legacy systems ended."""


class Gate:
    """The gate of one sink feed.  Safe from any thread."""

    def __init__(self, doors: Doors, system: str, feed: str) -> None:
        self.system, self.name = system, feed
        self.doors = doors
        self._quiet_until: datetime | None = None

    @property
    def feed(self) -> Feed | None:
        """The feed as its system's folder has it; None where there is no such sink."""
        with self.doors.lock:
            line = self.doors.lines.get(self.system)
            return line.sinks.get(self.name) if line is not None else None

    def problem(self) -> Problem | None:
        """Why nothing may be written now."""
        now = self.doors.context.clock()
        with self.doors.lock:
            line = self.doors.lines.get(self.system)
            if line is None or (self.name not in line.sinks and line.state not in ("broken", "retired")):
                return Problem(NO_FEED, where=f"{self.system}/{self.name}")
            if line.state != "running" or line.stale:
                return line.problem or Problem(NOT_RUNNING, where=self.system)
            away = line.breaker.state(now) in ("open", "tripped")
        return Problem(AWAY, where=self.system) if away or self._rests(now) else None

    def enter(self) -> Feed | None:
        """Begin a write; None where none may begin.  Whoever entered leaves."""
        with self.doors.lock:
            if self.problem() is not None or not self.doors.lines[self.system].breaker.admits(self.doors.context.clock()):
                return None
            line = self.doors.lines[self.system]
            line.writing += 1
            return line.sinks[self.name]

    def leave(self, *, answered: bool | None) -> None:
        """A write ended: the system answered, it did not, or (None) it was not asked."""
        with self.doors.lock:
            line = self.doors.lines[self.system]
            line.writing -= 1
            match answered:
                case True:
                    line.breaker.succeeded()
                case False:
                    self.rest(line.breaker.failed(self.doors.context.clock()))
                case None:
                    line.breaker.trying = False

    def rest(self, span: timedelta) -> None:
        """The system asked to be left alone for so long."""
        self._quiet_until = self.doors.context.clock() + span

    def halt(self, problem: Problem) -> None:
        """A person must look at the system."""
        self.doors.halted(self.system, self.name, problem)

    def _rests(self, now: datetime) -> bool:
        return self._quiet_until is not None and now < self._quiet_until
