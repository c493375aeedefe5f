"""What a publisher may say, in which forms; everything else is kept with its bytes and every problem."""

from __future__ import annotations

import base64
import json

import pytest
from pydantic import ValidationError

from gateway.adapter import RawRecord
from gateway.inbound import Settings, cap, decode
from gateway.inbound.decode import skipped
from gateway.inbound.message import Message
from tests.gateway.inbound.messages import SENDER, alert, event, notification
from tests.gateway.inbound.messages import cap as cap_alert

SETTINGS = Settings(user="city-desk", source="/city/desk", sender=SENDER, events={"org.example.hit.v1": "anpr-hit"})
STRUCTURED = "application/cloudevents+json; charset=utf-8"


def read(body, kind="", headers=None, user="city-desk"):
    """The records of a message; they are the same when they are read again from what is kept."""
    document = Message(body, user, kind, headers or {}).document()
    records = list(decode(SETTINGS, document))
    assert records == list(decode(SETTINGS, document))
    held = sum(len(record.original) for record in records) + sum(length for _, length, _ in skipped(document) if len(records) > 1 or records[0].original != body)
    assert held == len(body)
    return records


def record(*arguments, **more):
    (one,) = read(*arguments, **more)
    assert isinstance(one, RawRecord), one
    return one


def problems(*arguments, **more):
    """Codes and paths for which a message is refused; its bytes are kept."""
    (one,) = read(*arguments, **more)
    assert not isinstance(one, RawRecord), one
    assert one.original == arguments[0]
    return [(problem.code.id, problem.path) for problem in one.problems]


# CloudEvents


def test_a_structured_event_is_an_alert_known_by_its_id():
    one = record(event("e-1", alert("A-1")), STRUCTURED)
    assert (one.kind, one.key, one.version) == ("alert", "A-1", "/city/desk e-1")
    assert one.fields["headline"] == "Invented"
    assert one.fields["cloudevent"]["type"] == "org.example.alert.v1"


@pytest.mark.parametrize("prefix", ["cloudEvents_", "cloudEvents:", "ce-"])
def test_a_binary_event_is_read_in_every_spelling_of_its_headers(prefix):
    said = {"id": "e-2", "source": "/city/desk/cams", "specversion": "1.0", "type": "org.example.hit.v1"}
    headers = {prefix + name: value for name, value in said.items()} | {"x-other": "1"}
    one = record(json.dumps(alert("A-2")).encode(), "application/json", headers)
    assert (one.kind, one.key, one.version) == ("anpr-hit", "A-2", "/city/desk/cams e-2")


def test_two_spellings_in_one_message_are_refused():
    headers = {"ce-id": "1", "cloudEvents_source": "/city/desk", "ce-specversion": "1.0", "ce-type": "t"}
    assert problems(b"{}", "application/json", headers) == [("inbound.form", "")]


def test_an_event_may_carry_cap_as_text_as_bytes_or_as_its_body():
    inner = cap_alert("C-1")
    as_text = event("e-3", inner.decode(), datacontenttype="application/cap+xml")
    as_bytes = json.dumps(
        {"specversion": "1.0", "id": "e-3", "source": "/city/desk", "type": "t", "datacontenttype": "application/cap+xml", "data_base64": base64.b64encode(inner).decode()}
    ).encode()
    binary = {"ce-id": "e-3", "ce-source": "/city/desk", "ce-specversion": "1.0", "ce-type": "t"}
    for one in (record(as_text, STRUCTURED), record(as_bytes, STRUCTURED), record(inner, "application/cap+xml", binary)):
        assert (one.kind, one.key, one.version) == ("cap", "C-1", "/city/desk e-3")


