"""What all ways of following a table have in common: pages of items, taken one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.odbc.reader import Question, Reader
from adapters.odbc.row import Key, Pair, Row


@dataclass(slots=True)
class Item:
    """A record that has moved: it is read by its key, unless it came with its row."""

    key: Key
    pairs: list[Pair]
    row: Row | None = None
    doubtful: bool = False
    """It was read before at this watermark, so recently that it may have changed since: look whether it has."""


@dataclass(slots=True)
class Page:
    """What one step found, in the table's order.  `last`: where the next page goes on."""

    items: list[Item] = field(default_factory=list)
    last: list[Any] | None = None
    ended: bool = False


class Track(Protocol):
    """Follows one table.  Its state is JSON, and part of the cursor."""

    fresh: bool
    """Whether its first round brings what was there before: the snapshot is then not read by key."""

    def begin(self, reader: Reader) -> None:
        """Before the snapshot: note where the table stands, so that nothing after it is missed."""
        ...

    def page(self, reader: Reader, limit: int) -> Page:
        """The next page of this round."""
        ...

    def expected(self, reader: Reader, limit: int) -> Question | None:
        """What the next page will ask for, where the page before has told."""
        ...

    def took(self, item: Item, original: bytes) -> None:
        """The item has been answered for; the next read goes on behind it."""
        ...

    def passed(self, page: Page) -> None:
        """All of the page has been answered for."""
        ...

    def note(self, pair: Pair, original: bytes) -> None:
        """This row was read with its record, whoever asked for it; `original` is the record's."""
        ...

    def same(self, item: Item, original: bytes) -> bool:
        """Whether a doubtful item is as it was."""
        ...

    def state(self) -> dict[str, Any]:
        """For the cursor."""
        ...

    def taken(self) -> Sequence[int]:
        """Numbers of a queue that may be deleted once this is durable."""
        ...
