"""Reads come as the caller's own system declares: by the mapping and in the layout of its feed, like its mailbox."""

from __future__ import annotations

import csv
import io
import json
import time
import xml.etree.ElementTree as ET  # reads only what this test asked for

import pytest

from tests.gateway.api import jail
from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row

READS = ["jail/csv", "jail/xml", "jail/json"]


@pytest.fixture(scope="module")
def riverton(tmp_path_factory):
    here = jail.made(tmp_path_factory.mktemp("riverton") / "site", {"cases": "csv"})
    with invented.running(here) as running:
        running.approve("cases")
        running.caller("vendor", "submit")
        running.caller("desk", "read", purpose="dispatch")
        running.caller("jailer", "read", "fetch", systems={"jail": "all"}, reads_as=READS, purpose="intake")
        running.caller("lost", "read", reads_as=["jail/none"], purpose="intake")
        for number, city in (("J-1", "Métropole"), ("J-2", "Elmton"), ("J-3", "Oakton")):
            running.send((HEADER + row(number, city=city)).encode())
        yield running


def asked(riverton, path, caller="jailer", **query):
    with riverton.client(caller) as client:
        return client.get(path, params=query)


def reads(riverton):
    ledger = riverton.runner.store.ledger
    return [json.loads(leaf.body) for leaf in map(ledger.leaf, range(ledger.size())) if leaf.kind == "read"]


def test_a_page_comes_by_the_mapping_and_in_the_layout_of_the_feed_that_has_the_format(riverton):
    answer = asked(riverton, "/v1/incidents", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=cp1252"
    rows = list(csv.reader(io.StringIO(answer.content.decode("cp1252"))))
    assert rows == [["NUMBER", "PLACE"], ["J-1", "Métropole"], ["J-2", "Elmton"], ["J-3", "Oakton"]]
    tree = ET.fromstring(asked(riverton, "/v1/incidents", format="xml").content)
    assert [case.findtext("NUMBER") for case in tree.findall("case")] == ["J-1", "J-2", "J-3"]
    assert [case["PLACE"] for case in asked(riverton, "/v1/incidents", format="json").json()] == ["Métropole", "Elmton", "Oakton"]


def test_what_is_read_is_what_the_mailbox_would_hold(riverton):
    until = time.monotonic() + 20
    while (box := asked(riverton, "/v1/systems/jail/mailbox")).headers.get("mailbox-records") != "3":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert asked(riverton, "/v1/incidents", format="csv").content == box.content


def test_a_document_without_room_for_a_cursor_has_it_in_its_head(riverton):
    first = asked(riverton, "/v1/incidents", format="csv", limit=2)
    assert 'rel="next"' in first.headers["link"]
    second = asked(riverton, "/v1/incidents", format="csv", after=first.headers["read-cursor"])
    assert second.text.splitlines() == ["NUMBER,PLACE", "J-3,Oakton"]
    later = asked(riverton, "/v1/incidents", format="csv", after=second.headers["read-cursor"])
    assert (later.text.splitlines(), "link" in later.headers) == (["NUMBER,PLACE"], False)


def test_one_record_comes_so_too_and_is_not_sent_again_while_it_and_the_mapping_stand(riverton):
    id = asked(riverton, "/v1/incidents", "desk").json()["records"][1]["id"]
    of_all = asked(riverton, f"/v1/incidents/{id}", "desk", format="csv")
    with riverton.client("jailer", **{"If-None-Match": of_all.headers["etag"]}) as client:
        one = client.get(f"/v1/incidents/{id}", params={"format": "csv"})
    assert one.text.splitlines() == ["NUMBER,PLACE", "J-2,Elmton"], "the general form's tag is not that of the feed's"
    with riverton.client("jailer", **{"If-None-Match": one.headers["etag"]}) as client:
        assert client.get(f"/v1/incidents/{id}", params={"format": "csv"}).status_code == 304


def test_what_no_feed_declares_comes_in_the_general_form(riverton):
    assert asked(riverton, "/v1/units", format="csv").headers["content-type"] == "text/csv; charset=utf-8"
    assert asked(riverton, "/v1/incidents", "desk", format="csv").text.startswith("id,")


def test_what_cannot_be_said_is_left_out_counted_and_not_told_as_given(riverton):
    riverton.send((HEADER + row("J-4", city="Łódź")).encode())  # which cp1252 has not
    answer = asked(riverton, "/v1/incidents", format="csv")
    assert (answer.headers["read-left-out"], len(answer.text.splitlines())) == ("1", 4)
    assert reads(riverton)[-1]["count"] == 3
    id = asked(riverton, "/v1/incidents", "desk").json()["records"][-1]["id"]
    one = asked(riverton, f"/v1/incidents/{id}", format="csv")
    assert (one.status_code, one.text.split(":")[0]) == (422, "# sink.unmappable")
    assert len(asked(riverton, "/v1/incidents", format="json").json()) == 4


def test_a_feed_that_is_not_there_is_told_and_nothing_is_given_in_another_form(riverton):
    for path in ("/v1/incidents", "/v1/incidents/" + "0" * 32):
        answer = asked(riverton, path, "lost")
        assert (answer.status_code, answer.json()["code"]) == (503, "sink.no-feed")
