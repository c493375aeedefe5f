"""A draft is a mapping that compiles, with a score and a reason on every line and nothing of a person in it."""

import doctest
import json
import re

import pytest

from contracts import schema
from gateway import draft, mapping, profile
from gateway.adapter import Column, Offer
from gateway.draft import words
from gateway.errors import Refused
from tests.gateway import offers

ENTITIES = ["incident", "unit", "evidence", "custody-transfer", "recording", "alert"]


def drafted(rows, entity, tmp_path, key=()):
    made = draft.draft(offers.offer(rows, key=key), system="cad", name="dbo.calls", entity=entity)
    (tmp_path / "draft.yaml").write_text(made.mapping)
    for file, text in made.codes.items():
        (tmp_path / file).write_text(text)
    return made, mapping.compile(tmp_path / "draft.yaml", codes=[tmp_path], zone="America/New_York")


def test_the_examples_of_the_words_are_true():
    assert doctest.testmod(words).failed == 0


def test_a_dispatch_table_is_placed_as_a_person_would(tmp_path):
    made, compiled = drafted(offers.calls(), "incident", tmp_path, ["CALLNO"])
    row = offers.calls()[7]
    (draft_,) = compiled.drafts(row, "7")
    data = json.loads(draft_.data)
    assert made.kind == "dbo-calls"
    assert data["incidentId"] == "C100007"
    assert data["types"][0]["internal"]["code"] == "21"
    assert data["serviceCall"]["receivedAt"]["at"] == "2026-03-08T07:07:00-04:00"
    assert data["serviceCall"]["dispatchedAt"]["at"] == "2026-03-01T21:07:00-05:00"
    assert data["locations"][0]["geo"] == {"lat": 35.1, "lon": -77.2, "text": "35.1, -77.2"}
    assert data["persons"][0]["name"]["full"] == "CANARY, ALICE"
    assert data["persons"][0]["dateOfBirth"] == "1977-05-04"
    assert data["persons"][0]["roles"][0]["common"]["code"] == "Caller"
    assert "ROWGUID" in made.mapping.partition("ignored:")[2]


def test_exhibits_are_placed_as_a_person_would(tmp_path):
    _, compiled = drafted(offers.exhibits(), "evidence", tmp_path)
    (draft_,) = compiled.drafts(offers.exhibits()[4], "4")
    data = json.loads(draft_.data)
    assert data["evidenceId"] == "26-00004"
    assert data["capturedAt"]["at"].startswith("2026-03-05T10:15")
    assert data["capturer"]["badge"] == "B4"
    assert data["linkedIncidents"] == [{"incidentId": "R00001"}]


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("rows", [offers.calls(), offers.exhibits()], ids=["calls", "exhibits"])
def test_every_draft_compiles_covers_every_column_and_holds_no_value_of_a_person(rows, entity, tmp_path):
    made, compiled = drafted(rows, entity, tmp_path)
    said = made.mapping + "".join(made.codes.values())
    assert "CANARY" not in said
    assert not [canary for canary in offers.CANARIES if canary in said]
    assert not compiled.coverage(rows[0]).neither
    assert schema.strict(entity)


def test_every_suggestion_has_a_score_and_a_reason(tmp_path):
    made, _ = drafted(offers.calls(), "incident", tmp_path)
    body = made.mapping.partition("fields:\n")[2].partition("ignored:")[0]
    leaves = [line for line in body.splitlines() if re.search(r": .*[A-Z]{3}", line) and "value:" not in line]
    assert len(leaves) > 8
    assert not [line for line in leaves if not re.search(r"# [01]\.\d\d \w+", line)]


def test_code_lists_hold_the_codes_and_leave_the_common_side_to_a_person(tmp_path):
    made, _ = drafted(offers.calls(), "incident", tmp_path)
    lines = made.codes["cad-calltype.csv"].splitlines()
    assert lines[0] == "internal,common,scheme,text,owner"
    assert sorted(lines[1:]) == ["103F,,,,cad.calltype", "21,,,,cad.calltype", "62A,,,,cad.calltype"]


@pytest.mark.parametrize("name", ["a.b", "^up", "$key", "with blank", "true", "7", "ü", 'quo"te', "back\\slash", "- x: y # z"])
def test_a_column_of_any_name_is_written_so_that_it_is_found_again(name, tmp_path):
    offer = Offer([Column(profile.named(name), "CHAR(4)"), Column("call_no", "CHAR(9)")])
    made = draft.draft(offer, system="cad", name="t", entity="incident")
    (tmp_path / "draft.yaml").write_text(made.mapping)
    compiled = mapping.compile(tmp_path / "draft.yaml", codes=[tmp_path], zone="UTC")
    assert not compiled.coverage({name: "x", "call_no": "C1"}).neither


def test_what_has_no_values_is_drafted_by_names_and_types(tmp_path):
    """As a WSDL gives it: element names and types, no profile."""
    offer = Offer([Column("EvidenceNumber", "xs:string"), Column("CollectedDate", "xs:dateTime"), Column("StatusCode", "xs:string")])
    made = draft.draft(offer, system="vault", name="GetExhibit", entity="evidence")
    (tmp_path / "draft.yaml").write_text(made.mapping)
    compiled = mapping.compile(tmp_path / "draft.yaml", codes=[tmp_path], zone="UTC")
    (one,) = compiled.drafts({"EvidenceNumber": "E1", "CollectedDate": "2026-03-01T10:00:00Z", "StatusCode": "IN"}, "E1")
    data = json.loads(one.data)
    assert (data["evidenceId"], data["status"]["internal"]["code"]) == ("E1", "IN")
    assert data["capturedAt"]["at"].startswith("2026-03-01T10:00:00")


def test_a_dot_in_the_name_of_an_element_leads_inward(tmp_path):
    offer = Offer([Column("Exhibit.EvidenceNumber", "xs:string"), Column("Exhibit.Taken.CollectedDate", "xs:dateTime"), Column("Exhibit.Xq", "xs:string")])
    made = draft.draft(offer, system="vault", name="GetExhibit", entity="evidence")
    (tmp_path / "draft.yaml").write_text(made.mapping)
    compiled = mapping.compile(tmp_path / "draft.yaml", codes=[tmp_path], zone="UTC")
    said = {"Exhibit": {"EvidenceNumber": "E1", "Taken": {"CollectedDate": "2026-03-01T10:00:00Z"}, "Xq": "1"}}
    (one,) = compiled.drafts(said, "E1")
    assert json.loads(one.data)["evidenceId"] == "E1"
    assert json.loads(one.data)["capturedAt"]["at"].startswith("2026-03-01T10:00:00")
    assert not compiled.coverage(said).neither


def test_an_entity_without_a_contract_is_refused():
    with pytest.raises(Refused, match="no contract named crime"):
        draft.draft(offers.offer(offers.calls()), system="cad", name="calls", entity="crime")
