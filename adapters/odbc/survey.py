"""What one table holds now, with its details: every row once, by its key; and rows by their keys.

For reconciliation.  It goes through the table on a connection of its own and notes nothing, so it may be
begun and left at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, pairwise
from typing import Any

import orjson

from adapters.odbc import codes
from adapters.odbc.connect import Budget, Closed, Link, RowFault
from adapters.odbc.reader import Reader
from adapters.odbc.row import Row
from adapters.odbc.rows import key_text, original_of, recorder
from adapters.odbc.settings import Settings, Timestamp
from gateway.adapter import BATCH_BYTES, Batch, Context, RawRecord, Rejected
from gateway.errors import Halt, Problem, Retry


class OdbcSurvey:
    """One table of one database as it is now.  The cursor is the key of the last row that was read."""

    def __init__(self, settings: Settings, context: Context, since: str) -> None:
        self._settings, self._made = settings, recorder(settings)
        self._day = settings.watermark.column if isinstance(settings.watermark, Timestamp) else ""
        self._since = since if self._day else ""
        self._lock = threading.Lock()
        self._link = Link(settings.connection, settings.limits, context.secret)
        self._budget = Budget(settings.limits, context.clock)
        self._reader: Reader | None = None
        self._whole: list[Row] | None = None

    def read(self, after: str, limit: int) -> Batch:
        """The next rows in the order of the key; of those that moved since the first day, where one was named."""
        with self._lock, self._edge():
            rows = self._rows(after, min(limit, self._settings.limits.rows))
        if not rows:
            return Batch(after, more=False)
        records: list[RawRecord | Rejected] = []
        size = 0
        for row in rows:
            record = self._record(row)
            if records and size + len(record.original) > BATCH_BYTES:
                break
            records.append(record)
            size += len(record.original)
        return Batch(orjson.dumps(list(rows[len(records) - 1].key)).decode(), records)

    def find(self, kind: str, keys: Sequence[str]) -> list[RawRecord | Rejected]:
        """The rows of these keys, as they are now."""
        with self._lock, self._edge():
            rows = self._of_keys(self._opened(), keys)
        wanted = {*keys}
        return [record for row in rows if (record := self._record(row)).key in wanted]

    def day(self, record: RawRecord) -> str:
        """The day of the row's watermark, where that is a time."""
        digits = str(record.fields.get(self._day) or "").strip()
        if digits[:8].isdigit():
            return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
        return digits[:10]

    def close(self) -> None:
        """Cancel what runs, and give the connection back."""
        self._link.close()

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._settings, self._link, self._budget)
        return self._reader

    def _rows(self, after: str, limit: int) -> list[Row]:
        reader, position = self._opened(), orjson.loads(after) if after else []
        if reader.main.profile.sorts:
            return reader.snapshot(position, limit, low=self._since or None)
        if self._whole is None or not after:
            self._whole, position = reader.everything(), []
        rows, self._whole = self._whole[:limit], self._whole[limit:]
        return rows

    def _of_keys(self, reader: Reader, keys: Sequence[str]) -> list[Row]:
        if not reader.main.profile.sorts:
            return reader.everything()
        types = {one.name: one.type for one in reader.fields if one.type not in reader.main.profile.exact}
        typed = [tuple(map(_typed, split, (types.get(name, "str") for name in self._settings.key))) for key in keys for split in self._splits(key)]
        return list(reader.of_keys(typed).values())

    def _splits(self, key: str) -> Iterator[tuple[str, ...]]:
        """What the columns may be that are joined in a key: a value may hold the mark that joins them."""
        pieces, wanted = key.split("|"), len(self._settings.key)
        for cuts in combinations(range(1, len(pieces)), wanted - 1):
            ends = [0, *cuts, len(pieces)]
            split = tuple("|".join(pieces[start:end]) for start, end in pairwise(ends))
            if key_text(split) == key:
                yield split

    def _record(self, row: Row) -> RawRecord | Rejected:
        where = f"{self._settings.table}, surveyed"
        if row.fault:
            return Rejected(original_of(row.values), where, (Problem(codes.ROW, where=where, rule=row.fault),), self._settings.kind)
        return self._made(row.values, row.original, where)

    @contextmanager
    def _edge(self) -> Iterator[None]:
        try:
            yield
        except RowFault as e:
            raise Halt(Problem(codes.ROW, where=str(self._settings.table), rule=f"a value cannot be handed over ({e})")) from None
        except Closed:
            raise Retry(Problem(codes.CLOSED)) from None


def _typed(text: str, type_: str) -> Any:
    """A value of a key as the driver binds it."""
    return int(text) if type_ == "int" and text.lstrip("-").isdigit() else text
