"""Writes one Python function for a whole mapping.

Nothing is interpreted per record: each sentence becomes the few lines that a person would write for
it, with its problem caught in place.  `Mapping.source` shows them.

Objects made by `fields:` are filled in two passes: what comes from the source; then, only where that
gave something, constants, defaults and the question of what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import Problem
from gateway.mapping import runtime
from gateway.mapping.language import (
    FORM,
    TARGET,
    UNSAID,
    Condition,
    Field,
    MappingFile,
    Record,
    Sentence,
    Source,
    Step,
)
from gateway.mapping.lines import Lines, Path
from gateway.mapping.reach import Reach
from gateway.mapping.reading import Complaints
from gateway.mapping.steps import Deed, Deeds
from gateway.mapping.values import Values

_CALLED = ("at", "bad", "clean", "cut", "dig", "order", "picked", "refer", "rows", "said", "Translated")
_TEXT_HEADS = frozenset({"subject", "part", "agency", "status"})


@dataclass(frozen=True, slots=True)
class Written:
    """The function's source, what it needs around it, and what it reads and fills, for people."""

    source: str
    around: dict[str, Any]
    used: dict[str, set[str]]
    """Dotted source field → the targets it goes into."""
    places: dict[str, tuple[int, str]]
    """Dotted target, without list indices → line and names of its sources."""


