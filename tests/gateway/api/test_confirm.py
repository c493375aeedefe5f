"""The second person of an act sees what it is and confirms it over HTTP, with a key of their own."""

from __future__ import annotations

import time

import pytest

from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row


@pytest.fixture
def riverton(tmp_path):
    with invented.running(invented.made(tmp_path / "site")) as running:
        running.caller("vendor", "submit")
        running.caller("sergeant", "confirm", systems={})
        running.caller("captain", "confirm", systems={})
        yield running


def quarantined(riverton):
    """Where a record is that nobody will take."""
    riverton.send(HEADER + row("Q-1", opened="CANARY"))
    (entry,) = riverton.runner.store.quarantine.entries()
    return entry.position


def asked(riverton, by, position):
    """What came of the first person's command."""
    requests = riverton.runner.store.requests
    number = requests.add("discard", {"position": position}, by=by, reason="a test row")
    until = time.monotonic() + 20
    while (found := requests.find(number)).state == "open":
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def test_what_waits_is_shown_and_done_once_another_person_confirms_it(riverton):
    position = quarantined(riverton)
    assert asked(riverton, "@sergeant", position).result == {"asked": "discard", "by": "@sergeant"}
    with riverton.client("captain") as client:
        (act,) = client.get("/v1/acts").json()["acts"]
        assert (act["kind"], act["asked_by"], act["reason"], act["about"]) == ("discard", "@sergeant", "a test row", {"position": position})
        done = client.post(f"/v1/acts/{act['act']}", params={"reason": "seen"})
        assert (done.status_code, done.json()["confirmed_by"], done.json()["result"]["position"]) == (200, "@captain", position)
        assert client.get("/v1/acts").json() == {"acts": []}
        assert client.post(f"/v1/acts/{act['act']}", params={"reason": "seen"}).status_code == 404
    assert riverton.runner.store.quarantine.entry(position).state == "discarded"


def test_who_asked_is_not_the_second_and_nothing_is_done(riverton):
    position = quarantined(riverton)
    asked(riverton, "@sergeant", position)
    with riverton.client("sergeant") as client:
        (act,) = client.get("/v1/acts").json()["acts"]
        answer = client.post(f"/v1/acts/{act['act']}", params={"reason": "seen"})
        assert (answer.status_code, answer.json()["code"]) == (422, "act.same-person")
        assert client.post(f"/v1/acts/{act['act']}").status_code == 422, "a reason is needed"
        assert len(client.get("/v1/acts").json()["acts"]) == 1
    assert riverton.runner.store.quarantine.entry(position).state == "open"


def test_a_name_that_nobody_proved_does_not_even_ask(riverton):
    failed = asked(riverton, "A. Sample", quarantined(riverton))
    assert (failed.state, failed.result["problems"][0]["code"]) == ("failed", "act.key-needed")
    with riverton.client("captain") as client:
        assert client.get("/v1/acts").json() == {"acts": []}
