"""Lines of several types that make up one record together.

Lines are grouped by their bytes at the key's positions, not by what they decode to, so that one
bad byte rejects its own record and no other.  What cannot be told apart waits until the next line
says whether the record goes on behind it: no record is taken that has lost a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BeforeValidator, Field, model_validator

from adapters.flatfile.codes import LENGTH, ORPHAN, OVERLONG, RAGGED, TWICE, TYPE
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.fixed import Lengths
from adapters.flatfile.layouts.items import Fields, Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import Change, FieldAt, Names, Part, Position, Text, Trailer, Trim, Version, span
from adapters.flatfile.layouts.naming import Maker, keys, maker
from adapters.flatfile.layouts.positions import Cut, columns, cutter, last
from gateway.adapter import Rejected
from gateway.errors import Code, Problem


def _texts(value: Any) -> Any:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


class LineType(Part):
    """One type of line."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    many: bool = Field(default=False, description="It may come several times in a record; its fields are a list.")
    lengths: Lengths | None = Field(
        default=None, description="Of a line without its end; or any; of a delimited one, its cells."
    )
    fields: dict[str, FieldAt] = Field(default_factory=dict)


class Kind(Part):
    """One kind of record: how it starts, what may follow, what names it."""

    starts: Text
    then: list[Text] = Field(default_factory=list)
    key: Names


class Multirecord(Part):
    """Lines of several types, grouped into records: NIBRS, and most files with header and detail lines."""

    form: Literal["multirecord"]
    type: Position
    length: Position | None = None
    delimiter: str = Field(default="", max_length=8)
    common: dict[str, FieldAt] = Field(default_factory=dict)
    lines: Annotated[dict[str, LineType], BeforeValidator(_texts)] = Field(min_length=1)
    records: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], Kind] = Field(min_length=1)
    ignore: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(default_factory=dict)
    change: Change | None = None
    version: Literal["document"] | Version = "document"
    trim: Trim = "right"
    comment: str = ""
    trailer: Trailer | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Multirecord:
        for name, kind in self.records.items():
            for type in (kind.starts, *kind.then):
                if type not in self.lines:
                    raise ValueError(f"{name}: no line of type {type}")
            start = self.lines[kind.starts]
            known = {*self.common, *(f"{start.name}.{field}" for field in start.fields if not start.many)}
            if missing := [key for key in kind.key if key not in known]:
                raise ValueError(f"{name}: the key's {', '.join(missing)} is neither common nor of its first line")
            if kind.then and not any(key in self.common for key in kind.key):
                raise ValueError(f"{name}: lines that follow need a common field in the key")
        starts = [kind.starts for kind in self.records.values()]
        if len(set(starts)) < len(starts):
            raise ValueError("two kinds start with the same type of line")
        if self.change and self.change.field not in self.common:
            raise ValueError(f"{self.change.field} is not under common")
        names = [line.name for line in self.lines.values()]
        if clash := [name for name in names if names.count(name) > 1 or name in self.common]:
            raise ValueError(f"the name {clash[0]} is used twice")
        return self


@dataclass(slots=True)
class _Group:
    """The lines of one record, gathered so far."""

    kind: str
    key: tuple[str, ...]
    offset: int
    line: int
    fields: Fields = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0
    waiting: int = 0
    """Bytes that wait behind its last line."""
    ended: bool = False
    """It would go on, and cannot."""


@dataclass(frozen=True, slots=True)
class _Between:
    """What stands after the last line of a group: items of their own, unless the group goes on behind them."""

    item: Item
    raw: bytes | None = None
    """Its bytes, to become the group's; None where they are too many to hold."""
    problems: tuple[Problem, ...] = ()
    """Why a group that goes on behind it has lost something."""


@dataclass(frozen=True, slots=True)
class _Type:
    """One type of line, ready to cut."""

    name: str
    many: bool
    lengths: frozenset[int]
    cut: Cut


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of record, ready to group."""

    name: str
    follows: frozenset[str]
    spans: tuple[slice, ...]
    parts: tuple[tuple[str, bool], ...]
    """The names of its lines, and whether each is a list."""
    key: Callable[[Fields], str]

    def key_in(self, cut: Any) -> tuple[str, ...]:
        """What stands at the key's positions of a line."""
        return tuple([str(cut[part]) for part in self.spans])


