"""Where a column may go: every place of a contract that one source can fill, and in which form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.draft.usual import ROLES, USUAL
from gateway.draft.words import ideas

Form = Literal["text", "id", "integer", "number", "boolean", "time", "date", "coded", "code", "geo"]

_BY_REF: Mapping[str, Form] = {"Time": "time", "Coded": "coded", "Code": "code", "Geo": "geo"}
_BY_TYPE: Mapping[str, Form] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
_OUTSIDE = frozenset({"agency", "alternates", "handling", "sourceRecord", "evidence", "related", "track", "resources"})
"""Fields that no column of a table fills by its name."""
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Target:
    """One place: `locations[].geo`; `[]` is an item of a list, `[Caller]` the item of that role."""

    path: tuple[str, ...]
    form: Form
    names: tuple[frozenset[str], ...]
    """The ideas in the names that columns for it usually have; the first is the most usual."""
    usual: bool
    """The names are the trade's, not only the contract's own."""
    needed: bool
    """The contract requires it."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


def targets(entity: str, contract: Mapping[str, Any]) -> list[Target]:
    """Every place of an entity's contract, in its order; what lies deep in it, or in a role, only where a name for it is usual."""
    found = _Walk(entity, contract).inside(contract, ())
    return [each for each in found if each.usual or _plain(each.path)]


def _plain(path: tuple[str, ...]) -> bool:
    return len(path) < _DEEP and not any(step.endswith(tuple(f"[{role}]" for role in ROLES)) for step in path)


_DEEP = 3


class _Walk:
    def __init__(self, entity: str, contract: Mapping[str, Any]) -> None:
        self._usual = USUAL.get(entity, {})
        self._defs = contract.get("$defs", {})
        self._needed = frozenset(contract.get("required", ()))

    def inside(self, node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Target]:
        for name, field in node.get("properties", {}).items():
            if name not in _OUTSIDE and len(path) < _DEEPEST:
                yield from self._field(name, field, path)

    def _field(self, name: str, field: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Target]:
        if "items" not in field:
            yield from self._place(field, (*path, name))
        elif not any(step.endswith("]") for step in path) or "properties" not in self._node(field["items"]):
            for mark in ("", *ROLES) if name == "persons" else ("",):
                yield from self._place(field["items"], (*path, f"{name}[{mark}]"))

    def _place(self, field: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Target]:
        ref = str(field.get("$ref", "")).rpartition("/")[2]
        if ref in _BY_REF:
            yield self._target(path, _BY_REF[ref])
        elif ref:
            yield from self.inside(self._node(field), path)
        elif field.get("type") in _BY_TYPE:
            yield self._target(path, _form(field, path[-1]))

    def _node(self, field: Mapping[str, Any]) -> Mapping[str, Any]:
        ref = str(field.get("$ref", "")).rpartition("/")[2]
        found: Mapping[str, Any] = self._defs[ref] if ref else field
        return found

    def _target(self, path: tuple[str, ...], form: Form) -> Target:
        said = self._usual.get(".".join(path)) or _PAIRED.get(form)
        needed = path[0].partition("[")[0] in self._needed
        if said is not None:
            return Target(path, form, tuple(frozenset(name.split()) for name in said.split("; ")), True, needed)
        own = " ".join(step.partition("[")[0] for step in path[-2:])
        return Target(path, form, (ideas(own),), False, needed)


_PAIRED: Mapping[Form, str] = {"geo": "latitude longitude"}
"""Forms that two columns fill, whatever the place is called."""


def _form(field: Mapping[str, Any], name: str) -> Form:
    if name == "dateOfBirth":
        return "date"
    if field.get("x-class") == "key" and field["type"] == "string":
        return "id"
    return _BY_TYPE[str(field["type"])]
