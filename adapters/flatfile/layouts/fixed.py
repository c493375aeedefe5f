"""One record a line, every field at its position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, BinaryIO, Literal

from pydantic import Field, model_validator

from adapters.flatfile.codes import LENGTH, VALUE
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.items import Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import FieldAt, Named, Several, Trailer, Trim, span
from adapters.flatfile.layouts.naming import maker, rejected
from adapters.flatfile.layouts.positions import cutter, last
from gateway.adapter import OutRecord, Rejected
from gateway.errors import Problem, Reject

Lengths = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] | Literal["any"]


class Fixed(Named):
    """Positional lines, as mainframes and state repositories write them."""

    form: Literal["fixed"]
    fields: dict[str, FieldAt] = Field(min_length=1)
    lengths: Lengths | None = Field(default=None, description="Of a line without its end; or any.")
    trim: Trim = "right"
    comment: str = ""
    trailer: Trailer | None = None

    @model_validator(mode="after")
    def _known(self) -> Fixed:
        named = [*self.key, *([self.change.field] if self.change else [])]
        if missing := [name for name in named if name not in self.fields]:
            raise ValueError(f"no such field: {', '.join(missing)}")
        return self

    @property
    def allowed(self) -> frozenset[int]:
        """The lengths a line may have; empty: any."""
        if self.lengths == "any":
            return frozenset()
        return frozenset(self.lengths or [last(self.fields.values())])


class FixedForm:
    """Reads lines of fields at positions."""

    def __init__(self, layout: Fixed, charset: str, longest: int) -> None:
        self._layout, self._charset, self._longest = layout, charset, longest
        self._cut = cutter(layout.fields, layout.trim)

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        return lines.head(document, size, preamble, self._charset, self._layout.trailer)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        layout, cut, allowed = self._layout, self._cut, self._layout.allowed
        make = maker(layout.kind, layout.key, layout.change, layout.version, sha)
        size = document.seek(0, 2)
        for line in lines.each(document, head, at, self._charset, self._longest):
            if isinstance(line, Rejected | Skipped):
                yield line
                continue
            offset, number, raw, text, wrong = line
            if what := lines.idle(text, layout.comment):
                yield Skipped(len(raw), what)
            elif wrong:
                yield rejected(wrong, raw, str(Place(offset, number)), kind=layout.kind)
            elif allowed and len(text) not in allowed:
                yield rejected(LENGTH, raw, str(Place(offset, number)), f"{len(text)} positions", kind=layout.kind)
            else:
                yield make(cut(text), raw, offset, number)
        yield from lines.trailing(head, size)

    def total(self, head: Head) -> Total | None:
        if not self._layout.trailer:
            return None
        return lines.totals(self._layout.trailer, head.trailer, self._charset, str)

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return bool(self.head(document, size).trailer)


class FixedWriter:
    """Writes lines of fields at positions, padded with blanks to the longest length."""

    def __init__(self, layout: Fixed, charset: str) -> None:
        self._layout, self._charset = layout, charset
        self._length = max(layout.allowed, default=last(layout.fields.values()))

    def begin(self) -> bytes:
        return b""

    def record(self, record: OutRecord) -> bytes:
        line = [" "] * self._length
        for name, where in self._layout.fields.items():
            for at, value in _placed(where, self.value(record, name), name):
                line[at] = value.ljust(at.stop - at.start)
        try:
            return ("".join(line) + "\r\n").encode(self._charset)
        except UnicodeEncodeError:
            raise Reject(Problem(VALUE, rule=f"a character that {self._charset} has not")) from None

    def value(self, record: OutRecord, name: str) -> object:
        return changed(self._layout, record, name)

    def join(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)

    def end(self) -> bytes:
        return b""


def changed(layout: Named, record: OutRecord, name: str) -> object:
    """A field's value; of the field that says so, whether the record is put or removed."""
    change = layout.change
    if change is None and record.change == "remove":
        raise Reject(Problem(VALUE, rule="the layout has no field that says that a record is removed"))
    if change and name == change.field:
        if record.change == "remove":
            return change.remove[0]
        return record.fields.get(name, change.put)
    return record.fields.get(name, "")


def _placed(where: FieldAt, value: object, name: str) -> Iterator[tuple[slice, str]]:
    """Each piece of a value with its slice of the line.  Raises Reject where it is too wide."""
    if not isinstance(where, Several):
        yield span(where), fitting(value, span(where), name)
        return
    whole = span(where.at)
    width = (whole.stop - whole.start) // where.count
    pieces = value if isinstance(value, list) else []
    if len(pieces) > where.count:
        raise Reject(Problem(VALUE, path=name, rule=f"more than {where.count} pieces"))
    for index, piece in enumerate(pieces):
        start = whole.start + index * width
        inner = where.fields or {"": f"1-{width}"}
        for part, at in inner.items():
            place = slice(start + span(at).start, start + span(at).stop)
            yield place, fitting(piece.get(part, "") if part else piece, place, name)


def fitting(value: object, place: slice, name: str) -> str:
    """The value as text without line ends, not wider than its place."""
    text = "" if value is None else str(value)
    if len(text) > place.stop - place.start:
        raise Reject(Problem(VALUE, path=name, rule=f"wider than {place.stop - place.start} positions"))
    if any(sign in text for sign in "\r\n\0"):
        raise Reject(Problem(VALUE, path=name, rule="holds a line end or a NUL"))
    return text
