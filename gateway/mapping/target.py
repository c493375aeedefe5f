"""Checks a mapping against its contract before any record is read: names, lists, what must be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gateway.mapping.language import TARGET, UNSAID, Field, Record, Sentence
from gateway.mapping.reading import Complaints

Schema: TypeAlias = Mapping[str, Any]
Schemas: TypeAlias = Callable[[str], Schema]
"""From an entity to its schema.  Raises KeyError for what has no contract."""


def contract(entity: str) -> Schema:
    """The strict schema of the contracts that this gateway seals."""
    from contracts import schema

    return schema.strict(entity)


class Shape:
    """A place in a contract."""

    __slots__ = ("_defs", "_node")

    def __init__(self, node: Schema, defs: Mapping[str, Schema]) -> None:
        self._defs = defs
        while "$ref" in node:
            node = defs[node["$ref"].rpartition("/")[2]]
        self._node = node

    def child(self, name: str) -> Shape | None:
        """The field of this name; None where the contract has none.  Anything goes where it leaves things open."""
        properties = self._node.get("properties")
        if properties is None:
            return Shape({}, self._defs) if self._node.get("type", "object") == "object" else None
        return Shape(properties[name], self._defs) if name in properties else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._node.get("properties", ()))

    @property
    def required(self) -> frozenset[str]:
        return frozenset(self._node.get("required", ()))

    @property
    def item(self) -> Shape | None:
        """What a list holds; None where this is no list."""
        return Shape(self._node.get("items", {}), self._defs) if self._node.get("type") == "array" else None

    @property
    def holds(self) -> bool:
        """An object with fields of its own."""
        return bool(self._node.get("properties"))

    @property
    def open(self) -> bool:
        """Anything may stand here."""
        return not self.holds and self._node.get("type", "object") == "object"

    @property
    def coded(self) -> bool:
        return {"internal", "common"} <= set(self.names)


def check(record: Record, schemas: Schemas, complaints: Complaints) -> None:
    """Complain of every target of a record that its contract does not have in that form."""
    try:
        schema = schemas(record.entity)
    except KeyError:
        complaints.add(TARGET, record.line, "entity", f"there is no contract named {record.entity}")
        return
    _Check(complaints).fields(record.fields, Shape(schema, schema.get("$defs", {})), "", record.line)


class _Check:
    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def fields(self, fields: tuple[Field, ...], shape: Shape, path: str, line: int) -> None:
        for field in fields:
            self._field(field, shape, path)
        filled = {field.target[0] for field in fields}
        for name in sorted(shape.required - filled):
            self._wrong(line, f"{path}.{name}" if path else name, "the contract requires this field")

    def _field(self, field: Field, shape: Shape | None, path: str) -> None:
        here = shape
        for step in field.target:
            path = f"{path}.{step}" if path else step
            if here is not None and here.item:
                self._wrong(field.line, path, "stands inside a list: use each: or - with fields:")
                return
            near = here
            here = here.child(step) if here else None
            if here is None:
                self._wrong(field.line, path, "is not a field of the contract" + _near(step, near))
                return
        assert here is not None
        self._filled(field, here, path)

    def _filled(self, field: Field, shape: Shape, path: str) -> None:
        item = shape.item
        listed = field.many or field.sentences[0].each is not None or isinstance(field.sentences[0].value, list)
        if item and not listed:
            self._wrong(field.line, path, "is a list: write its sentences with - or use each:")
        elif not item and listed and not shape.open:
            self._wrong(field.line, path, "is no list")
        else:
            for sentence in field.sentences:
                self._sentence(sentence, item if item and listed else shape, path)

    def _sentence(self, sentence: Sentence, shape: Shape, path: str) -> None:
        for one in sentence.either:
            self._sentence(one, shape, path)
        if sentence.fields is not None:
            self.fields(sentence.fields, shape, path, sentence.line)
        elif sentence.table and not shape.coded and not shape.open:
            self._wrong(sentence.line, path, "takes no code list")
        elif shape.holds and not (sentence.table or sentence.steps or sentence.either) and _simple(sentence):
            self._wrong(sentence.line, path, "is an object: it needs as:, table: or fields:")

    def _wrong(self, line: int, path: str, rule: str) -> None:
        self._complaints.add(TARGET, line, path, rule)


def _simple(sentence: Sentence) -> bool:
    return bool(sentence.sources) or (sentence.value is not UNSAID and not isinstance(sentence.value, dict))


def _near(step: str, shape: Shape | None) -> str:
    """A hint where one is near enough to be meant."""
    from difflib import get_close_matches

    close = get_close_matches(step, shape.names if shape else (), 1)
    return f"; did you mean {close[0]}?" if close else ""
