"""CAP 1.2: incidents and alerts as messages of the Common Alerting Protocol (OASIS, 1 July 2010).

An incident is a message of its own for each event, tied together by `incidents`, which holds the recipient's token of the
subject: the gateway does not know which message a recipient holds, so it names none in `references`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape  # the one of xml.sax brings an HTTP client along
from typing import Any, Final

from gateway.format.said import Said, codes, instant, point

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"

_TRAFFIC = {"MVA", "MVAINJY", "TSTOP"}
_MESSAGE: Final[Mapping[str, str]] = {
    "created": "Alert",
    "removed": "Cancel",
    "withdrawn": "Cancel",
    "acknowledged": "Ack",
}
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "status": frozenset({"Actual", "Exercise", "Test"}),
    "msgType": frozenset({"Alert", "Update", "Cancel", "Ack", "Error"}),
    "scope": frozenset({"Public", "Restricted", "Private"}),
    "category": frozenset("Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split()),
    "responseType": frozenset("Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split()),
    "urgency": frozenset({"Immediate", "Expected", "Future", "Past", "Unknown"}),
    "severity": frozenset({"Extreme", "Severe", "Moderate", "Minor", "Unknown"}),
    "certainty": frozenset({"Observed", "Likely", "Possible", "Unlikely", "Unknown"}),
}

Element = tuple[str, Any]
"""A name and its text, or the elements in it, in the order of the specification."""


def write(said: Said) -> bytes | None:
    """One `alert` document, UTF-8; None for what is neither an incident nor an alert."""
    match said.entity:
        case "incident":
            info = [] if said.gone else [("info", list(_incident(said)))]
            scope, event = "Restricted", said.data
        case "alert":
            info = [] if said.gone else [("info", list(_alert(said)))]
            scope, event = _known("scope", said.data.get("scope"), "Restricted"), said.data
        case _:
            return None
    elements = [*_head(said, scope, event), *info]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{NAMESPACE}">{_xml(elements)}</alert>'.encode()


def _head(said: Said, scope: str, data: Mapping[str, Any]) -> Iterator[Element]:
    yield "identifier", said.id
    yield "sender", f"{said.agency}.{said.system}"
    yield "sent", _time(said.recorded)
    yield "status", _known("status", said.status, "Test")
    yield (
        "msgType",
        _known("msgType", data.get("msgType"), _MESSAGE.get(said.action, "Update")) if not said.gone else "Cancel",
    )
    yield "scope", scope
    if scope == "Restricted":
        yield "restriction", str(data.get("restriction") or "For the recipient of the sharing agreement only")
    if scope == "Private":
        yield "addresses", "the recipient of the sharing agreement"
    if data.get("note"):
        yield "note", data["note"]
    if references := data.get("references"):
        yield "references", " ".join(references)
    yield "incidents", said.subject


def _incident(said: Said) -> Iterator[Element]:
    types = list(codes(said.data.get("types")))
    yield "category", "Transport" if any(code in _TRAFFIC for code, _ in types) else "Security"
    yield "event", types[0][1] if types else "Incident"
    yield "urgency", "Past" if said.over else "Immediate"
    yield "severity", "Unknown"
    yield "certainty", "Observed"
    for code, _ in types:
        yield "eventCode", [("valueName", "incident type"), ("value", code)]
    if (onset := instant(said.time)) is not None:
        yield "onset", _time(onset)
    if (expires := instant(said.expires)) is not None:
        yield "expires", _time(expires)
    for place in said.data.get("locations") or ():
        words = [str(place[key]) for key in ("block", "street", "intersection", "city") if place.get(key)]
        words += [f"District {place['district']}"] if place.get("district") else []
        yield "area", [("areaDesc", ", ".join(words) or "No area was said"), *_circle(place)]


def _alert(said: Said) -> Iterator[Element]:
    data = said.data
    if data.get("language"):
        yield "language", data["language"]
    yield from (("category", _known("category", one, "Other")) for one in data.get("categories") or ("Other",))
    events = list(codes(data.get("event")))
    yield "event", events[0][1] if events else "Alert"
    yield from (("responseType", one) for one in data.get("responseTypes") or () if one in _WORDS["responseType"])
    for name in ("urgency", "severity", "certainty"):
        yield name, _known(name, data.get(name), "Unknown")
    yield from (("eventCode", [("valueName", "event"), ("value", code)]) for code, _ in events)
    for name in ("effective", "onset", "expires"):
        if (moment := instant(data.get(name))) is not None:
            yield name, _time(moment)
    for name in ("senderName", "headline", "description", "instruction", "contact"):
        if data.get(name):
            yield name, data[name]
    for one in data.get("parameters") or ():
        if one.get("name") and "value" in one:
            yield "parameter", [("valueName", one["name"]), ("value", one["value"])]
    for area in data.get("areas") or ():
        yield "area", list(_area(area))


def _area(area: Mapping[str, Any]) -> Iterator[Element]:
    yield "areaDesc", area.get("description") or "No area was said"
    if area.get("polygon"):
        yield "polygon", area["polygon"]
    if area.get("circle"):
        yield "circle", area["circle"]
    else:
        yield from _circle(area)
    for one in area.get("codes") or ():
        yield "geocode", [("valueName", one.get("scheme") or "code"), ("value", one["id"])]


def _circle(place: Mapping[str, Any]) -> Iterator[Element]:
    if (at := point(place)) is not None:
        yield "circle", f"{at[0]},{at[1]} 0"


def _known(name: str, value: Any, otherwise: str) -> str:
    return value if value in _WORDS[name] else otherwise


def _time(moment: datetime) -> str:
    """CAP's own spelling: to the second, an offset, and -00:00 for UTC, never Z."""
    text = moment.isoformat(timespec="seconds")
    return text.replace("+00:00", "-00:00") if moment.utcoffset() == UTC.utcoffset(None) else text


def _xml(elements: list[Element]) -> str:
    return "".join(
        f"<{name}>{_xml(held) if isinstance(held, list) else _text(held)}</{name}>" for name, held in elements
    )


def _text(held: Any) -> str:
    """A text as XML 1.0 may hold it: what it has no character for is left out."""
    return escape(
        "".join(
            sign
            for sign in str(held)
            if sign in "\t\n\r" or " " <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign > "\uffff"
        ),
        quote=False,
    )
