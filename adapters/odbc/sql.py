"""The statements, built from settings and profile; values are always bound.

Every read is a keyset page: what lies behind the last row's (watermark, key), in this order, so many
rows.  No OFFSET, no open cursor between two reads: any page can be the first after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.odbc.profile import Profile, Take
from adapters.odbc.settings import Column, Id, Queue, Rowversion, Timestamp

ROW = "r"
"""The alias of the table that is read: a bare name could mean a column of the result."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a query: its name, the expression that loses nothing, and how it arrives."""

    name: str
    expression: str
    take: Take = ""
    type: str = "str"
    charset: str = ""
    plain: bool = True
    """What arrives is text, a number, true or false: JSON gives it back as it was."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The watermark of a table in SQL."""

    column: str
    """For comparing and sorting."""
    expression: str
    """For reading: text that sorts as it does, or a number."""
    parameter: str
    upper: str = ""
    """A condition that holds back what is still being written."""
    zoned: bool = False
    """Its column keeps instants; they are compared in UTC."""


@dataclass(frozen=True, slots=True)
class Changes:
    """SQL Server's Change Tracking of a table in SQL."""

    current: str
    oldest: str
    source: str
    keys: tuple[str, ...]

    def page(self, limit: int, base: int, position: Sequence[Any]) -> tuple[str, list[Any]]:
        """The next changes since a version, behind a place among them."""
        order = ["c.SYS_CHANGE_VERSION", *self.keys]
        behind, bound = _behind(order, ["?"] * len(order), position) if position else ("", [])
        where = f" WHERE {behind}" if behind else ""
        columns = ", ".join(order)
        return f"SELECT TOP ({limit}) {columns} FROM {self.source}{where} ORDER BY {columns}", [base, *bound]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view, as this profile's SQL says it."""

    profile: Profile
    table: str
    key: tuple[str, ...]
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hint: str = ""

    def source(self) -> str:
        """The FROM clause."""
        return f"FROM {quoted_path(self.profile, self.table)} {ROW}{self.hint}"

    def column(self, name: str) -> str:
        """A column of it."""
        return f"{ROW}.{quoted(self.profile, name)}"

    def keys(self) -> list[str]:
        """The columns that name a row."""
        return [self.column(name) for name in self.key]

    def describe(self, read: Sequence[str]) -> str:
        """A query of no row that shows what its columns are."""
        names = ", ".join(map(self.column, read)) or f"{ROW}.*"
        return f"SELECT {names} {self.source()} WHERE 1 = 0"

    def everything(self, fields: Sequence[str]) -> str:
        """All rows in no order, for a driver that can do no more: no alias, no condition, no parameter."""
        names = ", ".join(fields)
        return f"SELECT {names} FROM {self.table}"

    def newest(self, mark: Mark, clock: str) -> str:
        """The highest watermark, and the time on the database's clock."""
        highest = mark.expression.replace(mark.column, f"MAX({mark.column})")
        condition = f" WHERE {mark.upper}" if mark.upper else ""
        return f"SELECT {highest}, {clock or 'NULL'} {self.source()}{condition}"

    def type_of(self, name: str) -> str:
        """A query for the type of a column, where the driver does not tell enough of it."""
        return f"SELECT {self.profile.type_of.format(self.column(name))} {self.source()}"

    def page(
        self, wanted: Sequence[str], limit: int, order: Sequence[str], position: Sequence[Any], mark: Mark, low: Any = None
    ) -> tuple[str, list[Any]]:
        """The next rows in this order, behind `position`, or from `low` where that is empty."""
        conditions, bound = self._only()
        if low is not None:
            conditions.append(f"{mark.column} >= {mark.parameter}")
            bound.append(low)
        else:
            conditions.append(f"{mark.column} IS NOT NULL")
        if mark.upper:
            conditions.append(mark.upper)
        if position:
            behind, values = _behind(order, [mark.parameter, *"?" * (len(order) - 1)], position)
            conditions.append(behind)
            bound += values
        return self._select(wanted, conditions, limit, order), bound

    def named(
        self, wanted: Sequence[str], limit: int, position: Sequence[Any], mark: Mark | None = None, low: Any = None
    ) -> tuple[str, list[Any]]:
        """The next rows in the order of the key, those without one left out; or only those that moved since `low`."""
        conditions, bound = self._only()
        conditions += [f"{column} IS NOT NULL" for column in self.keys()]
        if mark is not None and low is not None:
            conditions.append(f"{mark.column} >= {mark.parameter}")
            bound.append(low)
        if position:
            behind, values = _behind(self.keys(), ["?"] * len(self.key), position)
            conditions.append(behind)
            bound += values
        return self._select(wanted, conditions, limit, self.keys()), bound

    def unmarked(self, wanted: Sequence[str], limit: int, position: Sequence[Any], mark: Mark) -> tuple[str, list[Any]]:
        """The next rows without a watermark, in the order of the key."""
        conditions, bound = self._only()
        conditions += [f"{mark.column} IS NULL", *(f"{column} IS NOT NULL" for column in self.keys())]
        if position:
            behind, values = _behind(self.keys(), ["?"] * len(self.key), position)
            conditions.append(behind)
            bound += values
        return self._select(wanted, conditions, limit, self.keys()), bound

    def nameless(self, wanted: Sequence[str], limit: int) -> tuple[str, list[Any]]:
        """Rows that lack a part of their key."""
        conditions, bound = self._only()
        conditions.append("(" + " OR ".join(f"{column} IS NULL" for column in self.keys()) + ")")
        return self._select(wanted, conditions, limit, self.keys()), bound

    def of_keys(self, wanted: Sequence[str], columns: Sequence[str], keys: Sequence[Sequence[Any]], order: Sequence[str]) -> tuple[str, list[Any]]:
        """The rows that have one of these keys."""
        conditions, bound = self._only()
        if len(columns) == 1:
            conditions.append(f"{columns[0]} IN ({', '.join('?' * len(keys))})")
        else:
            one = " AND ".join(f"{column} = ?" for column in columns)
            conditions.append("(" + " OR ".join([f"({one})"] * len(keys)) + ")")
        bound += [value for key in keys for value in key]
        return self._select(wanted, conditions, 0, order), bound

    def in_ranges(self, wanted: Sequence[str], mark: Mark, ranges: Sequence[tuple[int, int]]) -> tuple[str, list[Any]]:
        """The rows whose number lies in one of these ranges, both ends included."""
        conditions, bound = self._only()
        one = f"({mark.column} >= {mark.parameter} AND {mark.column} <= {mark.parameter})"
        conditions.append("(" + " OR ".join([one] * len(ranges)) + ")")
        bound += [number for range_ in ranges for number in range_]
        return self._select(wanted, conditions, 0, [mark.column]), bound

    def without(self, mark: Mark, numbers: Sequence[int]) -> tuple[str, list[Any]]:
        """Deletes rows of a queue by their numbers."""
        name = mark.column.removeprefix(f"{ROW}.")
        places = ", ".join("?" * len(numbers))
        return f"DELETE FROM {quoted_path(self.profile, self.table)} WHERE {name} IN ({places})", list(numbers)

    def change_tracking(self) -> Changes:
        """How this table's changes are asked for."""
        path = quoted_path(self.profile, self.table)
        keys = tuple(f"c.{quoted(self.profile, name)}" for name in self.key)
        oldest = f"SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('{path}'))"
        return Changes("SELECT CHANGE_TRACKING_CURRENT_VERSION()", oldest, f"CHANGETABLE(CHANGES {path}, ?) c", keys)

    def _only(self) -> tuple[list[str], list[Any]]:
        conditions = [f"{self.column(name)} IN ({', '.join('?' * len(values))})" for name, values in self.only]
        return conditions, [value for _, values in self.only for value in values]

    def _select(self, wanted: Sequence[str], conditions: Sequence[str], limit: int, order: Sequence[str]) -> str:
        top = f"TOP ({limit}) " if limit and self.profile.limit == "top" else ""
        last = f" LIMIT {limit}" if limit and self.profile.limit == "limit" else ""
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {top}{', '.join(wanted)} {self.source()}{where} ORDER BY {', '.join(order)}{last}"


