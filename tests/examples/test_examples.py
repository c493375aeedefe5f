"""The example services: each makes its four checks, keeps what it promises never to do, and lives on invented events."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import agreement
from gateway.cli.mock import mock

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SERVICES = ("street-lighting", "traffic-control", "hot-spots", "neighbourhood")
EVENING = (datetime.now().astimezone() - timedelta(days=2)).replace(hour=21)


def module(service):
    spec = importlib.util.spec_from_file_location(f"example_{service.replace('-', '_')}", EXAMPLES / service / "consumer.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def event(number=1, sequence=1, action="created", code="MVA", stands="Active", district="3", **attributes):
    """An event of one record; its id is its own."""
    data = {
        "types": [{"common": {"code": code}}],
        "statuses": [{"common": {"code": stands}}],
        "reportedAt": {"at": EVENING.isoformat()},
        "locations": [{"district": district}],
    }
    return {
        "id": f"{number}-{sequence}", "partitionkey": f"record {number}", "sequence": str(sequence), "status": "Actual",
        "type": f"police.incident.{action}.v1", "data": {"entity": "incident"} if action in {"removed", "withdrawn"} else data,
        **attributes,
    }  # fmt: skip


IDLE = {
    "expired": {"expirytime": "2020-01-01T00:00:00Z"},
    "exercise": {"status": "Exercise"},
    "test": {"status": "Test"},
    "replayed": {"replayof": "1-1"},
}


class Service:
    """One example in this process, fed by a real broker through its own loop."""

    def __init__(self, service, rabbitmq, tmp_path, monkeypatch, capsys):
        self.module, self._rabbitmq, self._capsys = module(service), rabbitmq, capsys
        self._queue = f"example-{tmp_path.name}"
        for name, value in {"STATE": str(tmp_path / "state.db"), "BROKER": rabbitmq.url, "QUEUE": self._queue, "IDLE_S": "0.1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["consumer.py"])

    def takes(self, *events):
        """Publish the events to the service's queue and let it run until it is empty; returns what it printed."""
        with self._rabbitmq.channel() as channel:
            channel.queue_declare(self._queue)
            for each in events:
                channel.basic_publish("", self._queue, json.dumps(each).encode())
        self.module.main()
        assert self._rabbitmq.depth(self._queue) == 0
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def service(rabbitmq, tmp_path, monkeypatch, capsys):
    return lambda name: Service(name, rabbitmq, tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("name", SERVICES)
def test_an_agreement_lies_beside_each(name):
    assert agreement.load(EXAMPLES / name / f"{name}.yaml").name == name


@pytest.mark.parametrize("why", IDLE)
def test_no_light_moves_for_what_is_not_live(service, why):
    lights = service("street-lighting")
    assert [order for order in lights.takes(event(**IDLE[why])) if "level" in order] == []
    assert [order["level"] for order in lights.takes(event(2))] == [1.0]


@pytest.mark.parametrize("why", IDLE)
def test_nothing_is_proposed_for_what_is_not_live(service, why):
    control = service("traffic-control")
    assert control.takes(event(**IDLE[why])) == []
    assert [order["proposal"] for order in control.takes(event(2))] == [1]


@pytest.mark.parametrize("name", ["street-lighting", "traffic-control"])
def test_the_same_id_moves_nothing_twice_even_after_a_restart(service, name):
    assert len(service(name).takes(event(), event())) == 1
    assert service(name).takes(event()) == []


def test_light_rises_for_a_whole_zone_and_falls_when_the_last_event_there_is_over(service):
    lights = service("street-lighting")
    told = lights.takes(event(1), event(2), event(1, 2, "updated", stands="Closed"), event(2, 2, "withdrawn"))
    assert [(order["zone"], order["level"], order["event"]) for order in told] == [("3", 1.0, "1-1"), ("3", 0.6, "2-2")]


def test_a_late_event_does_not_bring_the_light_back(service):
    lights = service("street-lighting")
    told = lights.takes(event(1), event(1, 3, "updated", stands="Closed"), event(1, 2, "updated"))
    assert [order["level"] for order in told] == [1.0, 0.6]


def test_light_never_follows_another_type_or_into_a_restricted_zone(service):
    lights = service("street-lighting")
    assert lights.takes(event(1, code="FIGHT"), event(2, district="7"), event(3, code="unmapped")) == []


def test_a_type_or_a_version_that_is_not_known_moves_nothing(service):
    strange = event(1) | {"type": "police.incident.created.v0"}
    assert service("street-lighting").takes(strange) == []
    assert service("traffic-control").takes(strange | {"id": "x", "type": "police.unit.created.v1"}) == []


def test_a_proposal_that_nobody_confirmed_is_dropped_when_it_is_over(service, monkeypatch):
    control = service("traffic-control")
    control.takes(event(1), event(1, 2, "updated", stands="Closed"))
    monkeypatch.setattr(sys, "argv", ["consumer.py", "confirm", "1"])
    with pytest.raises(SystemExit, match="does not wait"):
        control.module.main()


def test_the_neighbourhood_learns_a_district_and_a_part_of_a_day(service, tmp_path, monkeypatch):
    monkeypatch.setenv("FEED", str(tmp_path / "feed.json"))
    feed = service("neighbourhood")
    feed.takes(event(1), event(2, code="FIGHT"), event(3), event(3, 2, "removed"), event(4, **IDLE["exercise"]))
    (item,) = json.loads((tmp_path / "feed.json").read_bytes())["items"]
    assert item["content_text"] == f"District 3: a collision, {EVENING:%A} evening."


def test_the_neighbourhood_learns_nothing_that_is_hours_young(service, tmp_path, monkeypatch):
    monkeypatch.setenv("FEED", str(tmp_path / "feed.json"))
    young = event(1)
    young["data"]["reportedAt"]["at"] = (datetime.now().astimezone() - timedelta(hours=5)).isoformat()
    service("neighbourhood").takes(young)
    assert json.loads((tmp_path / "feed.json").read_bytes())["items"] == []


def test_a_day_is_published_once_and_never_again(service, monkeypatch, capsys):
    spots = service("hot-spots")
    spots.takes(*[event(number, district="1") for number in range(9)], *[event(100 + number, district="2") for number in range(6)])
    monkeypatch.setattr(sys, "argv", ["consumer.py", "publish", EVENING.date().isoformat()])
    spots.module.main()
    first = capsys.readouterr().out
    assert json.loads(first)["areas"]["1"] == 9
    monkeypatch.setattr(sys, "argv", ["consumer.py"])
    spots.takes(event(50, district="1"), event(0, 2, "removed"))
    monkeypatch.setattr(sys, "argv", ["consumer.py", "publish", EVENING.date().isoformat()])
    spots.module.main()
    assert capsys.readouterr().out == first


def test_a_day_that_is_not_over_has_no_figures():
    spots = module("hot-spots")
    with closing(sqlite3.connect(":memory:")) as state, pytest.raises(SystemExit, match="not over"):
        spots.publish(datetime.now().astimezone().date().isoformat(), state)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=8))
