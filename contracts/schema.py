"""The contracts at run time, read from what is published; no model is imported.

`published` is what a consumer may rely on and what nothing leaves without satisfying.  `strict` is
the same schema closed: our own mappings may neither invent a field nor a code of a registry
(`unmapped` is always allowed), nor leave out the record's own number, which an agreement may.  Returned schemas are shared: read them, never change them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from contracts import MAJOR

BODIES: Final = ("incident", "unit", "recording", "evidence", "custody-transfer", "alert", "removed", "envelope", "answer-read", "answer-deleted")
"""Everything that is published: the entities, the body of a removal, the envelope, and what a consumer answers."""

_FOLDER = Path(__file__).parent / "published"
_INHERITED = "inherited"
_UNMAPPED = "unmapped"

Schema = Mapping[str, Any]


@cache
def published(entity: str, major: int = MAJOR) -> dict[str, Any]:
    """The published schema, of an older major version too.  Raises KeyError for what has no contract."""
    if entity not in BODIES:
        raise KeyError(entity)
    schema: dict[str, Any] = json.loads((_FOLDER / f"v{major}" / f"{entity}.json").read_bytes())
    return schema


@cache
def strict(entity: str) -> dict[str, Any]:
    """The published schema with closed objects and with registries held; formats are to be checked too."""
    return closed(published(entity))


def closed(schema: Schema) -> dict[str, Any]:
    """Any published schema, closed as `strict` closes ours."""
    made: dict[str, Any] = _closed(schema)
    return made


@cache
def samples(name: str) -> tuple[bytes, ...]:
    """The frozen samples of a contract, as JSON; invented, every one."""
    folder = Path(__file__).parent / "samples" / f"v{MAJOR}"
    of = {path: max((body for body in BODIES if path.stem.startswith(body)), key=len) for path in sorted(folder.glob("*.json"))}
    return tuple(path.read_bytes() for path, body in of.items() if body == name)


def contract(entity: str, action: str) -> str:
    """The contract of an event's data: the entity's own, or the short one that says that it is gone."""
    return "removed" if action in {"removed", "withdrawn"} else entity


def identity(entity: str) -> str:
    """The URN that stands in `dataschema`."""
    return f"urn:copperline:contract:{entity}:v{MAJOR}"


@cache
def classes(entity: str, major: int = MAJOR) -> Mapping[str, str]:
    """Dotted path of every field → its class; lists have no index: `persons.age.value`."""
    return MappingProxyType({path: cls for path, cls, _ in _fields(entity, major)})


@cache
def sources(entity: str) -> Mapping[str, str]:
    """Dotted path of every field → the standard its name and meaning come from."""
    return MappingProxyType({path: source for path, _, source in _fields(entity)})


def paths(entity: str, major: int = MAJOR) -> tuple[str, ...]:
    """Dotted paths of every field, a parent before its children."""
    return tuple(classes(entity, major))


def _fields(entity: str, major: int = MAJOR) -> Iterator[tuple[str, str, str]]:
    schema = published(entity, major)
    return _walk(schema, schema.get("$defs", {}), "", _INHERITED)


def _walk(node: Schema, defs: Mapping[str, Schema], path: str, inherited: str) -> Iterator[tuple[str, str, str]]:
    for name, said in _model(node, defs).get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        cls = inherited if said["x-class"] == _INHERITED else said["x-class"]
        yield here, cls, said["x-source"]
        yield from _walk(said, defs, here, cls)


def _model(node: Schema, defs: Mapping[str, Schema]) -> Schema:
    """The object that a field holds, through a list and a reference; an empty one where it holds a scalar."""
    node = node.get("items", node)
    if "$ref" in node:
        return defs[node["$ref"].rpartition("/")[2]]
    return node


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {
        "required" if key == "x-required" else key: _closed(value) for key, value in node.items() if key != "x-codes"
    }
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        closed["additionalProperties"] = False
    if isinstance(node.get("x-codes"), list):
        _hold(closed, [*node["x-codes"], _UNMAPPED])
    return closed


def _hold(field: dict[str, Any], codes: list[str]) -> None:
    """Hold a registry: on the field itself, or on the common code of a coded one, alone or in a list."""
    target = field.get("items", field)
    if "$ref" in target:
        target["properties"] = {"common": {"properties": {"code": {"enum": codes}}}}
    else:
        target["enum"] = codes
