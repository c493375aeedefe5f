"""Documents made of lines: cut into blocks, blocks into lines, each line with its exact bytes.

A block is decoded at once where it is clean, which is nearly always; only a block that is not is
looked at line by line.  What has no line end within the limit is walked over, never held.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, TypeAlias

from adapters.flatfile.codes import CHARSET, CONTROL, TOTAL
from adapters.flatfile.codes import OVERLONG as TOO_LONG
from adapters.flatfile.layouts.items import HEAD_BYTES, OVERLONG, Head, Item, Place, Skipped, Total
from adapters.flatfile.layouts.model import Trailer, span
from adapters.flatfile.layouts.naming import rejected
from adapters.flatfile.stream import exactly
from gateway.adapter import Rejected
from gateway.errors import Code, Problem, Reject

BLOCK = 256 * 1024
END_MARK = "\x1a"
"""What DOS programs write after the last line."""

Line: TypeAlias = tuple[int, int, bytes, str, Code | None]
"""Offset, line number, bytes with the line end, text without it, what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line beyond the limit: where it is, how it begins, how long it is."""

    offset: int
    head: bytes
    length: int

    def items(self, line: int) -> tuple[Rejected, Skipped]:
        """The head as a rejected record, the rest as a range."""
        where = str(Place(self.offset, line))
        record = rejected(TOO_LONG, self.head, where, f"the line has {self.length} bytes")
        return record, Skipped(self.length - len(self.head), OVERLONG)


class Lines(NamedTuple):
    """The lines of one block, as bytes with and as text without their ends."""

    raw: list[bytes]
    text: list[str]
    dirty: bool
    """Some line holds a NUL, a bare carriage return or a byte outside the charset."""


def blocks(document: BinaryIO, start: int, end: int, longest: int) -> Iterator[tuple[int, bytes] | Overlong]:
    """Whole lines from `start` to `end`, some 256 KiB at a time, with their offset."""
    document.seek(start)
    offset, held = start, b""
    while offset + len(held) < end:
        data = held + exactly(document, min(BLOCK, end - offset - len(held)))
        cut = data.rfind(b"\n") + 1
        if cut:
            yield offset, data[:cut]
            offset, held = offset + cut, data[cut:]
        elif len(data) <= longest:
            held = data
        else:
            length, held = _walk(document, data, end - offset)
            yield Overlong(offset, data[:HEAD_BYTES], length)
            offset += length
    if held:
        yield offset, held


def _walk(document: BinaryIO, data: bytes, left: int) -> tuple[int, bytes]:
    """Go on to the next line end without keeping anything; the line's length, and what was read after it."""
    length = len(data)
    while length < left:
        data = exactly(document, min(BLOCK, left - length))
        cut = data.find(b"\n") + 1
        if cut:
            return length + cut, data[cut:]
        length += len(data)
    return length, b""


def lines(data: bytes, charset: str) -> Lines:
    """One block as lines.  Bytes outside the charset become lone surrogates, and the block is dirty."""
    text, dirty = decoded(data, charset)
    bare = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
    raw = split(data) if bare else data.splitlines(keepends=True)
    texts = text.replace("\r\n", "\n").split("\n") if "\r" in text else text.split("\n")
    if not texts[-1]:
        texts.pop()
    return Lines(raw, texts, dirty or bare)


def decoded(data: bytes, charset: str) -> tuple[str, bool]:
    """The text, and whether it holds a NUL or a byte outside the charset (as a lone surrogate)."""
    try:
        return data.decode(charset), b"\0" in data
    except UnicodeDecodeError:
        return data.decode(charset, "surrogateescape"), True


def split(data: bytes) -> list[bytes]:
    """At line feeds only: bytes.splitlines would also cut at a bare carriage return."""
    parts = data.split(b"\n")
    ended = [part + b"\n" for part in parts[:-1]]
    return [*ended, parts[-1]] if parts[-1] else ended


def one_by_one(document: BinaryIO, start: int, end: int, longest: int) -> Iterator[bytes]:
    """The lines from `start` to `end`, for whoever looks at the first few only.  Of one that is too long, its first `longest` + 1 bytes."""
    document.seek(start)
    while start < end and (raw := document.readline(min(longest + 1, end - start))):
        yield raw
        start += len(raw)


