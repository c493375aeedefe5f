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


class _Record:
    """The fields of one record, and what was wrong with them."""

    __slots__ = ("get", "wrong")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.get = {name: value.strip() for name, value in fields.items()}.get
        self.wrong: list[str] = []

    def put(self, into: dict[str, Any], target: str, source: str, convert: Any = None, *more: Any) -> None:
        """Set a target from a source that is not blank."""
        value = self.get(source)
        if value:
            try:
                into[target] = convert(value, *more) if convert else value
            except (ValueError, KeyError):
                self.wrong.append(f"{target} from {source}")


def translate(fields: Mapping[str, str]) -> dict[str, Any]:
    """One record's canonical incident.  Raises ValueError naming every field that is wrong."""
    record = _Record(fields)
    made: dict[str, Any] = {}
    put = record.put
    put(made, "incidentId", "call_no")
    if "incidentId" not in made:
        record.wrong.append("incidentId from call_no")
    put(made, "reportNumber", "report_no")
    put(made, "types", "type_code", lambda code: [_type(code)])
    put(made, "initialTypes", "first_type_code", lambda code: [_type(code)])
    put(made, "statuses", "status", lambda code: [_internal(code, "bulk.status")])
    put(made, "priority", "priority", _internal, "bulk.priority")
    put(made, "initialPriority", "first_priority", _internal, "bulk.priority")
    put(made, "reportedAt", "opened", _time)
    made["serviceCall"] = _call(record)
    if place := _place(record):
        made["locations"] = [place]
    if code := record.get("disposition"):
        internal = {"code": code, "scheme": "bulk.disposition"}
        if text := record.get("disposition_text"):
            internal["text"] = text
        made["dispositions"] = [{"code": {"internal": internal}}]
    if note := _note(record):
        made["notes"] = [note]
    put(made, "narrative", "narrative")
    if record.wrong:
        raise ValueError("; ".join(record.wrong))
    return made


def _call(record: _Record) -> dict[str, Any]:
    call: dict[str, Any] = {}
    record.put(call, "callId", "call_no")
    record.put(call, "mechanism", "source", _internal, "bulk.source")
    record.put(call, "selfInitiated", "self_initiated", {"Y": True, "N": False}.__getitem__)
    record.put(call, "dispatchedAt", "dispatched", _time)
    record.put(call, "enrouteAt", "enroute", _time)
    record.put(call, "arrivedAt", "arrived", _time)
    record.put(call, "closedAt", "closed", _time)
    units = [
        {"unitId": unit, "primary": primary}
        for unit, primary in ((record.get("unit"), True), (record.get("second_unit"), False))
        if unit
    ]
    if units:
        call["units"] = units
    if dispatcher := record.get("dispatcher"):
        call["dispatcher"] = {"id": dispatcher}
    return call


def _place(record: _Record) -> dict[str, Any]:
    place: dict[str, Any] = {}
    record.put(place, "text", "block_address")
    record.put(place, "intersection", "cross_street")
    record.put(place, "city", "city")
    record.put(place, "postalCode", "postcode")
    for word in ("beat", "district", "zone"):
        record.put(place, word, word)
    lat, lon = record.get("lat"), record.get("lon")
    if lat and lon:
        try:
            place["geo"] = {"lat": float(lat), "lon": float(lon), "text": f"{lat}, {lon}"}
        except ValueError:
            record.wrong.append("locations.geo from lat, lon")
    record.put(place, "category", "place_name", _internal, "bulk.place")
    return place


def _note(record: _Record) -> dict[str, Any]:
    note: dict[str, Any] = {}
    record.put(note, "text", "remarks")
    if taker := record.get("call_taker"):
        note["author"] = {"id": taker}
    return note
