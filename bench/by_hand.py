"""What a careful person would write instead of `bench/site/systems/bulk/mappings/call.yaml`: the peer of row `mapping`.

It gives the same result for every record (the row checks that before it measures), and reports
what is wrong field by field, as the compiled mapping does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_TYPES = {
    "21": ("Complaint", "Complaint"),
    "62A": ("Alarm", "Burglar alarm"),
    "94F": ("Fireworks", "Fireworks"),
    "20": ("Collision", "Collision"),
    "103": ("Noise", "Noise"),
}


def _type(code: str) -> dict[str, Any]:
    common, text = _TYPES[code]
    return {
        "internal": {"code": code, "scheme": "bulk.type", "text": text},
        "common": {"code": common, "scheme": "Bench"},
    }


def _internal(code: str, scheme: str) -> dict[str, Any]:
    return {"internal": {"code": code, "scheme": scheme}}


def _time(text: str) -> dict[str, Any]:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without offset")
    return {"at": text, "text": text} if at.isoformat() != text else {"at": text}


def translate(fields: Mapping[str, str]) -> dict[str, Any]:
    """One record's canonical incident.  Raises ValueError naming every field that is wrong."""
    wrong: list[str] = []
    get = {name: value.strip() for name, value in fields.items()}.get
    made: dict[str, Any] = {}

    def put(into: dict[str, Any], target: str, source: str, convert: Any = None, *more: Any) -> None:
        value = get(source)
        if value:
            try:
                into[target] = convert(value, *more) if convert else value
            except (ValueError, KeyError):
                wrong.append(f"{target} from {source}")

    put(made, "incidentId", "call_no")
    if "incidentId" not in made:
        wrong.append("incidentId from call_no")
    put(made, "reportNumber", "report_no")
    put(made, "types", "type_code", lambda code: [_type(code)])
    put(made, "initialTypes", "first_type_code", lambda code: [_type(code)])
    put(made, "statuses", "status", lambda code: [_internal(code, "bulk.status")])
    put(made, "priority", "priority", _internal, "bulk.priority")
    put(made, "initialPriority", "first_priority", _internal, "bulk.priority")
    put(made, "reportedAt", "opened", _time)

    call: dict[str, Any] = {}
    put(call, "callId", "call_no")
    put(call, "mechanism", "source", _internal, "bulk.source")
    put(call, "selfInitiated", "self_initiated", {"Y": True, "N": False}.__getitem__)
    put(call, "dispatchedAt", "dispatched", _time)
    put(call, "enrouteAt", "enroute", _time)
    put(call, "arrivedAt", "arrived", _time)
    put(call, "closedAt", "closed", _time)
    units = []
    if unit := get("unit"):
        units.append({"unitId": unit, "primary": True})
    if unit := get("second_unit"):
        units.append({"unitId": unit, "primary": False})
    if units:
        call["units"] = units
    if dispatcher := get("dispatcher"):
        call["dispatcher"] = {"id": dispatcher}
    made["serviceCall"] = call

    place: dict[str, Any] = {}
    put(place, "text", "block_address")
    put(place, "intersection", "cross_street")
    put(place, "city", "city")
    put(place, "postalCode", "postcode")
    put(place, "beat", "beat")
    put(place, "district", "district")
    put(place, "zone", "zone")
    lat, lon = get("lat"), get("lon")
    if lat and lon:
        try:
            place["geo"] = {"lat": float(lat), "lon": float(lon), "text": f"{lat}, {lon}"}
        except ValueError:
            wrong.append("locations.geo from lat, lon")
    put(place, "category", "place_name", _internal, "bulk.place")
    if place:
        made["locations"] = [place]

    if code := get("disposition"):
        internal = {"code": code, "scheme": "bulk.disposition"}
        if text := get("disposition_text"):
            internal["text"] = text
        made["dispositions"] = [{"code": {"internal": internal}}]
    note: dict[str, Any] = {}
    put(note, "text", "remarks")
    if taker := get("call_taker"):
        note["author"] = {"id": taker}
    if note:
        made["notes"] = [note]
    put(made, "narrative", "narrative")
    if wrong:
        raise ValueError("; ".join(wrong))
    return made