def test_no_small_count_is_shown_and_none_follows_from_the_total(numbers):
    spots = module("hot-spots")
    counts = dict(zip("abcdefgh", numbers, strict=False))
    made = spots.figures(counts)
    hidden = [counts[area] for area, shown in made["areas"].items() if shown is None]
    assert all(shown is None or shown >= spots.SMALLEST for shown in made["areas"].values())
    if made["total"] is not None and hidden:
        assert len(hidden) >= 2
        assert sum(hidden) >= spots.SMALLEST


def test_whoever_knows_the_rule_still_cannot_tell_a_small_count_from_the_figures():
    """Every table of four areas up to eight reports each: what was published fits more than one value of each small count."""
    spots = module("hot-spots")
    fits: dict[str, list[dict[str, int]]] = {}
    for numbers in itertools.product(range(9), repeat=4):
        counts = dict(zip("abcd", numbers, strict=True))
        fits.setdefault(json.dumps(spots.figures(counts)), []).append(counts)
    for published, tables in fits.items():
        for area, shown in json.loads(published)["areas"].items():
            if shown is None:
                assert len({table[area] for table in tables}) > 1, (published, area)


def test_nobody_learns_one_report_from_two_days():
    """A record that moves from one day to the next after the first was published changes no figure of the first."""
    spots = module("hot-spots")
    with closing(sqlite3.connect(":memory:")) as state:
        first, again = figures_before_and_after_a_move(spots, state)
    assert again == first


def figures_before_and_after_a_move(spots, state):
    state.execute("CREATE TABLE report (record TEXT PRIMARY KEY, sequence INTEGER, day TEXT, area TEXT)")
    state.execute("CREATE TABLE published (day TEXT PRIMARY KEY, figures TEXT)")
    chance = random.Random(1)
    for number in range(60):
        state.execute("INSERT INTO report VALUES (?, 1, '2026-06-11', ?)", [str(number), str(chance.randint(1, 8))])
    first = spots.publish("2026-06-11", state)
    state.execute("UPDATE report SET day = '2026-06-12' WHERE record = '7'")
    spots.publish("2026-06-12", state)
    return first, spots.publish("2026-06-11", state)


@pytest.mark.parametrize("name", SERVICES)
def test_each_runs_on_a_real_broker_and_takes_every_invented_event(rabbitmq, tmp_path, name):
    path = EXAMPLES / name / f"{name}.yaml"
    told = CliRunner().invoke(mock, ["--agreement", str(path), "--broker", rabbitmq.url, "--json"], standalone_mode=False, catch_exceptions=False)
    (queue,) = json.loads(told.stdout)["queues"]
    assert rabbitmq.depth(queue) > 30
    said = _run(name, tmp_path, rabbitmq.url, queue)
    assert rabbitmq.depth(queue) == 0
    if name == "street-lighting":
        assert {order.get("nothing") for order in said} >= {"Exercise", "expired", None}
        assert "replayed" not in {order.get("nothing") for order in said}, "the mock replays an id that was seen"
    if name == "traffic-control":
        assert all("proposal" in order for order in said)
    assert _run(name, tmp_path, rabbitmq.url, queue) == []


