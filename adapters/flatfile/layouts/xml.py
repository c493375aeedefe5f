"""Records at a path of an XML document."""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal
from xml.sax.saxutils import quoteattr  # writes text, parses nothing

from lxml import etree
from pydantic import Field

from adapters.flatfile.charset import keeps_ascii
from adapters.flatfile.codes import CHARSET, HEADER, NAMESPACES, TRUNCATED, VALUE
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.fixed import changed
from adapters.flatfile.layouts.items import HEAD_BYTES, LOST, OVERLONG, Head, Item, Place, Skipped, Total, Track
from adapters.flatfile.layouts.model import Named
from adapters.flatfile.layouts.naming import maker, rejected
from gateway.adapter import OutRecord
from gateway.errors import Problem, Reject
from gateway.xml import MALFORMED, Cutter, Naming, Piece

DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
ROOT = re.compile(rb"<([^\s/>]+)")
PREAMBLE = 1024 * 1024


class Xml(Named):
    """Elements at a path, as vendors export them."""

    form: Literal["xml"]
    records: str = Field(pattern=r"^(/[^/\s]+)+$", description="From the root to the record: /export/calls/call.")
    lists: frozenset[str] = frozenset()
    namespaces: dict[str, str] = Field(default_factory=dict, description="Prefix → namespace.")

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.records.strip("/").split("/"))


class XmlForm:
    """Reads elements at a path, one by one."""

    def __init__(self, layout: Xml, charset: str | None, longest: int) -> None:
        self._layout, self._charset, self._longest = layout, charset, longest
        self._naming = Naming(layout.namespaces, layout.lists)

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        if preamble:
            cutter = self._cutter(io.BytesIO(preamble), self._encoding(preamble))
            deque(cutter.pieces(), maxlen=0)  # only what is open at its end is of interest
            return Head(preamble, end=size, state=_state(cutter))
        document.seek(0)
        first = document.read(HEAD_BYTES)
        if not first.strip():
            return Head(end=size)
        mark = (Skipped(3, "bom", 0),) if first.startswith(codecs.BOM_UTF8) else ()
        document.seek(3 if mark else 0)
        return self._look(document, size, self._cutter(document, self._encoding(first)), mark)

    def _look(self, document: BinaryIO, size: int, cutter: Cutter, mark: tuple[Skipped, ...]) -> Head:
        """Up to the first record.  Raises Reject where the root is another element, or is not closed at the end."""
        before = bytearray()
        for piece in cutter.pieces():
            if cutter.root and cutter.root != self._layout.path[0]:
                raise Reject(Problem(HEADER, rule="the root is another element than the layout names"))
            if piece.what == "lost":
                raise Reject(Problem(piece.problem or MALFORMED, where=f"byte {len(before)}"))
            if piece.what in {"record", "broken"}:
                _closes(document, size, cutter.stack)
                header = (Skipped(len(before), "header", before.count(b"\n")),) if before else ()
                return Head(bytes(before), (*mark, *header), size, state=_state(cutter))
            before += piece.data
            if len(before) > PREAMBLE:
                raise Reject(Problem(HEADER, rule="no record in the first megabyte"))
        return Head(b"", mark, size)

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        fragment = bool(head.preamble) and not head.skipped
        encoding = self._encoding(head.preamble)
        document.seek(at.offset)
        cutter = self._cutter(document, encoding, at.state.encode("latin-1"))
        usual = self._cutter(document, encoding, head.state.encode("latin-1"))
        make = maker(self._layout.kind, self._layout.key, self._layout.change, self._layout.version, sha)
        read, offset, line = self._naming.reader(), at.offset, at.line
        for piece in cutter.pieces():
            track.state = _state(cutter)
            if piece.element is not None:
                if cutter.stack == usual.stack or cutter.namespaces == usual.namespaces:
                    yield make(read(piece.element, piece.flat), piece.data, offset, line)
                else:
                    yield rejected(NAMESPACES, piece.data, str(Place(offset, line)), kind=self._layout.kind)
            elif piece.problem is None:
                yield Skipped(len(piece.data), piece.what, piece.data.count(b"\n"))
            elif not fragment or piece.data:
                yield from self._broken(piece, encoding, offset, line)
            offset += len(piece.data) + piece.more
            line += piece.data.count(b"\n")

    def _broken(self, piece: Piece, encoding: str, offset: int, line: int) -> Iterator[Item]:
        """What cannot be read, with its reason; what was not kept of it, as a range."""
        problem = piece.problem or MALFORMED
        if piece.what == "broken" and not piece.more and lines.flaw(piece.data, encoding, returns=False):
            problem = CHARSET
        yield rejected(problem, piece.data, str(Place(offset, line)), kind=self._layout.kind)
        if piece.more:
            yield Skipped(piece.more, OVERLONG if piece.what == "broken" else LOST, 0)

    def total(self, head: Head) -> Total | None:
        return None

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        return True

    def _cutter(self, document: BinaryIO, encoding: str, stack: bytes = b"") -> Cutter:
        return Cutter(
            document, self._layout.records, self._naming, longest=self._longest, encoding=encoding, stack=stack
        )

    def _encoding(self, first: bytes) -> str:
        """The charset of the settings, else what the document says of itself, else UTF-8."""
        said = DECLARED.search(first[:1024])
        name = self._charset or (said[1].decode("ascii") if said else "utf-8")
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or not keeps_ascii(name):
            raise Reject(Problem(CHARSET, where="byte 0", rule="only charsets that keep ASCII as it is can be read"))
        return name


