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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.flatfile import container
from adapters.flatfile.check import Checked, checked, digest
from adapters.flatfile.codes import BUSY, DISK, FOLDER, GONE, REPLACED
from adapters.flatfile.cursor import At, parsed
from adapters.flatfile.decode import first, walk
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import HEAD_BYTES, LOST, OVERLONG, Head, Item, Place, Skipped, Track
from adapters.flatfile.pickup import Folder, Found, identity_of
from adapters.flatfile.settings import Settings
from gateway.adapter import BATCH_BYTES, Batch, Context, Document, RawRecord, Rejected
from gateway.errors import Halt, Problem, Reject, Retry

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LABEL = "file"


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
                with _edge():
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
        with self._lock, _edge():
            self._leave()
            if self._settings.archive != "delete":
                self._archive(at)
            self._folder.remove(at.name, lambda file: self._same(file, at))
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
            return self._begin(At(name, *_identity(raw)), raw, limit)
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
        return self._begin(replace(at, **dict(zip(KEPT, _identity(raw), strict=True))), raw, limit)

    def _begin(self, at: At, raw: BinaryIO, limit: int) -> Batch:
        """Opens the document at its place: checked as a whole at its beginning, trusted further on."""
        stream = raw
        try:
            count = container.documents(raw, self._settings.compression)
            stream = container.unwrapped(raw, self._settings.compression, at.entry, self._spool(), self._tick)
            found = self._look(stream, at)
        except Reject as refusal:
            sha256, size = digest(raw, self._tick)
            found, count, stream = Checked(sha256, size, problems=refusal.problems), 1, raw
        except BaseException:
            raw.close()
            raise
        if identity_of(os.fstat(raw.fileno())) != at.identity:
            raw.close()
            raise Retry(Problem(BUSY), after=timedelta(seconds=5))
        at = replace(at, sha256=found.sha256.hex(), size=found.size)
        document = Document(LABEL, found.sha256, found.size, found.head.preamble)
        track = Track(at.state)
        items = iter(()) if found.problems else walk(self._form, stream, found.head, at.place, at.sha256, track)
        self._reading = _Reading(raw, stream, at, count, document, items, track)
        if found.problems:
            return self._refused(self._reading, found.problems)
        if at.offset == 0:
            self._lines_before(stream, found.head)
        return self._batch(self._reading, limit)
