"""A mapping in the making: text in, compiled against a small contract or the real ones."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from gateway import mapping
from gateway.errors import Refused, Reject

CODES = {
    "call-type": (
        "internal,common,scheme,text,owner,from,to,write\n"
        "62A,Alarm,EIDO,BURGLAR ALARM,cad.type,,,\n"
        "62R,Alarm,EIDO,ALARM,cad.type,,,yes\n"
        "20,Collision,EIDO,,cad.type,,,\n"
        "99,,EIDO,ODD,cad.type,,,\n"
    ),
    "area": (
        "internal,common,scheme,from,to\n"
        "1,North,City,,2025-12-31\n"
        "1,NorthEast,City,2026-01-01,\n"
    ),
}
CODED = {"type": "object", "properties": {"internal": {"type": "object"}, "common": {"type": "object"}}}
ITEM = {
    "type": "object",
    "properties": {
        "id": {"type": "string"}, "seq": {"type": "integer"}, "word": {"type": "string"}, "kind": {"$ref": "#/$defs/Coded"},
        "links": {"type": "array", "items": {"type": "string"}}, "other": {"type": "string"},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, "geo": {"type": "object"},
    },
    "additionalProperties": False,
}  # fmt: skip
THING = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "maxLength": 8},
        "note": {"type": "string"}, "count": {"type": "integer"}, "flag": {"type": "boolean"}, "at": {"type": "object"},
        "geo": {"type": "object"}, "kind": {"$ref": "#/$defs/Coded"}, "kinds": {"type": "array", "items": {"$ref": "#/$defs/Coded"}},
        "words": {"type": "array", "items": {"type": "string"}}, "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        "others": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, "one": {"$ref": "#/$defs/Item"},
    },
    "additionalProperties": False,
    "$defs": {"Coded": CODED, "Item": ITEM},
}  # fmt: skip
SCHEMAS = MappingProxyType({"thing": THING, "incident": THING})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "codes").mkdir()
    for name, text in CODES.items():
        (tmp_path / "codes" / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def compiled(folder):
    """Compile a mapping; a text that is indented is only its fields."""

    def compile_(text, *, zone="America/Chicago", codes=None, schemas=SCHEMAS.__getitem__):
        path = folder / "mappings" / "call.yaml"
        path.parent.mkdir(exist_ok=True)
        if text.startswith("  "):
            text = "kind: call\nentity: thing\noptional: true\nfields:\n  id: ID\n" + text
        path.write_text(text, encoding="utf-8")
        return mapping.compile(path, codes=codes or [folder / "codes"], zone=zone, schemas=schemas)

    return compile_


@pytest.fixture
def made(compiled):
    """The data of the one record that a mapping makes of these fields."""

    def make(text, **fields):
        (one,) = compiled(text).translate({"ID": "1", **fields}, key="K")
        return one.data

    return make


@pytest.fixture
def problems(compiled):
    """What is wrong with these fields under a mapping: (code, path, where) each."""

    def find(text, **fields):
        with pytest.raises(Reject) as caught:
            compiled(text).drafts({"ID": "1", **fields})
        return [(problem.code.id, problem.path, problem.where) for problem in caught.value.problems]

    return find


@pytest.fixture
def refusals(compiled):
    """What is wrong with a mapping: (code, path, where) each."""

    def find(text, **options):
        with pytest.raises(Refused) as caught:
            compiled(text, **options)
        return [(problem.code.id, problem.path, problem.where) for problem in caught.value.problems]

    return find
