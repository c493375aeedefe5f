"""Reading dates and times from text, by ISO 8601 or by a format such as "%Y%m%d".

Formats of whole numbers only, which is nearly all of them, are turned into one slice and one template
for `datetime.fromisoformat`: a tenth of what strptime costs.  The rest goes to strptime.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, TypeAlias

from gateway.convert.named import Unreadable

Read: TypeAlias = Callable[[str], tuple[datetime, str]]
"""From text to a time, aware where the text has an offset, and how little was said: "day", "hour" or ""."""

_WIDTHS: Final = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_TEMPLATE: Final = {"%Y": "{}", "%m": "-{}", "%d": "-{}", "%H": "T{}", "%M": ":{}", "%S": ":{}"}
_DIRECTIVE: Final = re.compile(r"%.|[^%]", re.DOTALL)
_KNOWN: Final = frozenset("%Y %m %d %H %M %S %y %b %B %a %A %I %p %f %z %j %%".split())


def iso(text: str) -> tuple[datetime, str]:
    """ISO 8601 in its extended form, date only or with a time.  Raises Unreadable.

    >>> iso("2026-03-08T07:08:09Z")[0].isoformat(), iso("2026-03-08")[1], iso("2026-03-08 07")[1]
    ('2026-03-08T07:08:09+00:00', 'day', 'hour')
    """
    if text[4:11:3] in _MARKS:
        try:
            return datetime.fromisoformat(text), _PRECISION.get(len(text), "")
        except ValueError:
            pass
    raise Unreadable("is not a date or time like 2026-03-08 or 2026-03-08T07:08:09")


_MARKS: Final = frozenset({"--", "--T", "-- "})
"""What stands at the places 4, 7 and 10."""
_PRECISION: Final = {10: "day", 13: "hour"}


def reader(format: str) -> Read:
    """What reads this format.  Raises ValueError for a format without a day, or with an unknown directive.

    >>> reader("%m/%d/%Y %H%M")("03/08/2026 0152")[0].isoformat()
    '2026-03-08T01:52:00'
    >>> reader("%m/%d/%Y")("3/8/2026")
    (datetime.datetime(2026, 3, 8, 0, 0), 'day')
    """
    pieces = _DIRECTIVE.findall(format)
    said = [piece for piece in pieces if piece[0] == "%"]
    if unknown := [piece for piece in said if piece not in _KNOWN]:
        raise ValueError(f"the format has {unknown[0]}, which is not known here")
    if not ({"%Y", "%y"} & set(said) and ({"%d", "%j"} & set(said))):
        raise ValueError(f'the format "{format}" names no day: it needs %Y, %m and %d')
    hour = {"%H", "%I"} & set(said)
    precision = "" if "%M" in said else "hour" if hour else "day"
    slow = None if _crowded(pieces) else _strptime(format, precision)
    if set(said) <= set(_WIDTHS) and _nested(said):
        return _fast(format, pieces, precision, slow)
    return slow or _strptime(format, precision)


def _crowded(pieces: list[str]) -> bool:
    """Two numbers touch, so that a missing leading zero could be read in two ways."""
    return any(a in _WIDTHS and b in _WIDTHS for a, b in pairwise(pieces))


def _nested(said: list[str]) -> bool:
    """Each directive once, and none without the larger one: no minute without its hour."""
    order = list(_WIDTHS)
    return sorted(said, key=order.index) == order[: len(said)] and len(said) >= 3


def _strptime(format: str, precision: str) -> Read:
    def read(text: str) -> tuple[datetime, str]:
        try:
            return datetime.strptime(text, format), precision  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            raise _unlike(format) from None

    return read


def _fast(format: str, pieces: list[str], precision: str, slow: Read | None) -> Read:
    places: dict[str, slice] = {}
    literals: list[tuple[int, str]] = []
    at = 0
    for piece in pieces:
        width = _WIDTHS.get(piece, 1)
        if piece in _WIDTHS:
            places[piece] = slice(at, at + width)
        else:
            literals.append((at, piece))
        at += width
    length = at
    numbers = [directive for directive in _WIDTHS if directive in places]
    take: Callable[[str], Any] = itemgetter(*(places[directive] for directive in numbers))
    template = "".join(_TEMPLATE[directive] for directive in numbers).format
    between: Callable[[str], Any] = itemgetter(*(place for place, _ in literals)) if literals else lambda _: None
    marks = tuple(literal for _, literal in literals) if len(literals) != 1 else literals[0][1]
    expected = marks if literals else None

    def read(text: str) -> tuple[datetime, str]:
        if len(text) == length and between(text) == expected:
            try:
                return datetime.fromisoformat(template(*take(text))), precision
            except ValueError:
                pass
        if slow is None:
            raise _unlike(format)
        return slow(text)

    return read


def _unlike(format: str) -> Unreadable:
    return Unreadable(f'is not a date or time of the form "{format}"')


def alternatives(formats: tuple[str, ...]) -> Read:
    """The first of several formats that fits; ISO 8601 where there is none."""
    readers = tuple(reader(format) for format in formats)
    if len(readers) < 2:
        return readers[0] if readers else iso

    def read(text: str) -> tuple[datetime, str]:
        for one in readers:
            try:
                return one(text)
            except Unreadable:
                continue
        raise Unreadable("fits none of the formats")

    return read
