"""Records in an array of a JSON document, or one a line.

The decoder of the standard library tells where a value ends, so a record keeps its own bytes and
an array of any length is read at constant memory.  Numbers stay the digits that were sent.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal, NoReturn

from pydantic import Field

from adapters.flatfile.codes import CHARSET, HEADER, RECORD, TRUNCATED, VALUE
from adapters.flatfile.codes import OVERLONG as TOO_LONG
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.fixed import changed
from adapters.flatfile.layouts.items import HEAD_BYTES, LOST, Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import Named
from adapters.flatfile.layouts.naming import Maker, maker, rejected
from gateway.adapter import OutRecord, Rejected
from gateway.errors import Code, Problem, Reject

BLOCK = 256 * 1024
SPACE = re.compile(r"[ \t\r\n]*")
AFTER = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
PART = re.compile(r'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
SCALAR_END = re.compile(r"[,\]}]")
OPENING, CLOSING = frozenset("{["), frozenset("}]")
SURROGATE = re.compile(r"\\u[dD][89abAB]|[\ud800-\udfff]")


class Json(Named):
    """Objects in an array, or one a line."""

    form: Literal["json"]
    records: str = Field(
        pattern=r"^(lines|([^.\[\]]+(\.[^.\[\]]+)*)?\[\])$", description='"data.records[]", "[]" or lines.'
    )

    @property
    def path(self) -> list[str]:
        """The members that lead to the array."""
        return [step for step in self.records.removesuffix("[]").split(".") if step]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_number)


class JsonLines:
    """Reads one object a line."""

    def __init__(self, layout: Json, charset: str, longest: int) -> None:
        self._layout, self._charset, self._longest = layout, charset, longest

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        return lines.head(document, size, preamble, self._charset, None)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        layout = self._layout
        make = maker(layout.kind, layout.key, layout.change, layout.version, sha)
        for line in lines.each(document, head, at, self._charset, self._longest):
            if isinstance(line, Rejected | Skipped):
                yield line
                continue
            offset, number, raw, text, wrong = line
            if lines.idle(text, ""):
                yield Skipped(len(raw), "blank")
            elif wrong:
                yield rejected(wrong, raw, str(Place(offset, number)), kind=layout.kind)
            else:
                yield _whole(text, raw, make, Place(offset, number), layout.kind)

    def total(self, head: Head) -> Total | None:
        return None

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return True


def _whole(text: str, raw: bytes, make: Maker, place: Place, kind: str) -> Item:
    """A text that should be one object."""
    text = text.strip(" \t\r\n")
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return rejected(RECORD, raw, str(place), kind=kind)
    if end != len(text):
        return rejected(RECORD, raw, str(place), kind=kind)
    return _record(value, text, raw, make, place, kind)


def _record(value: Any, text: str, raw: bytes, make: Maker, place: Place, kind: str) -> Item:
    """A decoded value as a record; half a surrogate pair is no text that anybody could pass on."""
    if not isinstance(value, dict):
        return rejected(RECORD, raw, str(place), "no object", kind=kind)
    if SURROGATE.search(text) and not _is_text(value):
        return rejected(CHARSET, raw, str(place), kind=kind)
    return make(value, raw, place.offset, place.line)


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


class JsonArray:
    """Reads the objects of one array."""

    def __init__(self, layout: Json, charset: str, longest: int) -> None:
        self._layout, self._charset, self._longest = layout, charset, longest

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        """Up to the array's bracket.  Raises Reject where there is none, or the document is not closed."""
        if preamble:
            return Head(preamble, end=size)
        mark = lines.bom(document, self._charset)
        begin = sum(part.length for part in mark)
        window = _Window(document, begin, size, self._charset, self._longest)
        if not window.peek():
            return Head(b"", mark, size)
        document.seek(max(begin, size - HEAD_BYTES))
        if not document.read(HEAD_BYTES).rstrip(b" \t\r\n\x1a").endswith(b"}" if self._layout.path else b"]"):
            raise Reject(Problem(TRUNCATED, where=f"byte {size}", rule="the document is not closed"))
        window = _Window(document, begin, size, self._charset, self._longest)
        window.enter(self._layout.path)
        document.seek(begin)
        preamble = document.read(window.offset - begin)
        return Head(preamble, (*mark, Skipped(len(preamble), "header", preamble.count(b"\n"))), size)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        layout = self._layout
        if not head.preamble:
            if head.end > at.offset:
                yield Skipped(head.end - at.offset, "blank")
            return
        make = maker(layout.kind, layout.key, layout.change, layout.version, sha)
        window, line = _Window(document, at.offset, head.end, self._charset, self._longest), at.line
        while (sign := window.peek()) not in {"", "]"}:
            place = Place(window.offset, line)
            value, raw = window.value()
            if value is NEVER_ENDS:
                yield from _lost(document, head, place, TRUNCATED if window.ended else TOO_LONG, layout.kind)
                return
            if value is UNREADABLE:
                code = CHARSET if lines.flaw(raw, self._charset, returns=False) else RECORD
                yield rejected(code, raw, str(place), kind=layout.kind)
            else:
                yield _record(value, window.taken, raw, make, place, layout.kind)
            line += raw.count(b"\n")
        if sign:
            yield Skipped(head.end - window.offset, "rest")
        elif head.skipped:  # of a single record, nothing follows
            yield rejected(TRUNCATED, b"", str(Place(window.offset, line)), kind=layout.kind)

    def total(self, head: Head) -> Total | None:
        return None

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return True