class MultirecordForm:
    """Reads lines and groups them."""

    def __init__(self, layout: Multirecord, charset: str, longest_line: int, longest_record: int) -> None:
        self._layout, self._charset = layout, charset
        self._line, self._record = longest_line, longest_record
        self._make = columns if layout.delimiter else cutter
        self._types = {type: self._ready(line) for type, line in layout.lines.items()}
        self._common = self._make(layout.common, layout.trim)
        self._kinds = {kind.starts: self._kind(name, kind) for name, kind in layout.records.items()}

    def _ready(self, line: LineType) -> _Type:
        lengths = line.lengths
        if lengths is None and not self._layout.delimiter:
            lengths = [last([*line.fields.values(), *self._layout.common.values()])]
        allowed = frozenset(lengths) if isinstance(lengths, list) else frozenset[int]()
        return _Type(line.name, line.many, allowed, self._make(line.fields, self._layout.trim))

    def _kind(self, name: str, kind: Kind) -> _Kind:
        common, types = self._layout.common, [self._types[type] for type in (kind.starts, *kind.then)]
        parts_of_key = [common[part] for part in kind.key if part in common]  # what every line of a record shares
        spans = tuple(span(where if isinstance(where, str) else where.at) for where in parts_of_key)
        parts = tuple((type.name, type.many) for type in types)
        return _Kind(name, frozenset(kind.then), spans, parts, keys(tuple(kind.key)))

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        return lines.head(document, size, preamble, self._charset, self._layout.trailer)

    def total(self, head: Head) -> Total | None:
        if not self._layout.trailer:
            return None
        return lines.totals(self._layout.trailer, head.trailer, self._charset, self._split)

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return bool(self.head(document, size).trailer)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        layout = self._layout
        makers = {
            name: maker(name, kind.key, layout.change, layout.version, sha) for name, kind in layout.records.items()
        }
        group: _Group | None = None
        between: list[_Between] = []
        for line in lines.each(document, head, at, self._charset, self._line):
            if isinstance(line, Rejected | Skipped):
                part = _Between(line, problems=line.problems if isinstance(line, Rejected) else ())
            elif what := lines.idle(line[3], layout.comment):
                part = _Between(Skipped(len(line[2]), what), line[2])
            elif group and self._joins(group, line, between):
                continue
            elif (type := self._type(self._split(line[3]))) not in self._kinds and type not in layout.ignore:
                part = self._lone(type, line)
            else:
                yield from _closed(group, between, makers)
                group = None if type in layout.ignore else self._begin(type, line)
                if group is None:
                    yield Skipped(len(line[2]), layout.ignore[type])
                continue
            between.append(part)
            if group is None or not self._waits(group, part):
                yield from _closed(group, between, makers)
                group = None
        yield from _closed(group, between, makers)
        yield from lines.trailing(head, document.seek(0, 2))

    def _lone(self, type: str, line: lines.Line) -> _Between:
        """A line that joins no record and begins none."""
        problem = _problem(line[4] or (ORPHAN if type in self._types else TYPE), line)
        return _Between(Rejected(line[2], problem.where, (problem,)), line[2], (problem,))

    def _waits(self, group: _Group, part: _Between) -> bool:
        """Whether the group may still go on behind this; what waits is held only so far."""
        held = part.raw if part.raw is not None else part.item.original if isinstance(part.item, Rejected) else b""
        group.waiting += len(held)
        return not group.ended and group.size + group.waiting <= self._record

    def _split(self, text: str) -> Any:
        return text.split(self._layout.delimiter) if self._layout.delimiter else text

    def _type(self, cut: Any) -> str:
        return _plain(cut, self._layout.type)

    def _begin(self, type: str, line: lines.Line) -> _Group:
        """A group for the first line of a record."""
        offset, number, _, text, _ = line
        kind, cut = self._kinds[type], self._split(text)
        group = _Group(kind.name, kind.key_in(cut), offset, number)
        try:
            group.fields = self._common(cut)
        except IndexError:
            group.problems.append(_problem(RAGGED, line))
        for name, many in kind.parts:
            group.fields[name] = [] if many else None
        self._add(group, type, cut, line)
        return group

    def _joins(self, group: _Group, line: lines.Line, between: list[_Between]) -> bool:
        """Whether the line goes on with the group; then it has been added, with what stood between."""
        cut = self._split(line[3])
        kind = next(kind for kind in self._kinds.values() if kind.name == group.kind)
        key = kind.key_in(cut)
        damaged = line[4] is not None or not line[2].endswith(b"\n")
        if key != group.key and not (damaged and _may_be(key, group.key)):
            return False
        type = self._type(cut)
        if type not in kind.follows and (type in self._types or type in self._layout.ignore):
            return False
        if group.size + group.waiting + len(line[2]) > self._record:
            group.problems.append(_problem(OVERLONG, line))
            group.ended = True
        if between:
            self._take(group, between)
        if not group.ended:
            self._add(group, type, cut, line)
        return not group.ended

    def _take(self, group: _Group, between: list[_Between]) -> None:
        """The group goes on behind these: they are a part of it, unless they are too many bytes to hold."""
        group.problems.extend(problem for part in between for problem in part.problems)
        group.ended = group.ended or any(part.raw is None for part in between)
        if not group.ended:
            group.raw.extend(part.raw or b"" for part in between)
            group.size, group.waiting = group.size + group.waiting, 0
            between.clear()

    def _add(self, group: _Group, type: str, cut: Any, line: lines.Line) -> None:
        """One more line of the group: its bytes in any case, its fields where it can be read."""
        raw, wrong = line[2], line[4]
        group.raw.append(raw)
        group.size += len(raw)
        found = self._types.get(type)
        if wrong or found is None:
            group.problems.append(_problem(wrong or TYPE, line))
        elif rule := self._misfit(found, line[3], cut):
            group.problems.append(_problem(LENGTH, line, rule))
        elif not found.many and group.fields.get(found.name) is not None:
            group.problems.append(_problem(TWICE, line))
        else:
            self._put(group, found, cut, line)

    def _put(self, group: _Group, found: _Type, cut: Any, line: lines.Line) -> None:
        try:
            fields = found.cut(cut)
        except IndexError:
            group.problems.append(_problem(RAGGED, line))
            return
        if found.many:
            group.fields[found.name].append(fields)
        else:
            group.fields[found.name] = fields

    def _misfit(self, found: _Type, text: str, cut: Any) -> str:
        """In words, why the line has not the length it should have; "" where it has."""
        if found.lengths and len(cut) not in found.lengths:
            return f"{len(cut)} long"
        if self._layout.length:
            stated = _plain(cut, self._layout.length)
            if not (stated.isascii() and stated.isdigit() and int(stated) == len(text)):
                return f"{len(text)} long, but says otherwise"
        return ""


def _closed(group: _Group | None, between: list[_Between], makers: Mapping[str, Maker]) -> Iterator[Item]:
    """The finished group, then what stood after it."""
    if group:
        yield _record(group, makers)
    for part in between:
        yield part.item
    between.clear()


def _may_be(key: tuple[str, ...], known: tuple[str, ...]) -> bool:
    """Whether a key that is cut off, or has bytes that cannot be read, is the known one as far as it can be read."""
    return all(
        len(part) <= len(other) and all(a == b or a in "\0\r" or "\udc80" <= a <= "\udcff" for a, b in zip(part, other, strict=False))
        for part, other in zip(key, known, strict=True)
    )


def _record(group: _Group, makers: Mapping[str, Maker]) -> Item:
    original = b"".join(group.raw)
    if not group.problems:
        return makers[group.kind](group.fields, original, group.offset, group.line)
    where = str(Place(group.offset, group.line))
    return Rejected(original, where, tuple(group.problems), group.kind)


def _problem(code: Code, line: lines.Line, rule: str = "") -> Problem:
    return Problem(code, where=str(Place(line[0], line[1])), rule=rule)


def _plain(cut: Any, at: str) -> str:
    part = cut[span(at)]
    return (part if isinstance(part, str) else "".join(part)).strip()
