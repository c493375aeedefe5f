"""One system as the runner sees it: its feeds, its breaker, and whether it may be asked at all.

A line is made when a system is added and made anew when its folder or its state changes; no other
line notices.  Everything here is used under the runner's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from gateway import inbound
from gateway.adapter import Batch, Context
from gateway.attempt import Attempt
from gateway.breaker import Breaker
from gateway.errors import REGISTER, Code, Problem, Refused, code
from gateway.inbound import chain
from gateway.inbound.acknowledge import Acknowledgements
from gateway.intake import Intake
from gateway.pull import Counted, Pull, Pulled, Take
from gateway.reconcile import Timetable
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Accepted, FeedRow
from gateway.system import Feed, System

BROKEN = code(
    "system.broken",
    "a system's folder cannot be used as it stands; its other systems go on",
    "Run copperline check SYSTEM, mend what it names, then: copperline systems add SYSTEM.",
)

STARVED = timedelta(seconds=5)
"""How long a feed waits when the gateway's own store is full or busy."""

LONG = timedelta(seconds=30)
"""A system that says to come back no sooner than this is shown, with what it said."""


@dataclass(slots=True, eq=False)
class Loop:
    """One feed: its pull, when it is next due, and how its last poll ended."""

    pull: Pull
    feed_id: int
    due: datetime
    audit: Timetable
    busy: bool = False
    last: datetime | None = None
    """When it last had nothing newer to give."""
    ended: Pulled | None = None
    settled: bool = False
    """Since it was last due it has been asked until it had nothing newer, or cannot be asked."""

    @property
    def read_once(self) -> bool:
        """Whether it was read to its end since the gateway began: only then can it be compared."""
        return self.last is not None

    @property
    def unanswered(self) -> bool:
        """Whether its system did not do what it was last asked for: a failure that counts against the breaker."""
        return self.ended is not None and self.ended.state == "retry" and self.ended.after is None and not self.ended.ours

    @property
    def put_off(self) -> bool:
        """Whether its system has said to come back, and that is long from its last poll: no failure, but nothing was read."""
        ended = self.ended
        return ended is not None and ended.state == "retry" and ended.after is not None and ended.after >= LONG and not ended.ours


@dataclass(frozen=True, slots=True, eq=False)
class WayIn:
    """One feed as callers see it: where their documents go."""

    feed: Feed
    feed_id: int
    shadow: bool


@dataclass(slots=True, eq=False)
class Line:
    """One system in the runner."""

    name: str
    digest: str
    state: str
    """running, shadow, paused, tripped, retired, halted or broken."""
    problem: Problem | None = None
    loops: dict[str, Loop] = field(default_factory=dict)
    ways: dict[str, WayIn] = field(default_factory=dict)
    sinks: dict[str, Feed] = field(default_factory=dict)
    """Feeds that are written to."""
    writing: int = 0
    """Workers that are on one of these."""
    breaker: Breaker = field(default_factory=Breaker)
    stale: bool = False
    """A person changed it: it is made anew once its workers are back."""

    @property
    def asks(self) -> bool:
        """Whether its feeds are polled."""
        return self.state in ("running", "shadow") and not self.stale

    @property
    def busy(self) -> bool:
        """Whether a worker is on one of its feeds."""
        return self.writing > 0 or any(loop.busy or loop.audit.busy for loop in self.loops.values())

    def rests(self, loop: Loop, now: datetime) -> bool:
        """Whether a feed is left alone for now: by its schedule, or because its system does not answer."""
        return loop.pull.feed.schedule.paused(now) or self.breaker.state(now) in ("open", "tripped")

    def halt(self, problem: Problem) -> None:
        """The system stops here until a person has looked."""
        self.state, self.problem = "halted", problem

    def rest(self) -> None:
        """Close what its feeds hold."""
        for loop in self.loops.values():
            loop.pull.rest()
            loop.audit.rest()

    def finished(self, loop: Loop, pulled: Pulled, now: datetime) -> None:
        """Take note of how a poll ended, and say when the next is due."""
        loop.busy, loop.ended = False, pulled
        loop.settled = pulled.state in ("idle", "halt")
        match pulled.state:
            case "idle":
                loop.last = now
                loop.due = loop.pull.feed.schedule.due(now, now)
                self.breaker.succeeded()
            case "more":
                loop.due = now
                self.breaker.succeeded()
            case "retry" if pulled.ours:
                loop.due = now + (pulled.after or STARVED)
            case "retry" if pulled.after is not None:  # the system has answered: come back then
                loop.due = now + pulled.after
                self.breaker.succeeded()
            case "retry":
                loop.due = now + self.breaker.failed(now)
            case "halt":
                assert pulled.problem is not None
                self.halt(pulled.problem)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every line of a runner shares."""

    site: Site
    store: Store
    context: Context
    counted: Counted
    proceed: Callable[[Line], bool]
    """Whether a pull of this line may take another batch."""
    wake: Callable[[int], None]
    """Told the feed whose events were journalled."""
    acknowledgements: Acknowledgements


def make(system: System, state: str, digest: str, around: Surroundings) -> Line:
    """A system's line, ready to be polled.  A feed that was halted keeps the whole system halted."""
    line = Line(system.name, digest, state)
    for feed in system.feeds.values():
        row = around.store.journal.feed(system.name, feed.name)
        if feed.sink:
            line.sinks[feed.name] = feed
        else:
            line.ways[feed.name] = WayIn(feed, row.id, state == "shadow")
        if not feed.sink and feed.adapter.source is not None:
            line.loops[feed.name] = _loop(feed, row, line, around)
        if row.state == "halted" and row.problem is not None:
            line.halt(problem(row.problem))
    return line