@pytest.mark.parametrize(
    "body, found",
    [
        (event("e", alert("A"), source="/city/other"), [("inbound.source", "source")]),
        (event("e", alert("A"), source="/city/desk-two"), [("inbound.source", "source")]),
        (event("", alert("A")), [("inbound.attribute", "id")]),
        (event("e", alert("A"), specversion="0.3"), [("inbound.attribute", "specversion")]),
        (event("e", alert("A"), subject={"a": 1}), [("inbound.attribute", "subject")]),
        (event("e", "text"), [("inbound.contract", "data")]),
        (event("e", {"msgType": "Alert"}), [("inbound.contract", "alertId")]),
        (event("e", alert("A", sent={"at": "yesterday"})), [("inbound.contract", "sent.at")]),
        (b"{", [("inbound.form", "")]),
        (b"[]", [("inbound.form", "")]),
    ],
)
def test_an_event_that_is_not_in_order_is_refused_with_the_place(body, found):
    assert problems(body, STRUCTURED) == found


def test_a_batch_of_events_is_refused():
    assert problems(b"[]", "application/cloudevents-batch+json") == [("inbound.form", "")]


def test_an_update_belongs_to_the_alert_that_it_refers_to():
    assert record(event("e", alert("A-9", msgType="Update", references=["A-1", "A-5"])), STRUCTURED).key == "A-1"


# Who speaks


@pytest.mark.parametrize("user", ["", "somebody-else"])
def test_a_message_that_the_broker_does_not_vouch_for_is_refused(user):
    assert problems(event("e", alert("A")), STRUCTURED, user=user) == [("inbound.publisher", "")]


def test_a_cap_sender_that_the_publisher_is_not_bound_to_is_refused():
    assert problems(cap_alert("C", sender="mayor@example.invalid"), "application/cap+xml") == [("inbound.source", "sender")]


def test_a_message_larger_than_the_feed_takes_is_kept_and_not_read():
    assert problems(b" " * 1_000_001, "application/json") == [("inbound.large", "")]


# CAP


def test_a_cap_alert_is_read_by_its_content_type_or_by_its_first_byte():
    for kind in ("application/cap+xml", "text/xml; charset=utf-8", "", "application/octet-stream"):
        one = record(cap_alert("C-1"), kind)
        assert (one.kind, one.key) == ("cap", "C-1")
        assert one.fields["info"]["headline"] == "Invented"


@pytest.mark.parametrize("kind", ["Update", "Cancel"])
def test_update_and_cancellation_belong_to_the_first_alert_that_they_refer_to(kind):
    assert record(cap_alert("C-2", kind, of="C-1"), "application/cap+xml").key == "C-1"
    later = f"{SENDER},C-2,2026-01-02T00:20:00-06:00 {SENDER},C-1,2026-01-02T00:10:00-06:00 other@example.invalid,X,2026-01-01T00:10:00-06:00"
    body = cap_alert("C-3", kind, of="C-1").replace(f"{SENDER},C-1,2026-01-02T00:10:00-06:00".encode(), later.encode())
    assert record(body, "application/cap+xml").key == "C-1"


