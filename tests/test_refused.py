"""What docs/refused.md says is refused: each in the place that refuses it.  The page names these tests, and these alone."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from contracts import ACTIONS, ENTITIES, schema
from contracts.events import events
from gateway import agreement, mapping
from gateway.adapter import RawRecord, Rejected
from gateway.agreement.allowlist import CLASS, FOLLOWS
from gateway.errors import Refused
from gateway.event import Keys
from gateway.inbound import Settings, decode
from gateway.inbound.message import Message
from gateway.mock import Kept
from gateway.store import schema as tables

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "refused.md").read_text(encoding="utf-8")
AGREEMENT = """\
agreement: {name}
title: For a test
parties: {{provider: Sample PD, recipient: Sample City}}
contact: Night desk
prepared_by: A. Example
purpose: What is refused
legal_basis: Sample Code, section 4
law_enforcement: {police}
authority: Council resolution 12
impact_assessment: Assessment 3
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 7
topics: ["police.*.{entity}.#"]
fields: {{{entity}: {{{fields}}}}}
destinations: {{service: {{via: log}}}}
"""
MAPPING = "kind: call\nentity: incident\noptional: true\nfields:\n  incidentId: ID\n  persons: {each: people, fields: {id: N, %s: SCORE}}\n"


def terms(tmp_path, fields, *, entity="incident", police=False, name="light"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(AGREEMENT.format(name=name, entity=entity, fields=fields, police=str(police).lower()))
    return agreement.load(path)


def refusal(tmp_path, fields, **options):
    with pytest.raises(Refused) as refused:
        terms(tmp_path, fields, **options)
    return refused.value.problems[0].code


def words():
    """Every name of a field of any contract, in lower case, with its path."""
    for name in schema.BODIES:
        for path in schema.paths(name):
            yield path.rpartition(".")[2].lower(), f"{name}.{path}"


def test_the_page_names_these_tests_and_these_alone():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_the_page_names_these_tests_and_these_alone"
    }
    assert named == here


def test_no_contract_has_a_field_that_scores_a_person():
    assert not [
        path for word, path in words() if re.search(r"score|rating|risk|predict|threat|likelihood|propensity", word)
    ]


@pytest.mark.parametrize("field", ["riskScore", "threatLevel"])
def test_a_mapping_cannot_invent_a_score(tmp_path, field):
    path = tmp_path / "call.yaml"
    path.write_text(MAPPING % field)
    with pytest.raises(Refused, match=field):
        mapping.compile(path, codes=[tmp_path], zone="UTC", schemas=schema.strict)
    strict = jsonschema_rs.validator_for(schema.strict("incident"))
    assert strict.is_valid({"incidentId": "1", "persons": [{"id": "victim-1"}]})
    assert not strict.is_valid({"incidentId": "1", "persons": [{"id": "victim-1", field: 7}]})


def test_an_agreement_cannot_name_a_score(tmp_path):
    assert refusal(tmp_path, "persons.riskScore: plain", police=True).id == "agreement.field"


def test_the_same_person_in_two_systems_stays_two_records(tmp_path):
    person = orjson.dumps({"persons": [{"id": "victim-1", "name": {"full": "Invented Person"}}]})
    projector = agreement.compile(terms(tmp_path, "persons: plain", police=True), Keys(bytes(32)))
    given = [
        projector.project(
            Kept("police.a.incident.created.v1", bytes([n]) * 16, bytes([9 + n]) * 16, 1, 0, person, system=system)
        )
        for n, system in enumerate(("cad", "rms"))
    ]
    ids = [
        {event.id, *(value for name, value in event.varying if name in {"id", "subject", "partitionkey"})}
        for event in given
    ]
    assert not ids[0] & ids[1]
    assert {path for path in schema.paths("incident") if path.startswith("persons.") and schema.classes("incident")[path] == "key"} == {
        "persons.id", "persons.offences", "persons.relationships.person",
    }  # fmt: skip
    assert "within this record" in schema.published("incident")["$defs"]["Person"]["properties"]["id"]["description"]


def test_the_store_has_no_place_for_persons():
    text = Path(tables.__file__).read_text(encoding="utf-8").lower()
    columns = set(re.findall(r"create table (\w+)", text)) | set(
        re.findall(r"\b(\w+) (?:text|bigint|integer|\{blob\}|\{key\})", text)
    )
    assert {"record", "name", "system"} <= columns
    assert not columns & {"person", "persons", "people", "identity", "plate", "face", "suspect"}


def test_two_agreements_share_no_token(tmp_path):
    kept = Kept(
        "police.a.incident.created.v1",
        b"1" * 16,
        b"2" * 16,
        1,
        0,
        b'{"incidentId":"C-1","types":[{"common":{"code":"MVA"}}]}',
    )
    keys = Keys(bytes(32))
    given = [
        agreement.compile(terms(tmp_path, "types: plain, incidentId: token", name=name), keys).project(kept)
        for name in ("light", "lamps")
    ]
    tokens = [set(re.findall(r"\b[0-9a-f]{32}\b", event.body.decode())) for event in given]
    assert len(tokens[0]) == 3
    assert not tokens[0] & tokens[1]


def test_only_a_recording_that_is_over_holds_a_track():
    lists = [path for word, path in words() if word in {"track", "positions", "route", "trail", "history"}]
    assert lists == ["recording.track"]


@pytest.mark.parametrize(
    "named",
    [
        "location.geo: plain",
        "location: plain",
        "location.geo.lat: plain",
        "location.street: token",
        "destination.block: plain",
    ],
)
def test_where_a_unit_is_exactly_does_not_leave_law_enforcement(tmp_path, named):
    assert refusal(tmp_path, named, entity="unit") is FOLLOWS
    assert terms(tmp_path, "location.district: plain, location.beat: plain", entity="unit")
    assert refusal(tmp_path, "track: plain", entity="recording") in {FOLLOWS, CLASS}


def test_there_is_no_topic_for_plate_reads():
    assert {event.entity for event in events()} == set(ENTITIES)
    assert not [entity for entity in ENTITIES if re.search(r"plate|anpr|lpr|vehicle|read", entity)]


@pytest.mark.parametrize(
    "named", ["vehicles.plate: plain", "vehicles.plate.number: token", "vehicles: plain", "vehicles.vin: plain"]
)
def test_a_plate_does_not_leave_law_enforcement(tmp_path, named):
    assert refusal(tmp_path, named) is FOLLOWS
    assert terms(tmp_path, "vehicles.make: plain, vehicles.colours: plain")


def test_a_recording_has_no_place_for_bytes():
    assert not [
        path
        for word, path in words()
        if re.search(r"^(bytes|content|body|blob|base64|image|frame|thumbnail|url|uri|link)$", word)
    ]
    assert "contentEncoding" not in orjson.dumps(schema.published("recording")).decode()


@pytest.mark.parametrize(
    "reference",
    ["https://video.example.invalid/1", "data:video/mp4;base64,AAAA", "bucket/clip.mp4?sig=abc", "QUFB" * 4000],
)
def test_footage_is_never_named_by_a_link_or_by_its_bytes(reference):
    recording = orjson.loads(schema.samples("recording")[0])
    published = jsonschema_rs.validator_for(schema.published("recording"))
    assert published.is_valid(recording)
    assert not published.is_valid({**recording, "ref": reference})


def test_every_action_is_a_statement():
    assert all(re.fullmatch(r"[a-z]+(ed|n)", action) for action in ACTIONS)
    assert {event.action for event in events()} <= set(ACTIONS)


@pytest.mark.parametrize("type", ["police.incident.created.v1", "police.unit.updated.v1", "org.example.command.v1"])
def test_what_comes_in_is_an_alert_or_nothing(type):
    settings = Settings(user="city-desk", source="/city/desk", sender="desk@example.invalid")
    for data, kind in (
        ({"do": "raise"}, Rejected),
        ({"incidentId": "1"}, Rejected),
        ({"alertId": "1", "do": "raise"}, RawRecord),
    ):
        event = {"specversion": "1.0", "id": "1", "source": "/city/desk", "type": type, "data": data}
        (one,) = decode(
            settings, Message(orjson.dumps(event), "city-desk", "application/cloudevents+json", {}).document()
        )
        assert isinstance(one, kind)
        assert one.kind in {"", "alert"}


def test_no_contract_has_a_field_that_tells_somebody_to_act():
    assert not [
        path
        for word, path in words()
        if re.search(r"^(command|execute|dispatchto|order|actuate|set[a-z]*point)$", word)
    ]
