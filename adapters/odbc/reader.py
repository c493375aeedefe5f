"""What is asked of the database, in this feed's terms: pages of watermarks and keys, pages of rows, rows by key.

A row that the driver cannot hand over fails the whole fetch it is in.  It is then looked for by its
key, one row at a time, and only it is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.odbc import codes
from adapters.odbc.connect import Budget, Link, RowFault
from adapters.odbc.row import Key, Pair, Row, loose, normal, sortable
from adapters.odbc.rows import Pick, Plain, picker, plainer, rower
from adapters.odbc.settings import Column, Detail, Queue, Settings, Timestamp
from adapters.odbc.sql import Field, Mark, Relation, field_of, mark_of
from gateway.errors import Halt, Problem

MAIN = ""
"""The name of the main table's own track; a detail's has the detail's name."""

AT_ONCE = 100
"""Keys in one statement."""

Question: TypeAlias = tuple[str, list[Any]]
"""A statement and what is bound to it."""


@dataclass(frozen=True, slots=True)
class View:
    """A table whose movements are followed."""

    name: str
    relation: Relation
    mark: Mark
    fields: tuple[Field, ...]
    """Of its key: first the record's, then what tells its rows of one record apart."""
    parents: int
    """How many of them are the record's."""
    pick: Pick
    clock: str = ""
    utc: str = ""
    nullable: bool = False
    """Rows may lack a watermark."""

    @property
    def order(self) -> list[str]:
        """What its pages are sorted by."""
        return [self.mark.column, *(self.relation.column(one.name) for one in self.fields)]

    @property
    def wanted(self) -> list[str]:
        """What tells a row of it at one watermark."""
        return [self.mark.expression, *(one.expression for one in self.fields)]


@dataclass(frozen=True, slots=True)
class _Part:
    """A detail table: how its rows are read."""

    relation: Relation
    wanted: list[str]
    keys: int
    own: list[str]
    pick: Pick
    plain: Plain | None
    key_pick: Pick
    tracked: bool


