"""A system that cannot be called fetches what is for it, in its own layout, and says what it has."""

from __future__ import annotations

import csv
import io
import time
import xml.etree.ElementTree as ET  # reads only what this test asked for

import pytest

from tests.gateway.api import jail
from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row


def made(folder):
    return jail.made(folder, {"cases": "csv", "papers": "xml"})


def started(running):
    for name in ("cases", "papers"):
        running.approve(name)
    running.caller("vendor", "submit")
    running.caller("jailer", "fetch", systems={"jail": ["csv"]}, purpose="intake")
    running.caller("clerk", "fetch", systems={"jail": "all"}, purpose="papers")
    return running


@pytest.fixture
def riverton(tmp_path):
    with invented.running(made(tmp_path / "site")) as running:
        yield started(running)


def fetched(client, **query):
    """Waits until something is there; the answer."""
    until = time.monotonic() + 20
    while (answer := client.get("/v1/systems/jail/mailbox", params=query)).status_code == 204:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    return answer


def numbers(answer):
    return [one["NUMBER"] for one in csv.DictReader(io.StringIO(answer.content.decode("cp1252")))]


def settled(riverton, count):
    """Until the journal says that so many were delivered to the first mailbox."""
    deliveries = riverton.runner.store.deliveries
    dest = deliveries.destination("cases", "box")
    until = time.monotonic() + 20
    while deliveries.counts(dest, lambda _topic: True).delivered < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_waits_comes_in_the_feeds_own_layout_until_it_is_acknowledged(riverton):
    riverton.send((HEADER + row("M-1", city="Métropole") + row("M-2")).encode())
    with riverton.client("jailer") as client:
        first = fetched(client)
        assert first.headers["content-type"] == "text/csv; charset=cp1252"
        assert first.headers["mailbox-records"] == "2"
        assert numbers(first) == ["M-1", "M-2"]
        assert "Métropole".encode("cp1252") in first.content
        again = fetched(client)
        assert again.content == first.content
        for _ in range(2):
            assert client.post("/v1/systems/jail/mailbox/acknowledge", params={"cursor": first.headers["mailbox-cursor"]}).status_code == 204
        assert client.get("/v1/systems/jail/mailbox").status_code == 204
    settled(riverton, 2)


def test_fetching_on_acknowledges_what_came_before(riverton):
    riverton.send(HEADER + row("N-1") + row("N-2") + row("N-3"))
    with riverton.client("jailer") as client:
        first = fetched(client, limit=2)
        second = fetched(client, limit=2, after=first.headers["mailbox-cursor"])
        assert (numbers(first), numbers(second)) == (["N-1", "N-2"], ["N-3"])
        assert client.get("/v1/systems/jail/mailbox", params={"after": second.headers["mailbox-cursor"]}).status_code == 204


def test_two_versions_of_a_record_follow_each_other(riverton):
    riverton.send(HEADER + row("V-1", city="Elmton"))
    riverton.send(HEADER + row("V-1", "V-1/2", city="Oakton"))
    with riverton.client("jailer") as client:
        places, after = [], ""
        for _ in range(2):
            answer = fetched(client, after=after)
            places += [one["PLACE"] for one in csv.DictReader(io.StringIO(answer.text))]
            after = answer.headers["mailbox-cursor"]
    assert places == ["Elmton", "Oakton"]


def test_a_restart_forgets_no_record_and_repeats_none_that_was_acknowledged(tmp_path):
    here = made(tmp_path / "site")
    with invented.running(here) as running:
        started(running).send(HEADER + row("R-1") + row("R-2"))
        with running.client("jailer") as client:
            answer = fetched(client, limit=1)
            assert numbers(answer) == ["R-1"]
            client.post("/v1/systems/jail/mailbox/acknowledge", params={"cursor": answer.headers["mailbox-cursor"]})
            left = fetched(client)
        settled(running, 1)
        keys = running.keys
    with invented.running(here) as running:
        running.keys.update(keys)
        with running.client("jailer") as client:
            unknown = client.post("/v1/systems/jail/mailbox/acknowledge", params={"cursor": left.headers["mailbox-cursor"]})
            assert (unknown.status_code, unknown.json()["code"]) == (422, "api.cursor")
            assert numbers(fetched(client)) == ["R-2"]


def test_each_mailbox_is_for_whom_it_is_granted_to(riverton):
    riverton.send(HEADER + row("G-1"))
    riverton.caller("stranger", "fetch", systems={"cad": "all"}, purpose="a test")
    with riverton.client("stranger") as client:
        assert client.get("/v1/systems/jail/mailbox").status_code == 404
    with riverton.client("jailer") as client:
        assert client.get("/v1/systems/jail/mailbox?feed=xml").status_code == 404
    with riverton.client("clerk") as client:
        several = client.get("/v1/systems/jail/mailbox")
        assert (several.status_code, several.json()["code"]) == (422, "api.parameter")
        answer = fetched(client, feed="xml")
        assert ET.fromstring(answer.content).findtext("case/NUMBER") == "G-1"


def test_a_suspended_agreement_hands_out_nothing(riverton):
    riverton.send(HEADER + row("S-1"))
    with riverton.client("jailer") as client:
        fetched(client)
        (riverton.here.agreements / "cases.yaml").unlink()
        riverton.runner.outbound.look()
        assert client.get("/v1/systems/jail/mailbox").status_code in {403, 404}


def test_fetching_is_in_the_ledger_with_its_purpose(riverton):
    riverton.send(HEADER + row("L-1"))
    with riverton.client("jailer") as client:
        fetched(client)
    ledger = riverton.runner.store.ledger
    reads = [leaf for leaf in map(ledger.leaf, range(ledger.size())) if leaf.kind == "read"]
    assert b'"what":"mailbox"' in reads[-1].body
    assert ledger.commitment("intake").encode() in reads[-1].body
