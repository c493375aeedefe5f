"""Reads `agreements/<name>.yaml`, and refuses it with every problem, its line and its field.

An agreement is checked against the contracts when it is loaded: a field or an entity that does not
exist is a mistake today, not a silence tomorrow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from contracts import ACTIONS, ENTITIES, MAJOR
from gateway import yamlfile
from gateway.agreement.contract import known, missing
from gateway.agreement.fields import allowed
from gateway.agreement.projector import ALL
from gateway.agreement.topics import is_pattern, matches
from gateway.agreement.values import DELIVERIES, Agreement, Destination, Limits
from gateway.errors import Code, Problem, Refused, code

WRONG = code(
    "agreement.wrong",
    "Something in an agreement cannot be used.",
    "Correct the line that is named; `copperline docs agreements` describes every key.",
)
UNKNOWN = code(
    "agreement.unknown",
    "An agreement has a key that does not exist.",
    "Remove the line or correct its name; `copperline docs agreements` describes every key.",
)
FIELD = code(
    "agreement.field",
    "An agreement names a field that the contract does not have, or leaves out one that must go with it.",
    "Correct the path; `contracts/published/` lists the fields of every entity.",
)

KEYS = [
    "agreement",
    "title",
    "parties",
    "purpose",
    "law_enforcement",
    "valid",
    "topics",
    "fields",
    "backfill",
    "destinations",
    "start",
]
NEEDED = ["agreement", "title", "parties", "purpose", "valid", "topics", "fields", "destinations"]
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
TREATMENTS = ("plain", "absent")
LIMITS = {"length": 0, "hours": 0, "deliveries": DELIVERIES}


def load(path: Path) -> Agreement:
    """Read one agreement.  Raises Refused with every problem: file, line and field."""
    page = _Page(path)
    page.keys((), page.data, KEYS, NEEDED)
    name = page.read(("agreement",), _name)
    if name and name != path.stem:
        page.wrong(("agreement",), f"is {name!r} in a file named {path.name}: both must be the same")
    topics = page.read(("topics",), _topics) or ()
    read = Agreement(
        name=name or "",
        title=page.text("title"),
        provider=page.text("parties", "provider"),
        recipient=page.text("parties", "recipient"),
        purpose=page.text("purpose"),
        law_enforcement=page.flag("law_enforcement"),
        valid_from=page.read(("valid", "from"), _day) or date.max,
        valid_to=page.read(("valid", "to"), _day) or date.min,
        topics=topics,
        fields=_fields(page, topics),
        backfill=page.flag("backfill"),
        destinations=_destinations(page),
        start=_start(page),
        digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
    )
    page.keys(("parties",), page.at(("parties",)), ["provider", "recipient"], ["provider", "recipient"])
    page.keys(("valid",), page.at(("valid",)), ["from", "to"], ["from", "to"])
    if not page.problems and read.valid_to < read.valid_from:
        page.wrong(("valid", "to"), "comes before the first day")
    page.refuse()
    return read


def load_all(folder: Path) -> tuple[Agreement, ...]:
    """Every agreement of a site, by name.  Raises Refused with the problems of all of them."""
    read: list[Agreement] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            read.append(load(path))
        except Refused as e:
            problems.extend(e.problems)
    if problems:
        raise Refused(*problems)
    return tuple(read)


@dataclass(slots=True)
class _Page:
    """One file being read, and what was found wrong with it so far."""

    path: Path
    document: Any = None
    data: Mapping[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = yamlfile.load(self.path)
        if isinstance(self.document.data, Mapping):
            self.data = self.document.data
        else:
            self.wrong((), "is not a table of keys")

    def at(self, keys: tuple[str, ...]) -> Any:
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def read(self, keys: tuple[str, ...], reader: Callable[[Any], Any]) -> Any:
        """What stands at `keys` as `reader` takes it; None, and a problem unless it is absent, where it cannot."""
        value = self.at(keys)
        if value is None:
            return None
        try:
            return reader(value)
        except ValueError as e:
            self.wrong(keys, str(e))
            return None

    def text(self, *keys: str) -> str:
        return self.read(keys, _text) or ""

    def flag(self, key: str) -> bool:
        return bool(self.read((key,), _flag))

    def keys(self, at: tuple[str, ...], table: Any, allowed: list[str], needed: list[str]) -> None:
        """A problem for every key that does not exist, and for every one that must and does not."""
        if table is None:
            return  # said once, where the table itself is needed
        if not isinstance(table, Mapping):
            self.wrong(at, "is not a table of keys")
            return
        for key in table:
            if key not in allowed:
                self.wrong((*at, str(key)), "does not exist" + _hint(str(key), allowed), UNKNOWN)
        for key in needed:
            if table.get(key) is None:
                self.wrong((*at, key), "is missing")

    def wrong(self, keys: tuple[str, ...], rule: str, what: Code = WRONG) -> None:
        self.problems.append(Problem(what, path=".".join(keys), where=self.document.where(*keys), rule=rule))

    def refuse(self) -> None:
        if self.problems:
            raise Refused(*self.problems)


def _fields(page: _Page, topics: tuple[str, ...]) -> dict[str, tuple[str, ...]] | None:
    given = page.at(("fields",))
    if given == "all" or given is None:
        return None
    if not isinstance(given, Mapping):
        page.wrong(("fields",), "is `all`, or entities with their fields")
        return None
    page.keys(("fields",), given, list(ENTITIES), [])
    for entity in ENTITIES:
        if entity not in given and asked(topics, entity):
            page.wrong(("topics",), f"ask for {entity}, of which `fields` names none: name some, or ask for less")
    return {str(entity): _paths(page, str(entity), named) for entity, named in given.items() if entity in ENTITIES}


def _paths(page: _Page, entity: str, named: Any) -> tuple[str, ...]:
    if named == "all":
        return ALL
    if not isinstance(named, Mapping):
        page.wrong(("fields", entity), "is `all`, or fields with their treatment")
        return ()
    contract = known(entity)
    treatments: dict[str, str] = {}
    for path, treatment in named.items():
        if path not in contract:
            page.wrong(("fields", entity, str(path)), f"is no field of {entity}" + _hint(str(path), contract), FIELD)
        elif treatment not in TREATMENTS:
            page.wrong(("fields", entity, str(path)), f"is treated in an unknown way; known: {', '.join(TREATMENTS)}")
        else:
            treatments[path] = treatment
    paths = allowed(treatments, contract)
    for path in missing(entity, paths):
        page.wrong(("fields", entity), f"must name {path} too: the contract requires it beside what is named", FIELD)
    return paths


def asked(topics: tuple[str, ...], entity: str) -> bool:
    """Whether topic patterns can match events of an entity."""
    return any(matches(pattern, topic) for pattern in topics for topic in _possible(pattern, entity))


def _possible(pattern: str, entity: str) -> list[str]:
    """The topics of an entity that a pattern could be about: any agency is as good as the one it names."""
    words = pattern.split(".")
    agency = words[1] if len(words) > 1 and words[1] not in ("*", "#") else "any"
    return [f"police.{agency}.{entity}.{action}.v{MAJOR}" for action in ACTIONS]


def _destinations(page: _Page) -> tuple[Destination, ...]:
    given = page.at(("destinations",))
    if not isinstance(given, Mapping) or not given:
        if given is not None:
            page.wrong(("destinations",), "names at least one destination with its `via`")
        return ()
    return tuple(_destination(page, str(name), said) for name, said in given.items())


def _destination(page: _Page, name: str, said: Any) -> Destination:
    at = ("destinations", name)
    if not NAME.fullmatch(name):
        page.wrong(at, "is not a name of a-z, 0-9 and -, beginning with a letter")
    via = page.at((*at, "via"))
    if via == "sink":
        return _sink(page, name, said)
    page.keys(at, said, ["via", "limits"], ["via"])
    if via not in (None, "bus", "log"):
        page.wrong((*at, "via"), "is bus, log or sink")
    page.keys((*at, "limits"), page.at((*at, "limits")), list(LIMITS), [])
    given = {key: page.read((*at, "limits", key), _count) or default for key, default in LIMITS.items()}
    return Destination(name, "log" if via == "log" else "bus", Limits(**given))


def _sink(page: _Page, name: str, said: Any) -> Destination:
    at = ("destinations", name)
    keys = ["via", "system", "feed"]
    page.keys(at, said, keys, keys)
    system, feed = (page.read((*at, key), _name) or "" for key in ("system", "feed"))
    return Destination(name, "sink", system=system, feed=feed)


def _start(page: _Page) -> date | None:
    given = page.at(("start",))
    if given in (None, "now"):
        return None
    day: date | None = page.read(("start",), _day)
    return day


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("is a name of a-z, 0-9 and -, beginning with a letter")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is some text")
    return value


def _flag(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ValueError("is true or false")


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("is a number above 0")
    return value


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as e:
        raise ValueError("is a day, such as 2027-12-31") from e


def _topics(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("is a list of topic patterns")
    for pattern in value:
        if not isinstance(pattern, str) or not is_pattern(pattern):
            raise ValueError(f"has {pattern!r}, which is no pattern: words of a-z, 0-9 and -, or * or #, between dots")
        if not any(asked((pattern,), entity) for entity in ENTITIES):
            raise ValueError(f"has {pattern!r}, which no topic police.<agency>.<entity>.<action>.v{MAJOR} can match")
    return tuple(value)


def _hint(text: str, known: Any) -> str:
    near = get_close_matches(text, [str(one) for one in known], n=1)
    return f"; did you mean {near[0]}?" if near else ""
