"""Which records a recipient outside law enforcement does not receive, unless its agreement names the category.

The rule errs towards keeping back: a code, a word or an age that only may mean a category is enough.
It looks at the whole record, also at what the agreement does not name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

UNMAPPED = "unmapped"
"""The common code of a value that nobody has classified yet."""

Record: TypeAlias = Mapping[str, Any]
Kinds: TypeAlias = frozenset[str]
"""The categories that the codes and texts of a record speak of."""

_ADULT = 18
_YOUNG_WORDS = frozenset({"NEONATAL", "NEWBORN", "BABY"})
_COVERT = re.compile(r"covert|undercover|surveil", re.IGNORECASE)
_RELATED = re.compile(r"family member|boyfriend|girlfriend|ex_|spouse", re.IGNORECASE)
_WORDS = {
    "sexual-offence": re.compile(r"sex|rape|molest|fondl|incest|porn|prostit", re.IGNORECASE),
    "domestic-violence": re.compile(r"domestic|^dv|family", re.IGNORECASE),
    "child": re.compile(r"child|juvenile|infant", re.IGNORECASE),
}
_CODES = {
    # UCR: rape to fondling, incest, statutory rape, pornography, prostitution, trafficking for sex.
    **dict.fromkeys(("11A", "11B", "11C", "11D", "36A", "36B", "370", "40A", "40B", "40C", "64A"), "sexual-offence"),
    "90F": "domestic-violence",  # UCR: family offences, nonviolent
}
_UNKNOWN = frozenset({"unclassified"})
_MORE = frozenset({"persons", "arrests", "handling"})
"""What else than codes can tell a category."""
_DOMESTIC_CIRCUMSTANCE = "06"  # NIBRS data element 31


def found(record: Record, includes: Collection[str] = ()) -> str:
    """The first category of a canonical record that is not among `includes`; "" where there is none."""
    of = categories(record)
    return next((name for name in CATEGORIES if name in of and name not in includes), "") if of else ""


def categories(record: Record) -> Kinds:
    """Every category that a canonical record falls into."""
    kinds = _kinds(record)
    if record.keys() & _MORE:
        kinds |= {name for name, holds in _LOOKS.items() if holds(record)}
    return kinds


def sealed(record: Record) -> bool:
    """Whether the record itself says that it is sealed: then it leaves through no agreement at all."""
    handling = record.get("handling")
    return type(handling) is dict and handling.get("sealed") is True


def _kinds(record: Record) -> Kinds:
    """What the coded fields that say what kind of thing it was speak of."""
    kinds: Kinds = frozenset()
    for coded in _what_it_is(record):
        common, internal = coded.get("common"), coded.get("internal")
        if common:
            kinds |= _of(common.get("code", ""), common.get("text"), True)
        if internal:
            kinds |= _of(internal.get("code", ""), internal.get("text"), False)
        if not _is_known(common, internal):
            kinds |= _UNKNOWN
    return kinds


def _is_known(common: Record | None, internal: Record | None) -> bool:
    """Whether anybody has said what a code stands for: in the common list, or at least in words."""
    if common and (common.get("code") != UNMAPPED or common.get("text")):
        return True
    return bool(internal and internal.get("text")) or not (common or internal)


def _what_it_is(record: Record) -> Iterator[Record]:
    yield from record.get("types") or ()
    yield from record.get("initialTypes") or ()
    for offence in record.get("offences") or ():
        yield offence.get("code") or {}
    for arrest in record.get("arrests") or ():
        yield arrest.get("offence") or {}


@lru_cache(maxsize=8192)
def _of(code: str, text: str | None, common: bool) -> Kinds:
    """The categories of one code and its text; codes are few."""
    by_word = {name for name, words in _WORDS.items() if words.search(code) or (text and words.search(text))}
    by_code = {_CODES[code]} if common and code in _CODES else set()
    return frozenset(by_word | by_code)


def _in_a_family(record: Record) -> bool:
    return any(_related(person) for person in record.get("persons") or ())


def _related(person: Record) -> bool:
    if any((one.get("common") or {}).get("code") == _DOMESTIC_CIRCUMSTANCE for one in person.get("circumstances") or ()):
        return True
    kinds = (one.get("kind") or {} for one in person.get("relationships") or ())
    said = (kind[which] for kind in kinds for which in ("common", "internal") if kind.get(which))
    return any(_RELATED.search(f"{one.get('code')} {one.get('text')}") for one in said)


def _of_a_child(record: Record) -> bool:
    if (record.get("handling") or {}).get("juvenile"):
        return True
    if any(arrest.get("under18") for arrest in record.get("arrests") or ()):
        return True
    return any(_young(person, record) for person in record.get("persons") or ())


def _young(person: Record, record: Record) -> bool:
    age = person.get("age") or {}
    years = [age[key] for key in ("value", "low") if isinstance(age.get(key), int)]
    if any(year < _ADULT for year in years) or age.get("word") in _YOUNG_WORDS:
        return True
    born = person.get("dateOfBirth")
    return bool(born) and _minor_then(str(born), record)


def _minor_then(born: str, record: Record) -> bool:
    """Whether someone born on that day was under 18 when it happened; in doubt, yes."""
    said = ((record.get(key) or {}).get("at") for key in ("occurredStart", "reportedAt", "occurredEnd"))
    at = next((one for one in said if one), "")
    if not at or not born[:4].isdecimal():
        return True
    return bool(at[:10] < f"{int(born[:4]) + _ADULT:04d}{born[4:10]}")


def _covert(record: Record) -> bool:
    return any(_COVERT.search(str(one)) for one in (record.get("handling") or {}).get("caveats") or ())


def _restricted(record: Record) -> bool:
    """Any other limit of use."""
    return any(not _COVERT.search(str(one)) for one in (record.get("handling") or {}).get("caveats") or ())


def _never(_record: Record) -> bool:
    return False


_LOOKS: Mapping[str, Callable[[Record], bool]] = {
    "sexual-offence": _never,
    "domestic-violence": _in_a_family,
    "child": _of_a_child,
    "covert": _covert,
    "restricted": _restricted,
    "unclassified": _never,
}
CATEGORIES: Final = tuple(_LOOKS)
"""In this order they are looked for."""
