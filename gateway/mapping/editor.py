"""A JSON Schema of the language, so that an editor completes its words and shows what they mean.

Draft 07, which is what editors speak.  `docs/mapping.schema.json` is this, written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.convert import CONVERSIONS
from gateway.mapping.language import (
    CONDITION_WORDS,
    FILE_WORDS,
    HEADS,
    PICK_WORDS,
    RECORD_WORDS,
    SENTENCE_WORDS,
)

Schema = dict[str, Any]


def schema() -> Schema:
    """The language as JSON Schema, draft 07."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Copperline mapping",
        "description": "Target ← source, as conversion.  See docs/mapping.md.",
        **_object({**FILE_WORDS, **RECORD_WORDS}, _FILE),
        "anyOf": [{"required": ["kind"]}, {"required": ["to"]}],
        "definitions": {
            "source": {"type": ["string", "number"], "minLength": 1, "description": "The name of a source field."},
            "sources": _either(_ref("source"), _list(_ref("source"))),
            "scalar": {"type": ["string", "number", "boolean"]},
            "values": _either(_ref("scalar"), _list(_ref("scalar"))),
            "record": {**_object(RECORD_WORDS, _RECORD), "required": ["entity", "fields"]},
            "fields": {"type": "object", "minProperties": 1, "additionalProperties": _ref("filled")},
            "filled": _either(_ref("sentence"), _list(_ref("sentence"))),
            "sentence": _either(_ref("source"), _object(SENTENCE_WORDS, _SENTENCE)),
            "step": _either(_conversion_text(), _conversion_object()),
            "condition": _either(_object(CONDITION_WORDS, _CONDITION), _list(_ref("condition"))),
            "row": {**_object(PICK_WORDS, _PICK), "required": ["in"]},
            "pick": _either(_ref("row"), _list(_ref("row"))),
        },
    }


def text() -> bytes:
    """The same as the file holds it."""
    return orjson.dumps(schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _list(item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": item}


def _object(words: Mapping[str, str], kinds: Mapping[str, Schema]) -> Schema:
    """An object of these words and no other; each with its meaning beside what it holds."""
    properties = {
        word: {"description": says, "allOf": [kinds[word]]} if "$ref" in kinds[word] else {"description": says, **kinds[word]}
        for word, says in words.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _conversion_text() -> Schema:
    names = "|".join(sorted(CONVERSIONS))
    says = "\n".join(f"{name}: {one.says}" for name, one in sorted(CONVERSIONS.items()))
    return {"type": "string", "pattern": f"^({names})( .*)?$", "description": says}


def _conversion_object() -> Schema:
    properties = {name: {"description": one.says} for name, one in sorted(CONVERSIONS.items())}
    return {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": properties, "additionalProperties": False}


_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_RECORD: Final = {
    **dict.fromkeys(HEADS, _ref("sentence")),
    "entity": _TEXT,
    "each": _ref("source"),
    "when": _ref("condition"),
    "optional": _FLAG,
    "fields": _ref("fields"),
}
_FILE: Final = {
    **_RECORD,
    "kind": _TEXT,
    "to": _TEXT,
    "takes": _list({"enum": ["Actual", "Exercise", "Test"]}),
    "title": _TEXT,
    "zone": _TEXT,
    "records": _list(_ref("record")),
    "emit": {"const": "none"},
    "because": _TEXT,
    "ignored": _ref("sources"),
}
_SENTENCE: Final = {
    "from": _ref("sources"),
    "value": _ref("values"),
    "as": _either(_ref("step"), _list(_ref("step"))),
    "table": _TEXT,
    "default": _ref("values"),
    "optional": _FLAG,
    "zone": _either(_TEXT, {"type": "object", "properties": {"from": _ref("source")}, "required": ["from"]}),
    "when": _ref("condition"),
    "unknown": {"enum": ["keep", "reject", "absent"]},
    "fields": _ref("fields"),
    "each": _ref("source"),
    "split": {"type": ["string", "integer"]},
    "pick": _ref("pick"),
    "ref": _TEXT,
    "by": _TEXT,
    "either": _list(_ref("sentence")),
}
_CONDITION: Final = {
    "present": _ref("sources"),
    "absent": _ref("sources"),
    "field": _ref("source"),
    "is": _ref("values"),
    "in": _ref("values"),
    "not": _ref("values"),
    "same": _ref("source"),
    "any": _list(_ref("condition")),
}
_PICK: Final = {
    "in": _ref("source"),
    "where": _ref("source"),
    "is": _ref("values"),
    "not": _ref("values"),
    "same": _ref("source"),
    "take": {"enum": ["first", "last"]},
    "by": _ref("source"),
}

if __name__ == "__main__":
    import sys

    sys.stdout.buffer.write(text())
