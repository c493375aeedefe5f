"""One destination's pump: a thread that reads the journal, sends, and settles what was confirmed.

Each round: what was heard, what is due again, then a slice of each feed in turn, so that a million
rows of one system delay no call of another.  A settlement is stored after some 500 ends or 200 ms.
A crash at any point sends again what was not settled, under the same ids, and loses nothing.

What takes something back is looked for ahead of all that (`Lookout`), and leaves even where nothing
else may.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from gateway import agreement as agreements
from gateway.agreement import Agreement, Destination, Withheld
from gateway.delivery.board import Draw
from gateway.delivery.codes import FULL, NOT_IN_FORCE, PAUSED
from gateway.delivery.flow import Flow
from gateway.delivery.gate import Gate, Leaves
from gateway.delivery.lookout import Lookout
from gateway.delivery.settling import SETTLED_AFTER_S, Ended, Settling
from gateway.errors import Problem, Retry
from gateway.event import Keys
from gateway.lane import Heard, Lane, Lanes, OwnLog
from gateway.store.rows import BACK

if TYPE_CHECKING:
    from gateway.store import Store
    from gateway.store.rows import Outgoing

SLICE = 250
"""Rows of one feed that are read at once, before the next feed has its turn."""
SLICE_BYTES = 2 * 1024 * 1024
"""Of large records a slice has fewer, so as to stay near this."""
UNDER_WAY = 2000
"""Messages handed over and unconfirmed: twice the lane's window, so that it never runs dry."""
UNDER_WAY_BYTES = 16 * 1024 * 1024
SLICES_AHEAD = 16
"""Slices of one feed beyond its position that are held in memory."""
LOOK_S = 1.0
"""How often feeds, rows that a person changed and the agreement's validity are looked at without being told."""
RESERVED = 10_000
"""Positions beyond the journal's end up to which it is written down at once that messages may have been handed over."""
ROWS_HELD = 10_000
"""Rows of exceptions that are held in memory; of a larger replay the next ones follow."""