def _state(cutter: Cutter) -> str:
    return cutter.stack.decode("latin-1")


def _closes(document: BinaryIO, size: int, stack: bytes) -> None:
    """Raises Reject where the root that is open is not closed at the very end of the document."""
    name = ROOT.match(stack)
    if not name:
        return
    start = max(0, size - HEAD_BYTES)
    document.seek(start)
    end = rb"</" + re.escape(name[1]) + rb"\s*>(?:\s|<!--.*?-->|<\?.*?\?>)*\Z"
    if not re.search(end, document.read(size - start), re.DOTALL):
        raise Reject(Problem(TRUNCATED, where=f"byte {size}", rule="the root element is not closed"))


class XmlWriter:
    """Writes elements at the path of the layout."""

    def __init__(self, layout: Xml, charset: str) -> None:
        self._layout, self._charset = layout, charset

    def begin(self) -> bytes:
        declared = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in self._layout.namespaces.items())
        first, *rest = self._layout.path[:-1] or ("records",)
        tags = f"<{first}{declared}>" + "".join(f"<{name}>" for name in rest)
        return f'<?xml version="1.0" encoding="{self._charset}"?>\n{tags}\n'.encode(self._charset)

    def record(self, record: OutRecord) -> bytes:
        fields = {name: changed(self._layout, record, name) for name in record.fields}
        if self._layout.change:
            fields[self._layout.change.field] = changed(self._layout, record, self._layout.change.field)
        elif record.change == "remove":
            changed(self._layout, record, "")
        try:
            element = self._element(self._layout.path[-1], fields)
        except ValueError:
            raise Reject(Problem(VALUE, rule="a name or a character that XML cannot hold")) from None
        text: str = etree.tostring(element, encoding="unicode")
        return f"{text}\n".encode(self._charset, "xmlcharrefreplace")

    def join(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)

    def end(self) -> bytes:
        return "".join(f"</{name}>" for name in reversed(self._layout.path[:-1])).encode(self._charset) + b"\n"

    def _element(self, name: str, value: Any) -> etree._Element:
        element = etree.Element(self._tag(name))
        if not isinstance(value, dict):
            element.text = str(value)
            return element
        for key, item in value.items():
            if key.startswith("@"):
                element.set(self._tag(key[1:]), str(item))
            elif key == "#text":
                element.text = str(item)
            else:
                for one in item if isinstance(item, list) else [item]:
                    if one is not None:
                        element.append(self._element(key, one))
        return element

    def _tag(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        return f"{{{self._layout.namespaces[prefix]}}}{local}" if prefix in self._layout.namespaces else name
