"""An older major version beside the new one: made here, with a schema of its own, and asked for by agreements."""

from __future__ import annotations

import json
import shutil
from datetime import date

import orjson
import pytest

from contracts import majors, schema
from gateway import agreement
from gateway.agreement import contract, topics
from gateway.agreement.codes import NOT_ASKED, UNTRANSLATED
from gateway.agreement.older import _validator
from gateway.errors import Refused
from gateway.event import Keys
from gateway.mock import Kept

KEYS = Keys(bytes(32))
UNTIL = date(2030, 6, 30)
OLD = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "number": {"type": "string", "x-class": "key", "x-source": "here"},
        "kind": {"type": "string", "x-class": "operational", "x-source": "here"},
        "secret": {"type": "string", "x-class": "free-text", "x-source": "here"},
    },
}
AGREEMENT = """\
agreement: light
title: For a test
parties: {{provider: Sample PD, recipient: Sample City}}
contact: Night desk
prepared_by: A. Example
purpose: An older version
legal_basis: Sample Code, section 4
law_enforcement: false
authority: Council resolution 12
impact_assessment: Assessment 3
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 7
topics: [{topics}]
fields: {{incident: {{{fields}}}}}
destinations: {{service: {{via: bus}}}}
"""


def older_of(record):
    """What version 0 had: one kind, as text, and no persons at all."""
    kinds = [coded["common"]["code"] for coded in record.get("types", ()) if "common" in coded]
    return {"number": record["incidentId"], "kind": kinds[0]} if kinds else None


@pytest.fixture(autouse=True)
def version_0(tmp_path, monkeypatch):
    published = tmp_path / "published"
    shutil.copytree(schema._FOLDER, published)
    shutil.copytree(published / "v1", published / "v0")
    (published / "v0" / "incident.json").write_text(json.dumps(OLD))
    monkeypatch.setattr(schema, "_FOLDER", published)
    monkeypatch.setattr(majors, "SERVED", (majors.Older(0, UNTIL, {"incident": older_of}),))
    remembered = (schema.published, schema.classes, contract.known, contract.shapes, contract._required, _validator)
    yield
    for each in remembered:
        each.cache_clear()


def terms(tmp_path, asked, fields="kind: plain"):
    path = tmp_path / "light.yaml"
    path.write_text(AGREEMENT.format(topics=json.dumps(asked), fields=fields))
    return agreement.load(path)


def shown(
    made,
    action="created",
    data=b'{"incidentId":"1","types":[{"common":{"code":"MVA"}}],"narrative":"x"}',
    major=1,
    sequence=1,
):
    kept = Kept(f"police.a.incident.{action}.v{major}", bytes([sequence]) * 16, bytes(16), sequence, 0, data)
    return agreement.compile(made, KEYS).project(kept)


def test_who_asks_for_the_old_version_receives_the_old_record_under_the_old_topic(tmp_path):
    event = shown(terms(tmp_path, "police.*.incident.*.v0"))
    said = orjson.loads(event.body)
    assert event.topic == "police.a.incident.created.v0"
    assert (said["type"], said["dataschema"]) == ("police.incident.created.v0", "urn:copperline:contract:incident:v0")
    assert said["data"] == {"kind": "MVA"}


def test_who_asks_for_the_new_one_receives_it_and_both_share_nothing_but_the_event(tmp_path):
    new = shown(terms(tmp_path, "police.*.incident.*.v1", "types: plain"))
    old = shown(terms(tmp_path, "police.*.incident.*.v0"))
    assert orjson.loads(new.body)["data"] == {"types": [{"common": {"code": "MVA"}}]}
    assert (new.topic, new.id) == ("police.a.incident.created.v1", old.id)


def test_a_pattern_that_leaves_the_version_open_stays_with_the_oldest(tmp_path):
    assert shown(terms(tmp_path, "police.*.incident.#")).topic.endswith(".v0")


