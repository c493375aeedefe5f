"""Reads a drop folder: one file after the other, each document twice, each byte once into a batch.

Life of a file: it is ready · its digest and totals are checked · it is read in batches, each
with a cursor that names digest and byte · the last batch is in the journal · `acknowledge` archives
and removes it.  A crash between any two of these repeats nothing and loses nothing.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.flatfile import container
from adapters.flatfile.check import Checked, checked, digest
from adapters.flatfile.codes import BUSY, DISK, FOLDER, GONE, REPLACED, WAITING
from adapters.flatfile.cursor import At, parsed
from adapters.flatfile.decode import walk
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import HEAD_BYTES, LOST, OVERLONG, Item, Place, Skipped, Track
from adapters.flatfile.pickup import Folder, Found, identity_of
from adapters.flatfile.settings import Settings
from gateway.adapter import BATCH_BYTES, Batch, Context, Document, RawRecord, Rejected
from gateway.errors import Halt, Problem, Reject, Retry

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LABEL = "file"
SOON = timedelta(seconds=5)


class _Closed(Exception):
    """Somebody closed the source, or the gateway stops: `read` returns at once."""


@dataclass(slots=True)
class _Reading:
    """The document that is open."""

    raw: BinaryIO
    """The file in the folder."""
    stream: BinaryIO
    """The document: the file itself, or what was in it."""
    at: At
    documents: int
    document: Document
    items: Iterator[Item]
    track: Track
    pending: RawRecord | Rejected | None = None
    """A record that did not fit into the last batch."""

    def close(self) -> None:
        self.stream.close()
        self.raw.close()


class FileSource:
    """One drop folder as a source."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._form = form_of(settings)
        self._folder = Folder(settings, context.root, context.clock, self._form.is_trailer)
        self._trailer = getattr(settings.layout, "trailer", None) is not None
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._reading: _Reading | None = None
        self._done: set[Found] = set()

    def read(self, after: str, limit: int) -> Batch:
        """The next batch of the file under way, or the first of the next file that is ready."""
        with self._lock:
            try:
                with edge():
                    return self._read(after, limit)
            except _Closed:
                return Batch(after, more=False)
            except BaseException:
                self._leave()
                raise
            finally:
                if self._closed.is_set():
                    self._leave()

    def acknowledge(self, cursor: str) -> None:
        """Archives and removes a file that has been read to its end; anything else needs nothing."""
        at = parsed(cursor)
        if not (at.name and at.done):
            return
        with self._lock, edge():
            self._leave()
            if self._settings.archive != "delete":
                self._archive(at)
            # The same bytes dropped again under the same name are another document: that file stays, and is read.
            self._folder.remove(at.name, lambda file: identity_of(os.fstat(file.fileno())) == at.identity)
            self._done.discard((at.name, at.identity))

    def close(self) -> None:
        """Unblocks `read`; the file under way is closed by whoever reads it."""
        self._closed.set()
        if self._lock.acquire(blocking=False):
            try:
                self._leave()
            finally:
                self._lock.release()

    def _read(self, after: str, limit: int) -> Batch:
        self._tick()
        at = parsed(after)
        reading = self._reading
        if reading and reading.at == at and identity_of(os.fstat(reading.raw.fileno())) == at.identity:
            return self._batch(reading, limit)
        self._leave()
        if at.under_way:
            return self._go_on(at, limit)
        if at.done:
            self._done.add((at.name, at.identity))
        while (name := self._folder.next(self._done)) is not None:
            try:
                raw = self._folder.open(name)
            except FileNotFoundError:
                continue  # taken away between the look and the opening
            return self._begin(At(name).of(identity_of(os.fstat(raw.fileno()))), raw, limit)
        if pause := self._folder.pause():
            raise Retry(Problem(WAITING), after=pause)
        return Batch(after, more=False)

    def _go_on(self, at: At, limit: int) -> Batch:
        """A file that was begun before.  Where other content has taken its place, the rest is reported as lost."""
        try:
            raw = self._folder.open(at.name)
        except FileNotFoundError:
            raise Halt(Problem(GONE, where=str(at.place))) from None
        if not self._same(raw, at):
            raw.close()
            return _replaced(at)
        return self._begin(at.of(identity_of(os.fstat(raw.fileno()))), raw, limit)

    def _begin(self, at: At, raw: BinaryIO, limit: int) -> Batch:
        """Opens the document at its place: checked as a whole at its beginning, trusted further on."""
        stream, count = raw, 1
        try:
            count = container.documents(raw, self._settings.compression)
            stream = container.unwrapped(raw, self._settings.compression, at.entry, self._spool(), self._tick)
            found = self._look(stream, at)
        except Reject as refusal:  # the container itself: then it is the document
            found = Checked(*digest(raw, self._tick), problems=refusal.problems)
        except BaseException:
            raw.close()
            raise
        if identity_of(os.fstat(raw.fileno())) != at.identity:
            raw.close()
            raise Retry(Problem(BUSY), after=SOON)
        at = replace(at, sha256=found.sha256.hex(), size=found.size)
        track = Track(at.state)
        items = walk(self._form, stream, found.head, at.place, at.sha256, track)
        document = Document(LABEL, found.sha256, found.size, found.head.preamble)
        self._reading = _Reading(raw, stream, at, count, document, items, track)
        if found.problems:
            return self._refused(self._reading, found.problems)
        return self._batch(self._reading, limit)

    def _look(self, stream: BinaryIO, at: At) -> Checked:
        if at.offset:
            return Checked(bytes.fromhex(at.sha256), at.size, self._form.head(stream, at.size))
        largest = self._settings.largest.document
        return checked(stream, self._form, largest, trailer=self._trailer, tick=self._tick)

    def _batch(self, reading: _Reading, limit: int) -> Batch:
        """As many items as a batch holds; a record too many waits for the next."""
        gathered = _Gathered(reading.at.place)
        if reading.pending is not None:
            gathered.add(reading.pending, reading.track.state)
            reading.pending = None
        track = reading.track
        for item in reading.items:
            if isinstance(item, Skipped):
                self._tick()  # of records a batch holds few; of ranges between two there may be millions
            elif not gathered.fits(item, limit):
                reading.pending = item
                break
            gathered.add(item, track.state)
        complete = reading.pending is None
        if any(what in {OVERLONG, LOST} for _, _, what in gathered.skipped):
            self._keep(reading)
        return self._moved(reading, gathered, complete=complete)

    def _moved(self, reading: _Reading, gathered: _Gathered, *, complete: bool) -> Batch:
        """The batch, with the cursor after it; a finished document is left, the next one in its file begun later."""
        at = reading.at.moved(gathered.place)
        if complete and at.offset != at.size:  # not one byte may be unanswered for: the file was cut while it was read
            raise Retry(Problem(BUSY), after=SOON)
        if complete:
            entry = at.entry + 1
            done = entry >= reading.documents
            at = replace(at, done=True) if done else replace(at.moved(Place()), entry=entry)
            self._leave()
        else:
            reading.at = at
        return Batch(at.text(), gathered.records, reading.document, gathered.skipped, complete=complete)

    def _refused(self, reading: _Reading, problems: tuple[Problem, ...]) -> Batch:
        """The document as one rejected record; what is too large for that goes to the archive, its head stays."""
        size = reading.document.size
        reading.stream.seek(0)
        original = reading.stream.read(size if size <= BATCH_BYTES else HEAD_BYTES)
        gathered = _Gathered(Place())
        gathered.add(Rejected(original, "byte 0", problems), "")
        if size > len(original):
            self._keep(reading)
            gathered.add(Skipped(size - len(original), "refused"), "")
        return self._moved(reading, gathered, complete=True)

    def _keep(self, reading: _Reading) -> None:
        """The whole document into the archive, encrypted, because a part of it is not in the journal."""
        reading.stream.flush()
        self._context.archive.keep(reading.document.sha256, _path(reading.stream), encrypt=True)

    def _archive(self, at: At) -> None:
        """Every document of a file that was read; nothing where the file is gone already."""
        with suppress(FileNotFoundError), self._folder.open(at.name) as raw:
            if not self._same(raw, at):
                return
            try:
                for index in range(container.documents(raw, self._settings.compression)):
                    with self._unwrapped(raw, index) as stream:
                        self._store(stream)
            except Reject:  # it was refused whole
                self._store(raw)

    def _store(self, stream: BinaryIO) -> None:
        sha256, _ = digest(stream, self._tick)
        self._context.archive.keep(sha256, _path(stream), encrypt=self._settings.archive == "encrypt")

    def _same(self, raw: BinaryIO, at: At) -> bool:
        """Whether the file is the one the cursor speaks of: untouched, or with the same bytes in its document."""
        if identity_of(os.fstat(raw.fileno())) == at.identity:
            return True
        if not at.sha256:
            return False
        entry = at.entry if at.offset or at.done else max(at.entry - 1, 0)
        try:
            with self._unwrapped(raw, entry) as stream:
                return digest(stream, self._tick)[0].hex() == at.sha256
        except (Reject, IndexError):
            return digest(raw, self._tick)[0].hex() == at.sha256

    @contextmanager
    def _unwrapped(self, raw: BinaryIO, index: int) -> Iterator[BinaryIO]:
        """One document of a file, for a look; closed again, unless it is the file itself."""
        stream = container.unwrapped(raw, self._settings.compression, index, self._spool(), self._tick)
        try:
            yield stream
        finally:
            if stream is not raw:
                stream.close()

    def _spool(self) -> Path:
        """Where unwrapped documents lie while they are read: inside the site, where nobody else looks."""
        var = self._context.root / "var"
        return var if var.is_dir() else Path(tempfile.gettempdir())

    def _tick(self) -> None:
        if self._closed.is_set() or self._context.stop.is_set():
            raise _Closed

    def _leave(self) -> None:
        if self._reading:
            self._reading.close()
            self._reading = None


