"""Looks at a whole document, however long, without keeping any of it."""

from __future__ import annotations

from typing import BinaryIO, NoReturn

from lxml import etree

from gateway.errors import Problem, Reject
from gateway.xml.safe import DOCTYPE, MALFORMED, parser

BLOCK = 256 * 1024


def check(document: BinaryIO, schema: etree.XMLSchema | None = None, *, encoding: str | None = None) -> bool:
    """Whether a document obeys a schema; True where none is given.  Raises Reject where it has a DOCTYPE or is not well-formed."""
    reading = parser(encoding, target=_Nothing(), schema=schema)
    try:
        while block := document.read(BLOCK):
            reading.feed(block)
        reading.close()
    except etree.XMLSyntaxError as error:
        raise Reject(Problem(MALFORMED, where=f"line {error.lineno}")) from None
    return not any(entry.domain == etree.ErrorDomains.SCHEMASV for entry in reading.feed_error_log)


def opening(document: BinaryIO, *below: str, encoding: str | None = None) -> tuple[str, ...]:
    """The tags from the root to the first element inside those of these local names; shorter where it is not there.

    `opening(answer, "Envelope", "Body")` of a SOAP answer gives three tags: the third is what the body
    holds.  Raises Reject as `check` does, for what it has read.
    """
    seen = _Opening(below)
    reading = parser(encoding, target=seen)
    try:
        while not seen.ended and (block := document.read(BLOCK)):
            reading.feed(block)
    except _Seen:
        return tuple(seen.found)
    except etree.XMLSyntaxError as error:
        raise Reject(Problem(MALFORMED, where=f"line {error.lineno}")) from None
    return tuple(seen.found)


class _Nothing:
    """Takes no notice of anything but a document type."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        raise Reject(Problem(DOCTYPE))

    def close(self) -> None:
        """Nothing was made."""


class _Seen(Exception):
    """Enough was read."""


class _Opening(_Nothing):
    def __init__(self, below: tuple[str, ...]) -> None:
        self._below = below
        self._depth = 0
        self.found: list[str] = []
        self.ended = False

    def start(self, tag: str, _attributes: object) -> None:
        if self._depth == len(self.found):
            wanted = self._below[self._depth : self._depth + 1]
            if not wanted or etree.QName(tag).localname == wanted[0]:
                self.found.append(tag)
            if not wanted:
                self.ended = True
                raise _Seen
        self._depth += 1

    def end(self, _tag: str) -> None:
        self._depth -= 1
        if self._depth < len(self.found):
            self.ended = True
            raise _Seen
