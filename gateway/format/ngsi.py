"""NGSI-LD: incidents and alerts as entities of the Smart Data Models, `Alert` and `Streetlight`, in the simplified form.

An entity is named by the recipient's token of the record, so a later event of the same record replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.format.said import Said, codes, instant, point

ALERT: Final = "https://smart-data-models.github.io/dataModel.Alert/alert/schema.json"
STREETLIGHT: Final = "https://smart-data-models.github.io/dataModel.Streetlighting/Streetlight/schema.json"
"""Names of the models; nothing is fetched from there."""
_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"

_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "MVA": ("traffic", "carAccident"),
    "MVAINJY": ("traffic", "carAccident"),
    "ASSAULT": ("security", "assault"),
    "ROBBERY": ("security", "robbery"),
    "PERSUSP": ("security", "suspiciousAction"),
    "DISORD": ("security", "civilDisorder"),
    "FIGHT": ("security", "civilDisorder"),
}
"""Incident type → category and subCategory of the model; every other type is of category security alone."""
_CATEGORIES: Final[Mapping[str, str]] = {
    "Transport": "traffic", "Met": "weather", "Geo": "naturalDisaster", "Env": "environment", "Health": "health",
}  # fmt: skip
_SEVERITY: Final[Mapping[str, str]] = {"Extreme": "critical", "Severe": "high", "Moderate": "medium", "Minor": "low"}
_SUBCATEGORIES: Final = frozenset(
    {"carAccident", "trafficJam", "roadClosed", "roadWorks", "hazardOnRoad", "carStopped", "carWrongDirection"}
    | {"suspiciousAction", "robbery", "assault", "civilDisorder", "crowdRisk", "buildingFire", "flood", "fireRisk"}
)


def alert(said: Said) -> bytes | None:
    """An `Alert`; one that was taken back or is over is valid no longer.  None for another entity."""
    if said.entity not in {"incident", "alert"}:
        return None
    source = f"agencies.{said.agency}.systems.{said.system}"
    entity = {"id": f"urn:ngsi-ld:Alert:{said.partition}", "type": "Alert", "alertSource": source}
    entity |= {
        "dateIssued": _time(said.recorded),
        **(_of_incident(said) if said.entity == "incident" else _of_alert(said)),
    }
    if said.over:
        entity["validTo"] = _time(said.recorded)
    return _json(entity)


def streetlight(said: Said) -> bytes | None:
    """The light that an incident asks for at its place: `illuminanceLevel` 1 while people work there.

    When it is over or was taken back, the level is absent: nothing is asked for any more.  The model requires a
    place and a `status` of the lamp itself, so `status` is `ok`: of its repair the police know nothing.  None where
    the incident has no place that may be told, or for another entity.
    """
    places = [at for place in said.data.get("locations") or () if (at := point(place)) is not None]
    if said.entity != "incident" or not places:
        return None
    entity: dict[str, Any] = {"id": f"urn:ngsi-ld:Streetlight:{said.partition}", "type": "Streetlight"}
    entity |= {"location": _geojson(places[0]), "status": "ok", "observationDateTime": _time(said.recorded)}
    if not said.over:
        entity |= {"powerState": "on", "illuminanceLevel": 1}
    return _json(entity)


def _of_incident(said: Said) -> dict[str, Any]:
    kinds = [_KINDS[code] for code, _ in codes(said.data.get("types")) if code in _KINDS]
    category, sub = kinds[0] if kinds else ("security", "")
    made: dict[str, Any] = {"category": category} | ({"subCategory": sub} if sub else {})
    if (begin := instant(said.time)) is not None:
        made["validFrom"] = _time(begin)
    if (end := instant(said.expires)) is not None:
        made["validTo"] = _time(end)
    for place in (said.data.get("locations") or ())[:1]:
        if (at := point(place)) is not None:
            made["location"] = _geojson(at)
        address = {
            "streetAddress": place.get("street") or place.get("block"),
            "addressLocality": place.get("city"),
            "district": place.get("district"),
        }
        if found := {key: value for key, value in address.items() if value}:
            made["address"] = found
    return made


def _of_alert(said: Said) -> dict[str, Any]:
    data = said.data
    kind = next(iter(data.get("categories") or ()), "")
    made: dict[str, Any] = {"category": _CATEGORIES.get(kind, "security")}
    if sub := next((code for code, _ in codes(data.get("event")) if code in _SUBCATEGORIES), ""):
        made["subCategory"] = sub
    if data.get("severity") in _SEVERITY:
        made["severity"] = _SEVERITY[data["severity"]]
    if text := data.get("headline") or data.get("description"):
        made["description"] = text
    for name, field in (("validFrom", "effective"), ("validTo", "expires")):
        if (moment := instant(data.get(field))) is not None:
            made[name] = _time(moment)
    for area in data.get("areas") or ():
        if "location" not in made and (at := point(area)) is not None:
            made["location"] = _geojson(at)
    return made


def _geojson(at: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [at[1], at[0]]}  # GeoJSON has longitude first


def _time(moment: Any) -> str:
    text: str = moment.isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def _json(entity: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"@context": _CONTEXT, **entity})