def test_a_person_raises_the_bollards_and_the_police_are_told(rabbitmq, service, tmp_path):
    with rabbitmq.channel() as channel:
        channel.exchange_declare("example-inbound", exchange_type="topic", durable=True)
        channel.queue_declare("example-inbound", durable=True)
        channel.queue_bind("example-inbound", "example-inbound", "#")
    service("traffic-control").takes(event(1))
    env = {"STATE": str(tmp_path / "state.db"), "INBOUND": "example-inbound", "SOURCE": "/city/traffic-control"}
    said = _run("traffic-control", tmp_path, rabbitmq.url, "", "confirm", "1", **env)
    assert said == [{"service": "traffic-control", "raised": "B-31 to B-36"}]
    ((properties, body),) = rabbitmq.drain("example-inbound")
    sent = json.loads(body)
    assert (properties.user_id, sent["source"], sent["data"]["msgType"]) == ("guest", "/city/traffic-control", "Alert")
    from contracts import publish

    publish.MODELS["alert"].model_validate(sent["data"])
    assert "does not wait" in _run("traffic-control", tmp_path, rabbitmq.url, "", "confirm", "1", fails=True, **env)


def _run(name, tmp_path, url, queue, *arguments, fails=False, **env):
    environment = {**os.environ, "BROKER": url, "QUEUE": queue, "IDLE_S": "1", "STATE": str(tmp_path / f"{name}.db"), "FEED": str(tmp_path / "feed.json"), **env}
    command = [sys.executable, str(EXAMPLES / name / "consumer.py"), *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def inbound(rabbitmq, monkeypatch, tmp_path):
    """An exchange for answers; `said()` takes them."""
    name = f"answers-{tmp_path.name}"
    with rabbitmq.channel() as channel:
        channel.exchange_declare(name, exchange_type="topic")
        channel.queue_declare(name)
        channel.queue_bind(name, name, "#")
    monkeypatch.setenv("INBOUND", name)
    monkeypatch.setenv("SOURCE", "/city/desk")
    yield lambda: [json.loads(body) for _, body in rabbitmq.drain(name)]
    with rabbitmq.channel() as channel:
        channel.queue_delete(name)
        channel.exchange_delete(name)


HOLDS = {
    "street-lighting": "SELECT 1 FROM bright WHERE zone <> ''",
    "traffic-control": "SELECT 1 FROM proposal WHERE district <> '' OR state = 'proposed'",
    "hot-spots": "SELECT 1 FROM report WHERE area <> ''",
    "neighbourhood": "SELECT 1 FROM entry WHERE says <> ''",
}


@pytest.mark.parametrize("again", [{}, {"replayof": "1-2"}], ids=["at once", "sent again"])
@pytest.mark.parametrize("name", SERVICES)
def test_each_forgets_what_is_taken_back_and_says_so(service, inbound, tmp_path, monkeypatch, name, again):
    from contracts import schema

    monkeypatch.setenv("FEED", str(tmp_path / "feed.json"))
    made = service(name)
    made.takes(event())
    with closing(sqlite3.connect(tmp_path / "state.db")) as held:
        assert held.execute(HOLDS[name]).fetchone()
        made.takes(event(1, 2, "withdrawn", **again))
        assert held.execute(HOLDS[name]).fetchone() is None
    (said,) = inbound()
    assert (said["source"], said["type"], said["data"]["ids"]) == ("/city/desk", "copperline.deleted.v1", ["1-2"])
    assert set(said["data"]) == set(schema.published("answer-deleted")["required"])


def test_a_count_of_what_was_read_is_the_answer_of_a_person(service, inbound, tmp_path, monkeypatch):
    spots = service("hot-spots")
    spots.takes(event(1, recordedtime="2026-06-01T10:00:00Z", agreementseq="7"), event(2, recordedtime="2026-06-02T10:00:00Z", agreementseq="8"))
    spots.takes(event(1, recordedtime="2026-06-01T10:00:00Z", agreementseq="9"))
    monkeypatch.setattr(sys, "argv", ["consumer.py", "answer"])
    spots.module.main()
    (said,) = inbound()
    assert said["type"] == "copperline.read.v1"
    assert said["data"]["agreementseq"] == 8
    assert said["data"]["days"] == [{"day": "2026-06-01", "events": 1}, {"day": "2026-06-02", "events": 1}]


def test_the_examples_know_nothing_of_ours():
    for name in SERVICES:
        text = (EXAMPLES / name / "consumer.py").read_text(encoding="utf-8")
        assert "gateway" not in text
        assert "import contracts" not in text
        assert pika.__name__ in text
