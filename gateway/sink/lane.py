"""The way to one legacy system: batches to `Sink.write` on a worker, and what became of each record.

Life of a delivery: the journal has its row (`trying`) before it is handed over here; a worker maps
it and calls the sink within the feed's deadline; its outcome and what the system calls the record
are settled in one transaction.  Whatever ends without an outcome is in doubt: it is handed over
again as `uncertain`, and the sink reads back before it writes.  Nothing is ever tried blindly.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.adapter import Outcome, OutRecord, Sink
from gateway.agreement import Agreement, Destination, Projected
from gateway.errors import Halt, Problem, Refused, Reject, Retry
from gateway.event import Keys
from gateway.lane import Heard, Tell, Ticket, Verdict
from gateway.pull import FAULT, SILENT
from gateway.sink import terms
from gateway.sink.codes import BROKEN, NO_FEED, UNMAPPABLE
from gateway.sink.gate import Gate
from gateway.sink.verdict import judged
from gateway.store import Fatal
from gateway.store.rows import Aim, Answer
from gateway.workers import Job, WrittenOff

if TYPE_CHECKING:
    from gateway.store import Store
    from gateway.system import Feed

BATCH = 100
"""Records handed to a sink at once, at most."""

Batch = Sequence[tuple[Ticket, Projected]]


class SinkLanes:
    """Makes the lane of one destination."""

    def __init__(
        self, store: Store, keys: Keys, gate: Gate, agreement: Agreement, destination: Destination, made: Callable[[SinkLane], None]
    ) -> None:
        self._store, self._keys, self._gate, self._made = store, keys, gate, made
        self._of = agreement.name, destination.name

    def lane(self, exchange: str, heard: Tell) -> SinkLane:
        """The way to the destination's system."""
        lane = SinkLane(self._store, self._keys, self._gate, self._of, heard)
        self._made(lane)
        return lane


