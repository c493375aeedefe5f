"""What a generated function calls: the pieces that are not worth writing out each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.convert import Convert, Never, Unreadable
from gateway.errors import Code, Problem, code
from gateway.mapping.codes import UnknownCode

MISSING = code(
    "mapping.missing",
    "a field that the mapping needs is blank or missing",
    "Mend it at the source; or write `optional: true` or `default:` in the line that is named, and release the record.",
)
UNREADABLE = code(
    "mapping.unreadable",
    "a field is not in the form that the mapping expects",
    "Mend it at the source; or correct the conversion in the line that is named, and release the record.",
)
NEVER = code(
    "mapping.time-never-was",
    "a local time falls into the hour that the clock passed over",
    "Mend it at the source; or correct the zone, if the source writes another one's time.",
)
CODE_UNKNOWN = code(
    "mapping.code-unknown",
    "a code is not in its list, and the mapping rejects such",
    "Add the code to the list, or take `unknown: reject` out of the line that is named, and release the record.",
)
DANGLING = code(
    "mapping.reference",
    "a reference leads to no item of the record",
    "Mend it at the source; or write `unknown: absent` in the line that is named, and release the record.",
)
SHAPE = code(
    "mapping.shape",
    "a list holds plain values where the mapping expects records, or the other way",
    "Correct the line that is named: `from: .` reads plain values.",
)
STATUS = code(
    "mapping.status",
    "a record's status is none of Actual, Exercise, Test",
    "Translate the source's word with {choose: …} in the line that is named.",
)
TWICE = code(
    "mapping.part",
    "two canonical records made of one raw record have the same part",
    "Let `part` name a field that differs for each.",
)

STATUSES = frozenset({"Actual", "Exercise", "Test"})


class Translated(NamedTuple):
    """One canonical record as plain data: mapped, not yet checked against its contract.

    Parts of `data` are shared between records: read it, never change it.  A tuple, as it is made once a record.
    """

    entity: str
    part: str
    subject: str
    agency: str | None
    time: str | None
    data: dict[str, Any]
    status: str = "Actual"
    expires: str | None = None


def bad(problems: list[Problem], where: str, path: str, e: ValueError | None = None) -> None:
    """Add what is wrong with one field; only our own errors' words are taken, as others may hold the value."""
    problems.append(Problem(_code(e), path=path, where=where, rule=str(e) if isinstance(e, Unreadable) else ""))


def _code(e: ValueError | None) -> Code:
    match e:
        case None:
            return MISSING
        case Never():
            return NEVER
        case UnknownCode():
            return CODE_UNKNOWN
        case _:
            return UNREADABLE


def clean(value: Any) -> Any:
    """Stripped, None where that leaves nothing."""
    if value.__class__ is str:
        value = value.strip()
    return value if value or value == 0 else None


def said(value: Any) -> str:
    """As compared with what a condition names: stripped text, "" where there is nothing to compare."""
    if value.__class__ is str:
        return str(value.strip())
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def dig(value: Any, *steps: str) -> Any:
    """Inward by names, and by numbers in a list; None where the way ends."""
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def order(made: dict[str, Any], names: Sequence[str]) -> None:
    """Put these last, in this order."""
    for name in names:
        if name in made:
            made[name] = made.pop(name)


def rows(value: Any) -> Sequence[Any]:
    """A list; a single item, as XML shows lists of one, is a list of one."""
    if value.__class__ is list:
        items: list[Any] = value
        return items
    value = clean(value)
    return () if value is None else (value,)


def cut(value: Any, by: str | int) -> Sequence[Any]:
    """The items of a text: between separators, or every so many characters."""
    if value.__class__ is not str:
        return rows(value)
    if isinstance(by, int):
        return [piece for at in range(0, len(value), by) if (piece := value[at : at + by].strip())]
    return [piece for part in value.split(by) if (piece := part.strip())]


def picked(
    value: Any, test: Callable[[Any], bool] | None, take: str, by: Callable[[Any], Any] | None
) -> Mapping[str, Any]:
    """The first or last row that passes; an empty one where none does."""
    found = [row for row in rows(value) if isinstance(row, Mapping) and (test is None or test(row))]
    if by is not None:
        found = sorted((row for row in found if said(by(row))), key=lambda row: said(by(row)))
    return found[0 if take == "first" else -1] if found else {}


def chain(steps: Sequence[Convert]) -> Convert:
    """Conversions one after the other, until one says that there is nothing."""
    first, *rest = steps

    def convert(*values: Any) -> Any:
        value = first(*values)
        for step in rest:
            if value is None:
                return None
            value = step(value)
        return value

    return convert


def at(time: Any) -> str | None:
    """The instant of a canonical time."""
    said: str | None = time["at"] if time.__class__ is dict or isinstance(time, Mapping) else time
    return said


@dataclass(frozen=True, slots=True)
class Link:
    """A reference as the mapping says it."""

    list: str
    by: tuple[str, ...]
    absent: bool
    where: str


def refer(data: Mapping[str, Any], links: Sequence[tuple[Any, Any, Any, Link, str]], problems: list[Problem]) -> None:
    """Put in place of each reference the id of the item it means.  `links`: container, key, value, link, path."""
    known: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for container, key, value, link, path in links:
        index = known.get((link.list, link.by))
        if index is None:
            items = data.get(link.list) or ()
            index = known[link.list, link.by] = {said(dig(item, *link.by)): item.get("id") for item in items}
        word = said(value)
        if word in index:
            container[key] = value if index[word] is None else index[word]
        elif not link.absent:
            problems.append(Problem(DANGLING, path=path, where=link.where))
    for container, key, *_ in links:
        if isinstance(container, list):
            container[:] = [item for item in container if item is not None]
        elif container.get(key) is None:
            container.pop(key, None)
