"""What the shapes of a column's values say: which conversion reads them, and how well they fit a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.adapter import Column, Profile
from gateway.draft.targets import Form

_TIMES: tuple[tuple[str, str], ...] = (
    (r"9999-99-99[ T]99:99(:99(\.9+)?)?([+-]99:?99|A)?", "time"),
    (r"99999999999999", '{time: "%Y%m%d%H%M%S"}'),
    (r"999999999999", '{time: "%Y%m%d%H%M"}'),
    (r"99/99/9999 99:99:99", '{time: "%m/%d/%Y %H:%M:%S"}'),
    (r"99/99/9999 99:99", '{time: "%m/%d/%Y %H:%M"}'),
    (r"99\.99\.9999 99:99", '{time: "%d.%m.%Y %H:%M"}'),
    (r"9999-99-99", '{time: "%Y-%m-%d"}'),
    (r"99/99/9999", '{time: "%m/%d/%Y"}'),
    (r"99\.99\.9999", '{time: "%d.%m.%Y"}'),
    (r"99999999", '{time: "%Y%m%d"}'),
)
"""Shape of a value → the conversion that makes a time of it."""

CLOCKS: Mapping[str, str] = {"9999": "%H%M", "999999": "%H%M%S", "99:99": "%H:%M", "99:99:99": "%H:%M:%S"}
"""Shape of a time of day, for a column beside one with the date."""

DATES: Mapping[str, str] = {"99999999": "%Y%m%d", "9999-99-99": "%Y-%m-%d", "99/99/9999": "%m/%d/%Y", "99.99.9999": "%d.%m.%Y"}

_WHOLE, _NUMBER = re.compile(r"-?9+"), re.compile(r"-?9*\.?9+")


@dataclass(frozen=True, slots=True)
class Fit:
    """How well values go into a place, from 0 to 1, in a word, and with which conversion."""

    share: float
    because: str
    reads: str = ""


def fit(column: Column, form: Form) -> Fit:
    """Where a system cannot be asked for values, its type alone says something."""
    said = column.profile
    if said is None or not said.patterns:
        return _by_type(column.type, form)
    match form:
        case "time" | "date":
            return _time(said, column.type, date=form == "date")
        case "coded" | "code":
            return _coded(said)
        case "id":
            return _told_apart(said)
        case "integer" | "number":
            numeric = _share(said, _WHOLE if form == "integer" else _NUMBER)
            return Fit(numeric if numeric > _MOST else 0.1, f"{_percent(numeric)} are numbers")
        case "boolean":
            two = said.distinct <= 2 and max(map(len, said.patterns)) <= _FLAG
            return Fit(1.0 if two else 0.1, "two values at most" if two else "more than two values")
        case _:
            return Fit(0.95, f"{said.distinct} different values")


def one_shape(column: Column) -> str:
    """The shape that nearly all values have; "" where there is none."""
    patterns = column.profile.patterns if column.profile else {}
    first = next(iter(patterns), "")
    return first if first and patterns[first] > _MOST * sum(patterns.values()) else ""


_MOST = 0.9
_FLAG = 5
_FEW = 200


def _time(said: Profile, type: str, *, date: bool) -> Fit:
    for shape, reads in _TIMES:
        share = _share(said, re.compile(shape))
        if share > _MOST:
            return Fit(share, f"{_percent(share)} have the shape of a time", _as_date(reads) if date else reads)
    if re.search("date|time", type, re.IGNORECASE):
        return Fit(0.9, f"its type is {type}", "date" if date else "time")
    return Fit(0.1, "its values have no shape of a time that is known here", "time")


def _as_date(reads: str) -> str:
    """A day written with an idle midnight is cut; formats are the same for both."""
    return "[columns 1 10, date]" if reads == "time" else reads.replace("time", "date", 1)


def _coded(said: Profile) -> Fit:
    if said.codes:
        return Fit(1.0, f"a code list of {len(said.codes)}")
    return Fit(0.8, f"{said.distinct} different values") if said.distinct <= _FEW else Fit(0.3, f"{said.distinct} different values are many for codes")


def _told_apart(said: Profile) -> Fit:
    filled = said.looked - said.blank
    share = said.distinct / filled if filled else 0.0
    return Fit(1.0 if share > _MOST else 0.85 if share > 0.3 else 0.6, "every value differs" if share == 1 else f"{_percent(share)} of the values differ")


def _by_type(type: str, form: Form) -> Fit:
    time = bool(re.search("date|time", type, re.IGNORECASE))
    if form in ("time", "date"):
        return Fit(0.9 if time else 0.5, f"its type is {type}", "date" if form == "date" else "time")
    return Fit(0.3 if time else 0.85, f"its type is {type}")


def _share(said: Profile, shape: re.Pattern[str]) -> float:
    total = sum(said.patterns.values())
    return sum(amount for text, amount in said.patterns.items() if shape.fullmatch(text)) / total if total else 0.0


def _percent(share: float) -> str:
    return f"{int(100 * share)} %"
