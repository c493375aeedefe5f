"""What may go now, what must wait, and what became of it: one destination's events in memory.

At most one event of a subject (and feed) is under way; later ones of it wait here and others pass.
Nothing here reads or writes: `Delivery` brings rows from the journal and stores the settlements.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gateway.agreement import Projected, Projector, Withheld
from gateway.delivery.board import Board, Draw, Key, takes_back
from gateway.delivery.codes import IN_DOUBT, REFUSED, UNROUTED
from gateway.delivery.track import Done, Track
from gateway.lane import Heard, Ticket, Verdict
from gateway.store.rows import Answer, Exceptional, Outgoing, Settlement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Sent(NamedTuple):
    key: Key
    event: Projected


class Flow:
    """Used by one thread.  Times are microseconds since 1970, UTC."""

    def __init__(
        self,
        projector: Projector,
        positions: Mapping[int, int],
        exceptions: Iterable[Exceptional],
        draw: Draw = random.uniform,
        *,
        careful: bool = False,
    ) -> None:
        self.tracks = {feed: Track(feed, position) for feed, position in positions.items()}
        self.board = Board(exceptions, draw)
        self.moves = 0
        """Grows with every event that ended."""
        self._projector = projector
        self._careful = careful
        self._answers: list[Answer] = []
        self._sent: dict[Ticket, _Sent] = {}
        self._behind: dict[Key, deque[Outgoing]] = {}
        """Subjects of which an event is under way, each with what waits behind it."""
        self._size = 0
        self._batch: list[tuple[Ticket, Projected]] = []
        self._disclosed: list[tuple[bytes, bytes]] = []
        self._fields: set[tuple[str, tuple[str, ...]]] = set()

    @property
    def under_way(self) -> int:
        """Messages handed over and not heard of, with those about to be."""
        return len(self._sent)

    @property
    def bytes_under_way(self) -> int:
        """The size of these messages."""
        return self._size

    @property
    def quiet(self) -> bool:
        """Nothing that was read is unfinished, and nothing is left to settle."""
        return not (self._sent or self.board.dirty or any(len(track) or track.moved for track in self.tracks.values()))

    def reach(self, feeds: Mapping[int, int]) -> None:
        """Follow feeds that are new to the destination, each from its position."""
        for feed, position in feeds.items():
            self.tracks.setdefault(feed, Track(feed, position))

    def admit(self, track: Track, rows: Iterable[Outgoing], now_us: int) -> None:
        """Take rows of one feed as they were read: each goes, waits behind its subject, or ends here."""
        wants = self._projector.wants
        for out in rows:
            position = out.position
            if not track.read(position):
                continue
            if not wants(out.topic):
                track.done(position, _PASSED)
            elif position in self.board:
                track.done(position, _EXCEPTION)
            else:
                self._place(track, out, now_us)
        self._advance(track)

    def again(self, rows: Iterable[Outgoing], now_us: int) -> None:
        """Take rows whose exceptions are due."""
        for out in rows:
            self._go((out.feed, out.subject), out, now_us)

    def let_withdrawals_pass(self, rows: Iterable[Outgoing]) -> None:
        """Of rows that wait behind a parked one, those that take something back wait for nobody."""
        for out in rows:
            if takes_back(out.topic):
                self.board.let_pass(out.position)

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
            self._advance(track)

    def rewind(self) -> None:
        """Whatever is under way is unknown: forget it; it is read again from the positions, and from its rows."""
        for position in self._sent:
            self.board.in_doubt(position)
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

    def settlement(self) -> Settlement | None:
        """All that moved since the last one; None where nothing did."""
        feeds = [moved for track in self.tracks.values() if (moved := track.settled()) is not None]
        changed, over = self.board.take_changes()
        answers, self._answers = self._answers, []
        if not (feeds or changed or over or answers):
            return None
        disclosed, self._disclosed = self._disclosed, []
        fields, self._fields = self._fields, set()
        names = sorted({f"{entity}.{name}" for entity, paths in fields for name in paths})
        return Settlement(feeds, changed, over, disclosed, names, answers)

    def _place(self, track: Track, out: Outgoing, now_us: int) -> None:
        key = (out.feed, out.subject)
        if (behind := self._behind.get(key)) is not None:
            behind.append(out)
        elif self.board.holds(key, out.topic):
            self.board.wait(key, out.position)
            track.done(out.position, _EXCEPTION)
        else:
            self._go(key, out, now_us)

    def _go(self, key: Key, out: Outgoing, now_us: int) -> None:
        """Project and send, or end it here."""
        if out.expires and _past(out.expires, now_us) and not self._pending(out.position):
            self._expired(key, out.position)
            return
        projected = self._projector.project(out)
        if isinstance(projected, Withheld):
            self._end(key, out.position, _WITHHELD)
            return
        if self._careful:
            self._try(key, out.position, now_us)
        self._behind[key] = deque()
        self._sent[out.position] = _Sent(key, projected)
        self._size += len(projected.body)
        self._batch.append((out.position, projected))

    def _pending(self, position: int) -> bool:
        return self._careful and self.board.pending(position)

    def _expired(self, key: Key, position: int) -> None:
        """Its time is past.  One that may have arrived before is left to a person: it is neither written late nor forgotten."""
        if self._careful and self.board.in_question(position):
            self.board.park(position, IN_DOUBT.id, uncertain=True)
        else:
            self._end(key, position, _EXPIRED)

    def _try(self, key: Key, position: int, now_us: int) -> None:
        """The row that says, after a crash, that it may have arrived."""
        known = position in self.board
        self.board.trying(key, position, now_us)
        if not known:
            self.tracks[key[0]].done(position, _EXCEPTION)

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
                self._failed(ticket, verdict.code, now_us)
                return
            case "withheld":
                self._end(sent.key, ticket, _WITHHELD)
            case "parked":
                self.board.park(ticket, verdict.code, uncertain=verdict.uncertain)
            case "pending":
                self.board.put_off(ticket, "pending", now_us + _us(verdict.after), verdict.code)
            case "retry":
                self.board.put_off(ticket, "retry", now_us + _us(verdict.after), verdict.code)
            case "unsent":
                self.board.unsent(ticket, now_us)
        self._answered(ticket)
        self._follow(sent.key, now_us)

    def _confirmed(self, ticket: Ticket, now_us: int) -> None:
        sent = self._answered(ticket)
        if sent is None:
            return
        event = sent.event
        disclosed = (bytes.fromhex(event.id), hashlib.sha256(event.body).digest())
        self._end(sent.key, ticket, Done("delivered", disclosed, (event.fixed.entity, event.fields)))
        self._follow(sent.key, now_us)

    def _failed(self, ticket: Ticket, code: str, now_us: int) -> None:
        """This one event could not be delivered: it gets a row, and what is behind it waits with it."""
        sent = self._answered(ticket)
        if sent is None:
            return
        known = ticket in self.board
        self.board.failed(sent.key, ticket, code, now_us)
        if not known:
            self.tracks[sent.key[0]].done(ticket, _EXCEPTION)
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

    def _end(self, key: Key, position: int, done: Done) -> None:
        self.moves += 1
        track = self.tracks[key[0]]
        if position in self.board:  # its position was passed long ago
            self.board.over(position)
            track.count(done.end)
            self._disclose(done)
        else:
            track.done(position, done)

    def _advance(self, track: Track) -> None:
        for done in track.advance():
            if done.disclosed is not None:
                self._disclose(done)

    def _disclose(self, done: Done) -> None:
        if done.disclosed is not None and done.fields is not None:
            self._disclosed.append(done.disclosed)
            self._fields.add(done.fields)


_PASSED, _EXCEPTION, _EXPIRED, _WITHHELD = Done("passed"), Done("exception"), Done("expired"), Done("withheld")


def _us(span: timedelta | None) -> int:
    return (span or timedelta()) // timedelta(microseconds=1)


def _past(expires: str, now_us: int) -> bool:
    """Whether a time is over; one that cannot be read is no reason to withhold."""
    try:
        at = datetime.fromisoformat(expires)
    except ValueError:
        return False
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) <= now_us