MUTANTS = {
    "no identifier": (b"<identifier>C</identifier>", b"", "identifier"),
    "a status that is none": (b"<status>Actual</status>", b"<status>Real</status>", "status"),
    "a time without a zone": (b"<sent>2026-01-02T00:10:00-06:00</sent>", b"<sent>2026-01-02T00:10:00</sent>", "sent"),
    "no urgency": (b"<urgency>Immediate</urgency>", b"", "info.0.urgency"),
    "a category that is none": (b"<category>Security</category>", b"<category>Crime</category>", "info.0.category"),
    "no category": (b"<category>Security</category>", b"", "info.0.category"),
    "an area without words": (b"<areaDesc>Invented square</areaDesc>", b"", "info.0.area.0.areaDesc"),
    "a blank in the identifier": (b"<identifier>C</identifier>", b"<identifier>C 1</identifier>", "identifier"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_breaks_the_standard_is_refused_with_its_place(mutant):
    old, new, path = MUTANTS[mutant]
    assert problems(cap_alert("C").replace(old, new), "application/cap+xml") == [("inbound.contract", path)]


@pytest.mark.real_data
@pytest.mark.parametrize("mutant", ["", *MUTANTS])
def test_the_official_schema_agrees(mutant, shared):
    from lxml import etree

    old, new, _ = MUTANTS.get(mutant, (b"", b"", ""))
    schema = etree.XMLSchema(etree.parse(shared / "cap" / "cap12.xsd"))
    valid = schema.validate(etree.fromstring(cap_alert("C").replace(old, new)))
    assert valid == (mutant in ("", "a blank in the identifier"))  # the schema leaves blanks to the text of the standard


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["australia.cap", "wcatwc-warning.cap"])
def test_real_alerts_are_read(name, shared):
    alert = cap.read((shared / "cap" / name).read_bytes())
    assert alert["identifier"]
    assert alert["info"]["event"]


def test_a_document_type_is_never_read():
    body = b'<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + cap_alert("C").split(b"?>\n", 1)[1]
    assert problems(body, "application/cap+xml") == [("xml.doctype", "")]


# NGSI-LD


def test_each_entity_of_a_notification_is_a_record_with_its_own_bytes():
    records = read(notification("1", "2", name={"type": "Property", "value": "Straße [{\\"}), "application/json")
    assert [(one.kind, one.key) for one in records] == [("ngsi-alert", "urn:ngsi-ld:Alert:1"), ("ngsi-alert", "urn:ngsi-ld:Alert:2")]
    assert records[0].fields["dateIssued"] == "2026-01-02T06:10:00Z"
    for one in records:
        (again,) = decode(SETTINGS, Message(one.original, "city-desk", "application/json").document())
        assert again.fields == one.fields


def test_an_entity_of_another_source_is_refused():
    body = notification("1", source={"type": "Property", "value": "/city/other"})
    assert problems(body, "application/json") == [("inbound.source", "data.0.source")]


@pytest.mark.parametrize("body", [b'{"type": "Notification", "data": []}', b'{"type": "Notification", "data": [1]}', b'{"a": 1}', b"\xff\xfe"])
def test_a_body_that_is_none_of_the_forms_is_refused(body):
    assert {code for code, _ in problems(body, "application/json")} <= {"inbound.form", "inbound.contract"}


def test_a_body_nested_without_end_is_refused():
    for depth in (900, 1000, 1020, 5000):
        body = b'{"type": "Notification", "data": [' + b'{"a":' * depth + b"1" + b"}" * depth + b"]}"
        assert problems(body, "application/json")[0][0] in ("inbound.form", "inbound.contract")


# A contract of each kind

HIT = {
    "type": "object",
    "required": ["hitId", "plateHash", "seenAt"],
    "properties": {"hitId": {"type": "string"}, "plateHash": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "seenAt": {"type": "string", "format": "date-time"}},
}
LAMP = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok", "defectiveLamp"]}}}


@pytest.fixture
def contracted(tmp_path):
    """Settings whose hits and lamps have contracts of their own."""
    (tmp_path / "hit.json").write_text(json.dumps(HIT))
    (tmp_path / "lamp.json").write_text(json.dumps(LAMP))
    said = {
        "user": "city-desk", "source": "/city/desk", "events": {"org.example.hit.v1": "anpr-hit"},
        "contracts": {"anpr-hit": {"file": "hit.json", "key": "hitId"}, "ngsi-streetlight": {"file": "lamp.json", "key": "id"}},
    }  # fmt: skip
    return Settings.model_validate(said, context={"folder": tmp_path})


def found(settings, body):
    return list(decode(settings, Message(body, "city-desk", STRUCTURED if b"specversion" in body else "").document()))


def test_each_type_of_event_keeps_the_contract_of_its_own_kind(contracted):
    hit = {"hitId": "H-1", "plateHash": "ab" * 32, "seenAt": "2026-01-02T06:10:00Z"}
    (good,) = found(contracted, event("e-1", hit, type="org.example.hit.v1"))
    assert (good.kind, good.key, good.version) == ("anpr-hit", "H-1", "/city/desk e-1")
    (bare,) = found(contracted, event("e-2", {**hit, "plateHash": "ABC 123"}, type="org.example.hit.v1"))
    assert (bare.kind, bare.key) == ("anpr-hit", "H-1")
    assert [(problem.code.id, problem.path) for problem in bare.problems] == [("inbound.contract", "plateHash")]
    assert "ABC 123" not in str(bare.problems)
    (unnumbered,) = found(contracted, event("e-3", alert("A-1"), type="org.example.hit.v1"))
    assert ("inbound.contract", "hitId") in [(problem.code.id, problem.path) for problem in unnumbered.problems]
    (other,) = found(contracted, event("e-4", hit, type="org.example.alert.v1"))
    assert {problem.code.id for problem in other.problems} == {"inbound.contract"}


def test_an_entity_keeps_the_contract_of_its_type_and_its_neighbours_go_on(contracted):
    lamps = [{"id": f"urn:ngsi-ld:Streetlight:{n}", "type": "Streetlight", "status": {"type": "Property", "value": status}} for n, status in enumerate(("ok", "gone"))]
    body = json.dumps({"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "data": lamps}).encode()
    good, bad = found(contracted, body)
    assert (good.kind, good.fields["status"]) == ("ngsi-streetlight", "ok")
    assert (bad.kind, bad.key, bad.problems[0].path) == ("ngsi-streetlight", "urn:ngsi-ld:Streetlight:1", "status")


@pytest.mark.parametrize(
    "text, says",
    [("{", "no JSON"), ("[]", "not an object"), ('{"type": "nothing"}', "no JSON Schema"), ('{"$ref": "http://192.0.2.1/a.json"}', "no JSON Schema"), (None, "no file")],
)
def test_a_contract_that_cannot_be_used_is_told_before_anything_runs(tmp_path, text, says):
    if text is not None:
        (tmp_path / "hit.json").write_text(text)
    said = {"user": "u", "source": "/s", "events": {"t": "anpr-hit"}, "contracts": {"anpr-hit": {"file": "hit.json", "key": "hitId"}}}
    with pytest.raises(ValidationError, match=says):
        Settings.model_validate(said, context={"folder": tmp_path})
    with pytest.raises(ValidationError, match="no type of `events`"):
        Settings.model_validate({**said, "events": {}}, context={"folder": tmp_path})


# What a consumer answers


def answered(type, data, **more):
    settings = Settings(user="city-desk", source="/city/desk", answers_for=["light"], **more)
    (one,) = found(settings, event("e-9", data, type=type))
    return one


def test_an_answer_is_known_by_its_queue_and_by_its_id():
    read = answered("copperline.read.v1", {"queue": "copperline.light.lamps", "agreementseq": 7})
    assert (read.kind, read.key, read.version) == ("answer-read", "copperline.light.lamps", "/city/desk e-9")
    deleted = answered("copperline.deleted.v1", {"queue": "copperline.light.lamps", "ids": ["ab" * 16]})
    assert (deleted.kind, deleted.key) == ("answer-deleted", "/city/desk e-9")


@pytest.mark.parametrize(
    "type, data, code",
    [
        ("copperline.read.v1", {"queue": "copperline.other.lamps", "agreementseq": 7}, "inbound.queue"),
        ("copperline.read.v1", {"queue": "copperline.light", "agreementseq": 7}, "inbound.contract"),
        ("copperline.read.v1", {"queue": "copperline.light.lamps", "agreementseq": -1}, "inbound.contract"),
        ("copperline.deleted.v1", {"queue": "copperline.light.lamps", "ids": []}, "inbound.contract"),
        ("copperline.deleted.v1", [], "inbound.contract"),
    ],
)
def test_an_answer_out_of_order_is_refused_under_its_type(type, data, code):
    refused = answered(type, data)
    assert [problem.code.id for problem in refused.problems][:1] == [code]
    assert refused.key in ("", type)