class SinkLane:
    """`send` is for the delivery's thread, `look` for the runner's; a worker does the rest, one at a time."""

    careful = True
    last_s = 20.0  # what has no outcome by then is in doubt

    def __init__(self, store: Store, keys: Keys, gate: Gate, of: tuple[str, str], heard: Tell) -> None:
        self.ready = threading.Event()
        self.problem: Problem | None = Problem(NO_FEED, where=f"{gate.system}/{gate.name}")
        self._store, self._keys, self._gate, self._of, self._heard = store, keys, gate, of, heard
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Ticket, Projected]] = deque()
        self._busy: Job | None = None
        self._sink: Sink | None = None
        self._sinks_feed: Feed | None = None
        self._cut = False
        self._closed = False

    @property
    def over(self) -> bool:
        """Closed for good."""
        return self._closed

    def send(self, batch: Batch) -> bool:
        """Hand over a batch.  False: the system may not be written to now."""
        if not self.ready.is_set():
            return False
        with self._lock:
            self._waiting.extend(batch)
        self._next()
        return True

    def look(self) -> None:
        """See whether the system may be written to; several times a second."""
        problem = self._gate.problem()
        if not self._closed:
            self.problem = problem
        if problem is None and not self._closed:
            if not self.ready.is_set():
                self.ready.set()
                self._heard(Heard())
            return
        self.ready.clear()
        with self._lock:
            unsent, idle = list(self._waiting), self._busy is None
            self._waiting.clear()
        self._tell(_unsent(unsent))
        if idle and self._gate.feed is not self._sinks_feed:
            self._drop()

    def close(self) -> None:
        """Write no more; what is under way may be heard of as in doubt at the next start."""
        self._closed = True
        self.look()
        self._drop()

    # On a worker, one batch at a time.

    def _next(self) -> None:
        with self._lock:
            if self._busy is not None or not self._waiting:
                return
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            job = Job(self._gate.system, self._gate.name, lambda job: self._run(job, batch), self._cancel, self._lost)
            self._busy, self._cut = job, False
        self._gate.doors.submit(job)

    def _run(self, job: Job, batch: Batch) -> None:
        verdicts = self._tried(job, batch)
        with self._lock:
            self._busy = None
        self.look()
        if verdicts is None:
            self._heard(Heard(lost=True))
        else:
            self._tell(verdicts)
        self._next()

    def _tried(self, job: Job, batch: Batch) -> list[Verdict] | None:
        """What became of each; None where nobody knows."""
        feed = self._gate.enter()
        if feed is None:
            return _unsent(batch)
        answered: bool | None = None
        try:
            aims = self._aims(batch)
            if aims is None:
                return None
            verdicts = self._written(job, feed, batch, aims)
            answered = True
        except WrittenOff:
            raise
        except Fatal as e:
            self._gate.doors.fatal(e)
            return None
        except Exception as e:  # noqa: BLE001 -- the edge of an adapter: what it raises decides what happens next
            answered = False if isinstance(e, Retry) and e.after is None else None
            self._drop()
            return None if self._unknown(e) else _unsent(batch)
        finally:
            if self._busy is job:  # else the watchdog has left for it
                self._gate.leave(answered=answered)
        return verdicts

    def _aims(self, batch: Batch) -> dict[Ticket, Aim] | None:
        """What is known of the records at the system; None where the store cannot say now."""
        try:
            aims = self._store.remotes.aims(self._destination(), [ticket for ticket, _ in batch])
        except Retry:
            return None
        return {aim.position: aim for aim in aims}

    def _unknown(self, error: Exception) -> bool:
        """Whether a record may have been written although the call failed; halts the system where a person must look."""
        match error:
            case Retry():
                if error.after is not None:
                    self._gate.rest(error.after)
                return self._cut
            case Halt():
                self._gate.halt(error.problem)
                return self._cut
            case Refused():
                self._gate.halt(error.problems[0])
                return self._cut
            case _:
                self._gate.doors.context.log.error("write failed", system=self._gate.system, feed=self._gate.name, exc_info=error)
                self._gate.halt(Problem(FAULT, rule=f"{type(error).__name__} in the adapter's sink"))
                return True

    def _written(self, job: Job, feed: Feed, batch: Batch, aims: dict[Ticket, Aim]) -> list[Verdict]:
        """Map, write or ask, and judge; one verdict each."""
        verdicts: list[Verdict] = []
        tried: list[tuple[Aim, Projected, OutRecord]] = []
        for ticket, event in batch:
            aim = aims.get(ticket)
            if aim is None:  # erased meanwhile
                verdicts.append(Verdict(ticket, "withheld"))
            else:
                made = self._made(feed, event, aim)
                if isinstance(made, Verdict):
                    verdicts.append(made)
                else:
                    tried.append((aim, event, made))
        outcomes = self._outcomes(job, feed, tried)
        for (aim, event, record), outcome in zip(tried, outcomes, strict=True):
            names = terms.names(feed, self._keys, event, record, outcome.remote_id)
            verdicts.append(judged(aim, record, outcome, names, terms.digest(feed, self._keys, record)))
        return verdicts

    def _made(self, feed: Feed, event: Projected, aim: Aim) -> OutRecord | Verdict:
        try:
            record = terms.record(feed, self._keys, event, aim)
        except Reject as e:
            answer = Answer(aim.position, aim.partition, written=False, problems=e.problems)
            return Verdict(aim.position, "parked", UNMAPPABLE.id, uncertain=aim.uncertain, answer=answer)
        return record if record is not None else Verdict(aim.position, "withheld")

    def _outcomes(self, job: Job, feed: Feed, tried: Sequence[tuple[Aim, Projected, OutRecord]]) -> list[Outcome]:
        """One outcome each, in order: what is pending is asked about, the rest written in one call."""
        sink = self._opened(job, feed)
        new = [record for aim, _, record in tried if not aim.pending]
        written: list[Outcome] = []
        if new:
            with job.within(feed.deadline):
                written = list(sink.write(new))
            if len(written) != len(new):
                raise ValueError(str(Problem(BROKEN)))
        answers = iter(written)
        found: list[Outcome] = []
        for aim, _, _ in tried:
            if aim.pending:
                found.append(self._followed(job, feed, sink, aim))
            else:
                found.append(next(answers))
        return found

    def _followed(self, job: Job, feed: Feed, sink: Sink, aim: Aim) -> Outcome:
        """What became of a pending one; where that cannot be told now it stays pending, and nothing else suffers."""
        try:
            with job.within(feed.deadline):
                outcome = sink.follow(aim.pending)
        except Retry as e:
            return Outcome("pending", aim.pending, (e.problem,), after=e.after)
        return replace(outcome, remote_id=outcome.remote_id or aim.pending)

    def _opened(self, job: Job, feed: Feed) -> Sink:
        if self._sink is None or self._sinks_feed is not feed:
            self._drop()
            assert feed.adapter.sink is not None
            with job.within(feed.deadline):
                self._sink = feed.adapter.sink(feed.settings, self._gate.doors.context)
            self._sinks_feed = feed
        return self._sink

    def _drop(self) -> None:
        sink, self._sink, self._sinks_feed = self._sink, None, None
        if sink is not None:
            sink.close()

    def _cancel(self) -> None:
        """A call is past its deadline: unblock it.  Whatever it raises then, its records are in doubt."""
        self._cut = True
        self._drop()

    def _lost(self) -> None:
        """The worker did not come back: what it was given is in doubt, and the system halts."""
        with self._lock:
            unsent, self._busy = list(self._waiting), None
            self._waiting.clear()
        self._gate.halt(Problem(SILENT))
        self._gate.leave(answered=None)
        self.look()
        self._tell(_unsent(unsent))
        self._heard(Heard(lost=True))

    def _destination(self) -> int:
        return self._store.deliveries.destination(*self._of)

    def _tell(self, verdicts: list[Verdict]) -> None:
        if verdicts:
            self._heard(Heard(verdicts=verdicts))


def _unsent(batch: Batch) -> list[Verdict]:
    return [Verdict(ticket, "unsent") for ticket, _ in batch]
