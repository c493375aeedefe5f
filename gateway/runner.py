"""The running gateway: due polls go to a shared pool, deliveries have threads, nobody waits for another system.

One thread keeps the time: it hands out due polls, makes the watchdog's round, looks at the free
space, and makes lines anew that a person changed.  Another carries out what commands ask for.
Lost workers, broken folders and halted systems each take one line out; the others never notice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gateway import consumers, context, inbound, line, system
from gateway.adapter import Log
from gateway.errors import Problem, Refused, Retry, code
from gateway.event import Keys
from gateway.figures import BySystem, Figures, Tally
from gateway.inbound.acknowledge import Acknowledgements
from gateway.line import Line, Loop, WayIn
from gateway.outbound import Outbound
from gateway.pull import SILENT, Pulled
from gateway.reconcile import NOT_ASKED, NOT_OFFERED, Asked
from gateway.rota import Rota, Wanted, Work
from gateway.sink import Doors
from gateway.site import Site, system_folders
from gateway.space import Space
from gateway.store import Fatal, Store
from gateway.store.rows import Accepted
from gateway.telemetry import Metrics
from gateway.workers import Job, Workers, WrittenOff

ROUND_S = 0.25
"""The longest time between two looks at what is due."""

LOST_TRACK = "the source lost track of something"

DRAIN = timedelta(seconds=20)
"""How long what is under way may take when the gateway stops."""


CLOSED = code(
    "system.closed",
    "the system takes no documents at the moment",
    "Nothing was kept: send it again later. Whoever runs the gateway sees why with copperline systems list.",
)
CLOSED_FOR = timedelta(minutes=1)


class Runner:
    """One process's gateway.  Make one, then either `run` or `once`; `close` gives everything back."""

    def __init__(self, site: Site, store: Store, keys: Keys, *, log: Log, metrics: Metrics, stop: threading.Event) -> None:
        self.site = site
        self.store = store
        self.stop = stop
        self.metrics = metrics
        self._log = log
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._space = Space(store, site.settings.free_space, log=log, metrics=metrics)
        self._fatal: BaseException | None = None
        self._tally = Tally()
        self._before: BySystem = {}
        self._shown: Callable[[int], None] = lambda _records: None
        self.lines: dict[str, Line] = {}
        self._workers = Workers(site.settings.workers, self._lost)
        self._rota = Rota(self.lines, self._workers.submit, Work(self._poll, self._audit, self._lost_audit))
        lent = context.build(site, keys, log, stop)
        told = Acknowledgements(store, self._inbound, self._woken, lambda: context.now().isoformat())
        doors = Doors(self.lines, self._lock, self._workers.submit, lent, self._halted, self._failed, told.ended)
        self.outbound = Outbound(site, store, keys, doors)
        self._around = line.Surroundings(site, store, lent, self._counted, self._proceed, self._woken, told)

    def start(self) -> None:
        """Make a line of every system of the site and begin to deliver.  What is new or changed is noted in the ledger."""
        for name in system_folders(self.site):
            self.refresh(name)
        self._before = self.outbound.counts()
        self.outbound.start()

    def refresh(self, name: str) -> None:
        """A person changed a system: make its line anew, once its workers are back.  No other line notices."""
        with self._lock:
            old = self.lines.get(name)
            if old is not None and old.busy:
                old.stale = True
                return
            if old is not None:
                old.rest()
                for loop in old.loops.values():
                    self._space.polled(loop.feed_id, None)
            self.lines[name] = self._line(name)
        self._wake.set()

    def run(self, carry_out: Callable[[], None], told: Callable[[], None]) -> None:
        """Poll and deliver until `stop` is set.  `carry_out` does what commands asked for; `told` follows every round."""
        requests = threading.Thread(target=self._requests, args=(carry_out,), name="requests", daemon=True)
        requests.start()
        while not self.stop.is_set() and not self._broke():
            self._round(lambda loop, now: loop.due <= now, reconciles=True)
            told()
            self._wake.wait(ROUND_S)
            self._wake.clear()
        self.stop.set()
        requests.join(DRAIN.total_seconds())
        if self._fatal is not None:
            raise self._fatal

    def once(self, patience: timedelta, shown: Callable[[int], None]) -> Figures:
        """Ask every feed until it has nothing newer, deliver what can be, and return this run's figures.

        Ends earlier when nothing has moved for as long as `patience`.  A pause in a schedule holds here too.
        """
        self._shown = shown
        moved, seen = time.monotonic(), None
        while not self.stop.is_set() and not self._broke():
            self._round(lambda loop, now: not loop.settled and (loop.ended is None or loop.due <= now))
            if (now_seen := (self._tally.moves, self.outbound.moves)) != seen:
                moved, seen = time.monotonic(), now_seen
            if self._space.full is not None or (self._all_asked(patience) and self.outbound.at_rest(context.now() + patience)):
                break
            if time.monotonic() - moved > patience.total_seconds():
                self._log.warning("run gave up waiting", seconds=patience.total_seconds())
                break
            self._wake.wait(0.02)
            self._wake.clear()
        if self._fatal is not None:
            raise self._fatal
        return self._tally.figures(self._before, self.outbound.counts())

    def close(self) -> None:
        """Stop intake, let what is under way finish, then close sources and deliveries."""
        self.stop.set()
        with self._lock:
            lines = list(self.lines.values())
        if not self._workers.stop(DRAIN):
            self._log.warning("a worker did not finish in time", seconds=DRAIN.total_seconds())
        for each in lines:
            each.rest()
        self.outbound.stop()

    def way_in(self, name: str, feed: str) -> WayIn | None:
        """Where documents of callers go; None where there is no such feed.

        Raises Retry while the system takes nothing, or the gateway does not.
        """
        with self._lock:
            each = self.lines.get(name)
            found = each.ways.get(feed) if each is not None and each.state != "retired" else None
            if each is None or found is None:
                return None
            if each.state not in ("running", "shadow"):
                raise Retry(each.problem or Problem(CLOSED, rule=f"the system is {each.state}"), after=CLOSED_FOR)
        too_little = self._space.too_little
        if too_little is not None:
            raise Retry(too_little, after=line.STARVED)
        return found

    def way_known(self, name: str, feed: str) -> WayIn | None:
        """A feed whatever state its system is in; None where there is none."""
        with self._lock:
            each = self.lines.get(name)
            return each.ways.get(feed) if each is not None else None

    def way_out(self, name: str, feed: str) -> system.Feed | None:
        """A feed that says canonical records in its system's terms; None where there is none."""
        with self._lock:
            each = self.lines.get(name)
            return each.sinks.get(feed) if each is not None else None

    def took(self, way: WayIn, accepted: Accepted, seconds: float) -> None:
        """Documents of callers were committed: counted, and their events delivered."""
        self._counted(way.feed, accepted, seconds)
        if accepted.accepted:
            self.outbound.wake(way.feed_id)

    def broke(self, e: BaseException) -> None:
        """The store failed while a caller's documents were taken: the process must end."""
        self._fatal = e
        self._wake.set()

    @property
    def waits(self) -> Problem | None:
        """Why intake waits for a person to free some space; None where it does not."""
        return self._space.problem

    def problems(self) -> dict[str, Problem]:
        """The systems that a person must look at, each with its problem."""
        with self._lock:
            return {name: each.problem for name, each in self.lines.items() if each.problem is not None}

    def unanswered(self) -> dict[str, Problem]:
        """The systems whose last poll brought nothing and is tried again later, each with the reason and the feed as its place."""
        with self._lock:
            return {
                name: _placed(feed, loop, loop.ended.problem)
                for name, each in self.lines.items()
                for feed, loop in each.loops.items()
                if (loop.unanswered or loop.put_off) and loop.ended is not None and loop.ended.problem is not None
            }

    def standing(self) -> dict[str, dict[str, Any]]:
        """Per system: its state, its breaker, and its problem if it has one: why it stands, or why its last poll failed."""
        now, problems = self._around.context.clock(), self.unanswered() | self.problems()
        with self._lock:
            return {
                name: {
                    "state": each.state,
                    "breaker": each.breaker.state(now),
                    "problem": problems[name].as_dict() if name in problems else None,
                }
                for name, each in self.lines.items()
            }

    def measure(self) -> None:
        """Bring the figures of consumers up to date; for whoever is about to show them."""
        consumers.measure(self.metrics, consumers.consumers(self.site, self.store, self.outbound.queued()))

    def _line(self, name: str) -> Line:
        """The line of a system as its folder and its state now say."""
        folder = self.site.systems / name
        if not (folder / "system.yaml").is_file():
            return Line(name, "", "retired")
        digest = system.digest(folder)
        state = self._state(name, digest)
        try:
            made = line.make(system.load(self.site, name), state, digest, self._around)
        except Refused as e:
            made = line.broken(name, digest, e)
            self._log.error("system not usable", system=name, problems=[str(problem) for problem in e.problems])
        return made

    def _state(self, name: str, digest: str) -> str:
        """What people decided about a system; one that is new or changed in the site's folder is noted in the ledger."""
        row = self.store.systems.get(name)
        if row is None:
            self.store.systems.set(name, "running", digest=digest, by="gateway", reason="found in the site's folder")
            return "running"
        if row.digest != digest:
            self.store.systems.set(name, row.state, digest=digest, by="gateway", reason="changed in the site's folder")
        return row.state

    def reconcile(self, name: str, feed: str, asked: Asked) -> None:
        """A person wants a feed compared with its system.  Raises Refused where it cannot be now; it is begun soon after."""
        with self._lock:
            each = self.lines.get(name)
            loop = each.loops.get(feed) if each is not None else None
            if each is None or loop is None or loop.pull.feed.adapter.survey is None:
                raise Refused(Problem(NOT_OFFERED))
            if not each.asks:
                raise Refused(Problem(NOT_ASKED, rule=f"the system is {each.state}"))
            loop.audit.asked = asked
        self._wake.set()

    def _round(self, wanted: Wanted, *, reconciles: bool = False) -> None:
        """One look at everything: the watchdog's, the disk's, what is agreed, and what is due."""
        self._workers.check()
        self._space.look()
        self.outbound.look_when_due()
        now = self._around.context.clock()
        with self._lock:
            for name in [name for name, each in self.lines.items() if each.stale and not each.busy]:
                self.refresh(name)
            if not self._space.short:
                self._rota.hand_out(now, wanted, reconciles=reconciles)

    def _audit(self, loop: Loop, job: Job) -> None:
        """On a worker: a second of reconciliation."""
        try:
            loop.audit.run(job)
        except WrittenOff:
            raise
        except Fatal as e:
            self._fatal = e
        with self._lock:
            loop.audit.busy = False
        self._wake.set()

    def _poll(self, each: Line, loop: Loop, job: Job) -> None:
        """On a worker: one pull, and what follows from how it ended."""
        try:
            pulled = loop.pull.run(job)
        except WrittenOff:
            raise
        except Fatal as e:
            self._failed(e)
            return
        self._ended(each, loop, pulled)

    def _failed(self, error: BaseException) -> None:
        """What no retry mends: the process ends."""
        self._fatal = error
        self._wake.set()

    def _ended(self, each: Line, loop: Loop, pulled: Pulled) -> None:
        feed = loop.pull.feed
        if pulled.problem is not None:  # a halt is in the journal before anybody sees it: who resumes it finds it there
            self._note(feed.system, feed.name, loop.feed_id, pulled)
        with self._lock:
            each.finished(loop, pulled, self._around.context.clock())
            if loop.pull.lost_track:
                loop.pull.lost_track = False
                loop.audit.ask(LOST_TRACK)
            self._space.polled(loop.feed_id, pulled.problem)
        self.metrics.add("copperline_polls_total", system=feed.system, feed=feed.name, outcome=pulled.state)
        if pulled.state == "idle":
            self.metrics.set("copperline_last_success_timestamp_seconds", time.time(), system=feed.system, feed=feed.name)
        self._wake.set()

    def _note(self, name: str, feed: str, feed_id: int, pulled: Pulled) -> None:
        problem = pulled.problem
        assert problem is not None
        if pulled.state != "halt":
            say = self._log.info if pulled.after is not None else self._log.warning
            say("poll put off", system=name, feed=feed, code=problem.code.id, place=problem.where)
            return
        self._stopped(name, feed, feed_id, problem)

    def _stopped(self, name: str, feed: str, feed_id: int, problem: Problem) -> None:
        self._log.error("system halted", system=name, feed=feed, **problem.as_dict())
        try:
            self.store.journal.halt(feed_id, problem)
        except Retry as e:  # a full disk: the system is halted until the next start all the same
            self._log.error("halt not journalled", system=name, feed=feed, code=e.problem.code.id)
        except Fatal as e:
            self._failed(e)

    def _woken(self, feed_id: int) -> None:
        """Events of a feed were journalled."""
        self.outbound.wake(feed_id)

    def _inbound(self, feed_id: int) -> system.Feed | None:
        """The feed of this id, if it takes messages of a publisher."""
        with self._lock:
            feeds = (loop.pull.feed for each in self.lines.values() for loop in each.loops.values() if loop.feed_id == feed_id)
            return next((feed for feed in feeds if feed.adapter.kind == inbound.KIND), None)

    def _halted(self, name: str, feed: str, problem: Problem) -> None:
        """A write or a reconciliation showed that a person must look at a system.  Called while its line is held busy."""
        self._stopped(name, feed, self.store.journal.feed(name, feed).id, problem)
        with self._lock:
            self.lines[name].halt(problem)

    def _lost(self, job: Job) -> None:
        """The watchdog wrote a worker off: its system halts, and what it still reads is never journalled."""
        with self._lock:
            each = self.lines[job.system]
            loop = each.loops[job.feed]
        self.metrics.add("copperline_workers_written_off_total", system=job.system)
        self._ended(each, loop, Pulled("halt", None, Problem(SILENT)))

    def _lost_audit(self, loop: Loop) -> None:
        """The same of a worker that reconciled: a poll of the feed that is under way may still end."""
        feed = loop.pull.feed
        self.metrics.add("copperline_workers_written_off_total", system=feed.system)
        self._halted(feed.system, feed.name, Problem(SILENT))
        with self._lock:
            loop.audit.busy = False

    def _counted(self, feed: system.Feed, accepted: Accepted, seconds: float) -> None:
        """After every batch's commit."""
        self._tally.add(feed.system, accepted)
        if accepted.read:
            self._space.took()
        self._shown(accepted.read)
        for outcome in ("accepted", "unchanged", "late", "quarantined"):
            if amount := getattr(accepted, outcome):
                self.metrics.add("copperline_records_total", amount, system=feed.system, outcome=outcome)
        self.metrics.add("copperline_stage_duration_seconds", seconds, system=feed.system, stage="batch")
        if accepted.read:
            self._log.info(
                "batch journalled",
                system=feed.system,
                feed=feed.name,
                read=accepted.read,
                accepted=accepted.accepted,
                unchanged=accepted.unchanged,
                late=accepted.late,
                quarantined=accepted.quarantined,
                position=accepted.position,
            )

    def _proceed(self, each: Line) -> bool:
        return each.asks and not self._space.short and not self.stop.is_set()

    def _broke(self) -> bool:
        """Whether the process must end: the store failed, here or in a delivery."""
        self._fatal = self._fatal or self.outbound.failed
        return self._fatal is not None

    def _all_asked(self, patience: timedelta) -> bool:
        """Whether every feed has nothing newer, or cannot be asked within anybody's patience."""
        now = self._around.context.clock()

        def asked(each: Line, loop: Loop) -> bool:
            return loop.settled or self._space.short or not each.asks or each.rests(loop, now) or (loop.ended is not None and loop.due > now + patience)

        with self._lock:
            return all(
                not loop.busy and asked(each, loop) for each in self.lines.values() for loop in each.loops.values()
            )

    def _requests(self, carry_out: Callable[[], None]) -> None:
        while not self.stop.wait(ROUND_S):
            try:
                carry_out()
            except Retry as e:
                self._log.warning("requests put off", code=e.problem.code.id)
            except Fatal as e:
                self._fatal = e
                self._wake.set()
                return


def _placed(feed: str, loop: Loop, problem: Problem) -> Problem:
    """A problem that names its place: the feed at least, and when its system is asked again where it said so."""
    where = problem.where or f"feed {feed}"
    return replace(problem, where=f"{where}, asked again at {loop.due:%Y-%m-%d %H:%M:%S} UTC" if loop.put_off else where)