def _lost(document: BinaryIO, head: Head, place: Place, code: Code, kind: str) -> Iterator[Item]:
    """From here on nothing can be trusted: the head of it, and how much there is."""
    document.seek(place.offset)
    first = document.read(min(HEAD_BYTES, head.end - place.offset))
    yield rejected(code, first, str(place), kind=kind)
    if head.end > place.offset + len(first):
        yield Skipped(head.end - place.offset - len(first), LOST)


class _Mark:
    """Instead of a value: why there is none."""


UNREADABLE = _Mark()
"""It ends, but is no JSON."""
NEVER_ENDS = _Mark()
"""The document or the limit ends first."""


class _Window:
    """The text around the place where reading stands."""

    def __init__(self, document: BinaryIO, start: int, end: int, charset: str, longest: int) -> None:
        self._document, self._left, self._charset, self._longest = document, end - start, charset, longest
        self._decoder = codecs.getincrementaldecoder(charset)("surrogateescape")
        self._text, self._at = "", 0
        self.offset = start
        """The byte where reading stands."""
        self.ended = False
        self.taken = ""
        """The text of the value that was taken last, with what follows it."""
        document.seek(start)

    def peek(self) -> str:
        """The next sign that is no blank space; "" at the end."""
        while True:
            at = _after(SPACE, self._text, self._at)
            if at < len(self._text):
                return self._text[at]
            if not self._more():
                return ""

    def take(self, sign: str) -> bool:
        """Goes past the next sign if it is this one."""
        if self.peek() != sign:
            return False
        self._go(_after(SPACE, self._text, self._at) + 1)
        return True

    def value(self) -> tuple[Any, bytes]:
        """Takes a value, with the blank space around it and a comma after it."""
        self.peek()
        while True:
            start = _after(SPACE, self._text, self._at)
            value, end = _decoded(self._text, start)
            if end and (self.ended or end < len(self._text)):
                return value, self._with_comma(end)
            if len(self._text) - self._at > self._longest or not self._more():
                return (value, self._with_comma(end)) if end else (NEVER_ENDS, b"")

    def enter(self, path: Sequence[str]) -> None:
        """Goes past the bracket of the array at a path.  Raises Reject where there is none."""
        for step in path:
            if not self.take("{"):
                raise Reject(Problem(HEADER, rule="an object was expected"))
            while True:
                name, _ = self.value()
                if not isinstance(name, str) or not self.take(":"):
                    raise Reject(Problem(HEADER, rule="the document has no array where the layout says"))
                if name == step:
                    break
                if isinstance(self.value()[0], _Mark):
                    raise Reject(Problem(HEADER, rule="what comes before the array cannot be read"))
        if not self.take("["):
            raise Reject(Problem(HEADER, rule="the document has no array where the layout says"))

    def _with_comma(self, end: int) -> bytes:
        stop = _after(AFTER, self._text, end)
        while stop == len(self._text):
            end -= self._at
            if not self._more():
                break
            stop = _after(AFTER, self._text, end)
        return self._go(min(stop, len(self._text)))

    def _go(self, stop: int) -> bytes:
        self.taken = self._text[self._at : stop]
        raw = self.taken.encode(self._charset, "surrogateescape")
        self.offset += len(raw)
        self._at = stop
        return raw

    def _more(self) -> bool:
        data = self._document.read(min(BLOCK, self._left))
        self._left -= len(data)
        self.ended = not self._left or not data
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self.ended)
        self._at = 0
        return bool(data)


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """A value and its end; UNREADABLE and its end where it is no JSON; an end of 0 where the text is too short."""
    if text[start : start + 1] not in {"{", "[", '"'}:  # no record in any case, so only its end matters
        match = SCALAR_END.search(text, start)
        return (None if match else UNREADABLE), max(match.start(), start + 1) if match else 0
    try:
        value, end = DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return UNREADABLE, _extent(text, start)
    return value, end


def _extent(text: str, start: int) -> int:
    """Where a value that is no JSON ends, by its brackets and quotes alone; 0 where the text ends first."""
    depth = 0
    for part in PART.finditer(text, start):
        sign = part[0]
        if sign == '"':
            return 0
        depth += (sign in OPENING) - (sign in CLOSING)
        if depth <= 0:
            return part.end()
    return 0


class JsonWriter:
    """Writes objects in an array at the path of the layout, or one a line."""

    def __init__(self, layout: Json, charset: str) -> None:
        self._layout, self._charset = layout, charset
        self._lines = layout.records == "lines"

    def begin(self) -> bytes:
        if self._lines:
            return b""
        return ("".join(f"{{{json.dumps(step)}: " for step in self._layout.path) + "[\n").encode(self._charset)

    def record(self, record: OutRecord) -> bytes:
        fields = {name: changed(self._layout, record, name) for name in record.fields}
        change = self._layout.change
        if change or record.change == "remove":
            name = change.field if change else ""
            fields[name] = changed(self._layout, record, name)
        try:
            text = json.dumps(fields, ensure_ascii=self._charset not in {"utf-8", "UTF-8"}, allow_nan=False)
            return text.encode(self._charset) + (b"\n" if self._lines else b"")
        except (TypeError, ValueError):
            raise Reject(Problem(VALUE, rule="a value that JSON cannot hold")) from None

    def join(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records) if self._lines else b",\n".join(records)

    def end(self) -> bytes:
        return b"" if self._lines else ("\n]" + "}" * len(self._layout.path) + "\n").encode(self._charset)
