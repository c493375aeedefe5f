"""Records that follow each other without anything unusual: many are read in one go, and those that look alike by a pattern.

A stretch has one start of the record's name, at its beginning, and ends with the first end tag of the
name; so where all of them together are well-formed, each is one record.  In a document that is known
to be well-formed, a record with the same tags in the same order as one that lxml has read differs
from it in its texts only: a pattern made of that one finds them, for a third of the price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from gateway.xml.naming import Naming
from gateway.xml.safe import Element

MANY = 512
"""So many records are read together at most."""
SHAPES, FIELDS = 8, 256
"""So many patterns are made for one document, of records with so many elements."""
DEEP = etree.XPath("boolean(*/@* | */*/@* | */*/* | */text()[normalize-space()])")
"""Whether any of several records has more to it than texts, one in each child."""
TAG = re.compile(rb"<([^<>]*)>")
BLANK = rb"[ \t\r\n]*+"
TEXT = rb"([^<\r]*+)"  # a carriage return is not read as it stands
REFERENCE = re.compile(r"&(#x)?(#)?([0-9A-Za-z]+);")
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


def stretches(data: bytes, at: int, name: bytes, longest: int) -> list[int]:
    """Lengths of what may be plain records, one after the other from `at`, each with the blank space after it."""
    lengths = list[int]()
    start = re.compile(rb"<" + re.escape(name) + rb"[\s>]")
    for match in re.compile(rb"</" + re.escape(name) + rb"\s*>\s*").finditer(data, at):
        stop = match.end()
        if not start.match(data, at) or data.find(b"<" + name, at + 1, stop) >= 0 or stop - at > longest:
            break
        lengths.append(stop - at)
        at = stop
        if len(lengths) == MANY:
            break
    return lengths


@dataclass(frozen=True, slots=True)
class _Shape:
    pattern: re.Pattern[bytes]
    names: Sequence[str]
    """What the texts are called that the pattern finds."""
    always: Sequence[str]
    """What is a list whether it is there or not."""
    lists: frozenset[str]
    """That, and those of the names that repeat."""


class Alike:
    """The patterns of one document.  Only for UTF-8, and only where the whole of it was found to be well-formed."""

    def __init__(self, naming: Naming) -> None:
        self._naming, self._read = naming, naming.reader()
        self._stack = b""
        self._shapes: list[_Shape] = []
        self._made = 0

    def learn(self, stack: bytes, data: bytes, element: Element) -> None:
        """Makes a pattern of a record where that reads it as lxml does; `stack`: the start tags around it."""
        if self._made >= SHAPES or len(element) > FIELDS:
            return
        self._within(stack)
        fields = self._read(element)
        lists = [name for name, value in fields.items() if isinstance(value, list)]
        always = [name for name in lists if name in self._naming.lists]
        pattern = _pattern(data)
        if pattern is None or pattern.groups != len(element):
            return
        shape = _Shape(pattern, tuple(self._naming.of(str(child.tag)) for child in element), always, frozenset(lists))
        if (match := pattern.match(data)) is not None and [*_fields(shape, match).items()] == [*fields.items()]:
            self._shapes.insert(0, shape)
            self._made += 1

    def run(self, stack: bytes, data: bytes, at: int) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """The records from `at` on with their fields, up to the first that has no pattern."""
        self._within(stack)
        while (found := self._found(data, at)) is not None:
            shape, match = found
            yield match[0], _fields(shape, match)
            at = match.end()

    def _within(self, stack: bytes) -> None:
        """Elsewhere the same prefix may mean another namespace."""
        if stack != self._stack:
            self._stack = stack
            self._shapes.clear()

    def _found(self, data: bytes, at: int) -> tuple[_Shape, re.Match[bytes]] | None:
        for index, shape in enumerate(self._shapes):
            match = shape.pattern.match(data, at)
            if match is not None:
                if index:  # the next is likely to be the same
                    self._shapes.insert(0, self._shapes.pop(index))
                return shape, match
        return None


def _pattern(data: bytes) -> re.Pattern[bytes] | None:
    """Of a record whose children hold text and nothing else; None for any other."""
    parts = TAG.split(data)
    tags, between = parts[1::2], parts[2:-1:4]
    inner = tags[1:-1]
    if not inner or any(close != b"/" + start for start, close in zip(inner[::2], inner[1::2], strict=False)):
        return None
    if b"".join(between).strip(b" \t\r\n"):
        return None
    first, *middle, last = (re.escape(b"<" + tag + b">") for tag in tags)
    fields = (BLANK + start + TEXT + close for start, close in zip(middle[::2], middle[1::2], strict=False))
    return re.compile(b"".join((first, *fields, BLANK, last, BLANK)))


def _fields(shape: _Shape, match: re.Match[bytes]) -> dict[str, Any]:
    together = b"\0".join(match.groups()).decode()  # no document holds a NUL
    values = together.split("\0")
    if "&" in together:
        values = [REFERENCE.sub(_meant, value) if "&" in value else value for value in values]
    if not shape.lists:
        return dict(zip(shape.names, values, strict=True))
    fields: dict[str, Any] = {name: [] for name in shape.always}
    for name, value in zip(shape.names, values, strict=True):
        if name in shape.lists:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    return fields


def _meant(reference: re.Match[str]) -> str:
    """The character that a reference stands for; without a document type there are no others."""
    hexadecimal, decimal, name = reference.groups()
    return chr(int(name, 16)) if hexadecimal else chr(int(name)) if decimal else NAMED[name]
