"""The mock tells the same story for the same seed, holds every case, and gives no field that its agreement does not name."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import orjson
import pytest

from gateway import agreement
from gateway.agreement import CONTENT_TYPE, exchange
from gateway.bus import admin
from gateway.cli.mock import LIVE, NO_QUEUE, mock
from gateway.errors import Refused
from gateway.mock import Case, Mock

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 12, 21, 4, tzinfo=UTC)
WORDS = """\
agreement: {name}
title: For a test
parties: {{provider: Sample PD, recipient: Sample City}}
contact: Night desk
prepared_by: A. Example
purpose: Building a consumer
legal_basis: Sample Code, section 4
law_enforcement: false
authority: Council resolution 12
impact_assessment: Assessment 3
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 7
topics: ["{topics}"]
fields:
  incident: {{types: plain, locations.district: plain}}
start: now
destinations:
  service: {{via: {via}}}
"""


def terms(tmp_path, name, *, topics="police.*.incident.#", via="bus"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(WORDS.format(name=name, topics=topics, via=via))
    return path


def told(path, seed=7, count=40):
    return list(Mock(agreement.load(path), seed=seed, now=NOW).events(count))


def bodies_of(events):
    return [event.body for _, event in events]


def test_every_case_is_in_the_story(tmp_path):
    assert {case for case, _ in told(terms(tmp_path, "light"))} == set(get_args(Case))


@pytest.mark.parametrize("service", ["street-lighting", "traffic-control", "hot-spots", "neighbourhood"])
def test_every_example_meets_every_case(service):
    path = ROOT / "examples" / service / f"{service}.yaml"
    assert {case for case, _ in told(path)} == set(get_args(Case))


def test_every_entity_that_the_agreement_asks_for_meets_every_case(tmp_path):
    path = terms(tmp_path, "light")
    said = path.read_text().replace('"police.*.incident.#"', '"police.*.incident.#", "police.*.unit.#"')
    path.write_text(said.replace("fields:\n", "fields:\n  unit: {type: plain, primaryStatus: plain}\n"))
    cases = {(event.topic.split(".")[2], case) for case, event in told(path, count=80)}
    assert cases == {(entity, case) for entity in ("incident", "unit") for case in get_args(Case)}


def test_the_same_seed_tells_the_same_and_another_one_shares_no_id(tmp_path):
    path = terms(tmp_path, "light")
    assert bodies_of(told(path)) == bodies_of(told(path))
    assert not {event.id for _, event in told(path)} & {event.id for _, event in told(path, seed=8)}


def test_the_cases_are_what_they_are_called(tmp_path):
    events = told(terms(tmp_path, "light"))
    bodies = {case: orjson.loads(event.body) for case, event in events}
    ids = Counter(event.id for _, event in events)
    assert ids[bodies["duplicate"]["id"]] == 2
    assert "replayof" in bodies["replay"]
    assert bodies["correction"]["causationid"] in ids
    assert bodies["exercise"]["status"] == "Exercise"
    assert datetime.fromisoformat(bodies["expired"]["expirytime"]) < NOW
    assert "fieldOfTomorrow" in bodies["unknown field"]["data"]
    assert bodies["old major"]["type"] == "police.incident.created.v0"
    assert bodies["withdrawal"]["type"] == "police.incident.withdrawn.v1"
    highest = Counter()
    for case, event in events:
        said = orjson.loads(event.body)
        if case == "late":
            assert int(said["sequence"]) < highest[said["partitionkey"]]
        highest[said["partitionkey"]] = max(highest[said["partitionkey"]], int(said["sequence"]))


def test_no_field_is_given_that_the_agreement_does_not_name(tmp_path):
    for case, event in told(terms(tmp_path, "light")):
        data = orjson.loads(event.body)["data"]
        extra = (
            {"fieldOfTomorrow"}
            if case == "unknown field"
            else {"entity"}
            if case in {"withdrawal", "removal"}
            else set()
        )
        assert data.keys() <= {"types", "locations"} | extra
        assert all(place.keys() == {"district"} for place in data.get("locations", ()))


def test_it_is_published_as_the_gateway_publishes(rabbitmq, tmp_path):
    path = terms(tmp_path, "mock-light")
    _run(["--agreement", str(path), "--seed", "7", "--broker", rabbitmq.url])
    queue = exchange("mock-light", "service")
    taken = rabbitmq.drain(queue)
    expected = told(path)
    assert [properties.message_id for properties, _ in taken] == [event.id for _, event in expected]
    assert {properties.content_type for properties, _ in taken} == {CONTENT_TYPE}


def test_what_the_agreement_has_not_asked_for_is_counted_as_not_bound(rabbitmq, tmp_path):
    path = terms(tmp_path, "mock-narrow", topics="police.*.incident.created.v1")
    said = orjson.loads(_run(["--agreement", str(path), "--broker", rabbitmq.url, "--json"]))
    assert said["published"]["old major"] == 0
    assert said["published"]["ordinary"] > 0
    assert rabbitmq.depth(said["queues"][0]) == sum(said["published"].values())


def test_the_broker_of_the_site_is_refused(tmp_path, monkeypatch):
    (tmp_path / "agreements").mkdir()
    (tmp_path / "site.yaml").write_text("site: here\nagency: XX0000000\nbroker: {url_from: env:LIVE}\n")
    monkeypatch.setenv("LIVE", "amqp://gateway:secret@broker.example.invalid:5672/%2F")
    path = terms(tmp_path / "agreements", "light")
    with pytest.raises(Refused) as refused:
        _run(["--agreement", str(path), "--broker", "amqp://me:mine@broker.example.invalid/", "--site", str(tmp_path)])
    assert refused.value.problems[0].code is LIVE


def test_an_agreement_without_a_queue_is_refused(tmp_path):
    with pytest.raises(Refused) as refused:
        _run(["--agreement", str(terms(tmp_path, "light", via="log")), "--broker", "amqp://127.0.0.1:1/"])
    assert refused.value.problems[0].code is NO_QUEUE


def test_a_message_that_no_queue_is_bound_for_is_told(rabbitmq, tmp_path):
    _, event = told(terms(tmp_path, "light"))[0]
    with admin.connect(rabbitmq.url) as broker:
        broker.declare_exchange("mock-unbound")
        assert list(broker.publish("mock-unbound", [event, event])) == [False, False]


def _run(arguments):
    from click.testing import CliRunner

    return CliRunner().invoke(mock, arguments, standalone_mode=False, catch_exceptions=False).stdout
