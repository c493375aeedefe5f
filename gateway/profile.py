"""What a column looks like: counts and shapes.  No value that could be a person's is ever kept.

An adapter that can be asked for rows hands a sample of them here and puts what comes back into
its Discovery.  Whatever shows a sign of personal data, by name or by content, keeps its shapes
and loses its values; so do columns whose values are many.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from gateway.adapter import Column, Profile

SHAPES = 6
"""So many shapes of a column are told; the rest is summed up."""

CODES, CODE_LENGTH = 60, 16
"""A code list has at most this many values of at most this many characters."""

LONG = 32
"""Longer texts are not told by their shape."""

OTHER, TEXT = "(other)", "(long text)"

PERSONAL: Mapping[str, frozenset[str]] = {
    "a name": frozenset({"name", "fname", "lname", "mname", "surname", "lastname", "firstname", "forename", "alias", "nickname", "caller", "complainant", "suspect", "driver", "owner"}),
    "a date of birth or an age": frozenset({"dob", "birth", "born", "birthdate", "age"}),
    "a number of a person": frozenset({"ssn", "passport", "licence", "license", "dl", "oln", "plate", "vin", "fbi", "sid", "serial"}),
    "a way to reach a person": frozenset({"phone", "tel", "telephone", "mobile", "cell", "email", "mail", "fax", "ip"}),
    "a place": frozenset({"addr", "address", "street", "house", "apt", "lat", "lon", "long", "latitude", "longitude", "x", "y", "geo", "location", "loc"}),
    "a trait of a person": frozenset({"sex", "gender", "race", "ethnicity", "religion", "height", "weight", "eyes", "hair", "nationality"}),
    "an officer": frozenset({"officer", "badge", "dispatcher", "operator", "username", "user", "employee", "empid"}),
    "free text": frozenset({"narrative", "remark", "remarks", "comment", "comments", "note", "notes", "description", "descr"}),
}  # fmt: skip
"""Sign → words of a column's name that show it."""

CONTENT: Mapping[str, re.Pattern[str]] = {
    "mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    "telephone numbers": re.compile(r"\+?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}|\+\d{8,15}"),
    "social security numbers": re.compile(r"\d{3}-\d{2}-\d{4}"),
    "names": re.compile(r"[A-Z][A-Za-z'`-]+(, ?| )([A-Z]\.? )?[A-Z][A-Za-z'`-]+|[A-Z][A-Z'-]+, ?[A-Z][A-Z'. -]+"),
    "addresses": re.compile(r"\d+[A-Z]? (?:[NSEW]\.? )?[A-Za-z0-9.' -]+ (?:st|ave|rd|dr|ln|blvd|ct|way|pl|hwy)\.?", re.IGNORECASE),
}
"""What values look like → the shape of one."""

BLANK = frozenset({"", "0000-00-00", "0000-00-00 00:00:00", "00000000"})


def columns(rows: Iterable[Mapping[str, Any]], types: Mapping[str, str], *, most: int = 2000) -> list[Column]:
    """A column with its profile for each name of `types`, from at most so many rows."""
    looked = list(islice(rows, most))
    return [Column(named(name), type, of(name, [row.get(name) for row in looked])) for name, type in types.items()]


def named(name: str) -> str:
    """A plain name as a mapping writes it: its own dots lead nowhere.

    >>> named("a.b")
    'a\\\\.b'
    """
    return name.replace(".", "\\.")


def of(name: str, values: Sequence[Any]) -> Profile:
    """The profile of one column.

    >>> of("call_type", ["62A", "62A", "21", "", "103F", "62A", "21"]).codes
    {'62A': 3, '21': 2, '103F': 1}
    >>> of("caller_name", ["A. EXAMPLE", "B. EXAMPLE"]).patterns
    {'A. AAAAAAA': 2}
    """
    texts = [text for value in values if not blank(text := plain(value))]
    counted = Counter(texts)
    personal = sign(name, texts)
    return Profile(
        looked=len(values),
        blank=len(values) - len(texts),
        distinct=len(counted),
        patterns=_shapes(texts),
        codes={} if personal else _codes(counted, len(texts)),
        personal=personal,
    )


def plain(value: Any) -> str:
    """A value as text, without what a driver pads it with."""
    return "" if value is None else str(value).strip("\0 \t\r\n")


def blank(text: str) -> bool:
    """Whether a value says nothing."""
    return text in BLANK


def words(name: str) -> list[str]:
    """The words that a column's name is made of, in small letters.

    >>> words("CallerLName2"), words("TIME_DSP"), words("incidentId")
    (['caller', 'l', 'name', '2'], ['time', 'dsp'], ['incident', 'id'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def sign(name: str, texts: Sequence[str]) -> str:
    """Why values are likely personal data; "" where nothing says so."""
    said, run_together = {*words(name)}, name.lower()
    for what, names in PERSONAL.items():
        if said & names or any(word in run_together for word in names if len(word) > _SHORT or word in _TELLING):
            return f"its name speaks of {what}"
    for what, shape in CONTENT.items():
        if texts and sum(bool(shape.fullmatch(text)) for text in texts) > len(texts) * _SHARE:
            return f"its values look like {what}"
    return ""


_SHARE = 0.3
_SHORT = 4
_TELLING = frozenset({"name", "addr"})
"""Short words that are taken for a sign inside of others too: legacy columns run their words together."""


def shape(text: str) -> str:
    """Letters as A, digits as 9, everything else as it is.

    >>> shape("62A-7 ü"), shape("2026-03-01 21:15")
    ('99A-9 A', '9999-99-99 99:99')
    """
    if len(text) > LONG:
        return TEXT
    return "".join("9" if mark.isdigit() else "A" if mark.isalpha() else mark for mark in text)


def _shapes(texts: Sequence[str]) -> dict[str, int]:
    counted = Counter(map(shape, texts))
    told = dict(counted.most_common(SHAPES))
    rest = len(texts) - sum(told.values())
    return {**told, OTHER: rest} if rest else told


def _codes(counted: Counter[str], amount: int) -> dict[str, int]:
    """The values themselves where there are few and short ones that come again and again."""
    few = 0 < len(counted) <= CODES and amount >= 2 * len(counted)
    short = few and all(len(text) <= CODE_LENGTH for text in counted)
    return dict(counted.most_common()) if short and not all(map(_DAY.fullmatch, counted)) else {}


_DAY = re.compile(r"\d{4}([-./]?)\d{2}\1\d{2}.*|\d{2}([-./])\d{2}\2\d{4}.*")
"""A date with whatever follows it: days come again and again, and are no codes."""
