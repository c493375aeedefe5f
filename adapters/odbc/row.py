"""A row that was read, its key, and the pair of watermark and key by which it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from adapters.odbc.known import fingerprint

Key = tuple[Any, ...]


class Pair(NamedTuple):
    """A row at one watermark, known by its key alone.  A tuple, as one is made for every row."""

    mark: Any
    key: Key
    """The record's."""
    own: Key = ()

    @property
    def place(self) -> list[Any]:
        """Where a page goes on behind it."""
        return [self.mark, *self.key, *self.own]

    @property
    def print(self) -> bytes:
        """Its fingerprint."""
        return fingerprint(self.mark, *self.key, *self.own)


@dataclass(slots=True)
class Row:
    """A record's row, with the rows of its details; or the fault that is in the way."""

    mark: Any
    key: Key
    values: dict[str, Any]
    pair: Pair | None = None
    """Itself, where its own table is followed."""
    original: bytes = b""
    """Its columns as JSON, where that was made while they were at hand; a record with details has none yet."""
    seen: list[tuple[str, Pair]] | None = None
    """Which rows of which details that are followed were read with it."""
    fault: str = ""


def normal(key: Key) -> Key:
    """A key as text, without padding: how the same key looks in two columns of different types."""
    return tuple(str(value).rstrip(" ") for value in key)


def sortable(key: Key) -> tuple[tuple[str, Any], ...]:
    """A key that can be sorted whatever its types."""
    return tuple((type(value).__name__, value) if value is not None else ("", 0) for value in key)


def loose(key: Key) -> Key:
    """A normal key as a database takes it that cares for no case."""
    return tuple(value.casefold() for value in key)
