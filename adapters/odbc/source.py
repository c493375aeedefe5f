"""Reads one table, with its details: first what is there, then what moves.

The snapshot goes through the table by its key and is marked backfill.  Before it, every track notes
where its table stands; after it, rounds begin: in each, every track has its turn and names the records
that moved, which are then read whole.  The cursor holds all of it, so a crash repeats a read and never
skips one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from adapters.odbc import codes
from adapters.odbc.connect import Budget, Closed, Link, RowFault
from adapters.odbc.cursor import Place, parsed
from adapters.odbc.known import digest
from adapters.odbc.numbered import Numbered
from adapters.odbc.reader import MAIN, Reader
from adapters.odbc.row import Pair, Row, normal, sortable
from adapters.odbc.rows import key_text, original_of, recorder, removal
from adapters.odbc.settings import Queue, Settings, Whole
from adapters.odbc.track import Page, Track
from adapters.odbc.tracks import UNMARKED, followed
from adapters.odbc.unmarked import Unmarked
from adapters.odbc.window import Window
from gateway.adapter import BATCH_BYTES, Batch, Context, RawRecord, Rejected
from gateway.errors import GatewayError, Halt, Problem, Retry

PAGES = 20
"""So many pages without a record, and the cursor is journalled all the same."""

REMEMBERED = 100_000
"""Of a table that is read whole each time: so many records are remembered, to be passed over while they stay the same."""


class OdbcSource:
    """One table of one database as a source."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._budget = Budget(settings.limits, context.clock)
        self._whole, self._table = isinstance(settings.watermark, Whole), settings.table
        self._made = recorder(settings)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._link: Link | None = None
        self._reader: Reader | None = None
        self._place = Place()
        self._tracks: dict[str, Track] = {}
        self._at: str | None = None
        self._rows: list[Row] | None = None
        self._digests: dict[Any, bytes] = {}

    def read(self, after: str, limit: int) -> Batch:
        """The next page of the snapshot, or of the round under way."""
        with self._lock, self._edge():
            limit = min(limit, self._settings.limits.rows)
            try:
                batch = self._told(self._read(after, limit))
                self._look_ahead(batch, limit)
            except Closed:
                return Batch(after, more=False)
            return batch

    def acknowledge(self, cursor: str) -> None:
        """Deletes from the queue what is durable, where the settings say so; anything else needs nothing."""
        place = parsed(cursor)
        if not place.delete or not isinstance(self._settings.watermark, Queue):
            return
        with self._lock, self._edge():
            reader = self._opened()
            sql, bound = reader.views[MAIN].relation.without(reader.views[MAIN].mark, place.delete)
            reader.run(sql, bound)

    def close(self) -> None:
        """Unblocks `read`; what it holds is given back by whoever reads."""
        self._closed.set()
        link = self._link
        if link is not None:
            link.close()

    def _told(self, batch: Batch) -> Batch:
        """What a track has lost only reconciliation finds: told with the next batch, once."""
        lost = [track for track in self._tracks.values() if isinstance(track, Numbered | Unmarked) and track.lost]
        for track in lost:
            track.lost = False
        return replace(batch, reconcile=True) if lost else batch

    def _read(self, after: str, limit: int) -> Batch:
        if self._closed.is_set() or self._context.stop.is_set():
            return Batch(after, more=False)
        reader = self._opened()
        if after != self._at:
            self._resume(after, reader)
        if self._whole:
            return self._read_whole(reader, after, limit)
        if self._place.snapshot and not self._tracks[MAIN].fresh:
            return self._read_snapshot(reader, after, limit)
        return self._read_round(reader, after, limit)

    def _look_ahead(self, batch: Batch, limit: int) -> None:
        """The database may look for the next page while this batch is mapped and journalled."""
        if self._reader is None or self._whole or not (batch.records and batch.more) or limit == 1:
            return  # one by one is read what may kill the process
        if self._place.snapshot and not self._tracks[MAIN].fresh:
            self._reader.expect(self._reader.snapshot_question(self._place.after, limit))
        elif question := list(self._tracks.values())[self._place.turn].expected(self._reader, limit):
            self._reader.expect(question)

    def _resume(self, after: str, reader: Reader) -> None:
        """Stand where the cursor says; at the beginning, let every track note how things are."""
        self._place, self._at, self._rows = parsed(after), after, None
        self._tracks = {} if self._whole else followed(self._settings, reader, self._place.tracks, self._context)
        if not after:
            for track in self._tracks.values():
                track.begin(reader)

    def _read_snapshot(self, reader: Reader, after: str, limit: int) -> Batch:
        if not after and (nameless := self._nameless(reader, limit)):
            return Batch(self._cursor(), nameless, backfill=True)
        rows = reader.snapshot(self._place.after, limit)
        records, complete = self._through(rows, known=False)
        ended = complete and len(rows) < limit
        if ended:
            self._place.snapshot, self._place.after = False, []
        return Batch(self._cursor(), records, more=bool(records) or not ended, backfill=True)

    def _nameless(self, reader: Reader, limit: int) -> list[RawRecord | Rejected]:
        """What has no key cannot be paged through: some such rows are shown once, rejected."""
        if not reader.main.profile.sorts:
            return []
        return [self._record(row) for row in reader.nameless(limit)]

    def _read_whole(self, reader: Reader, after: str, limit: int) -> Batch:
        """Pages of the table until one has something to say, or its end."""
        first = self._place.snapshot
        if first and not after and (nameless := self._nameless(reader, limit)):
            return Batch(self._cursor(), nameless, backfill=True)
        for _ in range(PAGES):
            rows = self._next_of_whole(reader, limit)
            records, complete = self._through(rows, known=True)
            ended = complete and len(rows) < limit
            if ended:
                self._place.after, self._place.count, self._place.snapshot, self._rows = [], 0, False, None
            if records:
                return Batch(self._cursor(), records, more=not ended, backfill=first)
            if ended:
                return Batch(self._cursor() if first else after, more=False)
        return Batch(self._cursor())

    def _next_of_whole(self, reader: Reader, limit: int) -> Sequence[Row]:
        if reader.main.profile.sorts:
            return reader.snapshot(self._place.after, limit)
        if self._rows is None:
            self._rows = reader.everything()
        if self._place.after:
            behind = sortable(tuple(self._place.after))
            self._rows = [row for row in self._rows if sortable(row.key) > behind]
        return self._rows[:limit]

    def _through(self, rows: Sequence[Row], *, known: bool) -> tuple[list[RawRecord | Rejected], bool]:
        """The records of rows in the order of the key, and whether all of them fitted."""
        records: list[RawRecord | Rejected] = []
        size = 0
        for row in rows:
            self._distinct(row)
            record = self._record(row)
            if records and size + len(record.original) > BATCH_BYTES:
                return records, False
            self._place.after = list(row.key)
            self._place.count += 1
            self._note(row, record.original)
            if not (known and self._unchanged(row, digest(record.original))):
                records.append(record)
                size += len(record.original)
        return records, True

    def _distinct(self, row: Row) -> None:
        """Raises Halt where two rows in a row have the same key: pages cannot go on behind it."""
        if list(row.key) == self._place.after:
            raise Halt(Problem(codes.UNIQUE, ", ".join(self._settings.key), str(self._settings.table)))

    def _unchanged(self, row: Row, content: bytes) -> bool:
        if self._digests.get(normal(row.key)) == content:
            return True
        if len(self._digests) < REMEMBERED or normal(row.key) in self._digests:
            self._digests[normal(row.key)] = content
        return False

    def _read_round(self, reader: Reader, after: str, limit: int) -> Batch:
        """Pages of the track whose turn it is, until one has something to say or the round is over."""
        backfill = self._place.snapshot
        for _ in range(PAGES):
            records, ended = self._step(reader, limit)
            if ended:
                self._place.snapshot = False
            if records:
                return Batch(self._cursor(), records, more=not ended, backfill=backfill)
            if ended:
                return Batch(self._cursor() if backfill else after, more=False)
            if self._closed.is_set():
                raise Closed
        return Batch(self._cursor())

    def _step(self, reader: Reader, limit: int) -> tuple[list[RawRecord | Rejected], bool]:
        """One page of one track: its records, and whether the round is over."""
        names = list(self._tracks)
        track = self._tracks[names[self._place.turn]]
        page = track.page(reader, limit)
        records, complete = self._taken(reader, track, page, limit)
        if complete:
            track.passed(page)
            if page.ended:
                self._place.turn = (self._place.turn + 1) % len(names)
                return records, self._place.turn == 0
        return records, False

    def _taken(self, reader: Reader, track: Track, page: Page, limit: int) -> tuple[list[RawRecord | Rejected], bool]:
        """The records of a page's items, as many as a batch holds; and whether those were all."""
        items = page.items[:limit]
        found = reader.of_keys(item.key for item in items if item.row is None)
        records: list[RawRecord | Rejected] = []
        size = 0
        for item in items:
            row = item.row or found.get(normal(item.key))
            if row is None and None in item.key:
                row = Row(item.pairs[0].mark, item.key, dict(zip(self._settings.key, item.key, strict=True)))
            if row is None:
                records += self._gone(track, item.key)
                track.took(item, b"")
                continue
            record = self._record(row)
            if records and size + len(record.original) > BATCH_BYTES:
                return records, False
            same = item.doubtful and track.same(item, record.original)
            track.took(item, record.original)
            if row.pair is None or row.seen or row.pair not in item.pairs:
                self._note(row, record.original, item.pairs)
            if not same:
                records.append(record)
                size += len(record.original)
        return records, len(items) == len(page.items)

    def _gone(self, track: Track, key: tuple[Any, ...]) -> list[RawRecord]:
        """A queue names what is gone; elsewhere a row that is no longer there is reconciliation's business."""
        return [removal(self._settings, key)] if track is self._tracks[MAIN] and not isinstance(track, Window) else []

    def _note(self, row: Row, original: bytes, noted: Sequence[Pair] = ()) -> None:
        """Every track hears which of its rows were read with this record."""
        if row.pair is not None and row.pair not in noted and MAIN in self._tracks:
            self._tracks[MAIN].note(row.pair, original)
        if row.mark is None and UNMARKED in self._tracks and self._place.snapshot:
            self._tracks[UNMARKED].note(Pair(None, row.key), original)
        for name, pair in row.seen or ():
            if name in self._tracks and pair not in noted:
                self._tracks[name].note(pair, original)

    def _record(self, row: Row) -> RawRecord | Rejected:
        where = f"{self._table}, watermark {row.mark}" if row.mark is not None else f"{self._table}, row {self._place.count + 1} of the snapshot"
        if row.fault:
            problem = Problem(codes.ROW, where=where, rule=f"{codes.ROW.meaning.rstrip('.')} ({row.fault})")
            return Rejected(original_of(row.values), where, (problem,), self._settings.kind, key_text(row.key))
        return self._made(row.values, row.original, where)

    def _cursor(self) -> str:
        """Where things stand now; the next read that brings it finds this process ready to go on."""
        self._place.tracks = {name: track.state() for name, track in self._tracks.items()}
        self._place.delete = [number for track in self._tracks.values() for number in track.taken()]
        self._at = self._place.text()
        return self._at

    def _opened(self) -> Reader:
        if self._reader is None:
            self._link = Link(self._settings.connection, self._settings.limits, self._context.secret)
            if self._closed.is_set():
                self._link.close()
                raise Closed
            self._reader = Reader(self._settings, self._link, self._budget)
            self._at = None
        return self._reader

    @contextmanager
    def _edge(self) -> Iterator[None]:
        """Whatever fails leaves nothing half done in memory: the next read begins with its cursor and a new connection."""
        try:
            yield
        except RowFault as e:
            self._leave()
            raise Halt(Problem(codes.ROW, where=str(self._settings.table), rule=f"a value cannot be handed over ({e})")) from None
        except Retry as e:
            if e.after is None:
                self._leave()
            raise
        except GatewayError:
            self._leave()
            raise
        finally:
            if self._closed.is_set():
                self._leave()

    def _leave(self) -> None:
        link, self._link, self._reader, self._at, self._rows = self._link, None, None, None, None
        if link is not None:
            link.close()