def let_through(site: Site, feed_id: int) -> None:
    """A person wants the next records of a feed taken, however bad they are, once its line is made anew."""
    path = _let(site, feed_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)


def problem(said: Mapping[str, str]) -> Problem:
    """The problem that the store keeps of a halted feed."""
    known = REGISTER.get(said["code"]) or Code(said["code"], said["rule"], said.get("remedy", ""))
    return Problem(known, said.get("path", ""), said.get("where", ""), said.get("rule", ""))


def _loop(feed: Feed, row: FeedRow, line: Line, around: Surroundings) -> Loop:
    intake = Intake(around.store, feed, row.id, shadow=line.state == "shadow", wake=partial(around.wake, row.id))
    if _let(around.site, row.id).exists():
        _let(around.site, row.id).unlink()
        intake.guard.let_through()
    pull = Pull(
        feed,
        around.context,
        cursor=row.cursor,
        take=intake.take if feed.adapter.kind != inbound.KIND else _acknowledged(intake.take, feed, row.id, line, around),
        counted=around.counted,
        attempt=Attempt(around.site.var / "attempt" / str(row.id)),
        proceed=lambda: around.proceed(line),
    )
    polled = datetime.fromtimestamp(row.updated / 1_000_000, UTC) if row.updated and feed.schedule.at else None
    audit = Timetable(around.store, feed, row.id, around.context, pull.mend)
    return Loop(pull, row.id, feed.schedule.due(polled, around.context.clock()), audit)


def _acknowledged(take: Take, feed: Feed, feed_id: int, line: Line, around: Surroundings) -> Take:
    """Tell a publisher that its message is journalled; also of one that the broker hands out again."""

    def taking(batch: Batch) -> Accepted:
        batch = replace(batch, records=tuple(chain.resolved(around.store, feed.system, feed_id, batch.records)))
        accepted = take(batch)
        around.acknowledgements.received(feed, batch, shadow=line.state == "shadow")
        return accepted

    return taking


def _let(site: Site, feed_id: int) -> Path:
    return site.var / "attempt" / f"{feed_id}.let-through"


def broken(name: str, digest: str, e: Refused) -> Line:
    """The line of a system that cannot be loaded: it shows its first problem and does nothing."""
    first = e.problems[0]
    return Line(name, digest, "broken", problem=Problem(BROKEN, first.path, first.where, f"{first.code.id}: {first.rule or first.code.meaning}"))
