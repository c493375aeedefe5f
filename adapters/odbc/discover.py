"""What a database offers: tables and views with columns, keys, counts and likely watermarks, asked of the driver.

A driver that answers no such questions is asked by a query of no row.  Values are read only of tables
that a person names, a sample of each, and only as counts and shapes do they leave this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adapters.odbc.connect import Link, RowFault
from adapters.odbc.rows import picker
from adapters.odbc.settings import Connection, Limits
from adapters.odbc.sql import Relation, field_of
from gateway import profile
from gateway.adapter import Column, Context, Discovery, Offer
from gateway.errors import Halt, Retry

SAMPLE = 2000
"""Rows of a table that are looked at."""

COUNTING_S, COUNTING_IN_ALL = 10.0, timedelta(seconds=60)
"""How long one table, and all of them, may be counted; beyond, no count is told."""

OURS = frozenset({"", "public", "dbo"})
"""Schemas that need not be named."""
_OF_THE_DATABASE = re.compile(r"information_schema|pg_catalog|pg_toast.*|sys|msys.*|sqlite_.*|mysql|performance_schema", re.IGNORECASE)
_USABLE = re.compile(r"[^\W\d][\w $#@-]{0,127}(\.[^\W\d][\w $#@-]{0,127})?")

NO_KEY = "no primary key is declared"
NO_NAME = "its name cannot stand in the settings: read it through a view"
NOT_READ = "may not be read, or not by this driver"


class Reach(BaseModel):
    """What is enough to reach a database; the rest of a feed's settings may still be missing."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    connection: Connection = Field(description="Driver, server, database; secrets by reference.")
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class _Table:
    path: str
    schema: str
    name: str
    view: bool = False


def discover(settings: Reach, context: Context, names: Sequence[str]) -> Discovery:
    """Every table and view; of those named every column with its profile."""
    with _linked(settings, context) as link:
        tables = _tables(link)
        wanted = [_named(tables, name) for name in names] or list(tables.values())
        until = context.clock() + COUNTING_IN_ALL
        return Discovery({table.path: _offer(link, table, profiled=bool(names), counts=context.clock() < until) for table in wanted})


@contextmanager
def _linked(settings: Reach, context: Context) -> Iterator[Link]:
    limits = settings.limits.model_copy(update={"statement_s": min(COUNTING_S, settings.limits.statement_s)})
    link = Link(settings.connection, limits, context.secret)
    try:
        yield link
    finally:
        link.close()


def _tables(link: Link) -> dict[str, _Table]:
    found = {}
    for _, said, name, kind, *_ in _answered(lambda: link.catalogue(lambda cursor: cursor.tables())):
        schema = said or ""
        if kind in ("TABLE", "VIEW", "BASE TABLE", "SYNONYM") and not _OF_THE_DATABASE.fullmatch(schema or name) and not _OF_THE_DATABASE.fullmatch(name):
            path = name if schema.lower() in OURS else f"{schema}.{name}"
            found[path] = _Table(path, schema, name, kind == "VIEW")
    return dict(sorted(found.items()))


def _named(tables: Mapping[str, _Table], name: str) -> _Table:
    """The table of that name; one that the driver does not list is tried all the same."""
    schema, _, last = name.rpartition(".")
    return tables.get(name) or (tables.get(last) if schema.lower() in OURS else None) or _Table(name, schema, last)


def _offer(link: Link, table: _Table, *, profiled: bool, counts: bool) -> Offer:
    notes = ["a view"] if table.view else []
    if not _USABLE.fullmatch(table.path):
        return Offer((), notes=[*notes, NO_NAME])
    relation = Relation(link.profile, table.path, ())
    types = _types(link, table, relation)
    if not types:
        return Offer((), notes=[*notes, NOT_READ])
    columns = _profiled(link, relation, types) if profiled else [Column(profile.named(name), type_) for name, type_ in types.items()]
    key = _key(link, table)
    if not key and not table.view:
        notes.append(NO_KEY)
    key = key or _likely_key(columns)
    return Offer(columns, _count(link, relation) if counts else None, key, _watermarks(types, key), notes)


