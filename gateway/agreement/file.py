"""Reads `agreements/<name>.yaml`, and refuses it with every problem, its line and its field.

What was read is also kept as its wording: the text and the map points it names.  That is what a
person approves, what the digest stands for, and what a stored agreement is compiled from again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import orjson

from contracts import MAJOR
from gateway.agreement import allowlist, older, points
from gateway.agreement.page import Page, count, day, hint, texts
from gateway.agreement.sensitive import CATEGORIES
from gateway.agreement.topics import entities, is_pattern
from gateway.agreement.values import DELIVERIES, Agreement, Destination, Epoch, Limits, Point
from gateway.errors import Problem, Refused
from gateway.format import FORMATS
from gateway.yamlfile import read_text

KEYS = [
    "agreement", "title", "parties", "contact", "prepared_by", "purpose", "legal_basis", "law_enforcement", "authority",
    "impact_assessment", "valid", "retention_days", "onward", "obligations", "topics", "select", "leave_out", "includes",
    "fields", "epoch", "backfill", "destinations", "start",
]  # fmt: skip
NEEDED = [
    "agreement", "title", "parties", "contact", "prepared_by", "purpose", "legal_basis", "valid", "retention_days", "topics",
    "fields", "destinations",
]  # fmt: skip
OUTSIDE = ["authority", "impact_assessment"]
"""What must stand there too where the recipient is outside law enforcement."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")
EPOCHS = ("day", "month", "year", "never")
LIMITS = {"length": 0, "megabytes": 0, "hours": 0, "deliveries": DELIVERIES}
VIA = ("bus", "log")
LONGEST_KEPT = 36_500
POINTS = "points"
"""The folder beside the agreements that holds map points, one CSV file a set."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What people approve: the text of the file, and of each set of map points it names."""

    text: str
    points: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """16 hex digits over all of it."""
        return hashlib.sha256(self.as_json()).hexdigest()[:16]

    def as_json(self) -> bytes:
        """As it is stored; equal for equal wordings."""
        return orjson.dumps({"points": dict(self.points), "text": self.text}, option=orjson.OPT_SORT_KEYS)


def is_name(text: str) -> bool:
    """Whether an agreement or a destination may be called so."""
    return NAME.fullmatch(text) is not None


def wording(said: bytes | str) -> Wording:
    """A stored wording."""
    kept = orjson.loads(said)
    return Wording(kept["text"], kept["points"])


def load(path: Path) -> Agreement:
    """Read one agreement.  Raises Refused with every problem: file, line and field."""
    return read(path.stem, on_disk(path))


def on_disk(path: Path) -> Wording:
    """What stands in a file and in the map points it names, read or not.  Raises Refused where it cannot be read as text."""
    said = read_text(path)
    named = sorted(set(re.findall(r"\bsnap +([a-z][a-z0-9-]*)", said)))
    files = {name: path.parent / POINTS / f"{name}.csv" for name in named}
    return Wording(said, {name: read_text(file) for name, file in files.items() if file.is_file()})


def load_all(folder: Path) -> tuple[Agreement, ...]:
    """Every agreement of a site, by name.  Raises Refused with the problems of all of them."""
    found: list[Agreement] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(load(path))
        except Refused as e:
            problems.extend(e.problems)
    if problems:
        raise Refused(*problems)
    return tuple(found)


def read(name: str, said: Wording) -> Agreement:
    """The agreement `name` from its wording.  Raises Refused with every problem."""
    page = Page(f"{name}.yaml", said.text)
    page.points = _points(page, said)
    law_enforcement = page.flag("law_enforcement")
    page.keys((), page.data, KEYS, NEEDED if law_enforcement else [*NEEDED, *OUTSIDE])
    if (given := page.read(("agreement",), _name)) and given != name:
        page.wrong(("agreement",), f"is {given!r} in a file named {name}.yaml: both must be the same")
    topics = page.read(("topics",), _topics) or ()
    version = page.read(("topics",), lambda _: older.asked(topics))
    page.major = version.major if version else MAJOR
    fields, treatments = allowlist.fields(page, topics, outside=not law_enforcement)
    made = Agreement(
        name=name,
        title=page.text_at("title"),
        provider=page.text_at("parties", "provider"),
        recipient=page.text_at("parties", "recipient"),
        purpose=page.text_at("purpose"),
        law_enforcement=law_enforcement,
        valid_from=page.read(("valid", "from"), day) or date.max,
        valid_to=min(page.read(("valid", "to"), day) or date.min, version.until if version else date.max),
        topics=topics,
        fields=fields,
        backfill=page.flag("backfill"),
        destinations=_destinations(page),
        start=_start(page),
        digest=said.digest,
        treatments=treatments,
        points={name: page.points[name] for name in _snapped(treatments)},
        select=allowlist.conditions(page, "select"),
        leave_out=allowlist.conditions(page, "leave_out"),
    )
    made = replace(made, **_papers(page))
    page.keys(("parties",), page.at(("parties",)), ["provider", "recipient"], ["provider", "recipient"])
    page.keys(("valid",), page.at(("valid",)), ["from", "to"], ["from", "to"])
    if not page.problems and made.valid_to < made.valid_from:
        page.wrong(("valid", "to"), "comes before the first day")
    page.refuse()
    return made


