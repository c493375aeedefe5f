"""From a row to a record: its columns as JSON, as the driver gave them; its fields, as the settings say they are meant.

The original is what the journal keeps.  Bytes stand in it as {"base64": …}, so that a charset that was
set wrongly can be set right and the original read again.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from adapters.odbc import codes
from adapters.odbc.settings import Column, Settings
from adapters.odbc.sql import Field
from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem

BYTES, BROKEN = "base64", "undecoded"
REMOVED = "$removed"
_NUL, _OBJECT = b"\\u0000", b':{"'

class _Looks(NamedTuple):
    """What an original may hold, by a look at its bytes: most hold neither, and are spared the search."""

    nul: bool
    bytes: bool


Pick = Callable[[Sequence[Any]], dict[str, Any]]
"""From a row as the driver gave it to its columns by name."""


def picker(fields: Sequence[Field], skip: int) -> Pick:
    """How the rows of one query are taken; the first `skip` columns are not the record's."""
    names = [field.name for field in fields]
    special = [(field.name, taker) for field in fields if (taker := _taker(field)) is not None]

    def pick(row: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(names, row[skip:], strict=True))
        for name, taker in special:
            if values[name] is not None:
                values[name] = taker(values[name])
        return values

    return pick


def original_of(values: Mapping[str, Any]) -> bytes:
    """The columns as JSON."""
    return orjson.dumps(values, default=_plain)


def removal(settings: Settings, key: Sequence[Any]) -> RawRecord:
    """The record that says a row is gone."""
    original = original_of({REMOVED: dict(zip(settings.key, key, strict=True))})
    return _removal(settings, key, original)


def read(settings: Settings, original: bytes, *, where: str = "") -> RawRecord | Rejected:
    """The record of an original; a Rejected with all that is wrong with it."""
    key = settings.key
    fields: dict[str, Any] = orjson.loads(original)
    problems: list[Problem] = []
    looks = _Looks(_NUL in original, _OBJECT in original)
    if settings.columns or looks.nul or looks.bytes:
        _settle(fields, settings.columns, "", problems, looks)
    for name, detail in settings.details.items():
        for at, row in enumerate(fields.get(name) or ()):
            _settle(row, detail.columns, f"{name}[{at}].", problems, looks)
    values = [fields.get(column) for column in key]
    named = key_text(values)
    if None in values or "" in values:
        problems += [Problem(codes.KEY, path=column) for column in key if fields.get(column) in (None, "")]
    if problems:
        placed = tuple(Problem(problem.code, problem.path, where) for problem in problems)
        return Rejected(original, where, placed, settings.kind, named)
    return RawRecord(settings.kind, named, "", "put", fields, original, where)


def decode(settings: Settings, document: Document) -> Iterator[RawRecord | Rejected]:
    """Originals again: one JSON object, or one a line; what is no such object is rejected."""
    for at, line in enumerate((document.body or b"").splitlines() or [b""]):
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError:
            said = None
        where = f"row {at + 1}"
        if isinstance(said, dict) and isinstance(gone := said.get(REMOVED), dict):
            yield _removal(settings, [gone.get(column) for column in settings.key], line)
        elif isinstance(said, dict):
            yield read(settings, line, where=where)
        else:
            yield Rejected(line, where, (Problem(codes.ROW, where=where, rule="is no JSON object"),), settings.kind)


def key_text(values: Sequence[Any]) -> str:
    """What names a record: one value as it is, several joined by a vertical bar."""
    if len(values) == 1 and values[0].__class__ is str:
        return str(values[0])
    return "|".join("" if value is None else str(value) for value in values)


def _removal(settings: Settings, key: Sequence[Any], original: bytes) -> RawRecord:
    """Its name is settled as the record's own would be."""
    fields = dict(zip(settings.key, key, strict=True))
    _settle(fields, settings.columns, "", [], _Looks(nul=True, bytes=True))
    return RawRecord(settings.kind, key_text(list(fields.values())), "", "remove", {}, original, f"{settings.table}, gone")


def _taker(field: Field) -> Callable[[Any], Any] | None:
    match field.take:
        case "bytes":
            return _decoded
        case "hex" if field.charset == "utf-8":
            return lambda value: _decoded(bytes.fromhex(value))
        case "hex":
            return bytes.fromhex
        case "raw":
            return bytes
    return _finite if field.type == "float" else None


def _decoded(value: bytes | bytearray) -> Any:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {BROKEN: b64encode(value).decode()}


def _finite(value: Any) -> Any:
    """JSON has no word for a number that is none."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {BYTES: b64encode(bytes(value)).decode()}
    return str(value)


def _settle(fields: dict[str, Any], columns: Mapping[str, Column], path: str, problems: list[Problem], looks: _Looks) -> None:
    """Turn the columns into fields, in place."""
    for name, value in fields.items() if looks.bytes else ():
        if value.__class__ is dict:
            fields[name] = _text_of(value, columns.get(name), path + name, problems)
    for name, said in columns.items():
        if isinstance(text := fields.get(name), str) and said.trim != "none":
            fields[name] = text.rstrip(" ") if said.trim == "right" else text.strip(" ")
    if looks.nul:
        for name, value in fields.items():
            if value.__class__ is str and "\0" in value:
                fields[name] = _without_nul(value, columns.get(name), path + name, problems)


def _text_of(value: Mapping[str, str], said: Column | None, path: str, problems: list[Problem]) -> str:
    """Bytes as text in the column's charset; without one, in base64."""
    if BYTES not in value:
        problems.append(Problem(codes.CHARSET, path))
        return ""
    if said is None or said.charset is None:
        return value[BYTES]
    try:
        return b64decode(value[BYTES]).decode(said.charset)
    except UnicodeDecodeError:
        problems.append(Problem(codes.CHARSET, path))
        return ""


def _without_nul(value: str, said: Column | None, path: str, problems: list[Problem]) -> str:
    match said.nul if said else "reject":
        case "cut":
            return value.partition("\0")[0]
        case "drop":
            return value.replace("\0", "")
    problems.append(Problem(codes.NUL, path))
    return value
