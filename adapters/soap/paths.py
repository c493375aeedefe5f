"""Looking into decoded elements by a path of names: `ListResponse/page/token`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def each(value: Any, path: str) -> Iterator[Any]:
    """Everything at a path, in order; elements that repeat are gone through one by one."""
    found = [value]
    for name in path.split("/") if path else ():
        found = [below for one in found for item in _items(one) if isinstance(item, Mapping) for below in _items(item.get(name))]
    for one in found:
        yield from _items(one)


def text(value: Any, path: str) -> str:
    """The text of the first element at a path, without blanks around it; "" where there is none."""
    return next((said for one in each(value, path) if (said := plain(one))), "")


def plain(value: Any) -> str:
    """The text of a decoded element, whether it has attributes or not."""
    if isinstance(value, Mapping):
        value = value.get("#text", "")
    return value.strip() if isinstance(value, str) else ""


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
