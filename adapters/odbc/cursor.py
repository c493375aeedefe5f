"""Where reading goes on, as text: JSON, in which only numbers, text, and a few tagged values stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

DECIMAL, HEX = "decimal", "hex"


@dataclass(slots=True)
class Place:
    """What the cursor says, apart from the tracks' own states."""

    snapshot: bool = True
    """What was there before the first read is still being read."""
    after: list[Any] = field(default_factory=list)
    """The key behind which the snapshot goes on."""
    count: int = 0
    """Rows of the snapshot so far."""
    turn: int = 0
    """Whose turn it is: the main table's, then the details'."""
    delete: list[int] = field(default_factory=list)
    """Numbers of the queue that go once this is durable."""
    tracks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self) -> str:
        """As a cursor."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return orjson.dumps({name: value for name, value in said.items() if value not in ([], 0, {})}, default=_tagged).decode()


def parsed(cursor: str) -> Place:
    """From a cursor; "" is the beginning."""
    if not cursor:
        return Place()
    said = _untagged(orjson.loads(cursor))
    return Place(**{"snapshot": False, **said})


def _tagged(value: Any) -> Any:
    match value:
        case Decimal():
            return {DECIMAL: str(value)}
        case bytes() | bytearray():
            return {HEX: bytes(value).hex()}
        case UUID():
            return str(value)
    raise TypeError(f"a cursor cannot hold {type(value).__name__}")


def _untagged(value: Any) -> Any:
    match value:
        case {"decimal": str(digits)} if len(value) == 1:
            return Decimal(digits)
        case {"hex": str(digits)} if len(value) == 1:
            return bytes.fromhex(digits)
        case dict():
            return {name: _untagged(one) for name, one in value.items()}
        case list():
            return [_untagged(one) for one in value]
    return value
