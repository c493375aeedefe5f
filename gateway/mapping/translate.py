"""A compiled mapping: raw fields in, canonical records out, or everything that is wrong with them at once.

What comes out is held against the strict contract and turned into bytes at once: what is published
is what is enforced, and kept dictionaries would cost more than the mapping.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Fields
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import Problem, Reject, code
from gateway.event import Draft
from gateway.mapping.language import MappingFile
from gateway.mapping.runtime import TWICE, Translated
from gateway.mapping.target import Schemas
from gateway.mapping.writing import Written

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

CONTRACT = code(
    "mapping.contract",
    "what the mapping made does not satisfy its contract",
    "Correct the line of the mapping that is named, or the value at the source, and release the record.",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a preview.  `value` is of the record: mask it before anyone sees it."""

    target: str
    source: str
    value: Any = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What becomes of the source fields of a sample; only `neither` is a mistake."""

    used: tuple[str, ...]
    ignored: tuple[str, ...]
    neither: tuple[str, ...]


class Mapping:
    """One compiled mapping.  May be used by several threads."""

    def __init__(
        self,
        file: MappingFile,
        written: Written,
        *,
        digest: str,
        label: str,
        unmapped: Counter[tuple[str, str]],
        schemas: Schemas,
    ) -> None:
        self.kind = file.kind
        """The kind of raw record it is for; of a sink's, the record it makes."""
        self.entity = file.records[0].entity if file.records else ""
        """The entity of its first canonical record; "" where it makes none."""
        self.entities = tuple(dict.fromkeys(record.entity for record in file.records))
        self.sink = file.sink
        self.takes = file.takes
        """Of a sink: the statuses of events that it takes."""
        self.title = file.title
        self.digest = digest
        """16 hex digits over the mapping, its zone and its code lists."""
        self.label = label
        self.source = written.source
        """The generated function, for debugging."""
        self._ignored = file.ignored
        self._used, self._places = written.used, written.places
        self._unmapped = unmapped
        self._schemas = schemas
        self._run = _function(written, label)

    def translate(self, fields: Fields[str, Any], *, key: str = "") -> list[Translated]:
        """The canonical records of one raw record.  Raises Reject with every problem of the mapping."""
        problems: list[Problem] = []
        made: list[Translated] = []
        self._run(fields, key, problems, made)
        if len(made) > 1 and len({one.part for one in made}) < len(made):
            problems.append(Problem(TWICE, path="part", where=self.label))
        if problems:
            raise Reject(*problems)
        return made

    def drafts(self, fields: Fields[str, Any], key: str = "") -> list[Draft]:
        """The same, valid against the strict contract and as bytes.  Raises Reject with every problem."""
        made = self.translate(fields, key=key)
        valid = self._valid
        for one in made:
            if not valid[one.entity].is_valid(one.data):
                raise Reject(*(problem for each in made for problem in self._broken(each)))
        return [
            Draft(entity, part, subject, agency or "", time or "", _compact(data), status, expires or "")
            for entity, part, subject, agency, time, data, status, expires in made
        ]

    def take_unmapped(self) -> dict[tuple[str, str], int]:
        """(code list, code) → how often it was met and not classified, since this was last asked."""
        taken = dict(self._unmapped)
        for met, count in taken.items():
            self._unmapped[met] -= count
            if not self._unmapped[met]:
                del self._unmapped[met]
        return taken

    def preview(self, fields: Fields[str, Any], *, key: str = "") -> list[Shown]:
        """What each target becomes and from where, and each problem, of one record."""
        problems: list[Problem] = []
        made: list[Translated] = []
        self._run(fields, key, problems, made)
        shown = [
            Shown(path, self._place(path)[1], value) for one in made for path, value in _leaves(one.data)
        ]
        if not problems and not self.sink:
            problems = [problem for one in made for problem in self._broken(one)]
        return shown + [Shown(problem.path, self._place(problem.path)[1], problem=problem) for problem in problems]

    def coverage(self, fields: Fields[str, Any]) -> Coverage:
        """Which fields of a raw record are used, ignored on purpose, or neither."""
        groups: dict[str, list[str]] = {"used": [], "ignored": [], "neither": []}
        for path in dict.fromkeys(_paths(fields)):
            groups[self._becomes(path)].append(path)
        return Coverage(tuple(groups["used"]), tuple(groups["ignored"]), tuple(groups["neither"]))

    def _becomes(self, path: str) -> str:
        above = [path[: found.start()] for found in re.finditer(r"\.", path)] + [path]
        if not self.entities:
            return "ignored"
        if path in self._leaf_sources or any(used.startswith(f"{path}.") for used in self._used):
            return "used"
        if any(part in self._leaf_sources for part in above):
            return "used"
        return "ignored" if any(fnmatchcase(part, said) for part in above for said in self._ignored) else "neither"

    @cached_property
    def _leaf_sources(self) -> frozenset[str]:
        """Sources that are taken whole: those from which no sentence goes further in."""
        return frozenset(used for used in self._used if not any(other.startswith(f"{used}.") for other in self._used))

    @cached_property
    def _valid(self) -> dict[str, Draft202012Validator]:
        from jsonschema_rs import Draft202012Validator

        return {
            entity: Draft202012Validator(dict(self._schemas(entity)), validate_formats=True, mask="the value")
            for entity in self.entities
        }

    def _broken(self, one: Translated) -> Iterator[Problem]:
        for error in self._valid[one.entity].iter_errors(one.data):
            path = _dotted(error.instance_path)
            line, said = self._place(path)
            where = f"{self.label}:{line}" + (f", field {said}" if said else "")
            yield Problem(CONTRACT, path=path, where=where, rule=_rule(error))

    def _place(self, path: str) -> tuple[int, str]:
        """Line and sources of a target, or of the nearest around it."""
        plain = re.sub(r"\[\d+\]", "", path)
        while plain and plain not in self._places:
            plain = plain.rpartition(".")[0]
        return self._places.get(plain, (1, ""))


def _function(written: Written, label: str) -> Callable[..., None]:
    around = dict(written.around)
    exec(compile(written.source, f"<mapping {label}>", "exec"), around)  # noqa: S102 - of our own making
    made: Callable[..., None] = around["translate"]
    return made


def _compact(data: Any) -> bytes:
    """As JSON, in bytes of their own size: those that orjson gives hold eight kilobytes for as long as they live."""
    return bytes(memoryview(orjson.dumps(data)))


def _rule(error: ValidationError) -> str:
    """What is broken, in words without the value: only rules that name none are taken as they are."""
    name = error.kind.name
    if name in {"required", "additionalProperties"}:
        return error.message
    if name == "type":
        return f"is not of type {' or '.join(error.kind.types)}" if hasattr(error.kind, "types") else "has another type"
    return f"breaks the contract's rule `{name}`"


def _dotted(path: Sequence[str | int]) -> str:
    """
    >>> _dotted(["persons", 0, "seq"])
    'persons[0].seq'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _paths(fields: Fields[str, Any], path: str = "") -> Iterator[str]:
    """Dotted paths of everything a raw record holds; items of a list share theirs."""
    for name, value in fields.items():
        here = f"{path}.{name}" if path else name
        items = value if isinstance(value, list) else [value]
        inner = [item for item in items if isinstance(item, dict) and item]
        for item in inner:
            yield from _paths(item, here)
        if not inner:
            yield here
