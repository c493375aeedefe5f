"""Where documents are handed in: what waits for one feed is journalled together.

While one commit is on its way to the disk the next documents gather, so many callers share the
price of a sync.  A desk works for one feed at a time and in the order of coming; nobody is answered
before the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from gateway.adapter import Batch, Document, Log, RawRecord
from gateway.api.codes import FAULT, UNREADABLE
from gateway.api.problems import Refusal, simple
from gateway.errors import GatewayError, Halt, Problem, Refused, Reject, Retry
from gateway.intake import FloodGuard, terms
from gateway.store import Fatal
from gateway.store.crypto import salts
from gateway.store.rows import Accepted
from gateway.store.submissions import Submission, Submitted

if TYPE_CHECKING:
    from gateway.line import WayIn
    from gateway.runner import Runner

GATHER = 128
"""At most so many documents share a commit, and at most so many bytes."""
GATHER_BYTES = 16 << 20
QUIET_S = 0.0005
"""While documents come within this time of each other, those who sent before are waited for: the more share a commit the less each
costs, and what takes in the next ones is not held up by the work on the first."""
SMALL_BYTES = 8 * 1024
"""A body up to this size is read when it comes, while others are journalled; a larger one when its turn has come, since its records
take many times its room."""
WORKERS = 2
"""Feeds that are worked for at one time; more would only wait for each other's commits."""

Answer: TypeAlias = Submitted | Exception


@dataclass(slots=True, eq=False)
class Piece:
    """One document that waits.  `body` is as the feed reads it; `sha256` and `size` are of what was sent."""

    way: WayIn
    caller: str
    key: str
    body: bytes
    sha256: bytes
    size: int
    stands_for: bytes
    """The digest that the idempotency key is bound to."""
    future: asyncio.Future[Submitted] | None = None
    read: Batch | Refusal | None = None
    """What was read of it; None while nobody has."""