@dataclass(slots=True)
class _Branch:
    """An object in the making: its variable, and what goes into it."""

    var: str
    inside: dict[str, Field | _Branch] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a result goes: the statement that puts it there, and how a reference finds the place again."""

    put: Callable[[str], str]
    container: str = ""
    key: str = ""


def write(file: MappingFile, *, deeds: Deeds, label: str, complaints: Complaints) -> Written:
    """The function of a mapping.  `label` names the file in problems.  What is wrong goes to `complaints`."""
    out = Lines()
    out.around = {name: getattr(runtime, name) for name in _CALLED}
    writer = _Writer(out, deeds, label, complaints)
    with out.block("def translate(f, key, problems, made):"):
        out.add("gf = f.get")
        for record in file.records:
            writer.record(record)
    return Written(str(out), out.around, writer.reach.used, writer.places)


class _Writer:
    def __init__(self, out: Lines, deeds: Deeds, label: str, complaints: Complaints) -> None:
        self.reach = Reach(out, complaints)
        self._values = Values(out, self.reach, deeds)
        self.places: dict[str, tuple[int, str]] = {}
        self._out, self._deeds, self._label, self._complaints = out, deeds, label, complaints
        self._optional = False
        self._lists: frozenset[str] = frozenset()
        self._timed: tuple[Any, ...] | None = None
        """What the record's `time:` is made of; a field that is made of the same takes it over."""

    # Records

    def record(self, record: Record) -> None:
        """One canonical record, or one for each item of a list."""
        self._out.add(f"# line {record.line}: {record.entity!r}")
        self._optional = record.optional
        self._lists = frozenset(one.target[0] for one in record.fields if _listed(one))
        self._for(Path().inside("when"), record.line)
        if record.each is None:
            with self._when(record.when):
                self._one(record)
            return
        with self._each(Sentence(record.line, each=record.each), Path()), self._when(record.when):
            self._one(record)

    def _one(self, record: Record) -> None:
        self._timed = None
        self._out.add("part = subject = day = ''; agency = time = timed = expires = None; status = 'Actual'")
        for name, head in record.heads.items():
            self._head(name, head.sentences[0])
        if "time" in record.heads:
            self._out.add("day = time[:10] if time else ''")
        self._out.add("refs = []")
        root = self._branch(record.fields)
        self._out.add(f"{root.var} = {{}}")
        self._first(root, Path(), deferred=False)
        self._out.add(
            f"if refs: refer({root.var}, refs, problems)",
            f"made.append(Translated({record.entity!r}, part, subject, agency, time, {root.var}, status, expires))",
        )

    def _head(self, name: str, sentence: Sentence) -> None:
        if any(one.fields is not None or one.each or one.ref or one.table for one in (sentence, *sentence.either)):
            self._wrong(sentence.line, name, "is one piece of text: from, value, as, default, either, pick, when")
            return
        if name == "part":
            sentence = replace(sentence, optional=False)
        sentence = replace(_implied(sentence, name), either=tuple(_implied(one, name) for one in sentence.either))
        result = {"time": "timed = {0}; time = at({0})", "expires": "expires = at({0})"}.get(name, f"{name} = {{0}}")
        path = Path().inside(name)
        self._for(path, sentence.line)
        self._value(sentence, path, _Place(result.format))
        if name == "time":
            self._timed = self._values.made_of(sentence) if sentence.default is UNSAID else None
        if name == "status":
            self._out.around["STATUSES"] = runtime.STATUSES
            off = self._out.bind("k", Problem(runtime.STATUS, path=name, where=self._where(sentence)))
            self._out.add(f"if status not in STATUSES: problems.append({off})")

    # Objects

    def _branch(self, fields: tuple[Field, ...]) -> _Branch:
        """The fields as a tree along the dots of their targets."""
        root = _Branch(self._out.name("o"))
        for one in fields:
            *way, last = one.target
            at: Field | _Branch = root
            for step in way:
                if isinstance(at, _Branch):
                    at = at.inside.setdefault(step, _Branch(self._out.name("o")))
            if isinstance(at, Field) or last in at.inside:
                self._complaints.add(TARGET, one.line, one.name, "is filled by another line too")
            else:
                at.inside[last] = one
        return root

    def _first(self, branch: _Branch, path: Path, *, deferred: bool) -> None:
        """What comes from the source; without a second pass (not `deferred`), everything else too."""
        for name, inside in branch.inside.items():
            here = path.inside(name)
            if isinstance(inside, _Branch):
                self._out.add(f"{inside.var} = {{}}")
                self._first(inside, here, deferred=deferred)
                self._out.add(f"if {inside.var}: {branch.var}[{name!r}] = {inside.var}")
            else:
                self._field(inside, branch.var, name, here, deferred=deferred)

    def _second(self, branch: _Branch, path: Path) -> None:
        """Constants, defaults and what is missing, of an object in which something was found."""
        for name, inside in branch.inside.items():
            here = path.inside(name)
            if isinstance(inside, _Branch):
                self._second(inside, here)
                self._out.add(f"if {inside.var}: {branch.var}[{name!r}] = {inside.var}")
            else:
                self._later(inside, branch.var, name, here)
        if self._deeds.sink and (late := self._late(branch)):  # XML has an order
            self._out.add(f"order({branch.var}, {late!r})")

    def _late(self, branch: _Branch) -> list[str]:
        """The names from the first on that the second pass may fill, where the first pass may have filled one behind it."""
        names, insides = list(branch.inside), list(branch.inside.values())
        late = [isinstance(inside, _Branch) or self._postponed(inside) for inside in insides]
        first = late.index(True) if True in late else len(late)
        behind = insides[first + 1 :]
        return names[first:] if any(isinstance(inside, _Branch) or not self._postponed(inside) for inside in behind) else []

    def _postponed(self, one: Field) -> bool:
        return self._asks(one) or (_constant(one) if _listed(one) else one.sentences[0].value is not UNSAID)

    def _field(self, one: Field, var: str, name: str, path: Path, *, deferred: bool) -> None:
        self._for(path, one.line)
        self.places[path.plain] = (one.line, ", ".join(each.said for each in one.sentences if each.said))
        self._out.add(f"# line {one.line}: {path.plain!r}")
        sentence = one.sentences[0]
        place = _Place(lambda said: f"{var}[{name!r}] = {said}", var, repr(name))
        if _listed(one):
            if not (deferred and _constant(one)):
                self._list(one, path, place, deferred=deferred)
        elif not deferred:
            self._value(sentence, path, place)
        elif sentence.value is UNSAID:
            self._value(sentence, path, place, missing=False, failed=place.put("None") if self._asks(one) else "")

    def _later(self, one: Field, var: str, name: str, path: Path) -> None:
        self._for(path, one.line)
        sentence = one.sentences[0]
        if _listed(one) and _constant(one):
            self._list(one, path, _Place(lambda said: f"{var}[{name!r}] = {said}", var, repr(name)), deferred=True)
        elif sentence.value is not UNSAID and not _listed(one):
            with self._when(sentence.when):
                self._out.add(f"{var}[{name!r}] = {self._fixed(sentence, sentence.value, path)}")
        elif self._asks(one):
            with self._when(None if _listed(one) else sentence.when), self._out.block(f"if {name!r} not in {var}:"):
                self._lacking(sentence, path, _Place(lambda said: f"{var}[{name!r}] = {said}"))

    def _asks(self, one: Field) -> bool:
        """Something is to be done where the source is blank.  An object or a list is asked for only by its own word."""
        sentence = one.sentences[0]
        if _listed(one):
            return any(each.optional is False for each in one.sentences)
        return sentence.default is not UNSAID or self._needed(sentence)

    def _needed(self, sentence: Sentence) -> bool:
        if sentence.optional is None:
            return sentence.fields is None and not self._optional
        return not sentence.optional

    # Lists

    def _list(self, one: Field, path: Path, place: _Place, *, deferred: bool) -> None:
        made = self._out.name("l")
        self._out.add(f"{made} = []")
        for sentence in one.sentences:
            self._into(sentence, made, path.item(made))
        with self._out.block(f"if {made}:"):
            self._out.add(place.put(made))
        if self._asks(one) and not deferred:
            with self._out.block("else:"):
                self._bad(one.sentences[0], path)

    def _into(self, sentence: Sentence, made: str, path: Path) -> None:
        """Append what a sentence gives: one item, or one for each item of a source list."""
        place = _Place(lambda said: f"{made}.append({said})", made)
        inner = replace(sentence, each=None, when=None, optional=sentence.optional is not False)
        self._for(path, sentence.line)
        if sentence.each is None:
            with self._when(sentence.when):
                self._value(inner, path, place)
            return
        inner = replace(inner, optional=True)
        with self._each(sentence, path), self._when(sentence.when):
            self._value(inner, path, place)

    @contextmanager
    def _each(self, sentence: Sentence, path: Path) -> Iterator[None]:
        """The loops over a source list, one for each dot; items must be objects where a sentence reads a field of them."""
        assert sentence.each is not None
        first, *rest = sentence.each.steps or ("",)
        outer = replace(sentence.each, steps=(first,) if first else ())
        with ExitStack() as loops:
            loops.enter_context(self._loop(sentence, outer, path, split="" if rest else sentence.split))
            for number, step in enumerate(rest, 1):
                split = sentence.split if number == len(rest) else ""
                loops.enter_context(self._loop(sentence, Source(step, steps=(step,)), path, split=split))
            yield

    @contextmanager
    def _loop(self, sentence: Sentence, source: Source, path: Path, *, split: str | int) -> Iterator[None]:
        said = self.reach.read(source)
        scope = self.reach.item(source, number=self._out.name("n"))
        items = f"cut({said}, {split!r})" if split else f"rows({said})"
        with self._out.block(f"for {scope.number}, {scope.var} in enumerate({items}, 1):"):
            opening = len(self._out.lines)
            with self.reach.inside(scope):
                yield
            if scope.inward:
                self._out.around["SHAPE"], self._out.around["Problem"] = runtime.SHAPE, Problem
                self._out.insert(
                    opening,
                    f"if {scope.var}.__class__ is not dict:",
                    f"    if clean({scope.var}) is not None: problems.append(Problem(SHAPE, {path.code}, {self._where(sentence)!r}))",
                    "    continue",  # an element of XML without content is a blank text
                    f"{scope.getter} = {scope.var}.get",
                )

    # One value

    def _value(
        self, sentence: Sentence, path: Path, place: _Place, *, missing: bool = True, failed: str = ""
    ) -> None:
        """One sentence.  `missing`: say here what happens where it gives nothing; `failed`: also do this where it cannot."""
        with self._when(sentence.when):
            if sentence.pick:
                first, *rest = sentence.pick
                with self.reach.inside(self.reach.picked(first)):
                    self._value(replace(sentence, pick=tuple(rest), when=None), path, place, missing=missing, failed=failed)
            elif sentence.value is not UNSAID:
                self._out.add(place.put(self._fixed(sentence, sentence.value, path)))
            elif sentence.fields is not None:
                self._object(sentence, path, place, missing=missing)
            elif sentence.either:
                self._either(sentence, path, place, missing=missing)
            else:
                self._plain(sentence, path, place, missing=missing, failed=failed)

    def _fixed(self, sentence: Sentence, value: Any, path: Path) -> str:
        if value is None or isinstance(value, dict):
            self._wrong(sentence.line, path.plain, "a constant is text, a number, true or false, or a list of these")
            return "None"
        return self._out.constant(self._deeds.constant(replace(sentence, sources=()), value, path.plain))

    def _object(self, sentence: Sentence, path: Path, place: _Place, *, missing: bool) -> None:
        assert sentence.fields is not None
        branch = self._branch(sentence.fields)
        self._out.add(f"{branch.var} = {{}}")
        self._first(branch, path, deferred=True)
        with self._out.block(f"if {branch.var}:"):
            self._second(branch, path)
            self._out.add(place.put(branch.var))
        self._otherwise(sentence, path, place, missing=missing)

    def _either(self, sentence: Sentence, path: Path, place: _Place, *, missing: bool) -> None:
        made = self._out.name("t")
        self._out.add(f"{made} = None")
        for one in sentence.either:
            if one.ref or one.each or one.either:
                self._wrong(one.line, path.plain, "either: holds sentences without each, ref or another either")
                continue
            with self._out.block(f"if {made} is None:"):
                self._value(replace(one, optional=True), path, _Place(lambda said: f"{made} = {said}"))
        with self._out.block(f"if {made} is not None:"):
            self._out.add(place.put(made))
        self._otherwise(sentence, path, place, missing=missing)

    def _plain(self, sentence: Sentence, path: Path, place: _Place, *, missing: bool, failed: str) -> None:
        """Sources → stripped → converted → looked up → put; or what `time:` made of the same, where it could."""
        if self._timed is not None and self._values.made_of(sentence) == self._timed:
            with self._out.block("if timed is not None:"):
                self._out.add(place.put("timed"))
            with self._out.block("else:"):
                self._anew(sentence, path, place, missing=missing, failed=failed)
        else:
            self._anew(sentence, path, place, missing=missing, failed=failed)

    def _anew(self, sentence: Sentence, path: Path, place: _Place, *, missing: bool, failed: str) -> None:
        deed = self._deeds.deed(sentence, path.plain)
        with self._out.block(f"if {self._values.given(sentence, deed)}:"):
            if deed == Deed():
                self._put(sentence, path, place)
            else:
                with self._out.block("try:"):
                    self._values.convert(sentence, deed)
                with self._out.block("except ValueError as e:"):
                    self._out.add(f"bad(problems, {self._where(sentence)!r}, {path.code}, e)", *filter(None, [failed]))
                with self._out.block("else:"):
                    with self._out.block("if v is not None:"):
                        self._put(sentence, path, place)
                    self._otherwise(sentence, path, place, missing=missing)
        self._otherwise(sentence, path, place, missing=missing)

    def _put(self, sentence: Sentence, path: Path, place: _Place) -> None:
        if sentence.ref is None:
            self._out.add(place.put("v"))
            return
        if sentence.ref.list not in self._lists:
            self._wrong(sentence.line, path.plain, f"{sentence.ref.list} is no list of this record")
        absent = sentence.unknown == "absent"
        link = self._out.constant(runtime.Link(sentence.ref.list, sentence.ref.by, absent, self._where(sentence)))
        key = place.key or f"len({place.container})"
        self._out.add(f"refs.append(({place.container}, {key}, v, {link}, {path.code}))", place.put("None"))

    def _otherwise(self, sentence: Sentence, path: Path, place: _Place, *, missing: bool) -> None:
        """The branch for a source that gave nothing."""
        if missing and (sentence.default is not UNSAID or self._needed(sentence)):
            with self._out.block("else:"):
                self._lacking(sentence, path, place)

    def _lacking(self, sentence: Sentence, path: Path, place: _Place) -> None:
        if sentence.default is UNSAID:
            self._bad(sentence, path)
        else:
            self._out.add(place.put(self._fixed(sentence, sentence.default, path)))

    # Conditions and problems

    @contextmanager
    def _when(self, when: Condition | None) -> Iterator[None]:
        if when is None:
            yield
            return
        with self._out.block(f"if {self.reach.condition(when)}:"):
            yield

    def _for(self, path: Path, line: int) -> None:
        self.reach.target, self.reach.line = path, line

    def _bad(self, sentence: Sentence, path: Path) -> None:
        self._out.add(f"bad(problems, {self._where(sentence)!r}, {path.code})")

    def _where(self, sentence: Sentence) -> str:
        return f"{self._label}:{sentence.line}" + (f", field {sentence.said}" if sentence.said else "")

    def _wrong(self, line: int, path: str, rule: str) -> None:
        self._complaints.add(FORM, line, path, rule)


def _listed(one: Field) -> bool:
    return one.many or one.sentences[0].each is not None


def _constant(one: Field) -> bool:
    """Nothing of it comes from the source."""
    return all(sentence.value is not UNSAID and sentence.each is None for sentence in one.sentences)


def _implied(sentence: Sentence, name: str) -> Sentence:
    """A head's own last conversion: text for words, a time where no conversion was named."""
    if name in _TEXT_HEADS:
        alone = len(sentence.sources) == 1 or (sentence.sources and sentence.steps)
        return replace(sentence, steps=(*sentence.steps, Step("text"))) if alone else sentence
    return replace(sentence, steps=(Step("time"),)) if sentence.sources and not sentence.steps else sentence
