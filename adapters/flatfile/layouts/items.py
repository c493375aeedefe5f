"""What a document is made of, in order: records, rejected records, and ranges that are neither.

The lengths of the items, added up, are the size of the document.  So whoever reads items knows
at every moment at which byte to go on, and no byte can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeAlias

from gateway.adapter import OutRecord, RawRecord, Rejected

HEAD_BYTES = 64 * 1024
"""Of what is too large to keep with its record, this much from its beginning is."""

Fields: TypeAlias = dict[str, Any]


class Skipped(NamedTuple):
    """Bytes that are no record, by name: "header", "bom", "blank", "comment", "trailer", "between", "rest"…"""

    length: int
    what: str
    lines: int = 1
    """How many line ends are in it, where that is known."""


Item: TypeAlias = RawRecord | Rejected | Skipped

OVERLONG = "overlong"
"""The range after the kept head of a record that was too long; its document goes to the archive."""

LOST = "lost"
"""The range after the kept head of what cannot be read to the document's end; likewise."""


class Place(NamedTuple):
    """Where reading goes on: the next byte, its line, and what else the form needs to know there."""

    offset: int = 0
    line: int = 1
    state: str = ""

    def __str__(self) -> str:
        return f"line {self.line}, byte {self.offset}"


class Head(NamedTuple):
    """What the first look at a document gave."""

    preamble: bytes = b""
    """What its records cannot be read without."""
    skipped: tuple[Skipped, ...] = ()
    """From byte 0 to the first record."""
    end: int = 0
    """Where the trailer begins, else the size."""
    trailer: bytes = b""
    names: tuple[str, ...] = ()
    state: str = ""
    """What a `Place` at the first record holds."""

    @property
    def start(self) -> int:
        """The first byte that `skipped` does not cover."""
        return sum(part.length for part in self.skipped)


@dataclass(slots=True)
class Track:
    """The form's own state after the item it gave last; goes into the next `Place`."""

    state: str = ""


class Form(Protocol):
    """Reads one kind of layout.  Knows nothing of folders, cursors or limits of a batch."""

    def head(self, document: BinaryIO, size: int, preamble: bytes = b"") -> Head:
        """Look at the beginning and the end.  With a preamble the document holds records only.

        Raises Reject where the whole document has to be refused.
        """
        ...

    def items(self, document: BinaryIO, head: Head, at: Place, sha: str, track: Track) -> Iterator[Item]:
        """Everything from `at` to the end, each byte exactly once; `sha` goes into the versions."""
        ...

    def total(self, head: Head) -> Total | None:
        """What the trailer says, if the layout has one.  Raises Reject where it cannot be read."""
        ...

    def is_trailer(self, document: BinaryIO, size: int) -> bool:
        """Whether the document ends with the layout's trailer."""
        ...


@dataclass(frozen=True, slots=True)
class Total:
    """The control totals of a trailer: None and "" where it has none."""

    count: int | None = None
    lines: bool = False
    """Whether `count` counts lines instead of records."""
    digest: str = ""
    by: str = "sha256"


class Writer(Protocol):
    """Writes one kind of layout."""

    def begin(self) -> bytes:
        """What comes before the first record."""
        ...

    def record(self, record: OutRecord) -> bytes:
        """One record's bytes.  Raises Reject where a value does not fit."""
        ...

    def join(self, records: Sequence[bytes]) -> bytes:
        """The records, one after the other."""
        ...

    def end(self) -> bytes:
        """What comes after the last record."""
        ...