class Desk:
    """One facade's desk.  `hand_in` on the event loop, which reads small documents; all else is done on threads of its own."""

    def __init__(self, runner: Runner, log: Log, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._runner, self._log, self._sleep = runner, log, sleep
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[Piece]] = {}
        self._callers: dict[int, int] = {}
        """How many were seen to send to a feed at one time, when it was last journalled."""
        self._guards: dict[tuple[int, str], FloodGuard] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="desk")

    async def hand_in(self, piece: Piece) -> Submitted:
        """Journal one document; durable when this returns.  Raises Refusal where nothing of it was kept."""
        feed = piece.way.feed_id
        if len(piece.body) <= SMALL_BYTES:
            piece.read = self._read(piece)
            if isinstance(piece.read, Refusal):
                raise piece.read
        piece.future = asyncio.get_running_loop().create_future()
        with self._lock:
            line = self._waiting.get(feed)
            if line is None:
                line = self._waiting[feed] = deque()
                self._workers.submit(self._serve, feed)
            line.append(piece)
        return await piece.future

    def close(self) -> None:
        """Finish what was handed in."""
        self._workers.shutdown(wait=True)

    def _serve(self, feed: int) -> None:
        """One commit.  A feed for which others wait by then has its next turn after the feeds that wait too."""
        self._let_gather(feed)
        pieces = self._gathered(feed)
        answers = self._taken(pieces)
        with self._lock:  # before anybody is answered: who sends again by then would be counted twice
            waiting = len(self._waiting[feed])
            self._callers[feed] = len(pieces) + waiting
            if not waiting:
                del self._waiting[feed]
        self._tell(pieces, answers)
        if waiting:
            self._again(feed)

    def _again(self, feed: int) -> None:
        try:
            self._workers.submit(self._serve, feed)
        except RuntimeError:  # the desk is being closed: what was handed in is finished here
            self._serve(feed)

    def _let_gather(self, feed: int) -> None:
        """Until as many have come as sent at one time before, or nobody else comes.  Who is alone is not made to wait."""
        line, seen, enough = self._waiting[feed], 0, min(GATHER, self._callers.get(feed, 1))
        while seen < len(line) < enough:
            seen = len(line)
            self._sleep(QUIET_S)

    def _gathered(self, feed: int) -> list[Piece]:
        """Those whose turn it is."""
        with self._lock:
            line, taken, size = self._waiting[feed], list[Piece](), 0
            while line and len(taken) < GATHER and (not taken or size + len(line[0].body) <= GATHER_BYTES):
                taken.append(line.popleft())
                size += len(taken[-1].body)
            return taken

    def _tell(self, pieces: Sequence[Piece], answers: Sequence[Answer]) -> None:
        """Wake everybody who waits, at once: a loop is woken per commit, not per request."""
        assert pieces[0].future is not None
        pieces[0].future.get_loop().call_soon_threadsafe(_resolve, list(zip(pieces, answers, strict=True)))

    def _taken(self, pieces: Sequence[Piece]) -> list[Answer]:
        """One answer each."""
        try:
            return self._journalled(pieces)
        except Fatal as e:
            self._runner.broke(e)
            return [e for _ in pieces]
        except Exception as e:  # noqa: BLE001 - the edge of a thread: those who wait must be answered
            self._log.error("documents not taken", exc_info=e)
            return [simple(500, FAULT) for _ in pieces]

    def _journalled(self, pieces: Sequence[Piece]) -> list[Answer]:
        started, way = time.monotonic(), pieces[0].way
        read = [self._submission(piece, id) for piece, id in zip(pieces, _ids(len(pieces)), strict=True)]
        good = [each for each in read if isinstance(each, Submission)]
        made = self._runner.store.submissions.accept(way.feed_id, good, terms(way.feed, shadow=way.shadow))
        kept = [each.accepted for each in made if isinstance(each, Submitted)]
        if kept:
            self._runner.took(way, _sum(kept), time.monotonic() - started)
        rest = iter(made)
        return [_answer(next(rest)) if isinstance(each, Submission) else each for each in read]

    def _read(self, piece: Piece) -> Batch | Refusal:
        """The records of a document, or why it is refused whole."""
        feed = piece.way.feed
        assert feed.adapter.whole is not None
        said = hashlib.sha256(piece.key.encode() + b"\x00" + piece.sha256).digest() if piece.key else piece.sha256
        document = Document("request", said, len(piece.body), body=piece.body)
        try:
            batch = feed.adapter.whole(feed.settings, document)
        except Reject as e:
            return Refusal(422, *e.problems)
        except Refused as e:
            return Refusal(422, *e.problems)
        except Exception as e:  # noqa: BLE001 - an edge: what one document does to an adapter harms no other
            self._log.error("document not read", system=feed.system, feed=feed.name, exc_info=e)
            return simple(500, FAULT)
        if not any(isinstance(record, RawRecord) for record in batch.records):
            problems = [problem for record in batch.records if not isinstance(record, RawRecord) for problem in record.problems]
            return Refusal(422, Problem(UNREADABLE), *problems)
        if piece.key:
            assert batch.document is not None
            batch = replace(batch, document=replace(batch.document, sha256=piece.sha256))
        return batch

    def _submission(self, piece: Piece, id: str) -> Submission | Refusal:
        """A document that is read, or why it is refused whole.  `id`: that of its receipt."""
        batch = piece.read if piece.read is not None else self._read(piece)
        if isinstance(batch, Refusal):
            return batch
        guard = self._guard(piece)
        return Submission(id, piece.caller, piece.key, piece.stands_for, batch, lambda rejected: guard(rejected, batch.records))

    def _guard(self, piece: Piece) -> FloodGuard:
        whose = piece.way.feed_id, piece.caller
        found = self._guards.get(whose)
        return found or self._guards.setdefault(whose, FloodGuard())


def _ids(count: int) -> Iterator[str]:
    """Fresh ids of receipts: 48 bits of time, so that new ones lie together in the store, and 80 that nobody guesses."""
    now = f"{time.time_ns() // 1_000_000:012x}"
    return (now + salt[:10].hex() for salt in salts(count))


def _answer(made: Submitted | GatewayError) -> Answer:
    match made:
        case Submitted():
            return made
        case Halt(problem=problem):  # a flood: the caller holds the document, so nothing need stop but this
            return Refusal(422, problem)
        case Retry(problem=problem, after=after):
            return Refusal(503, problem, after=after)
        case _:
            return made


def _sum(each: Sequence[Accepted]) -> Accepted:
    return Accepted(
        sum(one.read for one in each),
        sum(one.accepted for one in each),
        sum(one.unchanged for one in each),
        sum(one.late for one in each),
        sum(one.quarantined for one in each),
        sum(one.held for one in each),
        max(one.position for one in each),
    )


def _resolve(answers: Sequence[tuple[Piece, Answer]]) -> None:
    for piece, answer in answers:
        if piece.future is None or piece.future.done():  # the caller has gone; what it sent is journalled all the same
            continue
        if isinstance(answer, Submitted):
            piece.future.set_result(answer)
        else:
            piece.future.set_exception(answer)
