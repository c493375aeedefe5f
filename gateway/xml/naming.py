"""From elements to plain values, under names of our own choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.xml.safe import Element

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True, slots=True)
class Naming:
    """What elements and attributes are called: `prefix:name` in the namespaces named here, else the bare name."""

    namespaces: Mapping[str, str] = field(default_factory=dict)
    """Prefix → namespace, by our own choice; the prefixes of the sender mean nothing."""
    lists: frozenset[str] = frozenset()
    """Dotted paths of elements that are always a list."""

    def of(self, tag: str) -> str:
        """The name of a tag as lxml writes it: "{namespace}local" or "local"."""
        if tag[0] != "{":
            return tag
        space, _, local = tag[1:].partition("}")
        for prefix, uri in self.namespaces.items():
            if uri == space:
                return f"{prefix}:{local}"
        return local

    def reader(self) -> Callable[..., dict[str, Any]]:
        """A function from an element, and whether it is flat, to its fields; remembers names, so make one a document."""
        return _Values(self).fields


class _Values:
    """Elements to plain values, with each name worked out once."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._names: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        for path in naming.lists:
            parent, _, name = path.rpartition(".")
            self._lists.setdefault(parent, []).append(name)

    def fields(self, element: Element, flat: bool = False) -> dict[str, Any]:
        """The element as an object, whatever it holds; `flat`: its children are known to hold text and nothing else."""
        if flat and not self._lists:
            names = self._names
            found = {names.get(child.tag) or self._name(child.tag): child.text or "" for child in element}
            if len(found) == len(element) > 0:  # else a child repeats
                return found
        return self._object(element, "")

    def _name(self, tag: str) -> str:
        name = self._names.get(tag)
        if name is None:
            name = self._names[tag] = self._naming.of(tag)
        return name

    def _value(self, element: Element, path: str) -> Any:
        attributes = element.items()
        if attributes:
            if element.get(NIL) in {"true", "1"}:
                return None
        elif not len(element) and path not in self._lists:
            return element.text or ""
        return self._object(element, path)

    def _object(self, element: Element, path: str) -> dict[str, Any]:
        """One walk over the children: each access makes lxml build the child anew."""
        lists, names, deep = self._lists.get(path, ()), self._names, bool(self._lists)
        found: dict[str, Any] = {f"@{self._name(str(key))}": str(value) for key, value in element.items()}
        attributes = bool(found)
        for name in lists:
            found[name] = []
        repeated = set(lists)
        text = element.text or ""
        for child in element:
            tag = child.tag
            name = names.get(tag) or self._name(tag)
            if deep or len(child) or child.items():
                value = self._value(child, (f"{path}.{name}" if path else name) if deep else "")
            else:
                value = child.text or ""
            if name not in found:
                found[name] = value
            elif name in repeated:
                found[name].append(value)
            else:
                found[name] = [found[name], value]
                repeated.add(name)
            if tail := child.tail:
                text += tail
        holds = bool(len(element))
        if text.strip() or not (found or holds) or (attributes and not holds and not lists):
            found["#text"] = text.strip() if holds else text
        return found