def quoted(profile: Profile, name: str) -> str:
    """One name, as it is spelt; the settings let no quote through."""
    return f"{profile.quote[0]}{name}{profile.quote[1]}"


def quoted_path(profile: Profile, path: str) -> str:
    """A table with its schema."""
    return ".".join(quoted(profile, name) for name in path.split("."))


def mark_of(relation: Relation, watermark: Timestamp | Rowversion | Id | Queue, type_: str = "") -> Mark:
    """The watermark of a table in the words of its profile.  `type_`: what the database says of its column."""
    profile = relation.profile
    match watermark:
        case Timestamp(column=name):
            column = relation.column(name)
            type_ = watermark.type or type_ or profile.moment_type
            if type_ in profile.zoned:
                return Mark(column, profile.zoned_stamp.format(column), profile.zoned_moment, zoned=True)
            return Mark(column, profile.stamp.format(column), profile.moment.format(type=type_))
        case Rowversion(column=name) if profile.name == "sqlserver":
            # Below this bound no transaction is open any more that could still bring a row.
            column = relation.column(name)
            bound = f"{column} < MIN_ACTIVE_ROWVERSION()"
            return Mark(column, f"CAST({column} AS bigint)", "CAST(CAST(? AS bigint) AS binary(8))", bound)
        case Queue(id=name) | Id(column=name) | Rowversion(column=name):
            column = relation.column(name)
            return Mark(column, column, "?")


def field_of(relation: Relation, name: str, type_: str, said: Column | None) -> Field:
    """How one column is read, by what the driver would make of it and what the settings say of it."""
    profile, column = relation.profile, relation.column(name)
    if said is not None and said.charset and profile.raw:
        return Field(name, profile.raw.format(column), "hex" if profile.take == "hex" else "raw", type_, said.charset, plain=False)
    if type_ in profile.exact:
        return Field(name, profile.exact[type_].format(column), "", type_)
    if type_ == "str" and profile.text:
        return Field(name, profile.text.format(column), profile.take, type_, "utf-8")
    return Field(name, column, "", type_, plain=type_ in {"str", "int", "bool", "float"})


def _behind(columns: Sequence[str], places: Sequence[str], position: Sequence[Any]) -> tuple[str, list[Any]]:
    """(a, b) > (?, ?), said without row values, which not every database has.

    >>> _behind(["a", "b"], ["?", "?"], [1, 2])
    ('a >= ? AND (a > ? OR (a = ? AND (b > ?)))', [1, 1, 1, 2])
    """
    text = ""
    values: list[Any] = []
    for column, place, value in reversed(list(zip(columns, places, position, strict=True))):
        if text:
            text, values = f"({column} > {place} OR ({column} = {place} AND {text}))", [value, value, *values]
        else:
            text, values = f"({column} > {place})", [value]
    if len(columns) > 1:
        text, values = f"{columns[0]} >= {places[0]} AND {text}", [position[0], *values]
    return text, values
