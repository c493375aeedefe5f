"""When a feed is reconciled, and the run that is under way: a second at a time on a worker, like a pull."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from gateway.adapter import Batch, Context, Survey
from gateway.errors import Halt, Problem, Refused, Retry, code
from gateway.intake import Intake
from gateway.reconcile.compare import Asked, Mend, Reconciliation
from gateway.store import Fatal, Store
from gateway.store.rows import FeedRow
from gateway.system import Feed
from gateway.workers import Job, WrittenOff

SLICE_S = 1.0
"""Seconds after which a run makes room for others."""

AGAIN = timedelta(minutes=10)
"""How long a run on schedule that failed waits for its next try."""

NOT_OFFERED = code(
    "reconcile.not-offered",
    "the adapter of this feed cannot say what its system holds now",
    "Reconcile feeds whose adapter can: copperline adapters show ADAPTER lists survey.",
)
NOT_YET_READ = code(
    "reconcile.not-yet-read",
    "the feed has not been read to its end even once, so there is nothing to compare",
    "Let the gateway run until the feed has nothing newer (copperline run --once does), then reconcile.",
)
NOT_ASKED = code(
    "reconcile.not-asked",
    "the system is not asked for anything in its present state",
    "See copperline systems list; resume it, then reconcile.",
)
FAULT = code(
    "reconcile.fault",
    "the adapter failed in a way that it does not foresee while the feed was reconciled",
    "See the log line 'reconciliation failed' for the place; report it to the adapter's author.",
)


class Timetable:
    """The reconciliation of one feed.  Used by one worker at a time; `cancel` by any thread."""

    def __init__(self, store: Store, feed: Feed, feed_id: int, context: Context, mend: Mend) -> None:
        self._store, self._feed, self._id, self._context, self._mend = store, feed, feed_id, context, mend
        self._survey: Survey | None = None
        self._run: Reconciliation | None = None
        self._steps: Iterator[timedelta] = iter(())
        self._waits: datetime | None = None
        self._how = Asked()
        self.asked: Asked | None = None
        """What a person asked for and is not begun yet."""
        self.busy = False
        self.due = self._first_due()

    @property
    def under_way(self) -> bool:
        """Whether a run has begun and is not over."""
        return self._run is not None

    def wanted(self, now: datetime) -> bool:
        """Whether a worker should go on with a run, or begin one."""
        if self.busy or (self._waits is not None and self._waits > now):
            return False
        return self.under_way or self.asked is not None or (self.due is not None and self.due <= now)

    def ask(self, reason: str) -> None:
        """The gateway itself wants a run, as on schedule; nothing where the adapter has no survey or one is asked for."""
        if self._feed.adapter.survey is not None and self.asked is None:
            self.asked = Asked(first_day(self._feed, self._context.clock()), reason=reason)

    def run(self, job: Job) -> None:
        """Go on for a second; begin where nothing is under way.  Raises WrittenOff, and Fatal from the store."""
        try:
            if self._advanced(job):
                return
            assert self._run is not None
            self._over(*self._run.outcome())
        except (WrittenOff, Fatal):
            raise
        except (Retry, Halt) as e:
            self._over("failed", {"problem": e.problem.as_dict()})
        except Refused as e:
            self._over("failed", {"problem": e.problems[0].as_dict()})
        except Exception as e:
            self._context.log.error("reconciliation failed", exc_info=e)
            self._over("failed", {"problem": Problem(FAULT, rule=f"{type(e).__name__} in the adapter").as_dict()})

    def cancel(self) -> None:
        """Unblock a call that is under way, and give back what the survey holds."""
        survey, self._survey = self._survey, None
        if survey is not None:
            survey.close()

    def rest(self) -> None:
        """No more of this run; one that is not over is begun anew by whoever comes next."""
        self.cancel()
        self._run = self._waits = None

    def _advanced(self, job: Job) -> bool:
        """Whether there is more to do after this second."""
        run = self._run or self._begun(job)
        run.within = partial(job.within, self._feed.deadline)
        until = time.monotonic() + SLICE_S
        self._waits = None
        for wait in self._steps:
            if wait:
                self._waits = self._context.clock() + wait
            if wait or time.monotonic() > until or self._context.stop.is_set():
                return True
        return False

    def _begun(self, job: Job) -> Reconciliation:
        self._how = self.asked or Asked(since=first_day(self._feed, self._context.clock()))
        self.asked = None
        with job.within(self._feed.deadline):
            self._survey = opened(self._feed, self._context, self._how.since)
        self._run = Reconciliation(self._store, self._feed, self._id, self._survey, self._mend, self._how)
        self._steps = self._run.steps()
        return self._run

    def _over(self, state: str, found: dict[str, object]) -> None:
        started = self._run.started if self._run is not None else self._store.census.now()[1]
        self._store.census.finish(self._id, started, state, found, by=self._how.by, reason=self._how.reason)
        said = {name: value for name, value in found.items() if isinstance(value, int)}
        self._context.log.info("feed reconciled", system=self._feed.system, feed=self._feed.name, state=state, **said)
        self.rest()
        self.due = self._next(self._context.clock(), failed=state == "failed")

    def _first_due(self) -> datetime | None:
        last = self._store.census.last(self._id) if self._feed.reconcile is not None else None
        return self._next(_moment(last.finished) if last else self._context.clock(), failed=False)

    def _next(self, after: datetime, *, failed: bool) -> datetime | None:
        if self._feed.reconcile is None:
            return None
        due = self._feed.reconcile.schedule.due(after, self._context.clock())
        return min(due, self._context.clock() + AGAIN) if failed else due


def here(store: Store, feed: Feed, row: FeedRow, context: Context, asked: Asked, *, shadow: bool) -> tuple[str, dict[str, object]]:
    """A whole run where no gateway runs: now, in this thread.  A dry run journals nothing and leaves no trace."""
    if not row.cursor or _first_reading(feed, row.cursor, context):
        raise Refused(Problem(NOT_YET_READ))
    intake = Intake(store, feed, row.id, shadow=shadow, wake=lambda: None)
    survey = opened(feed, context, asked.since)
    try:
        run = Reconciliation(store, feed, row.id, survey, lambda find: intake.take(Batch(row.cursor, tuple(find()))), asked)
        for wait in run.steps():
            context.stop.wait(wait.total_seconds())
    finally:
        survey.close()
    state, found = run.outcome()
    if not asked.dry_run:
        store.census.finish(row.id, run.started, state, found, by=asked.by, reason=asked.reason)
    return state, found


def _first_reading(feed: Feed, cursor: str, context: Context) -> bool:
    """Whether the feed's next batch is still one of its first reading; looked at, and left where it is."""
    if feed.adapter.source is None:
        return False
    source = feed.adapter.source(feed.settings, context)
    try:
        return source.read(cursor, 1).backfill
    finally:
        source.close()


def opened(feed: Feed, context: Context, since: str) -> Survey:
    """The survey of a feed.  Raises Refused where its adapter has none, or it is written to."""
    if feed.adapter.survey is None or feed.sink:
        raise Refused(Problem(NOT_OFFERED))
    return feed.adapter.survey(feed.settings, context, since)


def first_day(feed: Feed, now: datetime) -> str:
    """The first day that a run on this day looks at; "" for all there is."""
    said = feed.reconcile
    if said is None or said.days is None:
        return ""
    return (now.astimezone(said.schedule.zone) - timedelta(days=said.days)).date().isoformat()


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
