"""CAP against the official schema, NGSI-LD against the published models; and a format never tells more than it was given."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from contracts import schema
from gateway import agreement
from gateway.agreement.codes import NO_WORDS
from gateway.bus import wire
from gateway.errors import Refused
from gateway.event import Keys
from gateway.format import FORMATS, Said
from gateway.mock import Kept

ACTIONS = ("created", "updated", "corrected", "withdrawn", "removed")
SAMPLES = [
    (name, orjson.loads(data))
    for name in schema.BODIES
    if name in {"incident", "alert"}
    for data in schema.samples(name)
]
SDM = "https://smart-data-models.github.io/"
# What the models refer to and the folder of real data does not hold, in short: as far as we fill it.
NAME = {"type": "string", "pattern": r"^[\w\-.{}$+*\[\]`|~^@!,:\\]+$"}
POINT = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"const": "Point"},
        "coordinates": {"type": "array", "items": {"type": "number"}, "minItems": 2},
    },
}
TIME = {"type": "string", "format": "date-time"}
COMMONS = {
    f"{SDM}data-models/common-schema.json": {
        "definitions": {
            "GSMA-Commons": {"properties": {"id": NAME, "description": {"type": "string"}}},
            "Location-Commons": {
                "properties": {"location": POINT, "address": {"additionalProperties": {"type": "string"}}}
            },
            "PhysicalObject-Commons": {},
        }
    },
    f"{SDM}dataModel.Weather/weather-schema.json": {"definitions": {"WeatherAlertCategories": False}},
    f"{SDM}dataModel.Alert/alert-schema.json": {
        "definitions": {
            "Common-Alert": {
                "properties": {
                    "dateIssued": TIME,
                    "validFrom": TIME,
                    "validTo": TIME,
                    "severity": {"enum": ["informational", "low", "medium", "high", "critical"]},
                    "category": {
                        "enum": [
                            "traffic",
                            "naturalDisaster",
                            "weather",
                            "environment",
                            "health",
                            "security",
                            "agriculture",
                        ]
                    },
                    "alertSource": {"oneOf": [{"type": "string", "format": "uri"}, NAME]},
                    "type": {"enum": ["Alert"]},
                }
            }
        }
    },
}


def said(entity: str, data: dict[str, Any], action: str = "created", **other: Any) -> Said:
    given = {
        "id": "0" * 31 + "1",
        "subject": "a" * 32,
        "partition": "b" * 32,
        "time": "2026-06-12T21:04:10-05:00",
        "status": "Actual",
        "expires": "",
    }
    return Said(
        entity=entity,
        action=action,
        agency="xx0000000",
        system="cad",
        recorded_us=1_781_000_000_123_456,
        data=data,
        **{**given, **other},
    )


@pytest.fixture(scope="module")
def cap_schema(shared):
    return etree.XMLSchema(etree.parse(shared / "cap" / "cap12.xsd"))


@pytest.fixture(scope="module")
def models(shared):
    registry = jsonschema_rs.Registry(list(COMMONS.items()), draft=jsonschema_rs.Draft202012)
    folder = shared / "smart-data-models"
    return {
        name: jsonschema_rs.validator_for(
            json.loads((folder / name / "schema.json").read_bytes()), registry=registry, validate_formats=True
        )
        for name in ("Alert", "Streetlight")
    }


@pytest.mark.real_data
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample[0])
def test_cap_is_valid_against_the_official_schema(cap_schema, sample, action):
    entity, data = sample
    gone = action in {"removed", "withdrawn"}
    made = FORMATS["cap"].write(
        said(entity, {"entity": entity} if gone else data, action, expires="2026-06-13T00:00:00Z")
    )
    cap_schema.assertValid(etree.fromstring(made))
    assert (b"<msgType>Cancel<" in made) == gone
    assert (b"<info>" in made) != gone


@pytest.mark.real_data
def test_cap_says_what_the_record_says(cap_schema):
    data = {
        "types": [{"common": {"code": "MVA", "scheme": "APCO.2.103", "text": "Collision & fire <here>"}}],
        "locations": [{"district": "3", "block": "014XX Alder St", "geo": {"lat": 29.95, "lon": -90.07}}],
    }
    root = etree.fromstring(FORMATS["cap"].write(said("incident", data)))
    cap_schema.assertValid(root)
    text = {etree.QName(each).localname: each.text for each in root.iter()}
    assert text["sent"] == "2026-06-09T10:13:20-00:00"
    assert text["event"] == "Collision & fire <here>"
    assert (text["category"], text["areaDesc"], text["circle"]) == (
        "Transport",
        "014XX Alder St, District 3",
        "29.95,-90.07 0",
    )
    assert text["onset"] == "2026-06-12T21:04:10-05:00"
    assert text["incidents"] == "a" * 32


@pytest.mark.real_data
@settings(max_examples=60, deadline=None)
@given(text=st.text())
def test_no_text_of_a_source_breaks_the_document(cap_schema, text):
    made = FORMATS["cap"].write(said("alert", {"alertId": "1", "headline": text, "areas": [{"description": text}]}))
    cap_schema.assertValid(etree.fromstring(made))


@pytest.mark.real_data
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample[0])
def test_an_alert_is_valid_against_the_published_model(models, sample, action):
    entity, data = sample
    gone = action in {"removed", "withdrawn"}
    made = json.loads(FORMATS["ngsi-ld-alert"].write(said(entity, {"entity": entity} if gone else data, action)))
    assert [error.message for error in models["Alert"].iter_errors(made)] == []
    assert ("validTo" in made) or not gone
    assert made["id"] == f"urn:ngsi-ld:Alert:{'b' * 32}"


@pytest.mark.real_data
def test_an_alert_keeps_what_its_sender_said(models):
    data = {
        "categories": ["Transport"], "severity": "Severe", "headline": "Closed", "event": {"common": {"code": "roadClosed"}},
        "areas": [{"geo": {"lat": 1.5, "lon": 2.5}}], "expires": {"at": "2026-06-12T23:00:00+00:00"},
    }  # fmt: skip
    made = json.loads(FORMATS["ngsi-ld-alert"].write(said("alert", data)))
    assert models["Alert"].is_valid(made)
    assert (made["category"], made["subCategory"], made["severity"]) == ("traffic", "roadClosed", "high")
    assert (made["location"]["coordinates"], made["validTo"]) == ([2.5, 1.5], "2026-06-12T23:00:00Z")


@pytest.mark.real_data
def test_the_checks_themselves_refuse_what_is_wrong(models, cap_schema):
    made = json.loads(FORMATS["ngsi-ld-alert"].write(said("incident", {})))
    assert not models["Alert"].is_valid({**made, "category": "police"})
    assert not models["Alert"].is_valid({key: value for key, value in made.items() if key != "alertSource"})
    wrong = FORMATS["cap"].write(said("incident", {})).replace(b"<urgency>Immediate", b"<urgency>Now")
    assert not cap_schema.validate(etree.fromstring(wrong))


@pytest.mark.real_data
def test_light_is_asked_for_while_people_work_and_no_longer(models):
    place = {"locations": [{"geo": {"lat": 29.95, "lon": -90.07}}]}
    begun = json.loads(FORMATS["ngsi-ld-streetlight"].write(said("incident", place)))
    closed = {**place, "statuses": [{"common": {"code": "Closed", "scheme": "EIDO.IncidentStatus"}}]}
    over = json.loads(FORMATS["ngsi-ld-streetlight"].write(said("incident", closed, "updated")))
    for made in (begun, over):
        assert [error.message for error in models["Streetlight"].iter_errors(made)] == []
    assert (begun["illuminanceLevel"], begun["powerState"], begun["id"]) == (1, "on", over["id"])
    assert "illuminanceLevel" not in over


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_no_words_for_other_entities(name):
    for entity in ("unit", "recording", "evidence", "custody-transfer"):
        assert FORMATS[name].write(said(entity, {})) is None


def test_a_light_without_a_place_is_not_asked_for():
    assert FORMATS["ngsi-ld-streetlight"].write(said("incident", {"locations": [{"district": "3"}]})) is None


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_tells_nothing_that_was_not_given(name):
    """Every text of a record is a canary; of what the agreement left out, none comes back out of the format."""
    for entity, data in SAMPLES:
        marked = _canaries(data, entity)
        kept = {key: value for key, value in marked.items() if key in {"types", "statuses", "categories"}}
        made = (FORMATS[name].write(said(entity, kept)) or b"").decode()
        assert not [key for key in marked.keys() - kept.keys() if f"canary.{entity}.{key}" in made]
        everything = (FORMATS[name].write(said(entity, {**data, "headline": "canary.x"})) or b"").decode()
        assert entity == "incident" or name == "ngsi-ld-streetlight" or "canary.x" in everything


def _canaries(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {key: _canaries(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_canaries(item, path) for item in value]
    return f"canary.{path}"


AGREEMENT = """\
agreement: light
title: For a test
parties: {provider: Sample PD, recipient: Sample City}
contact: Night desk
prepared_by: A. Example
purpose: Another format
legal_basis: Sample Code, section 4
law_enforcement: false
authority: Council resolution 12
impact_assessment: Assessment 3
valid: {from: 2020-01-01, to: 2035-12-31}
retention_days: 7
topics: ["police.*.incident.#", "police.*.unit.#"]
fields:
  incident: {types: plain, locations.geo: plain}
  unit: {type: plain}
