"""What a sentence can reach: the raw record, the items around it, and the conditions on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.mapping.language import FORM, Compare, Condition, Pick, Present, Same, Source
from gateway.mapping.lines import Lines, Path
from gateway.mapping.reading import Complaints


@dataclass(slots=True)
class Scope:
    """A raw record, item or row that sentences read from."""

    var: str
    prefix: tuple[str, ...] = ()
    number: str = ""
    inward: bool = False
    """Some sentence reads a field of it, so it must be an object."""

    @property
    def getter(self) -> str:
        return f"g{self.var}"


class Reach:
    """The expressions that read sources; keeps account of which source goes into which target."""

    def __init__(self, out: Lines, complaints: Complaints) -> None:
        self.used: dict[str, set[str]] = {}
        """Dotted source field → the targets it goes into."""
        self.target = Path()
        """For whom is being read; where a complaint points to."""
        self.line = 0
        self._out, self._complaints = out, complaints
        self._scopes = [Scope("f")]

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Sources mean this item while it lasts."""
        self._scopes.append(scope)
        yield
        self._scopes.pop()

    def item(self, source: Source, *, number: str = "") -> Scope:
        """A scope for the items of a list."""
        return Scope(self._out.name("f"), self._way(source), number)

    def read(self, source: Source, *, direct: bool = False) -> str:
        """The expression that reads a source.  `direct`: inside a lambda, for whose row no getter was made."""
        if source.special == "key":
            return "key"
        scope = self._scope(source)
        if source.special == "number":
            if not scope.number:
                self._wrong("$number counts the items of each:, and there is none here")
            return scope.number or "0"
        self.used.setdefault(".".join(self._way(source)), set()).add(self.target.plain)
        if not source.steps:
            return scope.var
        scope.inward = True
        first, *rest = source.steps
        got = f"{scope.var}.get({first!r})" if direct else f"{scope.getter}({first!r})"
        return f"dig({got}, {', '.join(map(repr, rest))})" if rest else got

    def condition(self, when: Condition, *, direct: bool = False) -> str:
        """The expression that tests a condition."""
        match when:
            case Present(sources, absent):
                test = "is None" if absent else "is not None"
                return " and ".join(f"clean({self.read(one, direct=direct)}) {test}" for one in sources)
            case Compare(source, values, negate):
                known = self._out.constant(frozenset(values))
                return f"said({self.read(source, direct=direct)}) {'not in' if negate else 'in'} {known}"
            case Same(source, other):
                one, two = (self.read(each, direct=direct) for each in (source, other))
                return f"said({one}) == said({two}) != ''"
            case _:
                parts = [f"({self.condition(one, direct=direct)})" for one in when.conditions]
                return f"({(' or ' if when.any else ' and ').join(parts) or 'True'})"

    def picked(self, pick: Pick) -> Scope:
        """Read one row of a list into a scope of its own."""
        rows = self.read(pick.rows)
        scope = self.item(pick.rows)
        with self.inside(scope):
            test = f"lambda {scope.var}: {self.condition(pick.test, direct=True)}" if pick.test else "None"
            by = f"lambda {scope.var}: {self.read(pick.by, direct=True)}" if pick.by else "None"
        self._out.add(
            f"{scope.var} = picked({rows}, {test}, {pick.take!r}, {by})",
            f"{scope.getter} = {scope.var}.get",
        )
        return scope

    def _scope(self, source: Source) -> Scope:
        if source.up < len(self._scopes):
            return self._scopes[-1 - source.up]
        self._wrong(f"{source.text} leads further out than there are records around it")
        return self._scopes[0]

    def _way(self, source: Source) -> tuple[str, ...]:
        up = min(source.up, len(self._scopes) - 1)
        return self._scopes[-1 - up].prefix + tuple(step for step in source.steps if not step.isdecimal())

    def _wrong(self, rule: str) -> None:
        self._complaints.add(FORM, self.line, self.target.plain, rule)