def _types(link: Link, table: _Table, relation: Relation) -> dict[str, str]:
    """Column → type, as the driver's catalogue says it, else as a query shows it."""
    said = _answered(lambda: link.catalogue(lambda cursor: cursor.columns(table=table.name, schema=table.schema or None)))
    found = {row[3]: _type(row[5], row[6]) for row in said if row[2] == table.name and (row[1] or "") == table.schema}
    return found or dict(_answered(lambda: link.described(_describing(relation))))


def _describing(relation: Relation) -> str:
    return relation.describe([]) if relation.profile.sorts else relation.everything(["*"])


def _type(name: str, size: int | None) -> str:
    sized = size and "(" not in name and re.search("char|text", name, re.IGNORECASE) and 0 < size < 100_000
    return f"{name}({size})" if sized else name


def _key(link: Link, table: _Table) -> list[str]:
    said = _answered(lambda: link.catalogue(lambda cursor: cursor.primaryKeys(table=table.name, schema=table.schema or None)))
    mine = [row for row in said if row[2] == table.name]
    return [row[3] for row in sorted(mine, key=lambda row: row[4] or 0)]


def _likely_key(columns: Sequence[Column]) -> list[str]:
    """A column whose values in the sample all differ, the first that is also called so."""
    telling = [each.name for each in columns if (said := each.profile) and said.looked > 1 and said.distinct == said.looked]
    named = [name for name in telling if {"id", "no", "num", "nbr", "number", "key"} & {*profile.words(name)} or re.search(r"(id|no|nr|num)$", name, re.IGNORECASE)]
    return (named or telling)[:1]


_CHANGED = re.compile(r"upd|mod|chang|last|stamp|edit|rowver|version", re.IGNORECASE)
_TIME = re.compile(r"date|time", re.IGNORECASE)


def _watermarks(types: Mapping[str, str], key: Sequence[str]) -> list[str]:
    """Times and versions of a change first, then other times, then a number that is the whole key."""
    changed = [name for name, type_ in types.items() if _CHANGED.search(name) and (_TIME.search(type_) or re.search("int|version|binary", type_, re.IGNORECASE))]
    times = [name for name, type_ in types.items() if _TIME.search(type_) and name not in changed]
    numbers = [name for name in key if len(key) == 1 and re.search("int|serial|number", types.get(name, ""), re.IGNORECASE)]
    return [*changed, *times, *(name for name in numbers if name not in changed)]


def _count(link: Link, relation: Relation) -> int | None:
    rows = _answered(lambda: link.rows(_counting(relation)))
    return int(rows[0][0]) if rows else None


def _counting(relation: Relation) -> str:
    return f"SELECT COUNT(*) {relation.source()}" if relation.profile.sorts else f"SELECT COUNT(*) FROM {relation.table}"


def _profiled(link: Link, relation: Relation, types: Mapping[str, str]) -> list[Column]:
    """The columns with what a sample of their values looks like, read as a source would read them."""
    described = _answered(lambda: link.described(_describing(relation)))
    fields = [field_of(relation, name, type_, None) for name, type_ in described]
    pick = picker(fields, 0)
    try:
        rows = [pick(row) for row in _answered(lambda: link.rows(_sampling(relation, [one.expression for one in fields]), at_most=SAMPLE))]
    except RowFault:  # what a sample cannot show is found at the first read, and quarantined
        rows = []
    return profile.columns(rows, {name: types.get(name, type_) for name, type_ in described}, most=SAMPLE)


def _sampling(relation: Relation, wanted: Sequence[str]) -> str:
    said = relation.profile
    if not said.sorts:
        return relation.everything(["*"])
    top = f"TOP ({SAMPLE}) " if said.limit == "top" else ""
    last = f" LIMIT {SAMPLE}" if said.limit == "limit" else ""
    return f"SELECT {top}{', '.join(wanted)} {relation.source()}{last}"


def _answered(ask: Callable[[], list[Any]]) -> list[Any]:
    """The answer; none where this driver, this login or the time at hand does not allow the question."""
    try:
        return ask()
    except (Retry, Halt):
        return []
