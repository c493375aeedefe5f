"""What is read passes through the caller's agreement: records as they stand, events in order, a stream that resumes."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
import xml.etree.ElementTree as ET  # reads only what this test asked for

import pytest

from contracts.schema import published
from gateway.api.stream import OPEN
from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row

NARROW = """\
agreement: narrow
title: A neighbour's service
parties: {provider: riverton, recipient: Sample City}
contact: Neighbour
prepared_by: A. Sample
purpose: tests
legal_basis: Sample Act 4
law_enforcement: true
retention_days: 7
valid: {from: 2020-01-01, to: 2035-12-31}
topics: ["police.*.incident.#"]
fields: {incident: {incidentId: plain}}
start: now
destinations: {log: {via: log}}
"""


@pytest.fixture(scope="module")
def riverton(tmp_path_factory):
    here = invented.made(tmp_path_factory.mktemp("riverton") / "site")
    (here.agreements / "narrow.yaml").write_text(NARROW)
    with invented.running(here) as running:
        running.approve("narrow")
        running.caller("vendor", "submit")
        running.caller("desk", "read", purpose="dispatch")
        running.caller("neighbour", "read", agreement="narrow", purpose="planning")
        for number in range(1, 8):
            running.send(HEADER + row(f"A-{number}", city="Sampleton"))
        running.send(HEADER + row("A-3", "A-3/2", city="=cmd()"))
        yield running


def pages(riverton, caller, path, **query):
    with riverton.client(caller) as client:
        found = []
        while True:
            said = client.get(path, params=query).json()
            found.append(said)
            if not said["more"]:
                return found
            query["after"] = said["next"]


def leaves(riverton, kind):
    ledger = riverton.runner.store.ledger
    return [json.loads(leaf.body) for leaf in map(ledger.leaf, range(ledger.size())) if leaf.kind == kind]


def test_records_come_as_they_stand_now_each_once_page_by_page(riverton):
    found = [one for page in pages(riverton, "desk", "/v1/incidents", limit=3) for one in page["records"]]
    assert sorted(one["data"]["incidentId"] for one in found) == [f"A-{number}" for number in range(1, 8)]
    (changed,) = [one for one in found if one["data"]["incidentId"] == "A-3"]
    assert (changed["sequence"], changed["data"]["reportNumber"]) == (2, "A-3/2")
    assert published("incident")


def test_the_next_page_is_named_as_a_link_and_the_last_cursor_gives_later_changes(riverton):
    with riverton.client("desk") as client:
        first = client.get("/v1/incidents?limit=3")
        assert first.headers["link"] == f'</v1/incidents?limit=3&after={first.json()["next"]}>; rel="next"'
        end = pages(riverton, "desk", "/v1/incidents")[-1]["next"]
        assert client.get(f"/v1/incidents?after={end}").json()["records"] == []
        riverton.send(HEADER + row("A-late"))
        assert [one["data"]["incidentId"] for one in client.get(f"/v1/incidents?after={end}").json()["records"]] == ["A-late"]
        riverton.send(HEADER + row("A-late", "A-late/2"))


def test_one_record_is_found_by_its_id_and_not_sent_again_while_it_stands(riverton):
    with riverton.client("desk") as client:
        one = client.get("/v1/incidents?limit=1").json()["records"][0]
        answer = client.get(f"/v1/incidents/{one['id']}")
        assert answer.json() == one
        tag = answer.headers["etag"]
        assert client.get(f"/v1/incidents/{one['id']}", headers={"If-None-Match": tag}).status_code == 304
        assert client.get(f"/v1/units/{one['id']}").status_code == 404
        assert client.get(f"/v1/incidents/{'0' * 32}").status_code == 404
        assert client.get("/v1/incidents/nothing").status_code == 422


def test_each_caller_sees_what_its_agreement_names_under_ids_of_its_own(riverton):
    wide = [one for page in pages(riverton, "desk", "/v1/incidents") for one in page["records"]]
    narrow = [one for page in pages(riverton, "neighbour", "/v1/incidents") for one in page["records"]]
    assert all(set(one["data"]) == {"incidentId"} for one in narrow)
    assert len(narrow) == len(wide)
    for key in ("id", "subject"):
        assert {one[key] for one in wide}.isdisjoint(one[key] for one in narrow)
    with riverton.client("neighbour") as client:
        assert client.get(f"/v1/incidents/{wide[0]['id']}").status_code == 404
        assert client.get(f"/v1/incidents?after={pages(riverton, 'desk', '/v1/incidents')[-1]['next']}").json()["code"] == "api.cursor"


def test_events_come_in_order_with_every_version(riverton):
    found = [one for page in pages(riverton, "desk", "/v1/events", limit=4) for one in page["events"]]
    versions = [(one["data"]["reportNumber"], one["type"].split(".")[2]) for one in found if one["data"]["incidentId"] == "A-3"]
    assert versions == [("A-3/1", "created"), ("A-3/2", "updated")]
    assert all(one["specversion"] == "1.0" for one in found)
    assert len({one["id"] for one in found}) == len(found)


def test_a_time_leaves_out_what_did_not_change_since(riverton):
    with riverton.client("desk") as client:
        assert client.get("/v1/incidents", params={"since": "2001-01-01T00:00:00Z"}).json()["records"]
        assert client.get("/v1/incidents", params={"since": "2099-01-01T00:00:00Z"}).json()["records"] == []
        assert client.get("/v1/incidents", params={"since": "yesterday"}).json()["code"] == "api.parameter"


def test_csv_guards_what_a_spreadsheet_would_compute_and_xml_holds_the_same(riverton):
    with riverton.client("desk") as client:
        answer = client.get("/v1/incidents?limit=500", headers={"Accept": "text/csv"})
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        root = ET.fromstring(client.get("/v1/incidents?limit=500&format=xml").content)
    (one,) = [each for each in rows if each["incidentId"] == "A-3"]
    assert one["locations.1.city"] == "'=cmd()"
    assert "A-3/2" in {each.text for each in root.iter("{urn:copperline:records}reportNumber")}


def test_who_read_what_and_why_is_in_the_ledger_before_it_is_given(riverton):
    before = len(leaves(riverton, "read"))
    with riverton.client("desk") as client:
        client.get("/v1/incidents?limit=2", headers={"X-Purpose": "case 12"})
    noted = leaves(riverton, "read")
    assert len(noted) == before + 1
    assert (noted[-1]["caller"], noted[-1]["what"], noted[-1]["count"], noted[-1]["agreement"]) == ("desk", "incidents", 2, "internal")
    assert noted[-1]["reason"] == riverton.runner.store.ledger.commitment("case 12")
    assert riverton.runner.store.ledger.verify() == []


def test_every_way_of_reading_is_answered_for_by_record_with_the_caller_and_why(riverton):
    looks = riverton.runner.store.looks
    seen = len(looks.batches())
    with riverton.client("desk") as client:
        page = client.get("/v1/incidents?limit=3", headers={"X-Purpose": "case 14"}).json()
        client.get(f"/v1/incidents/{page['records'][1]['id']}")
        events = client.get("/v1/events?limit=2").json()
    of_page, of_one, of_events = looks.batches()[seen:]
    assert (of_page.destination, of_page.caller, of_page.purpose, of_page.agreement) == ("REST incidents", "desk", "case 14", "internal")
    assert [one.position for one in of_one.given] == [of_page.given[1].position]
    assert (of_one.purpose, of_events.destination) == ("dispatch", "REST events")
    assert [one.id.hex() for one in of_events.given] == [event["id"] for event in events["events"]]


def test_who_does_not_say_why_reads_nothing(riverton):
    riverton.caller("silent", "read")
    with riverton.client("silent") as client:
        assert client.get("/v1/incidents").json()["code"] == "api.no-purpose"
        assert client.get("/v1/incidents", headers={"X-Purpose": "a test"}).status_code == 200


def test_without_an_agreement_in_force_nothing_is_read(riverton):
    (riverton.here.agreements / "over.yaml").write_text(NARROW.replace("narrow", "over").replace("2035", "2021"))
    riverton.approve("over")
    for name in ("over", "missing"):
        riverton.caller(f"by-{name}", "read", agreement=name, purpose="a test")
        for path in ("/v1/incidents", "/v1/events", "/v1/events/stream"):
            with riverton.client(f"by-{name}") as client:
                assert client.get(path).json()["code"] == "api.no-agreement"
    (riverton.here.agreements / "over.yaml").unlink()


def listened(riverton, caller, count, **headers):
    """So many messages of the stream, then the line is cut."""
    found, message = [], {}
    with riverton.client(caller) as client, client.stream("GET", "/v1/events/stream", headers=headers) as answer:
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line and name in ("id", "event", "data"):
                message[name] = value
            elif not line and "data" in message:
                found.append(message)
                message = {}
                if len(found) == count:
                    return found
    return found


def test_the_stream_resumes_where_it_was_cut_off(riverton):
    with riverton.client("desk") as client:
        start = client.get("/v1/events?limit=1").json()["next"]
        all_events = [one["id"] for page in pages(riverton, "desk", "/v1/events") for one in page["events"]]
    first = listened(riverton, "desk", 3, **{"Last-Event-ID": start})
    then = listened(riverton, "desk", len(all_events) - 4, **{"Last-Event-ID": first[-1]["id"]})
    assert [json.loads(one["data"])["id"] for one in first + then] == all_events[1:]
    assert first[0]["event"] == "police.incident.created.v1"


def test_the_stream_begins_now_and_brings_what_comes(riverton):
    found = []
    listener = threading.Thread(target=lambda: found.extend(listened(riverton, "desk", 1)))
    listener.start()
    time.sleep(1)
    riverton.send(HEADER + row("A-live"))
    listener.join(20)
    assert [json.loads(one["data"])["data"]["incidentId"] for one in found] == ["A-live"]


def test_a_stream_ends_when_its_caller_is_revoked(riverton):
    from gateway.access import keyfile

    riverton.caller("leaver", "read", purpose="a test")
    ended = threading.Event()

    def listen():
        listened(riverton, "leaver", 1000)
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(0.5)
    keyfile.write(riverton.here.callers / "leaver.keys", [], revoked=True)
    assert ended.wait(20)


def test_one_caller_has_so_many_streams_and_no_more_however_fast_it_asks(riverton):
    riverton.caller("eager", "read", purpose="a test")
    statuses, asked, over = [], threading.Semaphore(0), threading.Event()

    def listen():
        with riverton.client("eager") as client, client.stream("GET", "/v1/events/stream") as answer:
            statuses.append(answer.status_code)
            asked.release()
            over.wait(20)

    listeners = [threading.Thread(target=listen) for _ in range(12)]
    for listener in listeners:
        listener.start()
    for _ in listeners:
        assert asked.acquire(timeout=20)
    over.set()
    for listener in listeners:
        listener.join(20)
    assert sorted(statuses) == [200] * OPEN + [429] * (12 - OPEN)
    assert settled(lambda: opened(riverton, "eager") == 200)


def opened(riverton, caller):
    """What a stream that is left at once was answered."""
    with riverton.client(caller) as client, client.stream("GET", "/v1/events/stream") as answer:
        return answer.status_code


def settled(done):
    """Whether something comes true within some seconds: a server notices late that a client has gone."""
    until = time.monotonic() + 10
    while not (found := done()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_a_removed_record_is_gone(riverton):
    with riverton.client("desk") as client:
        one = next(one for page in pages(riverton, "desk", "/v1/incidents") for one in page["records"] if one["data"]["incidentId"] == "A-5")
        position = riverton.runner.store.journal.locate("cad", "call", "A-5")
        riverton.runner.store.erase.erase([position], by="test", reason="a test")
        assert client.get(f"/v1/incidents/{one['id']}").status_code == 404
