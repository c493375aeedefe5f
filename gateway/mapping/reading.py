"""From the YAML of a mapping to values, with every mistake of form collected, each with its line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from gateway import yamlfile
from gateway.errors import Code, Problem, Refused
from gateway.mapping.language import (
    CONDITION_WORDS,
    FILE_WORDS,
    FORM,
    HEADS,
    PICK_WORDS,
    RECORD_WORDS,
    SENTENCE_WORDS,
    UNSAID,
    WORD,
    Compare,
    Condition,
    Field,
    MappingFile,
    Pick,
    Present,
    Record,
    Reference,
    Same,
    Sentence,
    Several,
    Source,
    Step,
)
from gateway.mapping.runtime import STATUSES
from gateway.yamlfile import Map

Choice = TypeVar("Choice", bound=str)
_TAKE: tuple[Literal["first", "last"], ...] = ("first", "last")
_UNKNOWN: tuple[Literal["keep", "reject", "absent"], ...] = ("keep", "reject", "absent")


class Complaints:
    """Gathers what is wrong with one file, so that a person sees all of it at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, code: Code, line: int, path: str, rule: str) -> None:
        self.problems.append(Problem(code, path=path, where=f"{self.file}:{line}", rule=rule))

    def refuse(self) -> None:
        """Raises Refused with everything that was gathered; does nothing where that is nothing."""
        if self.problems:
            raise Refused(*self.problems)


def read(path: Path, complaints: Complaints) -> MappingFile:
    """The mapping in a file.  Raises Refused where it is no YAML mapping at all; the rest is gathered."""
    data = yamlfile.load(path).data
    if not isinstance(data, Map):
        complaints.add(FORM, 1, "", "a mapping begins with kind: (or to:), entity: and fields:")
        complaints.refuse()
    return _Reader(complaints).file(data)


