"""From the readable source to the promise: JSON Schema, draft 2020-12, byte for byte the same every time.

What is published is open: unknown fields may come, code lists are registries (`x-codes`) and not
enumerations.  So a new field or a new code breaks no consumer.  Nothing is published without a class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from contracts import ENTITIES, MAJOR, asyncapi, compat
from contracts.alert import Alert, Removed
from contracts.answer import AnswerDeleted, AnswerRead
from contracts.dispatch import Unit
from contracts.envelope import Envelope
from contracts.evidence import CustodyTransfer, EvidenceItem
from contracts.incident import Incident
from contracts.parts import CLASSES, INHERITED
from contracts.recording import BodyCamRecording
from gateway.errors import Problem, Refused, code

UNCLASSIFIED = code(
    "contract.unclassified",
    "a field of a contract has no class or no source standard",
    "declare it with field(source, cls, says) of contracts/parts.py",
)

MODELS: Final[dict[str, type[BaseModel]]] = {
    "incident": Incident,
    "unit": Unit,
    "recording": BodyCamRecording,
    "evidence": EvidenceItem,
    "custody-transfer": CustodyTransfer,
    "alert": Alert,
    "removed": Removed,
    "envelope": Envelope,
    "answer-read": AnswerRead,
    "answer-deleted": AnswerDeleted,
}

FOLDER: Final = Path(__file__).parent / "published" / f"v{MAJOR}"


def build(models: Mapping[str, type[BaseModel]] = MODELS) -> dict[str, bytes]:
    """File name → contents, for every contract and the AsyncAPI document of them all.

    Raises Refused where a field has no class or source.
    """
    schemas = {name: _schema(name, model) for name, model in models.items()}
    problems = [problem for name, schema in schemas.items() for problem in _unclassified(name, schema)]
    if problems:
        raise Refused(*problems)
    documents = {**schemas, "asyncapi": asyncapi.document(schemas)} if models is MODELS else schemas
    return {f"{name}.json": _bytes(document) for name, document in documents.items()}


def write(folder: Path = FOLDER) -> list[str]:
    """Write what differs; return the names of the files that changed."""
    files = build()
    changed = [name for name, contents in files.items() if _read(folder / name) != contents]
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (folder / name).write_bytes(files[name])
    return changed


def differences(folder: Path = FOLDER) -> list[str]:
    """Names of the files whose committed bytes are not those that the models give; empty when all is well."""
    files = build()
    stray = [path.name for path in folder.glob("*.json") if path.name not in files]
    return [name for name, contents in files.items() if _read(folder / name) != contents] + sorted(stray)


def breaks(last: Mapping[str, Any] | None = None) -> list[compat.Break]:
    """What the models would break of the last published version; `last`: its schemas, what is committed if not given.

    With nothing published there is nothing to break.
    """
    known = last if last is not None else {name: json.loads(said) for name in MODELS if (said := _read(FOLDER / f"{name}.json"))}
    return compat.breaks(known, {name: _schema(name, model) for name, model in MODELS.items()})


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _bytes(schema: Mapping[str, Any]) -> bytes:
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = _plain(model.model_json_schema(by_alias=True))
    defs = made.pop("$defs", {})
    if name in ENTITIES:
        # An agreement may withhold any field, a number above all: only what comes in must have it.
        made = {("x-required" if key == "required" else key): value for key, value in made.items()}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:copperline:contract:{name}:v{MAJOR}",
        "title": name,
    }
    return head | made | ({"$defs": dict(sorted(defs.items()))} if defs else {})


# Keywords in the order in which a person reads them; the rest follows by name.
_ORDER = ("description", "x-class", "x-source", "x-codes", "$ref", "type", "format", "pattern", "items")
_LATE = ("required", "properties", "$defs")


def _plain(node: Any) -> Any:
    """Without pydantic's titles, nulls and defaults, and in one order whatever its version."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = _collapsed(node)
    kept = {key: value for key, value in node.items() if key not in {"title", "default", "additionalProperties"}}
    middle = sorted(key for key in kept if key not in _ORDER and key not in _LATE)
    order = [key for key in (*_ORDER, *middle, *_LATE) if key in kept]
    return {key: _named(kept[key]) if key in {"properties", "$defs"} else _plain(kept[key]) for key in order}


def _named(children: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(child) for name, child in children.items()}


def _collapsed(node: dict[str, Any]) -> dict[str, Any]:
    """`X | None` is an X that may be absent, never a null."""
    if "anyOf" not in node:
        return node
    (only,) = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
    return {key: value for key, value in node.items() if key != "anyOf"} | dict(only)


def _unclassified(name: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    models = {"": schema} | schema.get("$defs", {})
    for model, body in models.items():
        for field, said in body.get("properties", {}).items():
            if said.get("x-class") not in {*CLASSES, INHERITED} or not said.get("x-source"):
                yield Problem(UNCLASSIFIED, path=".".join(part for part in (name, model, field) if part))
