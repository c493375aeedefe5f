"""What the names of legacy columns mean: the words that the trade uses, and how near a name is to a target.

Legacy names run words together and cut them short (`inci_id`, `timedsp`, `CALLERLNAME`).  A name is cut
into the words below, each stands for one idea, and two names are as near as the ideas they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from gateway.profile import words

IDEAS: Mapping[str, str] = {
    "action": "action transtype trans",
    "address": "address addr street str location loc place blk block",
    "arrived": "arrive arrived arr arv onscene ons",
    "assigned": "assign assigned asgn",
    "badge": "badge officer ofc",
    "beat": "beat",
    "birth": "birth birthdate dob born",
    "call": "call calls cfs",
    "caller": "caller complainant rp",
    "case": "case",
    "city": "city town municipality mun",
    "cleared": "clear cleared clr avail available",
    "closed": "close closed cls end ended",
    "code": "code cd",
    "collected": "collect collected seize seized recovered taken found",
    "colour": "color colour col",
    "description": "description desc descr text txt",
    "dispatched": "dispatch dispatched dsp disp",
    "dispatcher": "dispatcher operator",
    "disposition": "disposition dispo disp outcome clearance",
    "district": "district dist division precinct sector area",
    "duration": "duration length",
    "enroute": "enroute enr enrt",
    "evidence": "evidence evid exhibit",
    "family": "last lname surname family lastname",
    "from": "from released releasing",
    "given": "first fname given firstname forename",
    "id": "id key",
    "incident": "inc incident inci event evt",
    "initial": "initial initially original orig",
    "initiated": "initiated",
    "item": "item article",
    "latitude": "lat latitude",
    "longitude": "lon long lng longitude",
    "make": "make",
    "model": "model",
    "name": "name nm",
    "narrative": "narrative narr remark remarks comment comments synopsis",
    "number": "no nbr num number nr",
    "occurred": "occur occurred occ",
    "offence": "offence offense ucr statute charge crime",
    "owner": "owner",
    "phone": "phone tel telephone",
    "plate": "plate lic license licence tag",
    "primary": "primary prim",
    "priority": "priority prio pri",
    "property": "property prop",
    "quantity": "quantity qty",
    "race": "race",
    "reason": "reason purpose",
    "received": "received rec recd rcvd create created open opened entered",
    "report": "report reported rpt",
    "self": "self selfinitiated",
    "sequence": "seq sequence",
    "serial": "serial",
    "sex": "sex gender",
    "size": "size bytes",
    "source": "source",
    "start": "start started begin began",
    "state": "state st",
    "status": "status stat",
    "stop": "stop stopped",
    "suspect": "suspect susp",
    "time": "time tm dt date datetime ts stamp timestamp dttm at when",
    "to": "to receiving",
    "transfer": "transfer custody xfer",
    "type": "type typ kind nature class category cat",
    "unit": "unit car",
    "value": "value val amount amt",
    "vehicle": "vehicle veh",
    "victim": "victim vict",
    "vin": "vin",
    "year": "year yr",
    "zip": "zip zipcode postal postcode",
    "zone": "zone grid",
}
"""Idea → the words that stand for it, in columns and in the contracts."""

SLIGHT = frozenset({"time", "id", "number", "code", "type", "description", "status", "name"})
"""Ideas that many names have: to share one of them says half as much."""


def _by_word() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for idea, names in IDEAS.items():
        for name in names.split():
            found[name] = found.get(name, frozenset()) | {idea}
    return found


KNOWN = _by_word()


@lru_cache(maxsize=4096)
def ideas(name: str) -> frozenset[str]:
    """What a name speaks of; a word that is not known stands for itself.

    >>> sorted(ideas("CALLNO")), sorted(ideas("timedisp")), sorted(ideas("xq_type"))
    (['call', 'number'], ['dispatched', 'disposition', 'time'], ['type', 'xq'])
    """
    found: set[str] = set()
    for word in words(name):
        for piece in _cut(word):
            found |= KNOWN.get(piece, frozenset({piece}))
    return frozenset(found - {""})


def nearness(name: Iterable[str], target: Iterable[str]) -> float:
    """From 0, nothing in common, to 1, the same ideas.  One of two ideas behind a word is taken as it fits."""
    own, wanted = frozenset(name), frozenset(target)
    if "dispatched" in own and "disposition" in own and own & wanted & {"dispatched", "disposition"}:
        own -= {"dispatched", "disposition"} - wanted
    union = own | wanted
    return _weight(own & wanted) / _weight(union) if union else 0.0


def _weight(found: frozenset[str]) -> float:
    return sum(0.5 if idea in SLIGHT else 1.0 for idea in found)


def _cut(word: str) -> list[str]:
    """A word that is not known, cut into ones that are; itself where that does not come out even."""
    if word in KNOWN or word.isdigit():
        return [word]
    for end in range(len(word) - 1, 1, -1):
        if word[:end] in KNOWN:
            rest = _cut(word[end:])
            if all(piece in KNOWN or piece.isdigit() for piece in rest):
                return [word[:end], *rest]
    return [word]
