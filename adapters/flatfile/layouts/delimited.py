"""One record a row, cells between delimiters.

A block without a quote is split in C; only a block that holds one goes through the csv reader,
which counts the lines of each row, so that a row's own bytes are known even where a quoted cell
holds line ends.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, BinaryIO, Literal

from pydantic import Field, model_validator

from adapters.flatfile.codes import CONTROL, HEADER, OVERLONG, QUOTING, RAGGED, VALUE
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.fixed import changed
from adapters.flatfile.layouts.items import Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import Named, Names, Trailer, Trim
from adapters.flatfile.layouts.naming import Maker, maker, rejected
from adapters.flatfile.layouts.positions import TRIMS
from gateway.adapter import OutRecord, Rejected
from gateway.errors import Code, Problem, Reject

NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
FORMULA = frozenset("=+-@\t\r")
SHORT_BYTES = 8 * 1024
"""A body up to this size may be read at once."""


class Delimited(Named):
    """Rows of cells, as spreadsheets and most exports write them."""

    form: Literal["delimited"]
    delimiter: str = Field(default=",", min_length=1, max_length=8)
    quote: Annotated[str, Field(min_length=1, max_length=1)] | Literal["none"] = '"'
    header: Literal[True] | Names = Field(description="true: the first line names the columns; or their names.")
    columns: list[str] = Field(default_factory=list, description="Names that the header must hold.")
    trim: Trim = "none"
    comment: str = ""
    trailer: Trailer | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Delimited:
        if len(self.delimiter) > 1 and self.quote != "none":
            raise ValueError("a delimiter of several characters needs `quote: none`")
        if isinstance(self.header, list) and (missing := [name for name in self.needed if name not in self.header]):
            raise ValueError(f"no such column: {', '.join(missing)}")
        if isinstance(self.header, list) and len(set(self.header)) < len(self.header):
            raise ValueError("two columns have the same name")
        return self

    @property
    def needed(self) -> list[str]:
        """The columns without which no row can be read."""
        return [*self.key, *([self.change.field] if self.change else []), *self.columns]

    @property
    def names(self) -> list[str]:
        """The columns as the settings know them: what a sink writes."""
        return self.header if isinstance(self.header, list) else self.columns


class DelimitedForm:
    """Reads rows of cells."""

    def __init__(self, layout: Delimited, charset: str, longest_line: int, longest_record: int) -> None:
        self._layout, self._charset = layout, charset
        self._line, self._record = longest_line, longest_record
        self._quote = b"" if layout.quote == "none" else layout.quote.encode(charset)

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        found = lines.head(document, size, preamble, self._charset, self._layout.trailer)
        if self._layout.header is not True:
            return Head(b"", found.skipped, found.end, found.trailer, tuple(self._layout.header))
        if preamble:
            return Head(preamble, (), size, b"", self._columns(preamble))
        return self._with_header(document, found)

    def _with_header(self, document: BinaryIO, found: Head) -> Head:
        """The first line that is neither blank nor a comment names the columns."""
        skipped = list(found.skipped)
        comment = self._layout.comment.encode(self._charset)
        for raw in lines.one_by_one(document, found.start, found.end, self._line):
            if len(raw) > self._line:
                raise Reject(Problem(HEADER, where="line 1", rule="the first line is too long for a header"))
            if not raw.strip():
                skipped.append(Skipped(len(raw), "blank"))
            elif comment and raw.startswith(comment):
                skipped.append(Skipped(len(raw), "comment"))
            else:
                skipped.append(Skipped(len(raw), "header"))
                return Head(raw, tuple(skipped), found.end, found.trailer, self._columns(raw))
        return Head(b"", tuple(skipped), found.end, found.trailer)

    def _columns(self, raw: bytes) -> tuple[str, ...]:
        """The names in a header.  Raises Reject where a needed one is missing or two are the same."""
        return _columns(raw, self._charset, self._layout.delimiter, self._layout.quote, tuple(self._layout.needed))

    def _cells(self, text: str) -> list[str]:
        return _cells(text, self._layout.delimiter, self._layout.quote)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        rows = self._rows(head, at, sha)
        for block in lines.blocks(document, at.offset, head.end, self._line):
            if isinstance(block, lines.Overlong):
                yield from rows.close()
                yield from rows.overlong(block)
            else:
                yield from rows.add(block[1])
        yield from rows.close()
        yield from lines.trailing(head, document.seek(0, 2))

    def at_once(self, body: bytes, sha: str) -> tuple[Head, Iterator[Item]] | None:
        """What `head` and `items` give of a short body: a header in its first line, and no quote.  None: they must be asked.

        Raises Reject as `head` does.
        """
        layout, size = self._layout, len(body)
        if layout.header is not True or layout.trailer or layout.comment or size > min(SHORT_BYTES, self._line):
            return None
        if not body[:1].isalnum() or (self._quote and self._quote in body):  # blank, a byte order mark, or something else to be looked at
            return None
        raw = body[: body.find(b"\n") + 1] or body
        start = len(raw)
        head = Head(raw, (Skipped(start, "header"),), size, b"", self._columns(raw))
        rows = self._rows(head, Place(start, 2), sha)
        return head, rows.plain(body[start:])

    def _rows(self, head: Head, at: Place, sha: str) -> _Rows:
        layout = self._layout
        make = maker(layout.kind, layout.key, layout.change, layout.version, sha)
        return _Rows(layout, head, make, self._charset, self._line, self._record, at)

    def total(self, head: Head) -> Total | None:
        if not self._layout.trailer:
            return None
        return lines.totals(self._layout.trailer, head.trailer, self._charset, self._cells)

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return bool(lines.head(document, size, b"", self._charset, self._layout.trailer).trailer)


@lru_cache(maxsize=256)  # a caller's every request begins with the same header
def _columns(raw: bytes, charset: str, delimiter: str, quote: str, needed: tuple[str, ...]) -> tuple[str, ...]:
    try:
        text = raw.decode(charset).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Reject(Problem(HEADER, where="line 1", rule="bytes outside the charset")) from None
    names = tuple(name.strip() for name in _cells(text, delimiter, quote))
    missing = [name for name in needed if name not in names]
    if missing:
        raise Reject(Problem(HEADER, where="line 1", rule=f"no column {', '.join(missing)}"))
    if len(set(names)) < len(names):
        raise Reject(Problem(HEADER, where="line 1", rule="two columns have the same name"))
    return names


def _cells(text: str, delimiter: str, quote: str) -> list[str]:
    if quote == "none":
        return text.split(delimiter)
    try:
        return next(iter(csv.reader((text,), delimiter=delimiter, quotechar=quote, strict=True)), [])
    except csv.Error:
        raise Reject(Problem(HEADER, where="line 1", rule="broken quoting")) from None


class _Rows:
    """Where reading stands in one document: offset and line of the next row, and the row not yet closed."""

    def __init__(
        self, layout: Delimited, head: Head, make: Maker, charset: str, line: int, record: int, at: Place
    ) -> None:
        self._layout, self._head, self._make, self._charset = layout, head, make, charset
        self._line_limit, self._record_limit = line, record
        self._quote = b"" if layout.quote == "none" else layout.quote.encode(charset)
        self._offset, self._line, self._held = at.offset, at.line, b""
        self._tidy = TRIMS.get(layout.trim)

    def add(self, data: bytes) -> Iterator[Item]:
        """The rows of a block; what is not closed at its end is held for the next."""
        data, self._held = self._held + data, b""
        if not self._quote or self._quote not in data:
            yield from self.plain(data)
            return
        while data:
            rest = yield from self._quoted(data)
            if len(rest) <= self._record_limit:
                self._held = rest
                return
            # A stray quote swallows all that follows: its own line is given up, the next ones are read.
            first = rest[: rest.find(b"\n") + 1] or rest
            yield self._reject(QUOTING, first, "never closed")
            data = rest[len(first) :]

    def close(self) -> Iterator[Item]:
        """Nothing follows: what is held is a row that was never closed."""
        if self._held:
            yield self._reject(QUOTING, self._held, "never closed")
            self._held = b""

    def overlong(self, block: lines.Overlong) -> Iterator[Item]:
        yield from block.items(self._line)
        self._offset += block.length
        self._line += 1

    def plain(self, data: bytes) -> Iterator[Item]:
        """A block without quotes: the delimiter alone cuts."""
        found = lines.lines(data, self._charset)
        names, delimiter, tidy, make = self._head.names, self._layout.delimiter, self._tidy, self._make
        width, header, longest = len(names), list(names), self._line_limit
        comment = self._layout.comment
        odd = found.dirty or bool(comment)
        offset, number = self._offset, self._line
        for raw, text in zip(found.raw, found.text, strict=True):
            cells = text.split(delimiter)
            if odd or len(cells) != width or cells == header or len(raw) > longest:
                item = self._item(cells, raw, offset, number, dirty=found.dirty)
            else:
                fields = dict(zip(names, map(tidy, cells) if tidy else cells, strict=True))
                item = make(fields, raw, offset, number)
                if (type(item) is Rejected or item.key[:1] == lines.END_MARK) and blank_row(cells):
                    item = Skipped(len(raw), "blank")
            yield item
            offset += len(raw)
            number += 1
        self._offset, self._line = offset, number

    def _quoted(self, data: bytes) -> Generator[Item, None, bytes]:
        """A block with quotes.  Returns the bytes of the row that is not closed at its end."""
        text, dirty = lines.decoded(data, self._charset)
        raws = lines.split(data)
        reader = csv.reader(
            io.StringIO(text, newline="\n"), delimiter=self._layout.delimiter, quotechar=self._layout.quote, strict=True
        )
        used = 0
        while used < len(raws):
            row, fault, unclosed = _next(reader)
            first, used = used, reader.line_num
            if unclosed:
                return b"".join(raws[first:])
            raw = raws[first] if used == first + 1 else b"".join(raws[first:used])
            if fault and raw.strip():
                yield self._reject(fault, raw)
            else:
                yield self._item(row, raw, self._offset, self._line, dirty=dirty)
                self._advance(raw, used - first)
        return b""

    def _item(self, cells: list[str], raw: bytes, offset: int, number: int, *, dirty: bool) -> Item:
        """One row that has been cut: a record, a range, or rejected."""
        comment = self._layout.comment.encode(self._charset)
        where = str(Place(offset, number))
        if comment and raw.startswith(comment):
            return Skipped(len(raw), "comment")
        if not raw.strip():
            return Skipped(len(raw), "blank", raw.count(b"\n"))
        wrong = lines.flaw(raw, self._charset, returns=not self._in_quotes(raw)) if dirty else None
        if wrong:
            return rejected(wrong, raw, where, kind=self._layout.kind)
        if blank_row(cells):
            return Skipped(len(raw), "blank", raw.count(b"\n"))
        if tuple(cells) == self._head.names:
            return Skipped(len(raw), "header")
        if len(raw) > self._record_limit or (len(raw) > self._line_limit and raw.find(b"\n") in {-1, len(raw) - 1}):
            return rejected(OVERLONG, raw, where, f"the row has {len(raw)} bytes", kind=self._layout.kind)
        names = self._head.names
        if len(cells) != len(names):
            rule = f"{len(cells)} cells, {len(names)} columns"
            return rejected(RAGGED, raw, where, rule, kind=self._layout.kind)
        tidy = self._tidy
        return self._make(dict(zip(names, map(tidy, cells) if tidy else cells, strict=True)), raw, offset, number)

    def _in_quotes(self, raw: bytes) -> bool:
        """A carriage return may stand alone inside quotes; the csv reader has refused it elsewhere."""
        return bool(self._quote) and self._quote in raw

    def _reject(self, code: Code, raw: bytes, rule: str = "") -> Rejected:
        item = rejected(code, raw, str(Place(self._offset, self._line)), rule, kind=self._layout.kind)
        self._advance(raw, raw.count(b"\n"))
        return item

    def _advance(self, raw: bytes, count: int) -> None:
        self._offset += len(raw)
        self._line += count


def blank_row(cells: Sequence[str]) -> bool:
    """Not one cell holds anything: spreadsheets write such rows after the last one."""
    return not any(cells) or all(lines.blank(cell) for cell in cells)


def _next(reader: Iterator[list[str]]) -> tuple[list[str], Code | None, bool]:
    """The next row, or why there is none, and whether that is because the text ends inside its quotes."""
    try:
        return next(reader), None, False
    except csv.Error as error:
        said = str(error)
        if said.startswith("field larger"):
            return [], OVERLONG, False
        return [], CONTROL if said.startswith("new-line character") else QUOTING, said.startswith("unexpected end")


class DelimitedWriter:
    """Writes a header and rows; a cell that a spreadsheet would take for a formula gets an apostrophe."""

    def __init__(self, layout: Delimited, charset: str, *, guard: bool) -> None:
        self._layout, self._charset, self._guard = layout, charset, guard

    def begin(self) -> bytes:
        return self._row(self._layout.names) if self._layout.header is True else b""

    def record(self, record: OutRecord) -> bytes:
        unknown = [name for name in record.fields if name not in self._layout.names]
        if unknown:
            raise Reject(Problem(VALUE, path=unknown[0], rule="no such column"))
        cells = [self._cell(changed(self._layout, record, name), name) for name in self._layout.names]
        return self._row(cells)

    def join(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)

    def end(self) -> bytes:
        return b""

    def _cell(self, value: object, name: str) -> str:
        text = "" if value is None else str(value)
        if "\0" in text or (
            self._layout.quote == "none" and any(sign in text for sign in (self._layout.delimiter, "\n", "\r"))
        ):
            raise Reject(Problem(VALUE, path=name, rule="holds what the file cannot"))
        return guarded(text) if self._guard else text

    def _row(self, cells: Sequence[str]) -> bytes:
        if self._layout.quote == "none":
            text = self._layout.delimiter.join(cells) + "\r\n"
        else:
            out = io.StringIO(newline="")
            csv.writer(out, delimiter=self._layout.delimiter, quotechar=self._layout.quote).writerow(cells)
            text = out.getvalue()
        try:
            return text.encode(self._charset)
        except UnicodeEncodeError:
            raise Reject(Problem(VALUE, rule=f"a character that {self._charset} has not")) from None


def guarded(text: str) -> str:
    """An apostrophe before what a spreadsheet would run; a plain number stays a number."""
    if not text or text[0] not in FORMULA or NUMBER.fullmatch(text):
        return text
    return "'" + text
