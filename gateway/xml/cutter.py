"""Cuts a document into its records, each with its own exact bytes, and what lies between.

A document is not parsed as a whole.  A small scanner walks over what lies between the records and
finds where one begins; its end is the first end tag with which it is well-formed, and lxml parses
it alone.  So a broken record harms no other, reading can go on from any byte between two records,
and memory does not grow.  Records that follow each other plainly are parsed many at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple
from xml.sax.saxutils import quoteattr  # writes text, parses nothing

from lxml import etree

from gateway.errors import Code
from gateway.xml.naming import Naming
from gateway.xml.plain import DEEP, Alike, stretches
from gateway.xml.safe import DOCTYPE, MALFORMED, OVERLONG, TRUNCATED, Element, parser

BLOCK = 256 * 1024
FEW = 3
"""Plain records are read together where there are at least so many at hand."""
REMEMBERED = 64
"""So many stacks of open elements are read once and remembered."""
TOKEN = re.compile(
    rb"(?P<text>[^<]+)"
    rb"|(?P<comment><!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>)"
    rb"|(?P<doctype><!DOCTYPE)"
    rb"|(?P<end></[^<>]*>)"
    rb"""|(?P<start><[^\s!?/<>](?:[^<>"']|"[^"]*"|'[^']*')*>)""",
    re.DOTALL,
)
CLOSED = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
OPENED = re.compile(rb"<!--|<!\[CDATA\[|<\?")
NAME = re.compile(rb"</?([^\s/>]+)")


class Piece(NamedTuple):
    """A stretch of a document: a record, what lies between, or what cannot be read.  Together they are the document."""

    data: bytes
    """A record's bytes include the blank space after it."""
    what: str
    """"record", "between", "comment", "broken" (this stretch only), "lost" (nothing after it can be trusted)."""
    element: Element | None = None
    problem: Code | None = None
    flat: bool = False
    """Whether the children of the element are known to hold text and nothing else, and it has no attribute."""
    more: int = 0
    """Bytes that follow `data` and belong to the same piece, but were too many to keep."""
    fields: dict[str, Any] | None = None
    """A record's fields, where it was read without making an element of it."""


class Cutter:
    """Cuts one document into pieces.  `stack` holds the start tags that are open before the next piece.

    `whole`: the document is known to be well-formed from its beginning to its end.
    """

    def __init__(
        self, document: BinaryIO, path: str, naming: Naming, *, longest: int, encoding: str, stack: bytes = b"", whole: bool = False
    ) -> None:
        self._document, self._naming, self._longest, self._encoding = document, naming, longest, encoding
        self._path = tuple(path.strip("/").split("/"))
        self._parser = parser(encoding)
        self._data, self._at, self._ended = b"", 0, False
        self._tags = [match[0] for match in TOKEN.finditer(stack) if match["start"]]
        self._known: dict[bytes, tuple[tuple[str, ...], dict[str | None, str], bytes]] = {}
        self._began = bool(self._tags)
        self._flat = False
        self._alike = Alike(naming) if whole and encoding in {"utf-8", "ascii"} else None
        self.root = ""
        """What the root element is called, once it was met."""

    @property
    def stack(self) -> bytes:
        """The start tags that are open now; given to a new cutter it goes on from here."""
        return b"".join(self._tags)

    @property
    def namespaces(self) -> Mapping[str | None, str]:
        """The namespaces in force now, by the sender's prefixes."""
        return self._context()[1]

    def pieces(self) -> Iterator[Piece]:
        """Everything to the end of the document, in order."""
        while (match := self._token()) is not None:
            token = match[0]
            if match["start"] and self._is_record(token):
                at = self._at
                yield from self._plain(_name(token))
                if self._at == at:
                    yield from self._record(token)
            elif match["doctype"] or not self._passes(match):
                yield from self._lost(DOCTYPE if match["doctype"] else MALFORMED)
                return
            else:
                yield Piece(self._take(len(token)), "comment" if match["comment"] else "between")
        if self._at < len(self._data):
            yield from self._lost(TRUNCATED if self._ended else OVERLONG)
        elif self._tags:
            yield Piece(b"", "lost", problem=TRUNCATED)

    def _passes(self, match: re.Match[bytes]) -> bool:
        """Takes notice of what is no record.  False where no XML document goes on like this."""
        if match["start"]:
            return self._open(match[0])
        if match["end"]:
            return self._close(match[0])
        return bool(self._tags) or not match["text"] or not match[0].strip()

    def _token(self) -> re.Match[bytes] | None:
        """The next token; None at the end, or where none can be made out within the limit."""
        while True:
            match = TOKEN.match(self._data, self._at)
            if match and (self._ended or match.end() < len(self._data) or not match["text"]):
                return match
            if len(self._data) - self._at > self._longest or not self._more():
                return match

    def _more(self) -> bool:
        block = self._document.read(BLOCK)
        self._data, self._at = self._data[self._at :] + block, 0
        self._ended = not block
        return bool(block)

    def _take(self, count: int) -> bytes:
        data = self._data[self._at : self._at + count]
        self._at += count
        return data

    def _open(self, tag: bytes) -> bool:
        """A start tag that is no record.  False where a second root begins."""
        if not self._tags and self._began:
            return False
        if not self._began:
            self.root = self._called(tag, {})
        self._began = True
        if not tag.endswith(b"/>"):
            self._tags.append(tag)
            return self._readable()
        return True

    def _readable(self) -> bool:
        """Whether the open elements can be read together: their prefixes declared, their attributes right."""
        try:
            self._context()
        except etree.XMLSyntaxError:
            self._tags.pop()
            return False
        return True

    def _close(self, tag: bytes) -> bool:
        return bool(self._tags) and _name(self._tags.pop()) == _name(tag)

    def _context(self) -> tuple[tuple[str, ...], dict[str | None, str], bytes]:
        """Names of the open elements, namespaces in force, and a start tag that declares the same ones."""
        stack = self.stack
        if stack not in self._known:
            if len(self._known) > REMEMBERED:
                self._known.clear()
            closing = b"".join(b"</" + _name(tag) + b">" for tag in reversed(self._tags))
            element = etree.fromstring(stack + closing, self._parser)
            names = [self._naming.of(element.tag)]
            while len(element):
                element = element[0]
                names.append(self._naming.of(element.tag))
            spaces = dict(element.nsmap)
            self._known[stack] = tuple(names), spaces, _wrapper(spaces, self._encoding)
        return self._known[stack]

    def _is_record(self, tag: bytes) -> bool:
        """Whether this start tag stands at the record path."""
        if len(self._tags) != len(self._path) - 1:
            return False
        names, spaces, _ = self._context() if self._tags else ((), {}, b"")
        return names == self._path[:-1] and self._called(tag, spaces) == self._path[-1]

    def _called(self, tag: bytes, spaces: Mapping[str | None, str]) -> str:
        """The name of a start tag in the namespaces around it, or in those it declares itself."""
        raw = _name(tag).decode("utf-8", "replace")
        if b"xmlns" in tag:
            empty = tag if tag.endswith(b"/>") else tag[:-1] + b"/>"
            wrapped = _wrapper(spaces, self._encoding) + empty + b"</_>"
            try:
                return self._naming.of(etree.fromstring(wrapped, self._parser)[0].tag)
            except etree.XMLSyntaxError:
                return raw
        prefix, _, local = raw.rpartition(":")
        uri = spaces.get(prefix or None)
        return self._naming.of(f"{{{uri}}}{local}" if uri else local)

    def _plain(self, name: bytes) -> Iterator[Piece]:
        """Records at hand that follow each other without anything unusual; none where that is not certain."""
        began = self._at
        for data, fields in self._alike.run(self.stack, self._data, began) if self._alike is not None else ():
            self._at += len(data)
            yield Piece(data, "record", None, None, False, 0, fields)
        lengths = stretches(self._data, began, name, self._longest) if self._at == began else []
        if len(lengths) >= FEW:
            for length, element in self._together(lengths):
                yield Piece(self._take(length), "record", element, None, self._flat)

    def _together(self, lengths: list[int]) -> list[tuple[int, Element]]:
        """Stretches parsed in one go, each as one record; none where they are not that."""
        try:
            wrapper = self._context()[2] if self._tags else b"<_>"
            found = etree.fromstring(wrapper + self._data[self._at : self._at + sum(lengths)] + b"</_>", self._parser)
        except etree.XMLSyntaxError:
            return []
        elements = list(found)
        tags = {each.tag for each in elements}
        if len(elements) != len(lengths) or len(tags) > 1 or self._naming.of(elements[0].tag) != self._path[-1]:
            return []
        self._flat = not DEEP(found)
        if self._alike is not None and self._flat:
            self._alike.learn(self.stack, self._data[self._at : self._at + lengths[0]], elements[0])
        return list(zip(lengths, elements, strict=True))

    def _record(self, tag: bytes) -> Iterator[Piece]:
        """From a record's start tag to the end tag with which it is well-formed, and the blank space after it."""
        ends = re.compile(rb"</" + re.escape(_name(tag)) + rb"\s*>")
        length = len(tag) if tag.endswith(b"/>") else 0
        while True:
            if not length:
                length = self._end_of(ends, len(tag))
            if not length:
                yield from self._unended(ends)
                return
            data = self._data[self._at : self._at + length]
            element = self._parsed(data)
            if element is None and _unfinished(data, _name(tag)) and (further := self._end_of(ends, length)):
                length = further
                continue
            blank = self._blank_after(length)
            problem = None if element is not None else MALFORMED
            yield Piece(self._take(length + blank), "broken" if problem else "record", element, problem)
            return

    def _end_of(self, ends: re.Pattern[bytes], start: int) -> int:
        """Length of the record up to the next possible end tag; 0 where there is none within the limit."""
        while True:
            match = ends.search(self._data, self._at + start)
            if match:
                return match.end() - self._at
            if len(self._data) - self._at > self._longest or not self._more():
                return 0
            start = max(start, len(self._data) - self._at - BLOCK - 256)

    def _parsed(self, data: bytes) -> Element | None:
        wrapper = self._context()[2] if self._tags else b"<_>"
        try:
            return etree.fromstring(wrapper + data + b"</_>", self._parser)[0]
        except etree.XMLSyntaxError:
            return None

    def _blank_after(self, length: int) -> int:
        """How much blank space follows; a block's end may cut it, the rest is then `between`."""
        start = end = self._at + length
        while end < len(self._data) and self._data[end] in b" \t\r\n":
            end += 1
        return end - start

    def _unended(self, ends: re.Pattern[bytes]) -> Iterator[Piece]:
        """A record without an end: the document stops, or the record is too long to be held."""
        if self._ended:
            yield Piece(self._take(len(self._data) - self._at), "broken", problem=TRUNCATED)
            return
        head, skipped = self._take(HEAD), 0
        while not (match := ends.search(self._data, self._at)):
            keep = min(256, len(self._data) - self._at)  # an end tag may lie across two blocks
            skipped += len(self._data) - self._at - keep
            self._at = len(self._data) - keep
            if not self._more():
                skipped += keep
                self._at = len(self._data)
                yield Piece(head, "broken", problem=OVERLONG, more=skipped)
                return
        skipped += match.end() - self._at
        self._at = match.end()
        yield Piece(head, "broken", problem=OVERLONG, more=skipped)

    def _lost(self, problem: Code) -> Iterator[Piece]:
        """From here on nothing can be trusted: the head of it, and how much there is."""
        head = self._data[self._at : self._at + HEAD]
        more = len(self._data) - self._at - len(head)
        while block := self._document.read(BLOCK):
            more += len(block)
        self._at = len(self._data)
        self._tags.clear()
        yield Piece(head, "lost", problem=problem, more=more)


HEAD = 64 * 1024


def _name(tag: bytes) -> bytes:
    match = NAME.match(tag)
    return match[1] if match else b""


def _wrapper(spaces: Mapping[str | None, str], encoding: str) -> bytes:
    """A start tag that declares these namespaces and nothing else."""
    declared = "".join(f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}" for prefix, uri in spaces.items())
    return f"<_{declared}>".encode(encoding)


def _unfinished(data: bytes, name: bytes) -> bool:
    """Whether a stretch that is not well-formed may become so: a comment is open, or an element of the same name."""
    rest = CLOSED.sub(b"", data)
    if OPENED.search(rest):
        return True
    starts = re.findall(rb"<" + re.escape(name) + rb"(?:\s[^<>]*)?(?<!/)>", rest)
    return len(starts) > len(re.findall(rb"</" + re.escape(name) + rb"\s*>", rest))
