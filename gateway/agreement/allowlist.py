"""Reads what an agreement says about records: which are meant, which fields leave, how each is treated.

Everything is held against the contracts when it is read: a field that does not exist is a mistake
today, not a silence tomorrow; and what a recipient outside law enforcement may not have cannot be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts import ENTITIES, schema
from gateway.agreement.contract import known, missing, shapes
from gateway.agreement.fields import allowed
from gateway.agreement.page import FIELD, Page, hint
from gateway.agreement.projector import ALL
from gateway.agreement.selection import as_text
from gateway.agreement.topics import entities
from gateway.agreement.treatment import parse
from gateway.agreement.values import Conditions
from gateway.errors import code

CLASS = code(
    "agreement.class",
    "The agreement names a field that does not leave law enforcement: special, officer or free text.",
    "Name the parts that the recipient needs instead; `copperline docs contracts` has the class of every field.",
)

FOLLOWS = code(
    "agreement.follows",
    "The agreement names a field by which a unit or a vehicle could be followed.",
    "Name the district, the beat or the zone of a unit instead; plates stay here: see `copperline docs refused`.",
)

STAYS = frozenset({"special", "officer", "free-text"})
"""Classes of fields that no recipient outside law enforcement is given."""

_EXACT = ("geo", "text", "block", "street", "intersection", "postalCode")
_TRACKS = {
    "unit": frozenset(f"{place}.{part}" for place in ("location", "destination") for part in _EXACT),
    "incident": frozenset({"vehicles.plate", "vehicles.vin"}),
    "recording": frozenset({"track"}),
}
"""What no recipient outside law enforcement is given, whatever the treatment: where exactly a unit is or was, and plates."""

_NEEDS = {"token": "text", "snap": "Geo", "floor": "Time"}
_SAYS = {"token": "a text", "snap": "a position", "floor": "a time"}

Fields = Mapping[str, tuple[str, ...]]
Treatments = Mapping[str, Mapping[str, str]]


def fields(page: Page, topics: tuple[str, ...], *, outside: bool) -> tuple[Fields | None, Treatments]:
    """The paths that may leave, by entity (None: all), and the treatment of those that do not leave plain."""
    given = page.at(("fields",))
    if given == "all" or given is None:
        if outside and given:
            page.wrong(("fields",), "is `all`: outside law enforcement name the fields of each entity", CLASS)
        return None, {}
    if not isinstance(given, Mapping):
        page.wrong(("fields",), "is `all`, or entities with their fields")
        return None, {}
    page.keys(("fields",), given, ENTITIES, ())
    asked = {entity for pattern in topics for entity in entities(pattern)}
    for entity in ENTITIES:
        if entity not in given and entity in asked:
            page.wrong(("topics",), f"ask for {entity}, of which `fields` names none: name some, or ask for less")
    read = {str(entity): _named(page, str(entity), said, outside=outside) for entity, said in given.items() if entity in ENTITIES}
    return {entity: paths for entity, (paths, _) in read.items()}, {entity: how for entity, (_, how) in read.items() if how}


def conditions(page: Page, key: str) -> Conditions:
    """What `select` or `leave_out` says: entity, path, values."""
    given = page.at((key,))
    if given is None:
        return {}
    page.keys((key,), given, ENTITIES, ())
    if not isinstance(given, Mapping):
        return {}
    return {str(entity): _conditions(page, (key, str(entity)), said) for entity, said in given.items() if entity in ENTITIES}


def _conditions(page: Page, at: tuple[str, str], said: Any) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(said, Mapping) or not said:
        page.wrong(at, "is a table of fields, each with the values that are meant")
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for path, values in said.items():
        listed = values if isinstance(values, list) else [values]
        if path not in known(at[1], page.major):
            page.wrong((*at, str(path)), f"is no field of {at[1]}" + hint(str(path), known(at[1], page.major)), FIELD)
        elif not listed or any(isinstance(value, (list, Mapping)) or value is None for value in listed):
            page.wrong((*at, str(path)), "is a list of values")
        else:
            found[str(path)] = tuple(as_text(value) for value in listed)
    return found


def _named(page: Page, entity: str, said: Any, *, outside: bool) -> tuple[tuple[str, ...], dict[str, str]]:
    """The fields of one entity: the paths that leave, and how those are treated that do not leave plain."""
    at = ("fields", entity)
    if said == "all":
        if outside:
            page.wrong(at, "is `all`: outside law enforcement name the fields one by one", CLASS)
        return ALL, {}
    if not isinstance(said, Mapping):
        page.wrong(at, "is `all`, or fields with their treatment")
        return (), {}
    treatments = {str(path): how for path, how in said.items() if _usable(page, entity, str(path), how)}
    paths = allowed(treatments, known(entity, page.major))
    for path in missing(entity, paths, page.major):
        page.wrong(at, f"must name {path} too: the contract requires it beside what is named", FIELD)
    if outside:
        for path in paths:
            _check_class(page, entity, path)
    return paths, {path: how for path, how in treatments.items() if how not in ("plain", "absent")}


def _usable(page: Page, entity: str, path: str, how: Any) -> bool:
    """Whether a field exists and can be treated so; else a problem."""
    at = ("fields", entity, path)
    if path not in known(entity, page.major):
        page.wrong(at, f"is no field of {entity}" + hint(path, known(entity, page.major)), FIELD)
        return False
    try:
        word, points = parse(how)
    except ValueError as e:
        page.wrong(at, str(e))
        return False
    if word in _NEEDS and shapes(entity, page.major)[path] != _NEEDS[word]:
        page.wrong(at, f"cannot be treated as {word}: it is not {_SAYS[word]}")
        return False
    if word == "snap" and points not in page.points:
        page.wrong(at, f"moves to map points that do not exist: agreements/points/{points}.csv, with the columns lat and lon")
        return False
    return True


def _check_class(page: Page, entity: str, path: str) -> None:
    """A problem where a path, anything in it, or anything around it stays within law enforcement."""
    classes = schema.classes(entity, page.major)
    above = [path[:end] for end, sign in enumerate(path) if sign == "."]
    below = [other for other in classes if other == path or other.startswith(path + ".")]
    stays = [other for other in (*above, *below) if classes[other] in STAYS]
    followed = [other for other in (path, *above, *below) if other in _TRACKS.get(entity, ())]
    if followed:
        page.wrong(("fields", entity, path), f"would let a unit or a vehicle be followed by {followed[0]}", FOLLOWS)
    elif stays:
        first = stays[0]
        inside = "" if first == path else f", for {first} in it is" if first in below else f", for {first} around it is"
        page.wrong(("fields", entity, path), f"stays within law enforcement{inside or ': it is'} {classes[first]}", CLASS)