def flaw(raw: bytes, charset: str, *, returns: bool = True) -> Code | None:
    """What makes a line unreadable: a NUL, a bare carriage return (where `returns`), a byte outside the charset."""
    if b"\0" in raw or (returns and raw.count(b"\r") != raw.count(b"\r\n")):
        return CONTROL
    try:
        raw.decode(charset)
    except UnicodeDecodeError:
        return CHARSET
    return None


def blank(text: str) -> bool:
    """Nothing but blank space, or the end mark of DOS."""
    return not text or text.isspace() or text == END_MARK


def each(document: BinaryIO, head: Head, at: Place, charset: str, longest: int) -> Iterator[Line | Rejected | Skipped]:
    """Every line as a tuple; of an overlong one the items that it is."""
    number = at.line
    for block in blocks(document, at.offset, head.end, longest):
        if isinstance(block, Overlong):
            yield from block.items(number)
            number += 1
            continue
        offset, data = block
        found = lines(data, charset)
        for raw, text in zip(found.raw, found.text, strict=True):
            wrong = TOO_LONG if len(raw) > longest else flaw(raw, charset) if found.dirty else None
            yield offset, number, raw, text, wrong
            offset += len(raw)
            number += 1


def idle(text: str, comment: str) -> str:
    """The name of the range that a line is which holds no record; "" for any other line."""
    if not text or text[0].isspace() or text[0] == END_MARK:
        return "blank" if blank(text) else ""
    return "comment" if comment and text.startswith(comment) else ""


def head(document: BinaryIO, size: int, preamble: bytes, charset: str, trailer: Trailer | None) -> Head:
    """The first look at a document of lines: its byte order mark and its trailer."""
    if preamble:
        return Head(preamble=preamble, end=size)
    mark = bom(document, charset)
    start, line = tail(document, size) if trailer else (size, b"")
    if trailer and line.startswith(trailer.starts.encode(charset)):
        return Head(skipped=mark, end=start, trailer=line)
    return Head(skipped=mark, end=size)


def trailing(head: Head, size: int) -> Iterator[Item]:
    """The items from the trailer to the end of the document."""
    if head.trailer:
        yield Skipped(len(head.trailer), "trailer")
        if size > head.end + len(head.trailer):
            yield Skipped(size - head.end - len(head.trailer), "blank")


def bom(document: BinaryIO, charset: str) -> tuple[Skipped, ...]:
    """The byte order mark as a range.  Raises Reject where it says another charset than the settings."""
    document.seek(0)
    first = document.read(4)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Reject(Problem(CHARSET, where="byte 0", rule="the document is UTF-16"))
    if not first.startswith(codecs.BOM_UTF8):
        return ()
    if codecs.lookup(charset).name not in {"utf-8", "ascii"}:
        raise Reject(Problem(CHARSET, where="byte 0", rule="the document says that it is UTF-8"))
    return (Skipped(3, "bom", 0),)


def tail(document: BinaryIO, size: int) -> tuple[int, bytes]:
    """Offset and bytes of the last line that is not blank; (size, b"") where the end of the document shows none."""
    start = max(0, size - HEAD_BYTES)
    document.seek(start)
    data = document.read(size - start)
    body = data.rstrip(b" \t\r\n\x1a")
    begin = body.rfind(b"\n") + 1
    if not body or (begin == 0 and start > 0):
        return size, b""
    stop = data.find(b"\n", len(body)) + 1 or len(data)
    return start + begin, data[begin:stop]


def totals(trailer: Trailer, line: bytes, charset: str, cells: Callable[[str], Sequence[str] | str]) -> Total:
    """What a trailer line states.  Raises Reject where its count is no number."""
    cut = cells(line.decode(charset, "replace").rstrip("\r\n"))
    count = _part(cut, trailer.count)
    if trailer.count and not (count.isascii() and count.isdigit()):
        raise Reject(Problem(TOTAL, rule="the trailer's count is no number"))
    digest = _part(cut, trailer.digest).lower()
    if trailer.digest and not digest:
        raise Reject(Problem(TOTAL, rule="the trailer's digest is blank"))
    return Total(int(count) if count else None, trailer.counts == "lines", digest, trailer.by)


def _part(cut: Sequence[str] | str, where: str | None) -> str:
    if where is None:
        return ""
    part = cut[span(where)]
    return (part if isinstance(part, str) else "".join(part)).strip()