class Reader:
    """The queries of one feed on one link."""

    def __init__(self, settings: Settings, link: Link, budget: Budget) -> None:
        assert settings.table is not None
        self._link, self._budget, self._settings = link, budget, settings
        hint = " WITH (NOLOCK)" if settings.dirty else ""
        only = tuple((name, tuple(values)) for name, values in settings.only.items())
        self.main = Relation(link.profile, settings.table, tuple(settings.key), only, hint)
        self.fields = self._fields(self.main, settings.read, settings.columns)
        self.views: dict[str, View] = {}
        self._mark = self._watched(MAIN, self.main, settings.watermark, self._named(self.fields, settings.key), len(settings.key))
        self._wanted, self._mark_at, before = self._asked()
        self._pick = picker(self.fields, before)
        self._key = settings.key
        self._parts = {name: self._part(name, detail, hint) for name, detail in settings.details.items()}
        self._made = rower(self._key, plainer(self.fields), watched=MAIN in self.views, details=bool(self._parts))

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one statement, counted."""
        self._budget.spend(1)
        return self._link.rows(sql, parameters)

    def expect(self, question: Question) -> None:
        """Let the database begin what will be asked for next: where that locks nothing, and statements are not counted."""
        if self._link.profile.ahead and not self._budget.counts:
            self._link.ahead(*question)

    def run(self, sql: str, parameters: Sequence[Any]) -> None:
        """A statement that changes something."""
        self._budget.spend(1)
        self._link.run(sql, parameters)

    def newest(self, view: View) -> tuple[Any, Any, Any]:
        """The highest watermark, and the database's clock: as the column is written, and in UTC."""
        clock = f"{view.clock or 'NULL'}, {view.utc or 'NULL'}"
        return tuple(self.ask(view.relation.newest(view.mark, clock))[0])

    def pairs(self, view: View, position: Sequence[Any], low: Any, limit: int) -> list[Pair]:
        """The next keys in the order of the watermark; a position may be a watermark alone, where it tells each row apart."""
        order = view.order[: len(position) or None]
        sql, bound = view.relation.page(view.wanted, limit, order, position, view.mark, low)
        return [self._pair(view, row) for row in self._certain(sql, bound)]

    def in_ranges(self, view: View, ranges: Sequence[tuple[int, int]]) -> list[Pair]:
        """The keys whose number lies in one of these ranges."""
        sql, bound = view.relation.in_ranges(view.wanted, view.mark, ranges)
        return [self._pair(view, row) for row in self._certain(sql, bound)]

    def question(self, view: View, position: Sequence[Any], low: Any, limit: int) -> Question:
        """What `behind` asks."""
        order = view.order[: len(position) or None]
        return view.relation.page(self._wanted, limit, order, position, view.mark, low)

    def behind(self, view: View, position: Sequence[Any], low: Any, limit: int) -> list[Row]:
        """The next rows in the order of the watermark; the main table's only."""
        try:
            return self._with_details(self._rows(self.ask(*self.question(view, position, low, limit))))
        except RowFault:
            keys = [pair.key for pair in self.pairs(view, position, low, limit)]
            found = self.of_keys(keys)
            return [found[normal(key)] for key in keys if normal(key) in found]

    def snapshot_question(self, position: Sequence[Any], limit: int) -> Question:
        """What `snapshot` asks first."""
        return self.main.named(self._wanted, limit, position, self._mark, None)

    def snapshot(self, position: Sequence[Any], limit: int, *, low: Any = None) -> list[Row]:
        """The next rows in the order of the key; of those with a watermark that is not below `low`, where it is given."""
        return self._by_key(lambda wanted: self.main.named(wanted, limit, position, self._mark, low))

    def unmarked(self, position: Sequence[Any], limit: int) -> list[Row]:
        """The next rows of the main table without a watermark, in the order of the key."""
        mark = self.views[MAIN].mark
        return self._by_key(lambda wanted: self.main.unmarked(wanted, limit, position, mark))

    def unmarked_count(self, at_most: int) -> int:
        """How many of them there are, or so many."""
        sql, bound = self.main.unmarked(["1"], at_most, [], self.views[MAIN].mark)
        return len(self.ask(sql, bound))

    def _by_key(self, page: Callable[[Sequence[str]], tuple[str, list[Any]]]) -> list[Row]:
        """A page of rows in the order of the key."""
        sql, bound = page(self._wanted)
        try:
            return self._with_details(self._rows(self.ask(sql, bound)))
        except RowFault:
            keys = self._named(self.fields, self._key)
            pick = picker(keys, 0)
            places = [tuple(pick(row).values()) for row in self._certain(*page([one.expression for one in keys]))]
            found = self.of_keys(places)
            return [found[normal(key)] for key in places if normal(key) in found]

    def nameless(self, limit: int) -> list[Row]:
        """Rows that lack a part of their key, some of them."""
        sql, bound = self.main.nameless(self._wanted, limit)
        return self._rows(self._certain(sql, bound))

    def everything(self) -> list[Row]:
        """All rows, sorted here: for a driver that can neither sort nor take parameters."""
        names = [one.name for one in self.fields]
        pick = picker(self.fields, 0)
        rows = [self._made(None, pick(row)) for row in self._certain(self.main.everything(names), ())]
        return sorted(rows, key=lambda row: sortable(row.key))

    def of_keys(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """The rows of these keys, by `normal` key; a key that has none is not in it."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Row] = {}
        for at in range(0, len(wanted), AT_ONCE):
            for row in self._of_some(wanted[at : at + AT_ONCE]):
                found[normal(row.key)] = row
        return found

    def _of_some(self, keys: Sequence[Key]) -> list[Row]:
        sql, bound = self.main.of_keys(self._wanted, self.main.keys(), keys, self.main.keys())
        try:
            return self._with_details(self._rows(self.ask(sql, bound)))
        except RowFault as e:
            if len(keys) == 1:
                return [Row(None, keys[0], dict(zip(self._key, keys[0], strict=True)), fault=str(e))]
            return [row for key in keys for row in self._of_some([key])]

    def _with_details(self, rows: list[Row]) -> list[Row]:
        for name, part in self._parts.items():
            by_key = {normal(row.key): row for row in rows}
            loosely = {loose(key): row for key, row in by_key.items()}
            for row in rows:
                row.values[name] = []
            for at in range(0, len(rows), AT_ONCE):
                self._add(name, part, [row.key for row in rows[at : at + AT_ONCE]], by_key, loosely)
        return rows

    def _add(self, name: str, part: _Part, keys: Sequence[Key], by_key: Mapping[Key, Row], loosely: Mapping[Key, Row]) -> None:
        columns = part.relation.keys()[: part.keys]
        sql, bound = part.relation.of_keys(part.wanted, columns, keys, part.relation.keys())
        for said in self.ask(sql, bound):
            key = tuple(part.key_pick(said[1 : part.keys + 1]).values())
            # The database may find keys equal that differ in case: so then do we.
            row = by_key.get(normal(key)) or loosely.get(loose(normal(key)))
            if row is None:
                raise Halt(Problem(codes.QUERY, f"details.{name}.key", rule="its values cannot be matched with the key of the record"))
            values = part.pick(said)
            row.values[name].append(values)
            if part.tracked and said[0] is not None:
                row.seen = row.seen or []
                row.seen.append((name, Pair(said[0], key, tuple(values[one] for one in part.own))))
            if part.plain is not None:
                part.plain(values)

    def _rows(self, found: list[Any]) -> list[Row]:
        """Takes the driver's rows apart one by one: what one held is at hand for what is made of the next."""
        made, pick, at, take = self._made, self._pick, self._mark_at, found.pop
        rows: list[Row] = []
        found.reverse()
        while found:
            said = take()
            rows.append(made(None if at is None else said[at], pick(said)))
        return rows

    def _pair(self, view: View, said: Sequence[Any]) -> Pair:
        values = tuple(view.pick(said).values())
        return Pair(said[0], values[: view.parents], values[view.parents :])

    def _certain(self, sql: str, bound: Sequence[Any]) -> list[Any]:
        """Rows of keys and watermarks: where even these cannot be handed over, a person must look."""
        try:
            return self.ask(sql, bound)
        except RowFault as e:
            raise Halt(Problem(codes.ROW, where=str(self._settings.table), rule=f"not even its key can be read ({e})")) from None

    def _asked(self) -> tuple[list[str], int | None, int]:
        """What a row is asked for, where in it the watermark stands, and how many columns are before the record's."""
        wanted = [one.expression for one in self.fields]
        if self._mark is None:
            return wanted, None, 0
        if self._mark.expression in wanted:
            return wanted, wanted.index(self._mark.expression), 0
        return [self._mark.expression, *wanted], 0, 1

    def _fields(self, relation: Relation, read: Sequence[str], said: Mapping[str, Column]) -> list[Field]:
        """What the columns are, as the driver would hand them over."""
        self._budget.spend(1)
        query = relation.describe(read) if relation.profile.sorts else relation.everything(read or ["*"])
        columns = self._link.described(query)
        if missing := sorted({*said, *relation.key} - {name for name, _ in columns}):
            raise Halt(Problem(codes.COLUMN, ", ".join(missing), relation.table, "the table has no such column"))
        return [field_of(relation, name, type_, said.get(name)) for name, type_ in columns]

    def _named(self, fields: Sequence[Field], names: Sequence[str]) -> list[Field]:
        by_name = {one.name: one for one in fields}
        return [by_name[name] for name in names]

    def _watched(self, name: str, relation: Relation, watermark: Any, fields: Sequence[Field], parents: int) -> Mark | None:
        """The view of a table's movements, where a column of its own shows them."""
        profile = relation.profile
        if isinstance(watermark, Queue):
            queue = Relation(profile, watermark.table, tuple(watermark.key))
            named = self._fields(queue, watermark.key, {})
            self.views[name] = View(name, queue, mark_of(queue, watermark), tuple(named), parents, picker(named, 1))
            return None
        if not hasattr(watermark, "column"):
            return None
        type_ = ""
        if isinstance(watermark, Timestamp) and profile.type_of and not watermark.type:
            type_ = str(self.ask(relation.type_of(watermark.column))[0][0] or "")
        mark = mark_of(relation, watermark, type_)
        zoned = mark.zoned or (isinstance(watermark, Timestamp) and watermark.clock == "utc")
        timed = isinstance(watermark, Timestamp)
        clock = profile.clocks.get("utc" if zoned else "local", "") if timed else ""
        utc = profile.clocks.get("utc", "") if timed else ""
        nullable = self._link.may_be_null(relation.describe([watermark.column]))
        self.views[name] = View(name, relation, mark, tuple(fields), parents, picker(fields, 1), clock, utc, nullable)
        return mark

    def _part(self, name: str, detail: Detail, hint: str) -> _Part:
        relation = Relation(self.main.profile, detail.table, (*detail.key, *detail.row), (), hint)
        fields = self._fields(relation, detail.read, detail.columns)
        # The columns that lead to the record need not be among those that are read.
        keys = self._named([*self._fields(relation, [*detail.key, *detail.row], {}), *fields], [*detail.key, *detail.row])
        mark = self._watched(name, relation, detail.watermark, keys, len(detail.key))
        leading = keys[: len(detail.key)]
        wanted = [mark.expression if mark else "NULL", *(one.expression for one in leading), *(one.expression for one in fields)]
        pick, key_pick = picker(fields, 1 + len(leading)), picker(leading, 0)
        return _Part(relation, wanted, len(leading), detail.row, pick, plainer(fields), key_pick, mark is not None)
