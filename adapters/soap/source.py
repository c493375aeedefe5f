"""Asks an operation again and again, and reads its answers record by record.

Life of an answer: it was asked for by what the cursor holds · it is whole, an answer, and signed
where it must be · its bytes are in the archive · its records come in batches, each with a cursor that
names the answer's digest and the next byte · the last batch is in the journal · the service is told,
where there is an operation for it.  A crash between any two of these repeats nothing and loses nothing.

Where asking empties the service, the answer is in the archive, and a cursor that names it in the
journal, before the first record is looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, BinaryIO

from adapters.soap import faults, paths
from adapters.soap.answer import Envelope
from adapters.soap.codes import BROKEN, GONE, NO_CALL, UNREADABLE
from adapters.soap.cursor import At, Reading, earlier, later, parsed
from adapters.soap.faults import Fault
from adapters.soap.multipart import Window
from adapters.soap.records import Item, Records, Skipped, Walk
from adapters.soap.service import Service
from adapters.soap.settings import Settings
from adapters.soap.taken import Taken
from adapters.soap.transport import spooled
from gateway.adapter import BATCH_BYTES, Batch, Context, Document, RawRecord, Rejected
from gateway.errors import Halt, Problem, Reject, Retry

LABEL = "answer"
TRUE = frozenset({"true", "1", "y", "yes"})


@dataclass(slots=True)
class _Open:
    """The answer that is being read."""

    reading: Reading
    file: BinaryIO
    walk: Walk
    items: Iterator[Item]
    document: Document
    pending: RawRecord | Rejected | None = None
    """A record that did not fit into the last batch."""
    found: int = 0
    """Records so far, rejected ones included."""
    last: str = ""
    high: str = ""


class SoapSource:
    """One operation as a source."""

    def __init__(self, settings: Settings, context: Context) -> None:
        if settings.poll is None:
            raise Halt(Problem(NO_CALL, rule="the feed is a source, and its settings have no poll:"))
        self._settings, self._poll, self._context = settings, settings.poll, context
        self._records = Records(settings)
        self._notes = bool(self._poll.cursor.last or self._poll.cursor.since)
        self._service = Service(settings, context)
        self._taken = Taken(context.root, f"{settings.address} {settings.poll.operation} {settings.poll.records}")
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._open: _Open | None = None

    def read(self, after: str, limit: int) -> Batch:
        """The next batch of the answer under way, or the first of the next answer."""
        with self._lock:
            try:
                return Batch(after, more=False) if self._ends() else self._read(parsed(after), after, limit)
            except (Retry, Halt):
                if self._ends():
                    return Batch(after, more=False)
                raise
            except Reject as e:
                raise Halt(e.problems[0]) from e
            finally:
                if self._ends():
                    self._leave()

    def acknowledge(self, cursor: str) -> None:
        """Tells the service what was taken, where it wants to know; said twice, it is told twice."""
        at = parsed(cursor)
        confirm = self._poll.confirm
        if confirm is None or not at.receipt:
            return
        with self._lock:
            try:
                found = self._service.call(confirm, at.receipt)
            except Reject as e:
                raise Halt(e.problems[0]) from e
        if isinstance(found, Envelope):
            found.answer.body.close()
        if isinstance(found, Fault):
            action, wait = faults.meaning(found, self._settings.faults)
            if action != "done":
                raise faults.raised(found, action, wait)

    def close(self) -> None:
        """Unblocks `read`; the answer under way is closed by whoever reads it."""
        self._closed.set()
        self._service.close()
        if self._lock.acquire(blocking=False):
            try:
                self._leave()
            finally:
                self._lock.release()

    def _read(self, at: At, after: str, limit: int) -> Batch:
        if self._open is not None and self._open.reading == at.reading:
            return self._batch(self._open, at, limit)
        self._leave()
        if at.reading is not None:
            return self._go_on(at, limit)
        if self._poll.empties and (taken := self._taken.read(after)) is not None:
            return _taken_batch(at, taken)
        found = self._service.call(self._poll, self._values(at))
        if isinstance(found, Fault):
            return self._faulted(found, at, after)
        if found is None or not found.payload:
            if found is not None:
                found.answer.body.close()
            raise Retry(Problem(BROKEN, rule="the service answered with nothing"))
        return self._begin(found, at, after, limit)

    def _begin(self, envelope: Envelope, at: At, after: str, limit: int) -> Batch:
        answer = envelope.answer
        reading = Reading(
            sha256=answer.sha256.hex(),
            size=answer.size,
            start=envelope.start,
            stop=envelope.stop,
            encoding=envelope.encoding,
            declaration=envelope.declaration.decode("ascii"),
        )
        if self._poll.empties and answer.holds(self._poll.records.rpartition("/")[2].rpartition(":")[2].encode()):
            self._service.keep(answer)
            self._taken.write(after, reading)
            answer.body.close()
            return _taken_batch(at, reading)
        opened = self._opened(answer.body, reading)
        if opened.walk.empty:  # nothing in it that anybody would want to see again
            return self._nothing(opened, at, after)
        self._service.keep(answer)
        self._open = opened
        return self._batch(opened, replace(at, reading=reading, receipt={}), limit)

    def _go_on(self, at: At, limit: int) -> Batch:
        """An answer that was begun before, from the archive."""
        assert at.reading is not None
        try:
            with self._context.archive.open(bytes.fromhex(at.reading.sha256)) as kept:
                file = spooled(kept, self._context.root)
        except FileNotFoundError:
            raise Halt(Problem(GONE, where=f"answer {at.reading.sha256[:12]}")) from None
        self._open = self._opened(file, at.reading)
        return self._batch(self._open, at, limit)

    def _opened(self, file: BinaryIO, reading: Reading) -> _Open:
        """Ready to read from the reading's offset.  Raises Halt where it cannot be read, Retry where it was cut off."""
        stream: BinaryIO = Window(file, reading.start, reading.stop)  # type: ignore[assignment]  # reads as one
        try:
            walk = self._records.walk(stream, reading.encoding, reading.declaration.encode())
        except Reject as e:
            file.close()
            raise Halt(replace(e.problems[0], where=f"answer {reading.sha256[:12]}, {e.problems[0].where}")) from None
        if not walk.ended:
            file.close()
            raise Retry(Problem(BROKEN, rule="the envelope is not closed at the end of the answer"))
        document = Document(LABEL, bytes.fromhex(reading.sha256), reading.size, walk.preamble)
        opened = _Open(reading, file, walk, walk.items(), document)
        before = 0
        for item in opened.items if reading.offset else ():
            before += self._noted(opened, item)
            if before >= reading.offset:
                break
        return opened

    def _batch(self, opened: _Open, at: At, limit: int) -> Batch:
        """As many items as a batch holds; a record too many waits for the next."""
        reading = opened.reading
        records: list[RawRecord | Rejected] = []
        skipped = [] if reading.started else [(0, reading.start, "part")] if reading.start else []
        size, offset, more = 0, reading.offset, False
        waiting, opened.pending = opened.pending, None
        for item in chain([waiting] if waiting is not None else [], opened.items):
            if isinstance(item, Skipped):
                skipped.append((reading.start + offset, item.length, item.what))
            elif records and (len(records) >= limit or size + len(item.original) > BATCH_BYTES):
                opened.pending, more = item, True
                break
            else:
                records.append(item)
                size += len(item.original)
            offset += self._noted(opened, item)
        if opened.walk.lost:
            raise Halt(Problem(UNREADABLE, where=f"answer {reading.sha256[:12]}, byte {offset}"))
        if more:
            opened.reading = replace(reading, offset=offset, started=True)
            return Batch(replace(at, reading=opened.reading).text(), records, opened.document, skipped)
        if reading.stop < reading.size:
            skipped.append((reading.stop, reading.size - reading.stop, "part"))
        return self._finished(opened, at, records, skipped)

    def _finished(self, opened: _Open, at: At, records: list[RawRecord | Rejected], skipped: list[tuple[int, int, str]]) -> Batch:
        following, more = self._next(opened, at)
        document = opened.document
        self._leave()
        return Batch(following.text(), records, document, skipped, more=more, complete=True)

    def _nothing(self, opened: _Open, at: At, after: str) -> Batch:
        """An answer without records: it moves the cursor at most."""
        for item in opened.items:
            self._noted(opened, item)
        following, more = self._next(opened, at)
        opened.file.close()
        following = replace(following, receipt={}) if not more else following
        same = following.text() == replace(at, receipt={}).text()
        return Batch(after if same else following.text(), more=more and not same)

    def _noted(self, opened: _Open, item: Item) -> int:
        """Remembers what the next request may need of a record; gives the item's length."""
        if isinstance(item, Skipped):
            return item.length
        opened.found += 1
        if self._notes and isinstance(item, RawRecord):
            position = self._poll.cursor
            if position.last:
                opened.last = paths.text(item.fields, position.last.replace(".", "/")) or opened.last
            if position.since is not None and position.since.field:
                opened.high = later(opened.high, paths.text(item.fields, position.since.field.replace(".", "/")))
        return len(item.original)

    def _values(self, at: At) -> dict[str, Any]:
        """What a request may name."""
        position = self._poll.cursor
        since = ""
        if position.since is not None:
            since = earlier(at.since, position.since.overlap) if at.since else position.since.begin
        page = (at.page if at.page is not None else position.page.first) if position.page is not None else None
        return {"since": since, "token": at.token, "last": at.last, "page": page}

    def _next(self, opened: _Open, at: At) -> tuple[At, bool]:
        """Where to ask from next, and whether there is more."""
        position = self._poll.cursor
        around = opened.walk.around()
        token = paths.text(around, position.token) if position.token else ""
        high = later(at.high, paths.text(around, position.since.at) if position.since and position.since.at else opened.high)
        more = opened.found > 0
        if self._poll.more:
            more = paths.text(around, self._poll.more).lower() in TRUE
        elif position.token:
            more = bool(token) and token != at.token
        turning = more and (bool(position.page) or bool(token))
        following = At(
            since=at.since if turning else later(at.since, high),
            high=high if turning else "",
            token=token or at.token,
            last=opened.last or at.last,
            page=(at.page if at.page is not None else position.page.first) + 1 if position.page and turning else None,
            taken=at.taken,
            receipt=self._receipt(at, token, opened) if self._poll.confirm is not None and opened.found else {},
        )
        moved = replace(following, receipt={}) != replace(at, reading=None, receipt={})
        return following, more and (moved or self._poll.empties)

    def _receipt(self, at: At, token: str, opened: _Open) -> dict[str, str]:
        return {"token": token or at.token, "since": at.since, "last": opened.last or at.last}

    def _faulted(self, fault: Fault, at: At, after: str) -> Batch:
        action, wait = faults.meaning(fault, self._settings.faults)
        match action:
            case "done":
                return Batch(after, more=False)
            case "restart" if at.token or at.page is not None or at.last:
                again = At(since=at.since, high=at.high)
                return Batch(again.text(), more=True)
            case _:
                raise faults.raised(fault, action, wait)

    def _ends(self) -> bool:
        return self._closed.is_set() or self._context.stop.is_set()

    def _leave(self) -> None:
        if self._open is not None:
            self._open.file.close()
            self._open = None


def _taken_batch(at: At, reading: Reading) -> Batch:
    """An answer that is in the archive, and of which nobody has read a record yet."""
    document = Document(LABEL, bytes.fromhex(reading.sha256), reading.size)
    return Batch(replace(at, reading=reading, taken=at.taken + 1, receipt={}).text(), document=document)