class _Gathered:
    """A batch in the making."""

    def __init__(self, place: Place) -> None:
        self.records: list[RawRecord | Rejected] = []
        self.skipped: list[tuple[int, int, str]] = []
        self._bytes = 0
        self._offset, self._line, self._state = place.offset, place.line, place.state

    @property
    def place(self) -> Place:
        """Where the next item begins."""
        return Place(self._offset, self._line, self._state)

    def fits(self, item: RawRecord | Rejected, limit: int) -> bool:
        """Whether the batch can hold one record more; the first it always can."""
        held = len(self.records)
        return not held or (held < limit and self._bytes + len(item.original) <= BATCH_BYTES)

    def add(self, item: Item, state: str) -> None:
        if isinstance(item, Skipped):
            length, lines = item.length, item.lines
            self._skip(length, item.what)
        else:
            length, lines = len(item.original), item.original.count(b"\n")
            self.records.append(item)
            self._bytes += length
        self._offset += length
        self._line += lines
        self._state = state

    def _skip(self, length: int, what: str) -> None:
        """Neighbours of one name become one range."""
        if self.skipped:
            start, before, name = self.skipped[-1]
            if name == what and start + before == self._offset:
                self.skipped[-1] = (start, before + length, what)
                return
        self.skipped.append((self._offset, length, what))


def _replaced(at: At) -> Batch:
    """The end of a document whose file is no longer there: what was not read of it, by name."""
    rest = at.size - at.offset
    problem = Problem(REPLACED, where=str(at.place), rule=f"{rest} of {at.size} bytes were not read")
    skipped = [(at.offset, rest, "replaced")] if rest else []
    document = Document(LABEL, bytes.fromhex(at.sha256), at.size)
    return Batch(At().text(), [Rejected(b"", str(at.place), (problem,))], document, skipped, complete=True)


def _path(stream: BinaryIO) -> Path:
    """A path of exactly this open file, whatever its name means by now; also where it has none."""
    return Path(f"/dev/fd/{stream.fileno()}")


@contextmanager
def edge() -> Iterator[None]:
    """What the file system says, as what happens next.  Its own words hold names and stay here."""
    try:
        yield
    except OSError as error:
        raise Retry(Problem(DISK if error.errno in FULL else FOLDER)) from None
