"""The one safe XML parser.  Bytes in; no document type, no entity, no network, no file; streamed by record path.

A document is not parsed as a whole.  A small scanner walks over what lies between the records and
finds where one begins; its end is the first end tag with which it is well-formed, and lxml parses
it alone.  So each record keeps its own exact bytes, a broken one harms no other, reading can go on
from any byte between two records, and memory does not grow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias
from xml.sax.saxutils import quoteattr  # writes text, parses nothing

from lxml import etree

from gateway.errors import Code, Problem, Reject, code

Element: TypeAlias = "etree._Element"  # noqa: SLF001 - lxml has no public name for what its functions return

DOCTYPE = code(
    "xml.doctype",
    "The XML holds a document type declaration; nothing of it was read.",
    "Ask the sender to leave it out; entities and external parts are never read here.",
)
MALFORMED = code(
    "xml.malformed",
    "The XML is not well-formed.",
    "Ask the sender for a corrected document; often an & or a < stands unescaped in a text.",
)
OVERLONG = code(
    "xml.overlong",
    "An element or another piece of the XML is longer than the limit.",
    "If it is right as it is, raise the limit for records and read the document again.",
)
TRUNCATED = code(
    "xml.truncated",
    "The XML ends inside an element.",
    "The document is not complete; ask the sender for it again.",
)

BLOCK = 256 * 1024
REMEMBERED = 64
"""So many stacks of open elements are read once and remembered."""
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
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


def parser(encoding: str | None = None) -> etree.XMLParser:
    """A parser that reads nothing but the bytes it is given.  One a document; never shared between threads."""
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_pis=True,
        remove_comments=True,
    )


def parse(data: bytes, *, encoding: str | None = None) -> Element:
    """The root element of a small document.  Raises Reject where it has a DOCTYPE or is not well-formed."""
    try:
        root = etree.fromstring(data, parser(encoding))
    except etree.XMLSyntaxError as error:
        raise Reject(Problem(_code(data), where=f"line {error.lineno}")) from None
    if getattr(root.getroottree().docinfo, "doctype", ""):  # an entity would be dropped silently otherwise
        raise Reject(Problem(DOCTYPE))
    return root


def written(element: Element) -> bytes:
    """An element as a document of its own, UTF-8, with the namespaces that it stands in."""
    text: bytes = etree.tostring(element, encoding="utf-8", xml_declaration=True, with_tail=False)
    return text


def _code(data: bytes) -> Code:
    return DOCTYPE if b"<!DOCTYPE" in data[:BLOCK] else MALFORMED


@dataclass(frozen=True, slots=True)
class Naming:
    """What elements and attributes are called: `prefix:name` in the namespaces named here, else the bare name."""

    namespaces: Mapping[str, str] = field(default_factory=dict)
    """Prefix → namespace, by our own choice; the prefixes of the sender mean nothing."""
    lists: frozenset[str] = frozenset()
    """Dotted paths of elements that are always a list."""

    def of(self, tag: str) -> str:
        """The name of a tag as lxml writes it: "{namespace}local" or "local"."""
        if tag[0] != "{":
            return tag
        space, _, local = tag[1:].partition("}")
        for prefix, uri in self.namespaces.items():
            if uri == space:
                return f"{prefix}:{local}"
        return local

    def reader(self) -> Callable[[Element], dict[str, Any]]:
        """A function from an element to its fields; remembers names, so make one a document."""
        return _Values(self).fields


class _Values:
    """Elements to plain values, with each name worked out once."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._names: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        for path in naming.lists:
            parent, _, name = path.rpartition(".")
            self._lists.setdefault(parent, []).append(name)

    def fields(self, element: Element) -> dict[str, Any]:
        """The element as an object, whatever it holds."""
        return self._object(element, "")

    def _name(self, tag: str) -> str:
        name = self._names.get(tag)
        if name is None:
            name = self._names[tag] = self._naming.of(tag)
        return name

    def _value(self, element: Element, path: str) -> Any:
        if element.attrib:
            if element.get(NIL) in {"true", "1"}:
                return None
        elif not len(element) and path not in self._lists:
            return element.text or ""
        return self._object(element, path)

    def _object(self, element: Element, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {f"@{self._name(str(key))}": str(value) for key, value in element.attrib.items()}
        lists = self._lists.get(path, ())
        for name in lists:
            found[name] = []
        repeated = set(lists)
        for child in element:
            name = self._name(child.tag)
            value = self._value(child, f"{path}.{name}" if path else name)
            if name in repeated:
                found[name].append(value)
            elif name in found:
                found[name] = [found[name], value]
                repeated.add(name)
            else:
                found[name] = value
        text = _own_text(element)
        if text.strip() or not (found or len(element)) or (element.attrib and not len(element) and not lists):
            found["#text"] = text
        return found


def _own_text(element: Element) -> str:
    if not len(element):
        return element.text or ""
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a document: a record, what lies between, or what cannot be read.  Together they are the document."""

    data: bytes
    """A record's bytes include the blank space after it."""
    what: str
    """"record", "between", "comment", "broken" (this stretch only), "lost" (nothing after it can be trusted)."""
    element: Element | None = None
    problem: Code | None = None
    more: int = 0
    """Bytes that follow `data` and belong to the same piece, but were too many to keep."""


class Cutter:
    """Cuts one document into pieces.  `stack` holds the start tags that are open before the next piece."""

    def __init__(
        self, document: BinaryIO, path: str, naming: Naming, *, longest: int, encoding: str, stack: bytes = b""
    ) -> None:
        self._document, self._naming, self._longest, self._encoding = document, naming, longest, encoding
        self._path = tuple(path.strip("/").split("/"))
        self._parser = parser(encoding)
        self._data, self._at, self._ended = b"", 0, False
        self._tags = [match[0] for match in TOKEN.finditer(stack) if match["start"]]
        self._known: dict[bytes, tuple[tuple[str, ...], dict[str | None, str], bytes]] = {}
        self._began = bool(self._tags)
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
