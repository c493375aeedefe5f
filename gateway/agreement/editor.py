"""A JSON Schema of an agreement, so that an editor completes its keys, entities and fields.

Draft 07, which is what editors speak.  `docs/agreement.schema.json` is this, written out.
"""

from __future__ import annotations

from typing import Any

import orjson

from contracts import ENTITIES, schema
from gateway.agreement.file import KEYS, LIMITS, NAME, NEEDED, TREATMENTS

_DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TEXT = {"type": "string", "minLength": 1}
_FLAG = {"type": "boolean"}


def text() -> bytes:
    """The schema as it is committed."""
    said = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Copperline agreement",
        "description": "Who may receive which topics and fields, for what purpose, until when.  See docs/agreements.md.",
        **_table({key: _KEYS[key] for key in KEYS}, NEEDED),
    }
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _table(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _fields(entity: str) -> dict[str, Any]:
    treatment = {"enum": list(TREATMENTS)}
    named = {"type": "object", "propertyNames": {"enum": list(schema.paths(entity))}, "additionalProperties": treatment}
    return {"anyOf": [{"const": "all"}, named]}


_ENTITIES = {
    "type": "object",
    "additionalProperties": False,
    "properties": {entity: _fields(entity) for entity in ENTITIES},
}
_COUNT = {"type": "integer", "minimum": 1}
_SYSTEM = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_DESTINATION = {
    "anyOf": [
        _table({"via": {"enum": ["bus", "log"]}, "limits": _table(dict.fromkeys(LIMITS, _COUNT), [])}, ["via"]),
        _table({"via": {"const": "sink"}, "system": _SYSTEM, "feed": _SYSTEM}, ["via", "system", "feed"]),
    ]
}
_KEYS: dict[str, Any] = {
    "agreement": {"type": "string", "pattern": f"^{NAME.pattern}$", "description": "Its name, as the file's."},
    "title": _TEXT,
    "parties": _table({"provider": _TEXT, "recipient": _TEXT}, ["provider", "recipient"]),
    "purpose": _TEXT,
    "law_enforcement": {**_FLAG, "description": "false: coded values that nobody has classified are not sent."},
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
