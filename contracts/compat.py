"""Does a new version of a contract break whoever relies on the last one?  Decided by schema algebra.

A consumer was promised that every event satisfies the published schema.  So the new schema must
admit nothing that the old one refuses: `new - old` is empty.  Only a proof counts; what the algebra
leaves open is taken as breaking.  For alerts, which also come in from outside, the other direction
holds as well: what a publisher that kept to the old contract could send is still taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import shorten
from typing import Any, Final, NamedTuple

import jsonschema_rs
from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import CanonicalizationError, Containment, IncompatibleOperands, UnsupportedResult

from contracts.schema import closed

INBOUND: Final = ("alert",)
"""Contracts that hold for what comes in from outside too."""

Schema = Mapping[str, Any]


class Break(NamedTuple):
    """One place where a new version breaks the last one."""

    contract: str
    path: str
    """The field: `Part.field` in a shared part, "" for the contract as a whole."""
    why: str
    values: tuple[Any, ...] = ()
    """Values that one version admits and the other refuses, each tried against both."""

    def __str__(self) -> str:
        shown = ", ".join(shorten(repr(value), 40) for value in self.values)
        return f"{self.contract} {self.path or '(as a whole)'}: {self.why}{f': {shown}' if shown else ''}"


def breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Break]:
    """Everything in `new` that breaks who relies on `old`; both map a contract to its schema.  Empty: compatible."""
    found = [Break(name, "", "is no longer published") for name in old if name not in new]
    for name in old.keys() & new.keys():
        found += _outward(name, old[name], new[name])
        if name in INBOUND:
            found += _inward(name, old[name], new[name])
    return sorted(found, key=lambda each: (each.contract, each.path, each.why))


def _outward(name: str, old: Schema, new: Schema) -> list[Break]:
    """What may now be sent that the old promise excludes."""
    found = list(_places(name, old, new))
    if not found and not _covers(old, new):
        found.append(Break(name, "", "the algebra finds no proof that every new event satisfies the old schema"))
    return found


def _inward(name: str, old: Schema, new: Schema) -> list[Break]:
    """What a publisher could send that would now be refused."""
    if _covers(new, closed(old)):
        return []
    models = _models(new)
    found = [
        Break(name, _at(part, field), "must now be there, and a publisher may have left it out")
        for part, before in _models(old).items()
        for field in set(models.get(part, {}).get("required", ()))
        - {*before.get("required", ()), *before.get("x-required", ())}
    ]
    found += [
        Break(name, at, "a publisher may have sent what is now refused", values)
        for at, before, after in _shared(old, new)
        if (values := _between(before, after))
    ]
    return found or [Break(name, "", "the algebra finds no proof that what publishers could send is still taken")]


def _places(name: str, old: Schema, new: Schema) -> Iterator[Break]:
    models = _models(new)
    for part, before in _models(old).items():
        after = models.get(part)
        if after is None:
            continue  # its fields led here by a reference, which is compared itself
        for gone in before.get("properties", {}).keys() - after.get("properties", {}).keys():
            yield Break(name, _at(part, gone), "is gone")
        for loose in set(before.get("required", ())) - set(after.get("required", ())):
            yield Break(name, _at(part, loose), "was always there and may now be absent")
    for at, before, after in _shared(old, new):
        if not _covers(before, after):
            yield Break(name, at, "may now hold what the old schema excludes", _between(after, before))


def _shared(old: Schema, new: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """Fields that both have, with their own schemas; a part that one leads to stands as its name."""
    models = _models(new)
    for part, before in _models(old).items():
        after = models.get(part, {}).get("properties", {})
        for field, said in before.get("properties", {}).items():
            if field in after:
                yield _at(part, field), _alone(said), _alone(after[field])


def _models(schema: Schema) -> dict[str, Schema]:
    return {"": schema, **schema.get("$defs", {})}


def _at(part: str, field: str) -> str:
    return f"{part}.{field}" if part else field


def _alone(node: Any) -> Any:
    """A field's schema without references: the part it leads to is a constant, equal only to itself."""
    if isinstance(node, list):
        return [_alone(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"const": f"a {node['$ref'].rpartition('/')[2]}"}
    return {key: _alone(value) for key, value in node.items()}


def _covers(outer: Schema, inner: Schema) -> bool:
    """Whether it is proved that `outer` admits whatever `inner` admits."""
    try:
        return bool(_canonical(outer).covers(_canonical(inner)) == Containment.YES)
    except (CanonicalizationError, IncompatibleOperands, UnsupportedResult):
        return False  # no proof


def _canonical(schema: Schema) -> CanonicalSchema:
    plain = {key: value for key, value in schema.items() if key != "$id"}  # both versions have the same one
    return jsonschema_rs.canonicalize(plain, draft=jsonschema_rs.Draft202012, validate_formats=True)


_TRIED: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    1,
    -1,
    0.5,
    10**6,
    "",
    "x",
    "2026-01-02T00:00:00Z",
    "x" * 300,
    [],
    ["x"],
    {},
)


def _between(admits: Schema, refuses: Schema) -> tuple[Any, ...]:
    """Up to three values that the one admits and the other refuses: those near the limits that either names."""
    takes, turns_away = (
        jsonschema_rs.validator_for(dict(schema), validate_formats=True) for schema in (admits, refuses)
    )
    tried = [*_TRIED, *_near(admits), *_near(refuses)]
    tried += [[value] for value in tried]
    found = (value for value in sorted(tried, key=lambda value: len(repr(value))) if takes.is_valid(value))
    return tuple(value for value in found if not turns_away.is_valid(value))[:3]


def _near(node: Any) -> Iterator[Any]:
    """Every constant that a schema names, and what lies beside its numbers."""
    if isinstance(node, list):
        for item in node:
            yield from _near(item)
    elif isinstance(node, dict):
        yield from node.get("enum", ())
        if "const" in node:
            yield node["const"]
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if key in node:
                yield from (node[key] - 1, node[key], node[key] + 1)
        for key in ("minLength", "maxLength"):
            if key in node:
                yield from ("x" * length for length in (node[key] - 1, node[key], node[key] + 1) if length >= 0)
        yield from (found for value in node.values() for found in _near(value))