def test_the_new_version_changes_no_stream_before_the_old_one_is_served(tmp_path, monkeypatch):
    monkeypatch.setattr(majors, "SERVED", ())
    assert shown(terms(tmp_path, "police.*.incident.#", "types: plain")).topic.endswith(".v1")


def test_the_fields_of_an_agreement_are_those_of_its_version(tmp_path):
    for asked, fields in (
        ("police.*.incident.*.v0", "types: plain, kind: plain"),
        ("police.*.incident.*.v1", "kind: plain"),
    ):
        with pytest.raises(Refused, match="is no field of incident"):
            terms(tmp_path, asked, fields)
    with pytest.raises(Refused, match="stays within law enforcement"):
        terms(tmp_path, "police.*.incident.*.v0", "kind: plain, secret: plain")
    with pytest.raises(Refused, match="must name kind too"):
        terms(tmp_path, "police.*.incident.*.v0", "number: plain")


def test_one_agreement_is_about_one_version(tmp_path):
    path = tmp_path / "light.yaml"
    both = AGREEMENT.replace("[{topics}]", '["police.*.incident.*.v0", "police.*.incident.*.v1"]')
    path.write_text(both.format(fields="kind: plain"))
    with pytest.raises(Refused, match="more than one major version"):
        agreement.load(path)


def test_it_ends_on_the_stated_day(tmp_path):
    assert terms(tmp_path, "police.*.incident.*.v0").valid_to == UNTIL
    assert terms(tmp_path, "police.*.incident.*.v1", "types: plain").valid_to == date(2035, 12, 31)


def test_what_the_old_version_has_no_words_for_is_withheld_and_takes_back_what_was_given(tmp_path):
    made = terms(tmp_path, "police.*.incident.*.v0")
    for data in (b'{"incidentId":"1"}', b'{"incidentId":"1","types":[{"common":{"code":7}}]}'):
        withheld = shown(made, data=data)
        assert withheld.code is UNTRANSLATED
        assert withheld.takes_back


def test_an_entity_that_was_not_asked_for_is_neither_translated_nor_taken_back(tmp_path):
    made = terms(tmp_path, "police.*.incident.*.v0")
    kept = Kept("police.a.unit.created.v1", b"4" * 16, bytes(16), 1, 0, b"no record at all")
    assert agreement.compile(made, KEYS).project(kept).code is NOT_ASKED


def test_what_takes_back_comes_under_the_old_topic(tmp_path):
    made = terms(tmp_path, "police.*.incident.created.v0")
    removed = shown(made, "removed", b'{"entity":"incident","reason":"source"}', sequence=2)
    assert removed.topic == "police.a.incident.removed.v0"
    kept = Kept("police.a.incident.updated.v1", b"3" * 16, bytes(16), 3, 0, b"{}")
    assert agreement.compile(made, KEYS).withdrawal(kept).topic == "police.a.incident.withdrawn.v0"
    assert any(topics.matches(pattern, removed.topic) for pattern in agreement.bound(made.topics))


def test_what_was_journalled_under_the_old_version_still_goes_to_who_asks_for_it(tmp_path):
    made = terms(tmp_path, "police.*.incident.*.v0")
    assert orjson.loads(shown(made, data=b'{"number":"1","kind":"MVA"}', major=0).body)["data"] == {"kind": "MVA"}
    assert shown(terms(tmp_path, "police.*.incident.*.v1", "types: plain"), major=0).code is NOT_ASKED


def test_the_journal_counts_for_an_agreement_in_whatever_version_it_asks():
    for asked in ("police.*.incident.created.v0", "police.*.incident.created.v1"):
        concerned = agreement.concerned((asked,))
        assert concerned("police.a.incident.created.v1")
        assert concerned("police.a.incident.removed.v1")
        assert not concerned("police.a.incident.updated.v1")
        assert not concerned("police.a.unit.created.v1")
