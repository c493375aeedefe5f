"""Writes a draft down: the mapping as YAML with its reasons, and a code list for each column that looks like one."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.adapter import Column, Offer
from gateway.draft.match import Suggestion, suggestions
from gateway.draft.targets import targets
from gateway.draft.usual import CONSTANT
from gateway.errors import Problem, Refused
from gateway.mapping.language import TARGET
from gateway.mapping.target import contract

Tree: TypeAlias = "dict[str, Tree | Suggestion]"


@dataclass(frozen=True, slots=True)
class Draft:
    """A mapping that compiles, the code lists that it names, and how many columns found a place."""

    kind: str
    mapping: str
    codes: Mapping[str, str] = field(default_factory=dict)
    """File name → text."""
    placed: int = 0


def draft(offer: Offer, *, system: str, name: str, entity: str) -> Draft:
    """A mapping for the records of one offer.  Raises Refused where the entity has no contract."""
    try:
        schema = contract(entity)
    except KeyError as e:
        raise Refused(Problem(TARGET, "entity", rule=f"there is no contract named {entity}")) from e
    kind = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "record"
    found = suggestions(offer.columns, targets(entity, schema))
    writer = _Writer(system, kind, {column.name: column for column in offer.columns}, schema)
    lines = [*writer.head(entity, found, offer), "", "fields:", *writer.fields(found), *writer.ignored(found)]
    return Draft(kind, "\n".join(lines) + "\n", writer.codes, sum(len(each.columns) for each in found))


class _Writer:
    def __init__(self, system: str, kind: str, columns: Mapping[str, Column], schema: Mapping[str, Any]) -> None:
        self._system, self._kind, self._columns, self._schema = system, kind, columns, schema
        self.codes: dict[str, str] = {}

    def head(self, entity: str, found: Sequence[Suggestion], offer: Offer) -> Iterator[str]:
        yield "# A draft: read every line; the number is how sure it is, from 0 to 1, the rest is why."
        yield f"kind: {self._kind}"
        yield f"entity: {entity}"
        by_target = {each.target.name: each for each in found}
        subject = next((by_target[name] for name in _SUBJECTS[entity] if name in by_target), None) if entity in _SUBJECTS else None
        if subject is not None:
            yield f"subject: {_yaml(subject.columns[0])}"
        time = next((by_target[name] for name in _TIMES if name in by_target), None)
        if time is not None:
            yield f"time: {{{self._from(time)}, as: {time.reads}}}"
        yield "optional: true"
        if offer.key:
            yield f"# key of the table: {', '.join(offer.key)}" + (f"; newer rows by: {', '.join(offer.watermarks)}" if offer.watermarks else "")

    def fields(self, found: Sequence[Suggestion]) -> Iterator[str]:
        for name in self._schema.get("required", ()):
            if not any(each.target.path[0].partition("[")[0] == name for each in found):
                listed = "items" in self._schema["properties"][name]
                yield _said(f"  {name}: {'[{from: $key}]' if listed else '{from: $key}'}", "0.00", "no column has such a name: the record's own key")
        yield from self._tree(_tree(found), 1)
        if not any(each.target.name == "sourceRecord.key" for each in found):
            yield "  sourceRecord.key: $key"

    def ignored(self, found: Sequence[Suggestion]) -> Iterator[str]:
        placed = {name for each in found for name in each.columns}
        rest = [column for name, column in self._columns.items() if name not in placed]
        if rest:
            yield from ("", "ignored:                          # not placed: give each a place above, or leave it out on purpose")
        for column in rest:
            yield _said(f"  - {_yaml(column.name.replace(_DOT, '.'))}", "", _looks(column))

    def _tree(self, tree: Tree, depth: int) -> Iterator[str]:
        indent = "  " * depth
        for step, inner in tree.items():
            name, listed, _ = step.partition("[")
            if isinstance(inner, Suggestion):
                sentence = self._sentence(inner)
                yield _said(f"{indent}{name}: {f'[{sentence}]' if listed else sentence}", f"{inner.score:.2f}", inner.because)
            elif not listed:
                yield f"{indent}{name}:"
                yield f"{indent}  fields:"
                yield from self._tree(inner, depth + 2)
        yield from self._lists(tree, depth)

    def _lists(self, tree: Tree, depth: int) -> Iterator[str]:
        """The items of one list stand together, whatever their roles."""
        indent, opened = "  " * depth, ""
        for step, inner in tree.items():
            name, listed, _ = step.partition("[")
            if isinstance(inner, Suggestion) or not listed:
                continue
            if name != opened:
                yield f"{indent}{name}:"
                opened = name
            yield f"{indent}  - fields:"
            if step in CONSTANT:
                yield f"{indent}      {CONSTANT[step]}"
            yield from self._tree(inner, depth + 3)

    def _sentence(self, said: Suggestion) -> str:
        match said.target.form:
            case "coded":
                return self._coded(said)
            case "code":
                return f"{{{self._from(said)}, as: code {self._system}.{_word(said.columns[0])}}}"
            case "integer":
                return f"{{{self._from(said)}, as: integer}}"
            case "number":
                return f"{{{self._from(said)}, as: decimal}}"
            case "boolean":
                return f"{{{self._from(said)}, as: boolean}}"
            case _ if said.reads:
                return f"{{{self._from(said)}, as: {said.reads}}}"
            case _ if said.target.needed and len(said.target.path) == 1:
                return f"{{{self._from(said)}, optional: false}}"
            case _:
                return _yaml(said.columns[0])

    def _coded(self, said: Suggestion) -> str:
        column = self._columns[said.columns[0]]
        list_ = f"{self._system}-{_word(column.name)}"
        if column.profile is None or not column.profile.codes:
            return f"{{{self._from(said)}, as: internal {self._system}.{_word(column.name)}}}"
        self.codes[f"{list_}.csv"] = _code_list(column.profile.codes, f"{self._system}.{_word(column.name)}")
        return f"{{{self._from(said)}, table: {list_}}}"

    def _from(self, said: Suggestion) -> str:
        names = [_yaml(name) for name in said.columns]
        return f"from: {names[0]}" if len(names) == 1 else f"from: [{', '.join(names)}]"


_SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "incident": ("incidentId",),
    "unit": ("incidentId", "unitId"),
    "evidence": ("evidenceId",),
    "recording": ("evidenceId",),
    "custody-transfer": ("evidenceIds[]",),
    "alert": ("alertId",),
}
_TIMES = (
    "reportedAt", "occurredStart", "serviceCall.receivedAt", "statusAt", "clearedAt", "arrivedAt", "assignedAt",
    "capturedAt", "at", "start", "sent",
)  # fmt: skip


def _tree(found: Sequence[Suggestion]) -> Tree:
    tree: Tree = {}
    for each in found:
        here = tree
        for step in each.target.path[:-1]:
            inner = here.setdefault(step, {})
            assert isinstance(inner, dict), "a place that holds fields is none for a column"
            here = inner
        here[each.target.path[-1]] = each
    return tree


def _code_list(codes: Mapping[str, int], owner: str) -> str:
    """The system's codes; the common side is blank until a person has classified them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["internal", "common", "scheme", "text", "owner"])
    rows.writerows([code, "", "", "", owner] for code in codes)
    return text.getvalue()


def _looks(column: Column) -> str:
    said = column.profile
    if said is None:
        return column.type
    shapes = ", ".join(list(said.patterns)[:3]) or "blank throughout"
    return f"{column.type}: {shapes}" + (f"; likely personal: {said.personal}" if said.personal else "")


def _said(line: str, score: str, because: str) -> str:
    told = " ".join(f"{score} {because}".split())
    return f"{line:<66} # {told}"


_DOT = "\\."
"""A dot that belongs to a name; where fields are ignored it is written plainly."""


def _yaml(text: str) -> str:
    """A name as YAML takes it for text."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text not in ("true", "false", "null")
    return text if plain else json.dumps(text)


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "column"
