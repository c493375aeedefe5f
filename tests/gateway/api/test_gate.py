"""The gate: nobody enters unproven, nobody sees another's, nobody slows another."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from fastapi import FastAPI

from gateway import site
from gateway.access import Book
from gateway.api.app import build
from gateway.api.gate import Gate, guarded
from gateway.context import Quiet, now
from gateway.errors import Problem
from gateway.store.database import FULL
from tests.gateway.api.riverton import HEADER, row
from tests.gateway.test_runner import until


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Digest username=vendor"},
        {"X-API-Key": "cpl_00000000_" + "a" * 43},
    ],
)
def test_a_request_that_proves_nobody_is_refused_with_what_to_send(riverton, headers):
    with riverton.client() as client:
        answer = client.post("/v1/systems/cad/calls", content=HEADER + row("1"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "api.unknown-caller")
    assert "Basic" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "method, path, caller, body",
    [
        ("POST", "/v1/systems/cad/calls", "vendor", HEADER + row("S-1")),
        ("POST", "/v1/systems/cad/calls?format=xml&idempotency_key=k-1", "vendor", HEADER + row("S-1")),
        ("POST", "/v1/systems/cad/calls", "", HEADER),
        ("POST", "/v1/systems/cad/calls", "vendor", ""),
        ("POST", "/v1/systems/cad/c%61lls", "vendor", HEADER + row("S-1")),
        ("POST", "/v1/systems/cad/none", "vendor", HEADER),
        ("POST", "/v1/systems/../calls", "vendor", HEADER),
        ("POST", "/v1/systems/cad/calls/", "vendor", HEADER),
        ("GET", "/v1/systems/cad/calls", "vendor", ""),
        ("PUT", "/v1/systems/cad/calls", "vendor", HEADER),
    ],
)
def test_the_shortcut_past_the_router_answers_as_the_router_does(riverton, method, path, caller, body):
    facade = build(riverton.runner, site.keys(riverton.here), Book(riverton.here.callers, now), Quiet())
    headers = {"X-API-Key": riverton.keys[caller]} if caller else {}

    async def answers():
        for app in (facade.routes, facade.app):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as client:
                yield await client.request(method, path, content=body)

    async def both():
        return [answer async for answer in answers()]

    by_router, by_shortcut = asyncio.run(both())
    facade.close()
    assert by_router.status_code == by_shortcut.status_code
    kind = by_router.headers.get("content-type", "")
    assert by_shortcut.headers.get("content-type", "") == kind
    if kind.endswith("json"):
        assert by_router.json().keys() == by_shortcut.json().keys()
        assert by_router.json().get("code") == by_shortcut.json().get("code")


def test_after_five_wrong_keys_even_the_right_one_waits_and_other_callers_do_not(riverton):
    key = riverton.caller("guessed", "submit")
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    with riverton.client() as client:
        answers = [client.get("/v1/receipts/" + "0" * 32, headers={"X-API-Key": wrong}) for _ in range(6)]
        right = client.get("/v1/receipts/" + "0" * 32, headers={"X-API-Key": key})
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (right.status_code, right.json()["code"]) == (429, "api.locked-out")
    assert int(right.headers["retry-after"]) > 800
    assert riverton.send(HEADER + row("G-1")).status_code == 202


def test_a_caller_sees_only_its_own_receipts_and_only_its_own_feeds(riverton):
    riverton.caller("other", "submit", systems={"cad": ["xml"]})
    receipt = riverton.send(HEADER + row("O-1")).json()["url"]
    with riverton.client("other") as client:
        assert client.get(receipt).status_code == 404
        assert client.get("/v1/receipts", params={"system": "cad", "feed": "calls", "number": "O-1"}).status_code == 404
    foreign = riverton.send(HEADER + row("O-2"), caller="other")
    missing = riverton.send(HEADER + row("O-2"), "nothing", caller="other")
    assert (foreign.status_code, foreign.json()) == (404, missing.json())


def test_a_revoked_key_opens_nothing_a_second_later(riverton):
    from gateway.access import keyfile

    riverton.caller("leaver", "submit")
    assert riverton.send(HEADER + row("L-1"), caller="leaver").status_code == 202
    keyfile.write(riverton.here.callers / "leaver.keys", [], revoked=True)
    time.sleep(1.01)
    assert riverton.send(HEADER + row("L-2"), caller="leaver").status_code == 401


def test_more_than_the_limit_is_refused_with_when_to_come_back(riverton):
    riverton.caller("eager", "submit", limits={"per_minute": 3})
    with riverton.client("eager") as client:
        answers = [client.get("/v1/receipts/" + "0" * 32) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    assert answers[3].json()["code"] == "api.rate"


@pytest.mark.parametrize("state", ["paused", "tripped", "halted"])
def test_a_system_that_takes_nothing_says_when_to_come_back(riverton, state):
    line = riverton.runner.lines["cad"]
    line.state = state
    try:
        answer = riverton.send(HEADER + row("S-1"))
    finally:
        line.state = "running"
    assert (answer.status_code, answer.json()["code"]) == (503, "system.closed")
    assert int(answer.headers["retry-after"]) == 60


def test_a_full_disk_is_answered_503_and_nothing_is_kept(riverton):
    space = riverton.runner._space
    enough, space._wanted = space._wanted, 1 << 60
    until(lambda: riverton.runner.waits is not None)
    try:
        answer = riverton.send(HEADER + row("D-1"))
    finally:
        space._wanted = enough
        until(lambda: riverton.runner.waits is None)
    assert (answer.status_code, answer.json()["code"]) == (503, "store.full")
    assert answer.headers["retry-after"]
    assert not [event for event in riverton.events() if event["incidentId"] == "D-1"]


def test_a_document_shows_that_the_store_takes_batches_again(riverton):
    """A poll met a full disk, and nothing is polled any more: a caller's document must not wait for the next poll."""
    riverton.runner._space.polled(0, Problem(FULL))
    assert riverton.runner.waits is not None
    assert riverton.send(HEADER + row("D-2")).status_code == 202
    until(lambda: riverton.runner.waits is None)


