"""Cutting a line at the positions its specification states.

One C call cuts all plain fields of a line.  The same positions cut a delimited line that was
split into cells: then they are numbers of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from adapters.flatfile.layouts.items import Fields
from adapters.flatfile.layouts.model import FieldAt, Several, Trim, span

Cut: TypeAlias = Callable[[Any], Fields]

TRIMS: dict[str, Callable[[str], str]] = {"left": str.lstrip, "right": str.rstrip, "both": str.strip}


def cutter(fields: Mapping[str, FieldAt], trim: Trim) -> Cut:
    """A function from a line to its fields."""
    plain = {name: span(where) for name, where in fields.items() if isinstance(where, str)}
    several = [(name, _repeated(where, trim)) for name, where in fields.items() if isinstance(where, Several)]
    names, cut = tuple(plain), _slices(list(plain.values()))
    tidy = TRIMS.get(trim)

    def simple(line: str) -> Fields:
        return dict(zip(names, map(tidy, cut(line)) if tidy else cut(line), strict=True))

    def full(line: str) -> Fields:
        found = simple(line)
        for name, pieces in several:
            found[name] = pieces(line)
        return found

    return full if several else simple


def columns(fields: Mapping[str, FieldAt], trim: Trim) -> Cut:
    """As `cutter`, for a line that was split into cells.  Raises IndexError where there are too few."""
    plain = [(name, span(where).start) for name, where in fields.items() if isinstance(where, str)]
    several = [(name, where) for name, where in fields.items() if isinstance(where, Several)]
    tidy = TRIMS.get(trim, str)

    def cut(cells: Sequence[str]) -> Fields:
        found: Fields = {name: tidy(cells[index]) for name, index in plain}
        for name, where in several:
            found[name] = _cells(cells, where, tidy)
        return found

    return cut


def last(fields: Iterable[FieldAt]) -> int:
    """The last position that any of the fields takes."""
    return max((span(where if isinstance(where, str) else where.at).stop for where in fields), default=0)


def _slices(spans: Sequence[slice]) -> Callable[[str], tuple[str, ...]]:
    if not spans:
        return lambda _: ()
    if len(spans) == 1:
        only = spans[0]
        return lambda line: (line[only],)
    return itemgetter(*spans)


def _repeated(where: Several, trim: Trim) -> Callable[[str], list[Any]]:
    """A function from a line to the pieces that are not blank."""
    whole = span(where.at)
    width = (whole.stop - whole.start) // where.count
    starts = range(whole.start, whole.stop, width)
    inner = cutter(where.fields, trim) if where.fields else TRIMS.get(trim, str)

    def pieces(line: str) -> list[Any]:
        if not line[whole].strip():
            return []
        cuts = [line[start : start + width] for start in starts]
        return [inner(piece) for piece in cuts if piece.strip()]

    return pieces


def _cells(cells: Sequence[str], where: Several, tidy: Callable[[str], str]) -> list[Any]:
    whole = span(where.at)
    width = (whole.stop - whole.start) // where.count
    pieces = [cells[start : start + width] for start in range(whole.start, whole.stop, width)]
    filled = [piece for piece in pieces if any(cell.strip() for cell in piece)]
    if where.fields:
        return [{name: tidy(piece[span(at).start]) for name, at in where.fields.items()} for piece in filled]
    return [tidy(piece[0]) for piece in filled]