destinations:
  service: {via: VIA, format: FORMAT}
"""
KEYS = Keys(bytes(32))
DATA = b'{"types":[{"common":{"code":"MVA","text":"Collision"}}],"locations":[{"geo":{"lat":1.5,"lon":2.5},"street":"1 Elm St"}]}'


def destination(tmp_path, format, via="bus"):
    path = tmp_path / "light.yaml"
    path.write_text(AGREEMENT.replace("FORMAT", format).replace("VIA", via))
    return agreement.load(path)


def spoken(tmp_path, format, entity, action="created", data=DATA, sequence=1):
    terms = destination(tmp_path, format)
    (to,) = terms.destinations
    kept = Kept(
        f"police.xx0000000.{entity}.{action}.v1",
        bytes([sequence]) * 16,
        bytes(16),
        sequence,
        1_781_000_000_000_000,
        data,
    )
    return agreement.compile(terms, KEYS, format=to.format).project(kept)


@pytest.mark.parametrize("name", FORMATS)
def test_a_destination_speaks_its_format_and_the_attributes_stand_in_the_headers(tmp_path, name):
    event = spoken(tmp_path, name, "incident")
    plain = agreement.compile(destination(tmp_path, name), KEYS).project(
        Kept("police.xx0000000.incident.created.v1", b"\1" * 16, bytes(16), 1, 1_781_000_000_000_000, DATA)
    )
    properties = wire.plain(event)
    assert properties.content_type == event.headers["cloudEvents_datacontenttype"] == FORMATS[name].content_type
    assert event.headers["cloudEvents_dataschema"] == FORMATS[name].schema
    kept = {
        key: value
        for key, value in plain.headers.items()
        if key not in {"cloudEvents_datacontenttype", "cloudEvents_dataschema"}
    }
    assert kept.items() <= event.headers.items()
    assert b"Elm" not in event.body
    assert (event.id, event.topic, event.fields) == (plain.id, plain.topic, plain.fields)


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_has_no_words_for_is_withheld_and_what_takes_it_back_is_told(tmp_path, name):
    withheld = spoken(tmp_path, name, "unit", data=b'{"type":{"common":{"code":"PATROL"}}}')
    assert isinstance(withheld, agreement.Withheld)
    assert withheld.code is NO_WORDS
    told = spoken(tmp_path, name, "unit", "removed", b'{"entity":"unit"}', sequence=2)
    assert orjson.loads(told.body)["data"] == {"entity": "unit"}
    assert wire.plain(told).content_type == agreement.CONTENT_TYPE


@pytest.mark.parametrize("format", ["cap", "ngsi-ld-streetlight"])
def test_a_format_is_for_the_bus_only(tmp_path, format):
    with pytest.raises(Refused, match="for a destination on the bus"):
        destination(tmp_path, format, via="log")


def test_a_format_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    with pytest.raises(Refused, match="did you mean cap"):
        destination(tmp_path, "capp")