def source(text: str) -> Source:
    """What the name of a source field means.

    >>> source("^caller.name")
    Source(text='^caller.name', up=1, steps=('caller', 'name'), special='')
    """
    inner = text.lstrip("^")
    up = len(text) - len(inner)
    if inner in {"$key", "$number"}:
        return Source(text, up, special="key" if inner == "$key" else "number")
    inner = inner.removeprefix(".")
    steps = tuple(step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", inner)) if inner else ()
    return Source(text, up, steps)


class _Reader:
    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    # The file and its records

    def file(self, data: Map) -> MappingFile:
        single = "records" not in data
        self._words(data, {**FILE_WORDS, **(RECORD_WORDS if single or "to" in data else {})}, "")
        sink = "to" in data
        kind = self._text(data, "to" if sink else "kind", "")
        if not kind:
            self._wrong(data.line, "", "kind: is missing; it names the kind of raw record")
        optional = self._flag(data, "optional", "")
        return MappingFile(
            kind=kind,
            sink=sink,
            records=self._records(data, single=single, optional=bool(optional)),
            zone=self._text(data, "zone", ""),
            title=self._text(data, "title", ""),
            because=self._text(data, "because", ""),
            ignored=tuple(str(name) for name in self._items(data, "ignored", "ignored")),
            takes=self._takes(data, sink=sink),
        )

    def _records(self, data: Map, *, single: bool, optional: bool) -> tuple[Record, ...]:
        if "emit" in data:
            return self._silent(data)
        if single:
            return (self._record(data, optional=optional),)
        made = []
        for item in self._items(data, "records", "records"):
            if isinstance(item, Map):
                self._words(item, RECORD_WORDS, "records")
                made.append(self._record(item, optional=optional))
            else:
                self._wrong(data.lines["records"], "records", "each record begins with - entity:")
        return tuple(made)

    def _takes(self, data: Map, *, sink: bool) -> tuple[str, ...]:
        """The statuses that a sink's mapping takes."""
        if "takes" not in data:
            return ("Actual",)
        said = tuple(str(status) for status in self._items(data, "takes", "takes"))
        if not sink or not STATUSES.issuperset(said):
            self._wrong(data.lines["takes"], "takes", "goes with to:, and names some of Actual, Exercise, Test")
        return said

    def _silent(self, data: Map) -> tuple[Record, ...]:
        if data["emit"] != "none" or not data.get("because"):
            self._wrong(data.lines["emit"], "emit", "only `emit: none` is possible, and because: says why")
        for word in ("entity", "fields", "records"):
            if word in data:
                self._wrong(data.lines[word], word, "with `emit: none` there is nothing to make")
        return ()

    def _record(self, data: Map, *, optional: bool) -> Record:
        entity = self._text(data, "entity", "")
        if not entity:
            self._wrong(data.line, "entity", "entity: is missing; it names the contract, for example incident")
        own = self._flag(data, "optional", "")
        return Record(
            line=data.line,
            entity=entity,
            fields=self._fields(data.get("fields"), data.lines.get("fields", data.line), ""),
            heads={name: self._head(data, name) for name in HEADS if name in data},
            each=self._source(data["each"], data.lines["each"], "each") if "each" in data else None,
            when=self._when(data["when"], data.lines["when"], "when") if "when" in data else None,
            optional=optional if own is None else own,
        )

    def _head(self, data: Map, name: str) -> Field:
        line = data.lines[name]
        return Field((name,), line, (self._sentence(data[name], line, name),))

    # Fields and sentences

    def _fields(self, data: Any, line: int, path: str) -> tuple[Field, ...]:
        if not isinstance(data, Map) or not data:
            self._wrong(line, path, "fields: holds at least one line `target: source`")
            return ()
        return tuple(self._field(name, said, data.lines[name], path) for name, said in data.items())

    def _field(self, name: str, said: Any, line: int, path: str) -> Field:
        path = f"{path}.{name}" if path else name
        target = tuple(step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", name))
        if not all(target):
            self._wrong(line, path, "a target is names with single dots between them")
        if isinstance(said, yamlfile.List):
            if not said:
                self._wrong(line, path, "the list of sentences is empty")
            sentences = tuple(self._sentence(one, at, path) for one, at in zip(said, said.lines, strict=True))
            return Field(target, line, sentences, many=True)
        return Field(target, line, (self._sentence(said, line, path),))

    def _sentence(self, said: Any, line: int, path: str) -> Sentence:
        if isinstance(said, str | int | float) and not isinstance(said, bool) and said != "":
            return Sentence(line, sources=(source(str(said)),))
        if not isinstance(said, Map):
            self._wrong(line, path, "a sentence is the name of a source field, or {from: …, as: …}")
            return Sentence(line, value="")
        self._words(said, SENTENCE_WORDS, path)
        self._one_origin(said, line, path)
        return Sentence(
            line=line,
            sources=self._sources(said, "from", path),
            value=said.get("value", UNSAID),
            fields=self._fields(said["fields"], said.lines["fields"], path) if "fields" in said else None,
            either=self._either(said, path),
            steps=self._steps(said, path),
            table=self._text(said, "table", path),
            default=said.get("default", UNSAID),
            optional=self._flag(said, "optional", path),
            zone=self._zone(said, path),
            when=self._when(said["when"], said.lines["when"], path) if "when" in said else None,
            unknown=self._choice(said, "unknown", _UNKNOWN, path) or "",
            each=self._source(said["each"], said.lines["each"], path) if "each" in said else None,
            split=self._split(said, path),
            pick=self._picks(said, path),
            ref=self._ref(said, path),
        )

    def _one_origin(self, said: Map, line: int, path: str) -> None:
        origins = [word for word in ("from", "value", "fields", "either") if word in said]
        if len(origins) != 1:
            self._wrong(line, path, "exactly one of from, value, fields, either says where it comes from")
        for needs, word in (("each", "split"), ("ref", "by"), ("by", "ref"), ("from", "zone")):
            if word in said and needs not in said:
                self._wrong(line, path, f"{word}: goes together with {needs}:")
        if "pick" in said and "from" not in said and "fields" not in said:
            self._wrong(line, path, "pick: goes together with from: or fields:")
        for word in ("as", "table", "default", "ref"):
            if word in said and "from" not in said and not ("value" in said and word in {"as", "table"}):
                self._wrong(line, path, f"{word}: goes together with from:")

    def _either(self, said: Map, path: str) -> tuple[Sentence, ...]:
        if "either" not in said:
            return ()
        items = self._items(said, "either", path)
        return tuple(self._sentence(one, at, path) for one, at in zip(items, _lines(items), strict=False))

    def _steps(self, said: Map, path: str) -> tuple[Step, ...]:
        if "as" not in said:
            return ()
        return tuple(step for one in self._items(said, "as", path) for step in self._step(one, said.lines["as"], path))

    def _step(self, said: Any, line: int, path: str) -> Iterable[Step]:
        if isinstance(said, str) and said.strip():
            try:
                name, *arguments = shlex.split(said)
            except ValueError:
                self._wrong(line, path, "a quote after as: is not closed")
                return
            yield Step(name, tuple(arguments))
        elif isinstance(said, Map) and len(said) == 1:
            ((name, given),) = said.items()
            yield Step(name, tuple(given) if isinstance(given, yamlfile.List) else (given,))
        else:
            self._wrong(line, path, "as: is the name of a conversion, `name argument`, {name: arguments} or a list of these")

    def _zone(self, said: Map, path: str) -> str | Source:
        given = said.get("zone", "")
        if isinstance(given, Map) and set(given) == {"from"}:
            return self._source(given["from"], said.lines["zone"], path)
        return self._text(said, "zone", path)

    def _split(self, said: Map, path: str) -> str | int:
        given = said.get("split", "")
        if "split" in said and (isinstance(given, bool) or not isinstance(given, str | int) or not given or given == 0):
            self._wrong(said.lines["split"], path, "split: is a text between the items, or their length")
            return ""
        return given if isinstance(given, str | int) else ""

    def _picks(self, said: Map, path: str) -> tuple[Pick, ...]:
        if "pick" not in said:
            return ()
        line = said.lines["pick"]
        return tuple(self._pick(one, line, path) for one in self._items(said, "pick", path))

    def _pick(self, given: Any, line: int, path: str) -> Pick:
        if not isinstance(given, Map) or "in" not in given:
            self._wrong(line, path, "pick: is {in: LIST, where: FIELD, is: VALUE, take: first}, or a list of these")
            return Pick(Source("?"), None, "first", None)
        self._words(given, PICK_WORDS, path)
        test = None
        if "where" in given:
            found = self._compare({**given, "field": given["where"]}, line, path, ("is", "not", "same"))
            test = found if isinstance(found, Compare | Same) else None
        take = self._choice(given, "take", _TAKE, path)
        by = self._source(given["by"], line, path) if "by" in given else None
        return Pick(self._source(given["in"], line, path), test, take or "first", by)

    def _ref(self, said: Map, path: str) -> Reference | None:
        if "ref" not in said:
            return None
        return Reference(self._text(said, "ref", path), tuple(self._text(said, "by", path).split(".")))

    # Conditions

    def _when(self, said: Any, line: int, path: str) -> Condition:
        if isinstance(said, yamlfile.List) and said:
            return Several(tuple(self._when(one, line, path) for one in said), any=False)
        if not isinstance(said, Map):
            self._wrong(line, path, "when: is {present: FIELD}, {absent: FIELD} or {field: FIELD, is: VALUE}")
            return Several((), any=False)
        self._words(said, CONDITION_WORDS, path)
        if set(said) == {"any"} and isinstance(said["any"], yamlfile.List):
            return Several(tuple(self._when(one, line, path) for one in said["any"]), any=True)
        if len(said) == 1 and (word := next(iter(said))) in {"present", "absent"}:
            return Present(self._sources(said, word, path), absent=word == "absent")
        return self._compare(said, line, path, ("is", "in", "not", "same"))

    def _compare(self, said: Mapping[str, Any], line: int, path: str, words: tuple[str, ...]) -> Condition:
        used = [word for word in words if word in said]
        if "field" not in said or len(used) != 1 or said[used[0]] is None:
            self._wrong(line, path, f"a comparison names one field and one of {', '.join(words)}")
            return Several((), any=False)
        if used == ["same"]:
            return Same(self._source(said["field"], line, path), self._source(said["same"], line, path))
        values = said[used[0]] if isinstance(said[used[0]], yamlfile.List) else [said[used[0]]]
        return Compare(
            self._source(said["field"], line, path), tuple(_plain(value) for value in values), negate=used[0] == "not"
        )

    # Small pieces

    def _source(self, said: Any, line: int, path: str) -> Source:
        if isinstance(said, str | int) and not isinstance(said, bool) and str(said).strip():
            return source(str(said))
        self._wrong(line, path, "the name of a source field is missing here")
        return Source("?")

    def _sources(self, said: Map, word: str, path: str) -> tuple[Source, ...]:
        if word not in said:
            return ()
        return tuple(self._source(one, said.lines[word], path) for one in self._items(said, word, path))

    def _items(self, said: Map, word: str, path: str) -> Sequence[Any]:
        """A list, or one value taken as a list of one."""
        given = said.get(word)
        if isinstance(given, yamlfile.List) and given:
            return given
        if word in said and (given is None or given == []):
            self._wrong(said.lines[word], path, f"{word}: is empty")
        return [] if given is None or given == [] else [given]

    def _text(self, said: Map, word: str, path: str) -> str:
        given = said.get(word, "")
        if isinstance(given, str | int) and not isinstance(given, bool):
            return str(given)
        self._wrong(said.lines[word], path or word, f"{word}: is one piece of text")
        return ""

    def _flag(self, said: Map, word: str, path: str) -> bool | None:
        given = said.get(word)
        if word in said and not isinstance(given, bool):
            self._wrong(said.lines[word], path or word, f"{word}: is true or false")
        return given if isinstance(given, bool) else None

    def _choice(self, said: Map, word: str, choices: tuple[Choice, ...], path: str) -> Choice | None:
        if word not in said:
            return None
        for choice in choices:
            if said[word] == choice:
                return choice
        self._wrong(said.lines[word], path, f"{word}: is one of {', '.join(choices)}")
        return None

    def _words(self, said: Map, known: Mapping[str, str], path: str) -> None:
        for word in said:
            if word not in known:
                where = f"{path}.{word}" if path else word
                self._complaints.add(WORD, said.lines[word], where, f"`{word}` is not a word of the language here")

    def _wrong(self, line: int, path: str, rule: str) -> None:
        self._complaints.add(FORM, line, path, rule)


def _lines(items: Sequence[Any]) -> Sequence[int]:
    return items.lines if isinstance(items, yamlfile.List) else [0]


def _plain(value: Any) -> str:
    """As the source would write it: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)