class Delivery:
    """Delivers to one destination.  `start` and `stop`, or `step` on the caller's own thread; never both.

    `lanes`: where the destination's way out is made, such as a `bus.Publisher`; None for the site's
    own log.  `clock`: now, aware.  Raises ValueError where a destination on the bus has no lanes.
    """

    def __init__(
        self,
        store: Store,
        agreement: Agreement,
        destination: Destination,
        *,
        keys: Keys,
        lane: Lanes | None = None,
        clock: Callable[[], datetime],
        stop: threading.Event,
        draw: Draw = random.uniform,
        ended: Ended | None = None,
    ) -> None:
        self.agreement = agreement
        self.destination = destination
        self.failed: BaseException | None = None
        """What ended the thread: a fault that no retry mends."""
        self.stalled: Problem | None = None
        """What the store said when it could not be read or written; it is asked again."""
        self._deliveries = store.deliveries
        self._clock = clock
        self._stop = stop
        self._halted = threading.Event()
        self._wake = threading.Event()
        self._heard: deque[Heard] = deque()
        self._lanes = lane
        self._held: Problem | None = None
        self._lane = self._way()
        self.id = self._deliveries.destination(agreement.name, destination.name, start=_start(agreement.start))
        positions = self._deliveries.positions(self.id)
        self._gate = self._judge(store, keys, positions)
        self._flow = Flow(
            self._gate,
            positions,
            self._deliveries.exceptions(self.id, limit=ROWS_HELD),
            draw,
            careful=self._lane.careful,
            number=self._deliveries.number(self.id),
            cut_off=self._ceiling > 0,
        )
        self._lookout = Lookout(store, self._gate, self._flow, self.id, agreement.digest)
        self._quiet = self._still = False
        self._steps = 0
        """Odd while a round is under way: then what it has taken from one place may not be in the next one yet."""
        self._turns: deque[int] = deque()
        self._slices: dict[int, int] = {}
        self._told: set[int] = set()
        self._all = True
        self._state = "running"
        self._settling = Settling(self._deliveries, self.id, self._flow, agreement.digest, ended)
        self._looked = float("-inf")
        self._thread = threading.Thread(
            target=self._run, name=f"deliver {agreement.name}.{destination.name}", daemon=True
        )

    def _judge(self, store: Store, keys: Keys, positions: Mapping[int, int]) -> Gate:
        self._ceiling = self._deliveries.ceiling(self.id)
        until = min(self._ceiling, self._deliveries.head())
        return Gate(
            agreements.compile(self.agreement, keys, format=self.destination.format),
            store,
            self.id,
            {feed: (position, until) for feed, position in positions.items()},
            reworded=self._deliveries.wording(self.id) != self.agreement.digest,
        )

    @property
    def moves(self) -> int:
        """Grows with every event that ended here."""
        return self._flow.moves

    @property
    def parked(self) -> int:
        """Deliveries that wait for a person."""
        return self._flow.board.parked()

    @property
    def problem(self) -> Problem | None:
        """Why nothing leaves at the moment; None while all is well."""
        forbidden = self._forbidden()
        if forbidden is None and self._flow.board.full:
            return Problem(FULL)
        return self.stalled or forbidden or self._lane.problem

    def start(self) -> None:
        """Begin to deliver; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End after the round that is under way.  What is unconfirmed is sent again after the next start."""
        self._halted.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            self._leave()
        self._lane.close()

    def hold(self, problem: Problem | None) -> None:
        """Let nothing leave, and say why, until it is told None; from any thread."""
        if problem != self._held:
            self._held = problem
            self._wake.set()

    def wake(self, feed: int | None = None) -> None:
        """Something was journalled, in this feed or in any; from any thread."""
        if feed is None:
            self._all = True
        else:
            self._told.add(feed)
        self._wake.set()

    def idle(self) -> bool:
        """Everything that was readable is settled; rows that are tried again later do not count."""
        return self._between_rounds(self._idle)

    def at_rest(self, until: datetime) -> bool:
        """Nothing of what is in progress here moves before then: it waits for a person, or for a later try."""
        if self._forbidden() is not None:
            return self._between_rounds(lambda: self._still and self._settling.done and self._flow.quiet and not self._heard)
        return self._between_rounds(lambda: self._idle() and not self._flow.board.goes_before(_microseconds(until)))

    def _between_rounds(self, holds: Callable[[], bool]) -> bool:
        """Whether something holds, seen from any thread; False while a round is under way, or one began meanwhile."""
        steps = self._steps
        return steps % 2 == 0 and holds() and self._steps == steps

    def _idle(self) -> bool:
        return (
            not (self._heard or self._turns or self._told or self._all) and self._flow.quiet and self._settling.done
        ) and not (self._lookout.looks and self._lane.ready.is_set() and self._state == "running")

    def step(self) -> bool:
        """One round.  False: there was nothing to do.  Raises what the store raises; then nothing is lost."""
        self._steps += 1
        try:
            return self._step()
        finally:
            self._steps += 1

    def _step(self) -> bool:
        now_us = _microseconds(self._clock())
        if not self._settling.done:
            self._settling.store()
        moved = self._hear(now_us)
        self._look()
        forbidden = self._forbidden()
        if forbidden is not None and not self._quiet and self._flow.under_way:
            self._recall()
        self._quiet = forbidden is not None
        if self._lane.ready.is_set():
            moved |= self._read(now_us) if forbidden is None else self._take_back(forbidden, now_us)
        moved |= self._hear(now_us)
        moved |= self._send()
        return self._settling.settle() or moved

    def _recall(self) -> None:
        """Nothing more may leave: what the lane has not sent yet comes back, once the rest was heard of.

        A legacy system is not waited for: what has no outcome there is in doubt, and read back before it is tried again.
        """
        if not self._lane.careful:
            self._finish()
        self._lane.close()
        self._lane = self._way()
        self._flow.rewind()
        self._lookout.again()
        self._all = True

    def _take_back(self, forbidden: Problem, now_us: int) -> bool:
        """Where nothing may leave, only what takes back does; of a destination that is paused not even that."""
        if forbidden.code is PAUSED:
            return False
        moved = self._lookout.wording(now_us) | self._due_back(now_us, self._gate.ends, lambda _feed, _position: True)
        for feed in self._flow.tracks:
            while self._room() and self._lookout.after_the_end(feed, now_us):
                moved = True
                self._send()
        return moved

    def _forbidden(self) -> Problem | None:
        """Why nothing may leave."""
        if self._held is not None:
            return self._held
        if not self.agreement.in_force(self._clock()):
            return Problem(NOT_IN_FORCE)
        return Problem(PAUSED) if self._state != "running" else None

    def _way(self) -> Lane:
        if self.destination.via == "log":
            return OwnLog(self._hear_later)
        if self._lanes is None:
            raise ValueError(f"{self.destination.name} is not the site's own log, and there is no lane to it")
        return self._lanes.lane(agreements.exchange(self.agreement.name, self.destination.name), self._hear_later)

    def _hear_later(self, heard: Heard) -> None:
        """On the lane's thread."""
        self._heard.append(heard)
        self._wake.set()

    def _run(self) -> None:
        try:
            while not (self._halted.is_set() or self._stop.is_set()):
                ready = self._lane.ready.is_set()
                if not self._round():
                    self._still = ready and not self._wake.is_set()
                    self._wake.wait(self._pause_s())
                    self._still = False
                    self._wake.clear()
            self._finish()
        except Exception as e:  # noqa: BLE001 -- the edge of a thread: the runner sees it and ends the process
            self.failed = e

    def _finish(self) -> None:
        """Wait a little for what is under way, and settle: what was confirmed need not be sent again."""
        careful = self._lane.careful
        until = time.monotonic() + self._lane.last_s
        self._flow.rest()
        self._hear(_microseconds(self._clock()))
        while self._flow.under_way and (careful or self._lane.ready.is_set()) and time.monotonic() < until:
            self._wake.wait(SETTLED_AFTER_S)
            self._wake.clear()
            self._hear(_microseconds(self._clock()))
        with suppress(Retry):
            self._settling.store()
            self._settling.settle(now=True)

    def _round(self) -> bool:
        try:
            moved = self.step()
        except Retry as e:
            after = e.after or timedelta(seconds=1)
            self._all = True
            self.stalled = e.problem
            self._halted.wait(after.total_seconds())
            return True
        self.stalled = None
        return moved

    def _hear(self, now_us: int) -> bool:
        moved = False
        while self._heard:
            heard = self._heard.popleft()
            self._flow.hear(heard, now_us)
            if heard.lost:
                self._all = True
                self._lookout.again()
            moved = True
        return moved

    def _look(self) -> None:
        """Once a second, or when told of a new feed: what is new, and what a person changed."""
        if time.monotonic() - self._looked < LOOK_S and not self._told - self._flow.tracks.keys():
            return
        self._looked = time.monotonic()
        self._flow.reach(self._deliveries.positions(self.id))
        self._state = next(row.state for row in self._deliveries.destinations() if row.id == self.id)
        self._flow.refresh(self._deliveries.exceptions(self.id, limit=ROWS_HELD))
        self._all = True

    def _read(self, now_us: int) -> bool:
        """What is due again, then one slice of the feed whose turn it is, and of the next, while there is room."""
        moved = self._read_due(now_us) | self._lookout.wording(now_us)
        self._line_up()
        for _ in range(len(self._turns)):
            if self._flow.board.full or not self._room():
                break
            moved |= self._read_slice(self._turns.popleft(), now_us)
        for feed in self._turns:
            moved |= self._lookout.ahead(feed, now_us)
        return moved

    def _room(self) -> bool:
        flow = self._flow
        return flow.under_way < UNDER_WAY and flow.bytes_under_way < UNDER_WAY_BYTES

    def _read_slice(self, feed: int, now_us: int) -> bool:
        track = self._flow.tracks[feed]
        limit = self._slices.get(feed, SLICE // 10)  # until the size of its records is known
        if len(track) >= SLICES_AHEAD * limit:
            self._turns.append(feed)
            return False
        rows = self._deliveries.read(self.id, feed, track.read_to, limit)
        if len(rows) == limit:
            self._turns.append(feed)
        if not rows:
            return False
        size = sum(len(row.data) for row in rows) // len(rows)
        self._slices[feed] = max(1, min(SLICE, SLICE_BYTES // (size or 1)))
        self._gate.look_up(rows)
        self._flow.admit(track, rows, now_us)
        self._send()
        return True

    def _line_up(self) -> None:
        """Give a turn to the feeds that may have something new."""
        if self._all:
            self._all = False
            new = set(self._flow.tracks)
        else:
            new = self._told & self._flow.tracks.keys()
        self._told -= new
        self._turns.extend(sorted(new - set(self._turns)))

    def _read_due(self, now_us: int) -> bool:
        board = self._flow.board
        if not len(board):
            return False
        if passing := board.take_newly_behind():
            self._flow.let_withdrawals_pass(self._deliveries.events(passing))
        if not self._room():
            return False
        moved = self._due_back(now_us, self._gate.judge, lambda feed, position: not self._flow.tracks[feed].passed(position))
        due = board.due(now_us, self._flow.busy(), lambda feed, position: self._flow.tracks[feed].position >= position)
        if not due:
            return moved
        due = due[: 2 * SLICE]
        rows = self._deliveries.events(due, replayed=board.replayed(due))
        self._gate.look_up(rows)
        self._flow.again(rows, now_us)
        return True

    def _due_back(
        self, now_us: int, judge: Callable[[Outgoing], Leaves | Withheld], where: Callable[[int, int], bool]
    ) -> bool:
        """Of the rows that are due, those that take something back go, also where the others must wait."""
        due = self._flow.board.due(now_us, (), where)[: 2 * SLICE] if len(self._flow.board) else []
        for out in self._deliveries.events(due, replayed=self._flow.board.replayed(due)) if due else ():
            made = judge(out)
            if isinstance(made, Leaves) and made.kind == BACK:
                self._flow.take_back(out, made.event, now_us)
        return bool(self._flow.under_way) and bool(due)

    def _leave(self) -> None:
        """Write down that nothing is in doubt, where that is so."""
        if self._settling.done and self._flow.certain and not self._thread.is_alive():
            with suppress(Retry):
                self._deliveries.reserve(self.id, 0)

    def _reserve(self, position: int) -> None:
        """Before a message beyond the ceiling leaves: a process that ends must know what it may have given."""
        if position > self._ceiling:
            ceiling = self._deliveries.head() + RESERVED
            self._deliveries.reserve(self.id, ceiling)
            self._ceiling = ceiling

    def _send(self) -> bool:
        batch = self._flow.take_batch()
        if not batch:
            return False
        self._reserve(max(ticket for ticket, _ in batch))
        if not (self._intended() and self._lane.send(batch)):
            self._flow.rewind()
            self._lookout.again()
            self._all = True
        return True

    def _intended(self) -> bool:
        """Have it on disk what is about to be tried, where that matters."""
        if self._lane.careful:
            try:
                self._settling.settle(now=True)
            except Retry:
                self._flow.rewind()
                raise
        return True

    def _pause_s(self) -> float:
        """How long to wait for a wake-up."""
        return LOOK_S if self._flow.quiet else SETTLED_AFTER_S


def _start(day: date | None) -> Literal["now"] | int:
    if day is None:
        return "now"
    return _microseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
