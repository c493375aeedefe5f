"""YAML as people write it here, read so that every mistake can be shown with file and line.

Mappings and lists know the line of each of their entries.  What surprises people in YAML is not
read: a key may stand once, only `true` and `false` are yes and no (`NO`, `ON` and `Y` are text), `01`
and `2026-03-08` and `12:30` are text, there are no anchors, and no tag makes an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import Problem, Refused, code

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

UNREADABLE = code(
    "yaml.unreadable",
    "a YAML file is missing or cannot be read",
    "Check that the file exists under this name and is UTF-8 text.",
)
SYNTAX = code(
    "yaml.syntax",
    "a YAML file is not written as YAML",
    "Look at the line that is named and the one before it: indentation, a missing colon or a quote that is not closed.",
)
REPEATED = code("yaml.repeated", "a key stands twice in one place", "Remove one of the two, or give it its own name.")
ANCHOR = code(
    "yaml.anchor",
    "anchors, aliases and tags are not used here",
    "Write the value where it is needed.",
)
LARGEST = 4 * 1024 * 1024
"""Bytes; no file that a person writes is longer."""
DEEPEST = 60
"""Lists and mappings within each other."""


class Map(dict[str, Any]):
    """A dict that knows where it and each of its keys stand: `line`, `lines[key]`, counted from 1."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class List(list[Any]):
    """A list that knows where it and each of its items stand: `line`, `lines[index]`, counted from 1."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its data, and where each piece of it stands."""

    file: Path
    data: Any
    """Map, List, text, number, bool or None (an empty file)."""

    def line(self, *path: str | int) -> int:
        """The line of the entry at this path, or of what is nearest to it."""
        node, line = self.data, 1
        for step in path:
            if isinstance(node, Map) and step in node.lines:
                node, line = node[str(step)], node.lines[str(step)]
            elif isinstance(node, List) and isinstance(step, int) and step < len(node):
                node, line = node[step], node.lines[step]
            else:
                break
        return line

    def where(self, *path: str | int) -> str:
        """The same as a place in an error: "site.yaml:4"."""
        return f"{self.file.name}:{self.line(*path)}"


def load(path: Path) -> Document:
    """Read one YAML file.  Raises Refused with file and line where it cannot be read as described above."""
    return Document(path, loads(read_text(path), name=path.name))


def read_text(path: Path) -> str:
    """The text of a file.  Raises Refused where it cannot be read, is longer than any person writes, or is not UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise Refused(Problem(UNREADABLE, where=path.name, rule="the file is longer than 4 MB"))
        return raw.decode("utf-8-sig")
    except OSError as e:
        raise Refused(Problem(UNREADABLE, where=str(path), rule=e.strerror or type(e).__name__)) from e
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise Refused(Problem(UNREADABLE, where=f"{path.name}:{line}", rule="a byte here is not UTF-8")) from e


def loads(text: str, *, name: str) -> Any:
    """The data of YAML text; `name` stands for the file in errors.  Raises Refused."""
    import yaml

    events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        return _Reader(name, events).document()
    except yaml.MarkedYAMLError as e:
        raise Refused(Problem(SYNTAX, where=f"{name}:{_mark(e)}", rule=e.problem or SYNTAX.meaning)) from e
    except yaml.YAMLError as e:
        raise Refused(Problem(SYNTAX, where=name, rule="a character that YAML does not allow")) from e


def _mark(e: MarkedYAMLError) -> int:
    mark = e.problem_mark or e.context_mark
    return mark.line + 1 if mark else 1


_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")


def _scalar(text: str) -> Any:
    """What an unquoted word means.

    >>> [_scalar(t) for t in ("true", "NO", "01", "10", "1.5", "2026-03-08", "12:30", "")]
    [True, 'NO', '01', 10, 1.5, '2026-03-08', '12:30', None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Reader:
    """Turns the parser's events of one file into values that know their lines.

    By events, as the library's own tree is built by recursion in C, which a deep enough file overflows.
    """

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self._name = name
        self._events = events

    def document(self) -> Any:
        kind, event = self._next()
        while kind in {"StreamStart", "DocumentStart"}:
            kind, event = self._next()
        if kind == "StreamEnd":
            return None
        data = self._value(kind, event, 0)
        self._next()
        if self._next()[0] != "StreamEnd":
            raise Refused(Problem(SYNTAX, where=self._name, rule="the file holds more than one document"))
        return data

    def _next(self) -> tuple[str, Any]:
        event = next(self._events)
        return type(event).__name__.removesuffix("Event"), event

    def _value(self, kind: str, event: Any, depth: int) -> Any:
        if kind == "Alias" or event.anchor is not None or event.tag is not None:
            raise Refused(Problem(ANCHOR, where=self._where(event)))
        if depth > DEEPEST:
            raise Refused(Problem(SYNTAX, where=self._where(event), rule="lists or mappings nest too deeply"))
        match kind:
            case "Scalar":
                return _scalar(event.value) if event.implicit[0] else event.value
            case "MappingStart":
                return self._map(event, depth + 1)
            case _:
                return self._list(event, depth + 1)

    def _map(self, start: Any, depth: int) -> Map:
        into = Map(_line(start))
        while (got := self._next())[0] != "MappingEnd":
            key = self._key(*got)
            if key in into:
                raise Refused(Problem(REPEATED, path=key, where=self._where(got[1])))
            into.lines[key] = _line(got[1])
            into[key] = self._value(*self._next(), depth)
        return into

    def _key(self, kind: str, event: Any) -> str:
        if kind == "Alias" or event.anchor is not None or event.tag is not None:
            raise Refused(Problem(ANCHOR, where=self._where(event)))
        if kind != "Scalar" or event.value == "<<":
            raise Refused(Problem(SYNTAX, where=self._where(event), rule="a key is one word or a quoted text"))
        return str(event.value)

    def _list(self, start: Any, depth: int) -> List:
        into = List(_line(start))
        while (got := self._next())[0] != "SequenceEnd":
            into.lines.append(_line(got[1]))
            into.append(self._value(*got, depth))
        return into

    def _where(self, event: Any) -> str:
        return f"{self._name}:{_line(event)}"


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