def test_a_route_without_a_rule_admits_nobody(tmp_path):
    app = FastAPI()
    app.router.route_class = guarded(Gate(Book(tmp_path, now), Quiet()))

    @app.get("/forgotten")
    def forgotten():
        return {}

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get("/forgotten")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["code"]) == (403, "api.no-rule")


def test_what_is_not_there_is_a_problem_too(riverton):
    with riverton.client() as client:
        nowhere, method = client.get("/v1/nothing"), client.delete("/livez")
        xml = client.get("/v1/nothing", headers={"Accept": "application/xml"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "api.missing")
    assert (method.status_code, method.json()["code"], method.headers["allow"]) == (405, "api.method", "GET")
    assert xml.content.startswith(b"<?xml")


def test_no_answer_is_kept_or_run_by_a_browser(riverton):
    with riverton.client() as client:
        headers = client.get("/livez").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_health_is_open_and_figures_are_for_who_operates(riverton):
    riverton.caller("prometheus", "operate", systems={})
    riverton.send(HEADER + row("H-1"))
    with riverton.client() as client:
        assert client.get("/livez").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ready", "store": "ok", "intake": "ok"}
        assert client.get("/metrics").status_code == 401
    with riverton.client("vendor") as client:
        assert client.get("/metrics").status_code == 403
    with riverton.client("prometheus") as client:
        assert 'copperline_records_total{outcome="accepted",system="cad"}' in client.get("/metrics").text
    with riverton.client() as client:  # as a scraper with basic_auth sends it
        assert client.get("/metrics", auth=("prometheus", riverton.keys["prometheus"])).status_code == 200


def test_the_log_names_no_value_of_a_request(riverton):
    riverton.send(HEADER + row("CANARY-7", opened="CANARYtime", remarks="CANARYtext"))
    riverton.send("CANARY;7\n")
    with riverton.client() as client:
        client.get("/v1/receipts/CANARY", headers={"X-API-Key": "CANARYkey"})
    assert "CANARY" not in "".join(riverton.log.lines)
