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
from adapters.odbc.row import Pair, Row
from adapters.odbc.settings import Column, Settings
from adapters.odbc.sql import Field
from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem

BYTES, BROKEN = "base64", "undecoded"
REMOVED = "$removed"
_NUL = b"\\u0000"


class _Looks(NamedTuple):
    """What an original may hold, by a look at its bytes: most hold neither, and are spared the search."""

    nul: bool
    bytes: bool


Pick = Callable[[Sequence[Any]], dict[str, Any]]
"""From a row as the driver gave it to its columns by name."""

Plain = Callable[[dict[str, Any]], object]
"""Makes of the columns of a row what JSON gives back as it was, in place."""

_AS_IT_IS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
"""orjson has a way of its own with times; without it, what is written is what stands there."""


def picker(fields: Sequence[Field], skip: int) -> Pick:
    """How the rows of one query are taken; the first `skip` columns are not the record's."""
    names = [field.name for field in fields]
    special = [(field.name, taker) for field in fields if (taker := _taker(field)) is not None]

    def pick(row: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(names, row[skip:] if skip else row))  # noqa: B905 - the query asked for these columns
        for name, taker in special:
            if values[name] is not None:
                values[name] = taker(values[name])
        return values

    return pick


def plainer(fields: Sequence[Field]) -> Plain | None:
    """What makes the rows of a query plain, as their original will say it; None where they are plain as they come."""
    special = [field.name for field in fields if not field.plain]

    def plain(values: dict[str, Any]) -> None:
        for name in special:
            if values[name] is not None:
                values[name] = orjson.loads(original_of(values[name]))

    return plain if special else None


def rower(key: Sequence[str], plain: Plain | None, *, watched: bool, details: bool) -> Callable[[Any, dict[str, Any]], Row]:
    """What makes a row of a watermark and the columns: its key as the driver gave it, to be bound again; the rest plain."""
    first, alone = key[0], len(key) == 1

    def made(mark: Any, values: dict[str, Any]) -> Row:
        own = (values[first],) if alone else tuple([values[name] for name in key])
        if plain is not None:
            plain(values)
        pair = Pair(mark, own) if watched and mark is not None else None
        return Row(mark, own, values, pair, b"" if details else plain_original(values))

    return made


def original_of(values: Any) -> bytes:
    """The columns as JSON."""
    return orjson.dumps(values, default=_plain)


def plain_original(values: dict[str, Any]) -> bytes:
    """The columns as JSON, where they are plain; b"" where one of them is not after all."""
    try:
        return orjson.dumps(values, option=_AS_IT_IS)
    except TypeError:
        return b""


def recorder(settings: Settings) -> Callable[[dict[str, Any], bytes, str], RawRecord | Rejected]:
    """What makes the record of a row: of its columns, which become its fields, their JSON if it is at hand, and its place.

    It is the same record that `read` makes of the original.
    """
    kind, named = settings.kind, settings.key[0]
    quick = len(settings.key) == 1 and not (settings.columns or settings.details)

    def record(values: dict[str, Any], original: bytes, where: str) -> RawRecord | Rejected:
        if quick and original and not _holds_nul(original) and not _holds_bytes(original):  # nothing to settle
            key = values.get(named)
            if key and key.__class__ is str:
                return RawRecord(kind, key, "", "put", values, original, where)
        original = original or plain_original(values)
        if not original:
            return read(settings, original_of(values), where=where)
        return _settled(settings, values, original, where)

    return record


def removal(settings: Settings, key: Sequence[Any]) -> RawRecord:
    """The record that says a row is gone."""
    original = original_of({REMOVED: dict(zip(settings.key, key, strict=True))})
    return _removal(settings, key, original)


def read(settings: Settings, original: bytes, *, where: str = "") -> RawRecord | Rejected:
    """The record of an original; a Rejected with all that is wrong with it."""
    return _settled(settings, orjson.loads(original), original, where)


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


def _settled(settings: Settings, fields: dict[str, Any], original: bytes, where: str) -> RawRecord | Rejected:
    """The columns become fields, in place."""
    problems: list[Problem] = []
    nul, bytes_ = _holds_nul(original), _holds_bytes(original)
    if nul or bytes_ or settings.columns or settings.details:
        looks = _Looks(nul, bytes_)
        _settle(fields, settings.columns, "", problems, looks)
        _settle_details(settings, fields, problems, looks)
    values = [fields.get(column) for column in settings.key]
    if None in values or "" in values:
        problems += [Problem(codes.KEY, path=column) for column in settings.key if fields.get(column) in (None, "")]
    named = key_text(values)
    if problems:
        placed = tuple(Problem(problem.code, problem.path, where) for problem in problems)
        return Rejected(original, where, placed, settings.kind, named)
    return RawRecord(settings.kind, named, "", "put", fields, original, where)


def _holds_nul(original: bytes) -> bool:
    return b"\\" in original and _NUL in original  # one byte is sought much faster than several


def _holds_bytes(original: bytes) -> bool:
    return original.find(b"{", 1) > 0


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


def _settle_details(settings: Settings, fields: dict[str, Any], problems: list[Problem], looks: _Looks) -> None:
    for name, detail in settings.details.items():
        for at, row in enumerate(fields.get(name) or ()):
            _settle(row, detail.columns, f"{name}[{at}].", problems, looks)


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
