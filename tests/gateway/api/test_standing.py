"""Where a consumer stands, told to itself: how far its queue is behind, and the moment that a snapshot was read at."""

from __future__ import annotations

import json

import pytest

from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row
from tests.gateway.test_runner import until

NAME = "standing"
QUEUE = f"copperline.{NAME}.lamps"
AGREEMENT = f"""\
agreement: {NAME}
title: A service with a queue
parties: {{provider: riverton, recipient: Sample City}}
contact: Night desk
prepared_by: A. Sample
purpose: tests
legal_basis: Sample Act 4
law_enforcement: true
retention_days: 7
valid: {{from: 2020-01-01, to: 2035-12-31}}
topics: ["police.*.incident.#"]
fields: {{incident: {{incidentId: plain, reportNumber: plain}}}}
start: now
destinations: {{lamps: {{via: bus}}}}
"""


@pytest.fixture
def riverton(tmp_path, monkeypatch, rabbitmq):
    monkeypatch.setenv("COPPERLINE_BROKER", rabbitmq.url)
    here = invented.made(tmp_path / "site")
    with (here.root / "site.yaml").open("a") as settings:
        settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
    (here.agreements / f"{NAME}.yaml").write_text(AGREEMENT)
    with rabbitmq.channel() as channel:
        channel.exchange_declare(QUEUE, exchange_type="topic", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, QUEUE, "#")
    with invented.running(invented.site.open(here.root)) as running:
        running.approve(NAME)
        running.caller("vendor", "submit")
        running.caller("city", "read", agreement=NAME, purpose="tests")
        yield running
    with rabbitmq.channel() as channel:
        channel.queue_delete(QUEUE)
        channel.exchange_delete(QUEUE)


def get(riverton, path):
    with riverton.client("city") as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def queue(riverton):
    (found,) = get(riverton, "/v1/standing")["queues"]
    return found


def test_a_consumer_sees_how_far_its_own_queue_is_behind(riverton, rabbitmq):
    riverton.send(HEADER + row("A-1") + row("A-2"))
    until(lambda: queue(riverton).get("queued") == 2 and not queue(riverton)["waiting"])
    found = queue(riverton)
    assert (found["destination"], found["lag"], found["read"], found["undeleted"]) == ("lamps", 2, 0, 0)
    assert found["oldest_unread"].startswith("20")
    rabbitmq.drain(QUEUE)
    until(lambda: queue(riverton)["lag"] == 0)
    assert queue(riverton)["read"] == 2
    assert "oldest_unread" not in queue(riverton)
    with riverton.client("city") as client:
        assert client.get("/v1/standing?format=csv").text.startswith("destination,agreementseq,lag,")


def test_a_snapshot_and_the_queue_after_the_number_it_stands_at_give_every_record_its_latest_version(riverton, rabbitmq):
    riverton.send(HEADER + "".join(row(f"A-{number}") for number in range(5)))
    until(lambda: queue(riverton).get("queued") == 5 and not queue(riverton)["waiting"])
    first = get(riverton, "/v1/incidents?limit=2")
    stands, held = first["stands"], {one["partitionkey"]: one for one in first["records"]}
    riverton.send(HEADER + row("A-0", "A-0/2") + row("A-9"))  # in the midst of it
    page = first
    while page["more"]:
        page = get(riverton, f"/v1/incidents?limit=2&after={page['next']}")
        assert "stands" not in page
        held |= {one["partitionkey"]: one for one in page["records"]}
    until(lambda: queue(riverton).get("queued") == 7)
    assert stands["agreementseq"] == {"lamps": 5}
    came = [json.loads(body) for _, body in rabbitmq.drain(QUEUE)]
    after = [event for event in came if int(event["agreementseq"]) > stands["agreementseq"]["lamps"]]
    for event in after:
        if int(event["sequence"]) > int(held.get(event["partitionkey"], {"sequence": 0})["sequence"]):
            held[event["partitionkey"]] = event
    assert len(after) == 2
    assert sorted(one["data"]["reportNumber"] for one in held.values()) == ["A-0/2", *(f"A-{number}/1" for number in (1, 2, 3, 4, 9))]
    said = get(riverton, f"/v1/events?after={stands['cursor']}")["events"]
    assert [event["id"] for event in said] == [event["id"] for event in after]