def _papers(page: Page) -> dict[str, Any]:
    """What an agreement rests on, and what its recipient owes."""
    return {
        "includes": page.read(("includes",), _includes) or frozenset(),
        "epoch": page.read(("epoch",), _epoch) or "year",
        "legal_basis": page.text_at("legal_basis"),
        "authority": page.text_at("authority"),
        "impact_assessment": page.text_at("impact_assessment"),
        "contact": page.text_at("contact"),
        "prepared_by": page.text_at("prepared_by"),
        "retention_days": page.read(("retention_days",), _days) or 0,
        "onward": page.text_at("onward") or "none",
        "obligations": page.read(("obligations",), texts) or (),
    }


def _points(page: Page, said: Wording) -> dict[str, tuple[Point, ...]]:
    """The sets of map points that can be read; what is wrong with one is a problem of the agreement."""
    found: dict[str, tuple[Point, ...]] = {}
    for name, rows in said.points.items():
        try:
            found[name] = points.read(rows)
        except ValueError as e:
            page.wrong(("fields",), f"uses {POINTS}/{name}.csv, which cannot be used: {e}")
    return found


def _snapped(treatments: allowlist.Treatments) -> set[str]:
    return {how.split()[1] for fields in treatments.values() for how in fields.values() if how.startswith("snap ")}


def _destinations(page: Page) -> tuple[Destination, ...]:
    given = page.at(("destinations",))
    if not isinstance(given, Mapping) or not given:
        if given is not None:
            page.wrong(("destinations",), "names at least one destination with its `via`")
        return ()
    return tuple(_destination(page, str(name), said) for name, said in given.items())


def _destination(page: Page, name: str, said: Any) -> Destination:
    at = ("destinations", name)
    if not NAME.fullmatch(name):
        page.wrong(at, "is not a name of a-z, 0-9 and -, beginning with a letter")
    via = page.at((*at, "via"))
    if via in {"sink", "mailbox"}:
        return _sink(page, name, said)
    page.keys(at, said, ["via", "limits", "logins", "format"], ["via"])
    if via not in (None, *VIA):
        page.wrong((*at, "via"), "is bus, log, mailbox or sink")
    page.keys((*at, "limits"), page.at((*at, "limits")), list(LIMITS), [])
    given = {key: page.read((*at, "limits", key), count) or default for key, default in LIMITS.items()}
    logins = page.read((*at, "logins"), _logins) or ()
    spoken = page.read((*at, "format"), _format) or ""
    if spoken and via != "bus":
        page.wrong((*at, "format"), "is for a destination on the bus: others have the plain event")
    return Destination(name, "log" if via == "log" else "bus", Limits(**given), logins=logins, format=spoken)


def _sink(page: Page, name: str, said: Any) -> Destination:
    at = ("destinations", name)
    keys = ["via", "system", "feed"]
    page.keys(at, said, keys, keys)
    system, feed = (page.read((*at, key), _name) or "" for key in ("system", "feed"))
    return Destination(name, "sink" if page.at((*at, "via")) == "sink" else "mailbox", system=system, feed=feed)


def _start(page: Page) -> date | None:
    given = page.at(("start",))
    if given in (None, "now"):
        return None
    found: date | None = page.read(("start",), day)
    return found


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("is a name of a-z, 0-9 and -, beginning with a letter")
    return value


def _logins(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for login in found:
        if not LOGIN.fullmatch(login):
            raise ValueError(f"has {login!r}, which is no name of a user")
    return found


def _format(value: Any) -> str:
    if value not in FORMATS:
        raise ValueError(f"is one of {', '.join(FORMATS)}" + hint(str(value), FORMATS))
    return str(value)


def _days(value: Any) -> int:
    if count(value) > LONGEST_KEPT:
        raise ValueError("is a number of days, a hundred years at most")
    return int(value)


def _epoch(value: Any) -> Epoch:
    if value not in EPOCHS:
        raise ValueError(f"is one of {', '.join(EPOCHS)}")
    return cast("Epoch", value)


def _includes(value: Any) -> frozenset[str]:
    for category in texts(value):
        if category not in CATEGORIES:
            raise ValueError(f"has {category!r}, which is none of {', '.join(CATEGORIES)}" + hint(category, CATEGORIES))
    return frozenset(texts(value))


def _topics(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("is a list of topic patterns")
    for pattern in value:
        if not isinstance(pattern, str) or not is_pattern(pattern):
            raise ValueError(f"has {pattern!r}, which is no pattern: words of a-z, 0-9 and -, or * or #, between dots")
        if not entities(pattern):
            raise ValueError(f"has {pattern!r}, which no topic police.<agency>.<entity>.<action>.v{MAJOR} can match")
    return tuple(value)

