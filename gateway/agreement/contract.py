"""What the contracts say about the fields that an agreement names: which exist, which go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from contracts import MAJOR, schema


@cache
def known(entity: str, major: int = MAJOR) -> frozenset[str]:
    """Every dotted path of an entity; lists have no index."""
    return frozenset(schema.paths(entity, major))


def missing(entity: str, paths: Iterable[str], major: int = MAJOR) -> tuple[str, ...]:
    """The paths that the published schema requires beside those named, and that are not named.

    Of an object that is named whole nothing is missing; of one that is named in parts, its required parts are.
    """
    named = set(paths)
    if not named:
        return ()
    touched = {"", *(above for path in named for above in _above(path))}
    needed = (path for inside, path in _required(entity, major) if inside in touched)
    return tuple(sorted(path for path in needed if path not in touched and not _covered(path, named)))


def _above(path: str) -> Iterator[str]:
    """The objects that a path lies in, without the path itself."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _covered(path: str, named: set[str]) -> bool:
    return path in named or any(above in named for above in _above(path))


@cache
def _required(entity: str, major: int) -> tuple[tuple[str, str], ...]:
    """Pairs of an object's path and that of a field it requires; "" is the record itself."""
    published = schema.published(entity, major)
    return tuple(_walk(published, published.get("$defs", {}), ""))


def _walk(node: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    node = node.get("items", node)
    if "$ref" in node:
        node = defs[node["$ref"].rpartition("/")[2]]
    for name in node.get("required", ()):
        yield path, f"{path}.{name}" if path else name
    for name, said in node.get("properties", {}).items():
        yield from _walk(said, defs, f"{path}.{name}" if path else name)


@cache
def shapes(entity: str, major: int = MAJOR) -> Mapping[str, str]:
    """Dotted path → what the field, or each item of it, is: "Time", "Geo", another part's name, "text" or ""."""
    published = schema.published(entity, major)
    return dict(_shapes(published, published.get("$defs", {}), ""))


def _shapes(node: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    node = node.get("items", node)
    part = node["$ref"].rpartition("/")[2] if "$ref" in node else ""
    if path:
        yield path, part or ("text" if _takes_tokens(node) else "")
    for name, said in (defs[part] if part else node).get("properties", {}).items():
        yield from _shapes(said, defs, f"{path}.{name}" if path else name)


def _takes_tokens(node: Mapping[str, Any]) -> bool:
    """Whether 32 hex digits are a valid value: a text without a format, and with a pattern that allows them."""
    if node.get("type") != "string" or "format" in node or "enum" in node:
        return False
    return re.search(node.get("pattern", ""), "0a" * 16) is not None
