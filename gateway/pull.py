"""One feed's pull: read, journal, acknowledge; in this order, batch after batch.

The cursor of the next read is the one that was just committed, so a fault anywhere repeats a read
and never skips one.  A pull gives its worker back after a second, so that a long file of one
system delays nobody; it goes on where it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from gateway.adapter import Batch, Context, RawRecord, Rejected, Source
from gateway.attempt import Attempt
from gateway.errors import Halt, Problem, Refused, Retry, code
from gateway.store import Fatal
from gateway.store.database import FULL
from gateway.store.rows import Accepted
from gateway.system import Feed
from gateway.workers import Job, WrittenOff

SLICE_S = 1.0
"""Seconds after which a pull makes room for others."""

FAULT = code(
    "system.fault",
    "the adapter failed in a way that it does not foresee",
    "See the log line 'poll failed' for the place; report it to the adapter's author; then: copperline systems resume.",
)
SILENT = code(
    "system.silent",
    "a call into the system did not come back, even after it was cancelled",
    "See whether the system answers at all; raise deadline: in system.yaml if it is only slow; then: copperline systems resume.",
)
TURN = code(
    "system.turn",
    "the feed is read, or mended after a reconciliation, and does not make room in time",
    "It is tried again by itself; if it lasts, raise deadline: in system.yaml.",
)


Take = Callable[[Batch], Accepted]
"""Journals a batch in one transaction; raises Halt where a flood of rejects shows a changed layout."""


Counted = Callable[[Feed, Accepted, float], None]
"""Told of every batch after its commit: what became of it, and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """How a pull ended: nothing newer (idle), more to come, ask again later, or a person must look."""

    state: Literal["idle", "more", "retry", "halt"]
    after: timedelta | None = None
    problem: Problem | None = None
    ours: bool = False
    """A retry that the gateway itself needs (its store is full or busy): no fault of the system."""


class _StoreWaits(Exception):
    """The store, not the system, asks to be asked again."""

    def __init__(self, said: Retry) -> None:
        super().__init__()
        self.said = said


class Pull:
    """The source of one feed and where it stands.  Used by one worker at a time; `cancel` by any thread."""

    def __init__(
        self,
        feed: Feed,
        context: Context,
        *,
        cursor: str,
        take: Take,
        counted: Counted,
        attempt: Attempt,
        proceed: Callable[[], bool],
    ) -> None:
        self.feed = feed
        self.cursor = cursor
        self._context = context
        self._take = take
        self._counted = counted
        self._attempt = attempt
        self._proceed = proceed
        self._source: Source | None = None
        self._turn = threading.Lock()
        self.lost_track = False
        """The source has said so since this was last looked at: only reconciliation finds what it lost."""
        self._patient = _patience(context.stop)

    @property
    def suspected(self) -> bool:
        """Whether processes died while this feed was read: it is then read while no other is."""
        return self._attempt.suspected

    def run(self, job: Job) -> Pulled:
        """Pull for a second or until there is nothing newer.  Raises WrittenOff, and Fatal from the store."""
        try:
            return self._run(job)
        except (WrittenOff, Fatal):
            raise
        except _StoreWaits as e:
            return self._ended(Pulled("retry", e.said.after, e.said.problem, ours=True))
        except Retry as e:
            if e.after is None:
                return self._ended(Pulled("retry", None, e.problem))
            self._attempt.put_off()  # it has answered: what the source knows, such as a file that still grows, is kept
            return Pulled("retry", e.after, e.problem)
        except Halt as e:
            return self._ended(Pulled("halt", None, e.problem))
        except Refused as e:
            return self._ended(Pulled("halt", None, e.problems[0]))
        except Exception as e:
            self._context.log.error("poll failed", exc_info=e)
            return self._ended(Pulled("halt", None, Problem(FAULT, rule=f"{type(e).__name__} in the adapter")))

    def mend(self, find: Callable[[], Sequence[RawRecord | Rejected]]) -> Accepted:
        """Journal what reconciliation finds to differ, between two reads of the source; the cursor stays.

        Raises Retry where the feed's own read does not make room in time, and what `find` raises.
        """
        started = time.monotonic()
        try:
            with self._in_turn():
                counted = self._journal(Batch(self.cursor, tuple(find())))
                self.cancel()  # what the source has read ahead may be older than what was just found
        except _StoreWaits as e:
            raise e.said from e
        self._counted(self.feed, counted, time.monotonic() - started)
        return counted

    def cancel(self) -> None:
        """Unblock a call that is under way, and give back what the source holds."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def rest(self) -> None:
        """The pull is over for good: close the source and leave no marker."""
        self._attempt.rest()
        self.cancel()

    def _run(self, job: Job) -> Pulled:
        until = time.monotonic() + SLICE_S
        while self._proceed():
            with self._in_turn():
                more = self._step(job, self._opened(job))
            if not more:
                self._attempt.rest()
                return Pulled("idle")
            if time.monotonic() > until:
                break
        return Pulled("more")

    def _step(self, job: Job, source: Source) -> bool:
        """One batch: read, journalled, acknowledged; whether there is more."""
        started = time.monotonic()
        limit = self._begin()
        with job.within(self.feed.deadline):
            batch: Batch = self._patient(source.read, self.cursor, limit)
        counted = self._journal(batch)
        self.lost_track |= batch.reconcile
        self._attempt.done()
        self.cursor = batch.cursor
        self._counted(self.feed, counted, time.monotonic() - started)
        with job.within(self.feed.deadline):
            source.acknowledge(self.cursor)
        return batch.more

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Reading and mending take turns: what one has read is journalled before the other reads."""
        if not self._turn.acquire(timeout=self.feed.deadline.total_seconds()):
            raise _StoreWaits(Retry(Problem(TURN), after=timedelta(seconds=5)))
        try:
            yield
        finally:
            self._turn.release()

    def _begin(self) -> int:
        try:
            return self._attempt.begin(self.cursor)
        except OSError as e:
            raise _StoreWaits(Retry(Problem(FULL, where="var/attempt", rule=e.strerror or type(e).__name__))) from e

    def _journal(self, batch: Batch) -> Accepted:
        try:
            return self._take(batch)
        except Retry as e:
            raise _StoreWaits(e) from e

    def _opened(self, job: Job) -> Source:
        """The source, opened where it is not; what was committed last is acknowledged once more."""
        if self._source is None:
            assert self.feed.adapter.source is not None
            with job.within(self.feed.deadline):
                source = self.feed.adapter.source(self.feed.settings, self._context)
                self._source = source
                if self.cursor:
                    source.acknowledge(self.cursor)
        return self._source

    def _ended(self, pulled: Pulled) -> Pulled:
        self.rest()
        return pulled


def _patience(stop: threading.Event) -> Any:
    """A blip is tried again within the call; whatever names its own time to wait goes to the schedule."""
    return Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, Retry) and e.after is None),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        sleep=partial(_rest, stop),
        reraise=True,
    )


def _rest(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)
