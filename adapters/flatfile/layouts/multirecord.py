"""Lines of several types that make up one record together.

Lines are grouped by their bytes at the key's positions, not by what they decode to, so that one
bad byte rejects its own record and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BeforeValidator, Field, model_validator

from adapters.flatfile.codes import LENGTH, ORPHAN, OVERLONG, RAGGED, TWICE, TYPE
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.fixed import Lengths
from adapters.flatfile.layouts.items import Fields, Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import Change, FieldAt, Names, Part, Position, Text, Trailer, Trim, Version, span
from adapters.flatfile.layouts.naming import Maker, maker
from adapters.flatfile.layouts.positions import Cut, columns, cutter, last
from gateway.adapter import Rejected
from gateway.errors import Code, Problem


def _texts(value: Any) -> Any:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


class LineType(Part):
    """One type of line."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    many: bool = Field(default=False, description="It may come several times in a record; its fields are a list.")
    lengths: Lengths | None = Field(default=None, description="Of a line without its end; or any; of a delimited one, its cells.")
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
            missing = [key for key in kind.key if key not in self.common]
            if missing:
                raise ValueError(f"{name}: the key's {', '.join(missing)} is not under common")
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


@dataclass(frozen=True, slots=True)
class _Type:
    """One type of line, ready to cut."""

    name: str
    many: bool
    lengths: frozenset[int]
    cut: Cut


class MultirecordForm:
    """Reads lines and groups them."""

    def __init__(self, layout: Multirecord, charset: str, longest_line: int, longest_record: int) -> None:
        self._layout, self._charset = layout, charset
        self._line, self._record = longest_line, longest_record
        make = columns if layout.delimiter else cutter
        self._types = {
            type: _Type(line.name, line.many, _lengths(layout, line), make(line.fields, layout.trim))
            for type, line in layout.lines.items()
        }
        self._common = make(layout.common, layout.trim)
        self._starts = {kind.starts: name for name, kind in layout.records.items()}
        self._follow = {name: frozenset(kind.then) for name, kind in layout.records.items()}
        self._spans = {
            name: tuple(span(_at(layout.common[part])) for part in kind.key) for name, kind in layout.records.items()
        }
        self._blank = {
            name: {layout.lines[type].name: [] if layout.lines[type].many else None for type in kind.then}
            for name, kind in layout.records.items()
        }

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
        between: list[Skipped] = []  # blank lines and comments after the group so far
        for line in lines.each(document, head, at, self._charset, self._line, layout.comment):
            if isinstance(line, Skipped) and line.what in {"blank", "comment"}:
                between.append(line)
                continue
            if group and isinstance(line, tuple) and not between and self._joins(group, line):
                continue
            if group:
                yield self._done(group, makers)
            yield from between
            between.clear()
            group = None
            if not isinstance(line, tuple):
                yield line
            elif (type := self._type(line[3])) in layout.ignore:
                yield Skipped(len(line[2]), layout.ignore[type])
            else:
                group = self._begin(type, line)
        if group:
            yield self._done(group, makers)
        yield from between
        yield from lines.trailing(head, document.seek(0, 2))

    def _split(self, text: str) -> Any:
        return text.split(self._layout.delimiter) if self._layout.delimiter else text

    def _type(self, text: str) -> str:
        cut = self._split(text)[span(self._layout.type)]
        return (cut if isinstance(cut, str) else "".join(cut)).strip()

    def _key(self, kind: str, cut: Any) -> tuple[str, ...]:
        return tuple([str(cut[part]) for part in self._spans[kind]])

    def _begin(self, type: str, line: lines.Line) -> _Group:
        """A group of its own for a line that joins no other; without a start it can only be rejected."""
        offset, number, _raw, text, _wrong = line
        kind = self._starts.get(type, "")
        cut = self._split(text)
        group = _Group(kind, self._key(kind, cut) if kind else (), offset, number)
        if not kind:
            code = ORPHAN if type in self._types else TYPE
            group.problems.append(Problem(code, where=str(Place(offset, number))))
            group.raw.append(line[2])
            return group
        group.fields = self._cut(group, self._common, cut, line, "")
        group.fields.update(self._blank[kind])
        self._add(group, type, cut, line)
        return group

    def _joins(self, group: _Group, line: lines.Line) -> bool:
        """Whether the line goes on with the group; then it has been added."""
        if not group.kind:
            return False
        text = line[3]
        type, cut = self._type(text), self._split(text)
        unknown = type not in self._types and type not in self._layout.ignore
        if not unknown and type not in self._follow[group.kind]:
            return False
        if self._key(group.kind, cut) != group.key:
            return False
        self._add(group, type, cut, line)
        return True

    def _add(self, group: _Group, type: str, cut: Any, line: lines.Line) -> None:
        """One more line of the group: its bytes in any case, its fields where it can be read."""
        offset, number, raw, text, wrong = line
        group.size += len(raw)
        if group.size > self._record:
            wrong = OVERLONG
        if wrong is not OVERLONG or not group.raw or len(group.raw) < 1000:
            group.raw.append(raw)
        kind = self._types.get(type)
        wrong = wrong or (TYPE if kind is None else self._misfit(kind, text, cut))
        if wrong or kind is None:
            group.problems.append(Problem(wrong or TYPE, where=str(Place(offset, number)), rule=_rule(wrong, cut)))
            return
        fields = self._cut(group, kind.cut, cut, line, kind.name)
        if kind.many:
            present = group.fields.get(kind.name) or []
            group.fields[kind.name] = [*present, fields] if len(present) < 2 else _appended(present, fields)
        elif group.fields.get(kind.name) is not None:
            group.problems.append(Problem(TWICE, path=kind.name, where=str(Place(offset, number))))
        else:
            group.fields[kind.name] = fields
