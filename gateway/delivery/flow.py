"""What may go now, what must wait, and what became of it: one destination's events in memory.

At most one event of a subject (and feed) is under way; later ones of it wait here and others pass.
What takes something back waits for nothing: it goes at once, and older versions of its record that
still wait are withheld.  `Delivery` brings rows from the journal and stores the settlements.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import NamedTuple, Protocol

from gateway.agreement import Projected, Withheld
from gateway.agreement.codes import NOT_ASKED, SUPERSEDED
from gateway.agreement.envelope import numbered
from gateway.delivery.board import Board, Draw, Key, takes_back
from gateway.delivery.codes import IN_DOUBT, REFUSED, UNROUTED
from gateway.delivery.gate import Leaves
from gateway.delivery.numbers import Numbers
from gateway.delivery.track import End, Track
from gateway.lane import Heard, Ticket, Verdict
from gateway.store.rows import BACK, MAYBE, Answer, Disclosed, Exceptional, Outgoing, Settlement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Judge(Protocol):
    """What a flow asks of its gate; `gate.Gate` is one."""

    def concerns(self, topic: str) -> bool: ...
    def judge(self, out: Outgoing) -> Leaves | Withheld: ...
    def handed_over(self, out: Outgoing, turn: int) -> None: ...
    def told(self, partition: bytes, turn: int) -> int: ...
    def in_doubt(self, feed: int, position: int) -> bool: ...
    def events(self, positions: Iterable[int]) -> list[Outgoing]: ...


class _Sent(NamedTuple):
    key: Key
    event: Projected
    kind: int
    partition: bytes
    turn: int
    alone: bool


class Flow:
    """Used by one thread.  Times are microseconds since 1970, UTC."""

    def __init__(
        self,
        gate: Judge,
        positions: Mapping[int, int],
        exceptions: Iterable[Exceptional],
        draw: Draw = random.uniform,
        *,
        careful: bool = False,
        number: int = 0,
        cut_off: bool = False,
    ) -> None:
        """`cut_off`: an earlier process ended without settling what it had handed over."""
        self.tracks = {feed: Track(feed, position) for feed, position in positions.items()}
        rows = list(exceptions)
        self.board = Board(rows, draw)
        self.moves = 0
        """Grows with every event that ended."""
        self._lost: set[Ticket] = set()
        """Messages of which it is unknown whether they arrived."""
        self._gate = gate
        self._numbers = Numbers(number)
        self._turn = 0
        """Counts what was handed over: what went out later is what the recipient goes by."""
        self._ahead: dict[int, End] = {}
        """What was taken back before its turn: by position, how it ended."""
        self._careful = careful
        self._answers: list[Answer] = []
        self._ends: list[tuple[int, End]] = []
        self._sent: dict[Ticket, _Sent] = {}
        self._behind: dict[Key, deque[Outgoing]] = {}
        """Subjects of which an event is under way, each with what waits behind it."""
        self._size = 0
        self._batch: list[tuple[Ticket, Projected]] = []
        unsettled = ("trying", "retry") if cut_off else ("trying",)
        self._disclosed = [(0, _perhaps(row.position)) for row in rows if row.uncertain or row.state in unsettled]
        """By the turn in which it was handed over."""
        self._fields: set[tuple[str, tuple[str, ...]]] = set()

    @property
    def under_way(self) -> int:
        """Messages handed over and not heard of, with those about to be."""
        return len(self._sent)

    @property
    def certain(self) -> bool:
        """Whether of every message it is known and settled whether it arrived."""
        return not (self._sent or self._lost or self._disclosed)

    @property
    def bytes_under_way(self) -> int:
        """The size of these messages."""
        return self._size

    @property
    def quiet(self) -> bool:
        """Nothing that was read is unfinished, and nothing is left to settle."""
        return not (self._sent or self.board.dirty or self._disclosed or any(len(track) or track.moved for track in self.tracks.values()))

    def reach(self, feeds: Mapping[int, int]) -> None:
        """Follow feeds that are new to the destination, each from its position."""
        for feed, position in feeds.items():
            self.tracks.setdefault(feed, Track(feed, position))

    def admit(self, track: Track, rows: Iterable[Outgoing], now_us: int) -> None:
        """Take rows of one feed as they were read: each goes, waits behind its subject, or ends here."""
        concerns = self._gate.concerns
        for out in rows:
            position = out.position
            if not track.read(position):
                continue
            if position in self._ahead:
                track.done(position, self._ahead.pop(position))
            elif not concerns(out.topic):
                track.done(position, "passed")
            elif position in self.board:  # also while it is under way: its row says how it ends
                track.done(position, "exception")
            elif position not in self._sent:
                self._place(track, out, now_us)
        track.advance()

    def again(self, rows: Iterable[Outgoing], now_us: int) -> None:
        """Take rows whose exceptions are due."""
        for out in rows:
            self._go((out.feed, out.subject), out, now_us)

    def let_withdrawals_pass(self, rows: Iterable[Outgoing]) -> None:
        """Of rows that wait behind a parked one, those that take something back wait for nobody."""
        for out in rows:
            if self._takes_back(out) is not None:
                self.board.let_pass(out.position)

    def take_back(self, out: Outgoing, event: Projected, now_us: int) -> None:
        """Tell the recipient to forget a record, out of turn; older versions of it that wait here are withheld."""
        ended = out.position in self._ahead and out.position not in self.board
        key = (out.feed, out.subject)
        if not ended and out.position not in self._sent and not self._waits(key):
            self._take_back(key, out, event, now_us)

    def refresh(self, stored: Iterable[Exceptional]) -> None:
        """Take over what others changed in the exceptions' rows."""
        self.board.refresh(stored, self._sent)

    def busy(self) -> set[Key]:
        """The subjects of which an event is under way."""
        return set(self._behind)

    def take_batch(self) -> list[tuple[Ticket, Projected]]:
        """What is to be sent now, in order."""
        batch, self._batch = self._batch, []
        return batch

    def hear(self, heard: Heard, now_us: int) -> None:
        """The lane says what became of messages."""
        for ticket in heard.confirmed:
            self._confirmed(ticket, now_us)
        for ticket in heard.unrouted:
            self._failed(ticket, UNROUTED.id, now_us)
        if heard.refused is not None:
            self._failed(heard.refused[0], REFUSED.id, now_us)
        for verdict in heard.verdicts:
            self._judged(verdict, now_us)
        if heard.lost:
            self.rewind()
        for track in self.tracks.values():
            track.advance()

    def rewind(self) -> None:
        """Whatever is under way is unknown: forget it; it is read again from the positions, and from its rows."""
        for position in self._sent:
            self.board.in_doubt(position)
        self._lost |= self._sent.keys()
        self._sent.clear()
        self._size = 0
        self._behind.clear()
        self._batch.clear()
        for track in self.tracks.values():
            track.rewind()

    def rest(self) -> None:
        """Send nothing more; what waits behind its subject is read again at the next start."""
        for waiting in self._behind.values():
            waiting.clear()

    def settlement(self, wording: str = "") -> Settlement | None:
        """All that moved since the last one; None where nothing did.  `wording`: the digest of what is agreed."""
        feeds = [moved for track in self.tracks.values() if (moved := track.settled()) is not None]
        changed, over = self.board.take_changes()
        answers, self._answers = self._answers, []
        if not (feeds or changed or over or answers or self._disclosed):
            return None
        disclosed, self._disclosed = [one for _, one in sorted(self._disclosed, key=itemgetter(0))], []
        fields, self._fields = self._fields, set()
        names = sorted({f"{entity}.{name}" for entity, paths in fields for name in paths})
        return Settlement(feeds, changed, over, disclosed, names, self._numbers.low, wording, answers)

    def _place(self, track: Track, out: Outgoing, now_us: int) -> None:
        key = (out.feed, out.subject)
        behind = self._behind.get(key)
        if behind is None and not self.board.holds(key):
            self._go(key, out, now_us)
        elif (made := self._takes_back(out)) is not None and not self._waits(key):
            self._take_back(key, out, made.event, now_us)
        else:
            if made is not None:
                self._withhold_older(key, out)
            self._wait(track, key, out)

    def _wait(self, track: Track, key: Key, out: Outgoing) -> None:
        """Wait behind what is under way of the subject, or behind its rows."""
        behind = self._behind.get(key)
        if behind is not None:
            behind.append(out)
        else:
            self._doubt(key, out.position)
            self.board.wait(key, out.position)
            track.done(out.position, "exception")

    def _waits(self, key: Key) -> bool:
        """Whether even what takes something back must wait: a legacy system is written to one by one."""
        return self._careful and (key in self._behind or self.board.going(key))

    def _takes_back(self, out: Outgoing) -> Leaves | None:
        """What takes back what was given before, where that is what leaves in the place of an event."""
        if out.sequence == 1 and not takes_back(out.topic):
            return None
        made = self._gate.judge(out)
        return made if isinstance(made, Leaves) and made.kind == BACK else None

    def _go(self, key: Key, out: Outgoing, now_us: int) -> None:
        """Judge and send, or end it here."""
        made = self._gate.judge(out)
        if isinstance(made, Withheld):
            self._withhold(key, out, made)
        elif made.kind == BACK:
            self._take_back(key, out, made.event, now_us)
        elif out.expires and _past(out.expires, now_us) and not self._pending(out.position):
            self._expired(key, out.position)
        else:
            self._behind[key] = deque()
            self._send(key, out, made, alone=True, now_us=now_us)

    def _send(self, key: Key, out: Outgoing, made: Leaves, *, alone: bool, now_us: int) -> None:
        """Hand it over.  `alone`: no other event of its subject goes until this one has ended."""
        if self._careful:
            self._try(key, out.position, now_us)
        event = made.event if self._careful else numbered(made.event, self._numbers.take(out.position))
        self._turn += 1
        if made.kind != BACK:
            self._gate.handed_over(out, self._turn)
        self._sent[out.position] = _Sent(key, event, made.kind, out.partition, self._turn, alone)
        self._size += len(event.body)
        self._batch.append((out.position, event))

    def _withhold(self, key: Key, out: Outgoing, why: Withheld) -> None:
        self._stays(key, out.position, "passed" if why.code is NOT_ASKED else "withheld")

    def _stays(self, key: Key, position: int, end: End) -> None:
        """It does not leave, or not any more."""
        self._numbers.unused(position)
        self._doubt(key, position)
        self._end(key, position, end)

    def _doubt(self, key: Key, position: int) -> None:
        """Where an earlier try may have reached the recipient all the same, that is written down."""
        if position in self._lost or self._gate.in_doubt(key[0], position):
            self._lost.discard(position)
            self._disclosed.append((self._turn, _perhaps(position)))

    def _withhold_older(self, key: Key, out: Outgoing) -> None:
        """Versions of a record that wait here stay here, once it is taken back."""
        waiting = self._behind.get(key) or deque()
        older = [one for one in waiting if one.partition == out.partition and one.position < out.position]
        for one in older:
            waiting.remove(one)
        held = [one for one in self.board.positions(key) if one < out.position and one not in self._sent and not self.board.pending(one)]
        older += [one for one in self._gate.events(held) if one.partition == out.partition]
        for one in older:
            self._withhold(key, one, Withheld(SUPERSEDED))

    def _take_back(self, key: Key, out: Outgoing, event: Projected, now_us: int) -> None:
        """It goes at once; a legacy system is written to one by one."""
        self._withhold_older(key, out)
        if self._careful:
            self._behind.setdefault(key, deque())
        self._send(key, out, Leaves(event, BACK), alone=self._careful, now_us=now_us)

    def _pending(self, position: int) -> bool:
        return self._careful and self.board.pending(position)

    def _expired(self, key: Key, position: int) -> None:
        """Its time is past.  One that may have arrived before is left to a person: it is neither written late nor forgotten."""
        if self._careful and self.board.in_question(position):
            self._park(position, IN_DOUBT.id, uncertain=True)
        else:
            self._stays(key, position, "expired")

    def _park(self, position: int, code: str, *, uncertain: bool) -> None:
        self.board.park(position, code, uncertain=uncertain)
        self._ends.append((position, "parked"))

    def take_ends(self) -> list[tuple[int, End]]:
        """How deliveries of a careful destination ended since the last time."""
        ends, self._ends = self._ends, []
        return ends

    def _try(self, key: Key, position: int, now_us: int) -> None:
        """The row that says, after a crash, that it may have arrived."""
        known = position in self.board
        self.board.trying(key, position, now_us)
        if not known:
            self._ended(self.tracks[key[0]], position, "exception")

    def _judged(self, verdict: Verdict, now_us: int) -> None:
        """A careful lane says what became of one message."""
        ticket, sent = verdict.ticket, self._sent.get(verdict.ticket)
        if sent is None:
            return
        if verdict.answer is not None:
            self._answers.append(verdict.answer)
        match verdict.state:
            case "delivered":
                self._confirmed(ticket, now_us)
                return
            case "retry" if verdict.after is None:
                self._failed(ticket, verdict.code, now_us, uncertain=verdict.uncertain)
                return
            case "withheld":
                self._end(sent.key, ticket, "withheld")
            case "parked":
                self._park(ticket, verdict.code, uncertain=verdict.uncertain)
            case "pending":
                self.board.put_off(ticket, "pending", now_us + _us(verdict.after), verdict.code)
            case "retry":
                self.board.put_off(ticket, "retry", now_us + _us(verdict.after), verdict.code, uncertain=verdict.uncertain)
            case "unsent":
                self.board.unsent(ticket, now_us)
        self._answered(ticket)
        self._follow(sent.key, now_us)

    def _confirmed(self, ticket: Ticket, now_us: int) -> None:
        sent = self._answered(ticket)
        if sent is None:
            return
        event = sent.event
        disclosed = Disclosed(bytes.fromhex(event.id), hashlib.sha256(event.body).digest(), ticket, sent.kind)
        self._numbers.confirmed(ticket)
        self._lost.discard(ticket)
        self._disclosed.append((sent.turn, disclosed))
        self._fields.add((event.fixed.entity, event.fields))
        self._end(sent.key, ticket, "delivered")
        if sent.kind == BACK and (overtaken_by := self._gate.told(sent.partition, sent.turn)):
            self._disclosed.append((self._turn, _perhaps(overtaken_by)))
        if sent.alone:
            self._follow(sent.key, now_us)

    def _failed(self, ticket: Ticket, code: str, now_us: int, *, uncertain: bool = False) -> None:
        """This one event could not be delivered: it gets a row, and what is behind it waits with it."""
        sent = self._answered(ticket)
        if sent is None:
            return
        known = ticket in self.board
        self._numbers.unused(ticket)
        self._doubt(sent.key, ticket)
        self.board.failed(sent.key, ticket, code, now_us, uncertain=uncertain)
        if not known:
            self._ended(self.tracks[sent.key[0]], ticket, "exception")
        if sent.alone:
            self._follow(sent.key, now_us)

    def _answered(self, ticket: Ticket) -> _Sent | None:
        sent = self._sent.pop(ticket, None)
        if sent is not None:
            self._size -= len(sent.event.body)
        return sent

    def _follow(self, key: Key, now_us: int) -> None:
        """The event of a subject that was under way has ended: the next one of it."""
        waiting = self._behind.pop(key)
        track = self.tracks[key[0]]
        while waiting and key not in self._behind:
            self._place(track, waiting.popleft(), now_us)
        if waiting:
            self._behind[key].extend(waiting)

    def _end(self, key: Key, position: int, end: End) -> None:
        self.moves += 1
        if self._careful and end != "passed":
            self._ends.append((position, end))
        track = self.tracks[key[0]]
        if position not in self.board:
            self._ended(track, position, end)
            return
        self.board.over(position)
        if track.passed(position):  # long ago
            track.count(end)
        else:
            self._ahead[position] = end

    def _ended(self, track: Track, position: int, end: End) -> None:
        """An event that has no row ended: in its turn, or ahead of it; it is counted in its turn."""
        if track.passed(position):
            track.done(position, end)
        else:
            self._ahead[position] = end


def _us(span: timedelta | None) -> int:
    return (span or timedelta()) // timedelta(microseconds=1)


def _perhaps(position: int) -> Disclosed:
    """Nobody knows whether the event arrived."""
    return Disclosed(bytes(16), bytes(32), position, MAYBE)


def _past(expires: str, now_us: int) -> bool:
    """Whether a time is over; one that cannot be read is no reason to withhold."""
    try:
        at = datetime.fromisoformat(expires)
    except ValueError:
        return False
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) <= now_us
