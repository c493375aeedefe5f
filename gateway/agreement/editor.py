"""A JSON Schema of an agreement, so that an editor completes its keys, entities and fields.

Draft 07, which is what editors speak.  `docs/agreement.schema.json` is this, written out.
"""

from __future__ import annotations

from typing import Any

import orjson

from contracts import ENTITIES, schema
from gateway.agreement.file import EPOCHS, KEYS, LIMITS, NAME, NEEDED, OUTSIDE
from gateway.agreement.sensitive import CATEGORIES
from gateway.format import FORMATS

_DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TEXT = {"type": "string", "minLength": 1}
_FLAG = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 1}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_VALUE = {"type": ["string", "number", "boolean"]}


def text() -> bytes:
    """The schema as it is committed."""
    said = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Copperline agreement",
        "description": "Who may receive which topics and fields, for what purpose, until when.  See docs/agreements.md.",
        **_table({key: _KEYS[key] for key in KEYS}, NEEDED),
        "if": {"properties": {"law_enforcement": {"const": True}}, "required": ["law_enforcement"]},
        "else": {"required": OUTSIDE},
    }
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _table(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _fields(entity: str) -> dict[str, Any]:
    treatment = {"type": "string", "pattern": r"^(plain|absent|token|snap +[a-z][a-z0-9-]*|floor +(minute|hour|day))$"}
    named = {"type": "object", "propertyNames": {"enum": list(schema.paths(entity))}, "additionalProperties": treatment}
    return {"anyOf": [{"const": "all"}, named]}


def _conditions(entity: str) -> dict[str, Any]:
    values = {"anyOf": [_VALUE, {"type": "array", "minItems": 1, "items": _VALUE}]}
    return {"type": "object", "minProperties": 1, "propertyNames": {"enum": list(schema.paths(entity))}, "additionalProperties": values}


_CONDITIONS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {entity: _conditions(entity) for entity in ENTITIES},
}
_ENTITIES = {
    "type": "object",
    "additionalProperties": False,
    "properties": {entity: _fields(entity) for entity in ENTITIES},
}
_SYSTEM = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_QUEUE = {"limits": _table(dict.fromkeys(LIMITS, _COUNT), []), "logins": _TEXTS}
_DESTINATION = {
    "anyOf": [
        _table({"via": {"const": "log"}, **_QUEUE}, ["via"]),
        _table({"via": {"const": "bus"}, **_QUEUE, "format": {"enum": list(FORMATS)}}, ["via"]),
        _table({"via": {"enum": ["mailbox", "sink"]}, "system": _SYSTEM, "feed": _SYSTEM}, ["via", "system", "feed"]),
    ]
}
_KEYS: dict[str, Any] = {
    "agreement": {"type": "string", "pattern": f"^{NAME.pattern}$", "description": "Its name, as the file's."},
    "title": _TEXT,
    "parties": _table({"provider": _TEXT, "recipient": _TEXT}, ["provider", "recipient"]),
    "contact": {**_TEXT, "description": "Who answers for the recipient."},
    "prepared_by": {**_TEXT, "description": "Who wrote it; somebody else approves it."},
    "purpose": _TEXT,
    "legal_basis": {**_TEXT, "description": "The law that lets it be given."},
    "law_enforcement": {**_FLAG, "description": "false: sensitive records and fields, and what nobody has classified, are not sent."},
    "authority": {**_TEXT, "description": "Outside law enforcement: what allows the recipient to have it."},
    "impact_assessment": {**_TEXT, "description": "Outside law enforcement: where the assessment is."},
    "retention_days": {**_COUNT, "description": "How long the recipient may keep it."},
    "onward": {**_TEXT, "description": "To whom the recipient may pass it on; none, if not given."},
    "obligations": _TEXTS,
    "select": {**_CONDITIONS, "description": "Only records with one of the values at every path."},
    "leave_out": {**_CONDITIONS, "description": "No record with one of the values at any path."},
    "includes": {"anyOf": [{"enum": list(CATEGORIES)}, {"type": "array", "items": {"enum": list(CATEGORIES)}}]},
    "epoch": {"enum": list(EPOCHS), "description": "How long the token of one value stays the same."},
    "valid": _table({"from": _DAY, "to": _DAY}, ["from", "to"]),
    "topics": {"type": "array", "minItems": 1, "items": _TEXT, "description": "police.<agency>.<entity>.<action>.v1"},
    "fields": {"anyOf": [{"const": "all"}, _ENTITIES]},
    "backfill": {**_FLAG, "description": "true: also a database's first snapshot."},
    "destinations": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": _DESTINATION,
    },
    "start": {"anyOf": [{"const": "now"}, _DAY]},
}


if __name__ == "__main__":
    import sys

    sys.stdout.buffer.write(text())
