"""What a consumer answers over a real broker, and everything in which it then shows."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime

import pika
import pytest

from gateway import site
from gateway.adapter import RawRecord
from gateway.context import Quiet
from gateway.errors import Problem, Retry
from gateway.runner import Runner
from gateway.store import open as open_store
from gateway.store.database import BUSY
from gateway.store.deletions import Deletions
from gateway.telemetry import Metrics
from tests.gateway import scripted
from tests.gateway.test_runner import until

AGREEMENT = """\
agreement: {name}
title: Alerts for the city
parties: {{provider: riverton, recipient: Sample City}}
contact: Night desk
prepared_by: A. Sample
purpose: A sample
legal_basis: Sample Code, section 4
law_enforcement: true
retention_days: 30
valid: {{from: 2020-01-01, to: 2099-12-31}}
topics: ["police.*.alert.#"]
fields: {{alert: {{alertId: plain, headline: plain}}}}
start: 2020-01-01
destinations: {{lamps: {{via: bus, limits: {{{limits}}}}}}}
"""
SYSTEM = """\
system: city
zone: America/Chicago
feeds:
  answers:
    adapter: inbound
    settings: {{user: {user}, source: /city/desk, answers_for: [{name}]}}
    every: 1h
    hold: skip
    mappings: {{}}
"""
TODAY = datetime.now(UTC).date().isoformat


class City:
    """A consumer of another make: it reads its queue, and answers with its own log-in."""

    def __init__(self, root, broker, copperline, limits=""):
        self.broker, self.copperline, self.root = broker, copperline, root
        self.name = f"light{time.time_ns()}"
        self.queue = f"copperline.{self.name}.lamps"
        self.user = f"desk-{self.name}"
        self.inbound = f"copperline.inbound.{self.user}"
        self._url = broker.log_in(self.user, write="^" + self.inbound.replace(".", r"\.") + "$")
        with (root / "site.yaml").open("a") as settings:
            settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        (root / "systems" / "city").mkdir()
        (root / "systems" / "city" / "system.yaml").write_text(SYSTEM.format(user=self.user, name=self.name))
        (root / "agreements" / f"{self.name}.yaml").write_text(AGREEMENT.format(name=self.name, limits=limits))
        copperline("agreements", "approve", self.name, "--as", "B. Sample", "--reason", "a test")
        copperline("topology", "apply", "--reason", "a test", "--yes")

    def reads(self):
        """Everything in its queue, as it was sent."""
        return [json.loads(body) for _, body in self.broker.drain(self.queue)]

    def answers(self, type, **data):
        """Publish one answer about its queue, or about the one that is named."""
        said = {"specversion": "1.0", "id": str(time.time_ns()), "source": "/city/desk", "type": type, "data": {"queue": self.queue, **data}}
        self.publishes(said)
        return said

    def publishes(self, said):
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            properties = pika.BasicProperties(content_type="application/cloudevents+json", user_id=self.user, delivery_mode=2)
            channel.basic_publish(self.inbound, "answer", json.dumps(said).encode(), properties, mandatory=True)

    def standing(self):
        return next(row for row in self.copperline("status", "--json").json["consumers"] if row["destination"] == f"{self.name}/lamps")


@pytest.fixture
def city(riverton, rabbitmq, monkeypatch, copperline, request):
    monkeypatch.setenv("COPPERLINE_BROKER", rabbitmq.url)
    made = City(riverton, rabbitmq, copperline, getattr(request, "param", ""))
    yield made
    with rabbitmq.channel() as channel:
        for name in (made.queue, made.inbound):
            channel.queue_delete(name)
            channel.exchange_delete(name)


def says(*steps):
    """The legacy system has more to say."""
    scripted.SCRIPTS["cad"].steps.append(list(steps))


def gone(number):
    return RawRecord("call", str(number), f"gone {number}", "remove", {}, b"x", "row")


def test_who_has_not_deleted_shows_everywhere_until_it_answers(city, copperline):
    copperline("run", "--once")
    says(gone(1), gone(3))
    copperline("run", "--once")
    told = [event for event in city.reads() if event["type"].split(".")[2] == "removed"]
    assert len(told) == 2
    assert city.standing()["undeleted"] == 2
    assert "has not said that it has deleted 2 records" in copperline("status").err
    city.answers("copperline.deleted.v1", ids=[told[0]["id"], "ab" * 16, "no id"])
    copperline("run", "--once")
    assert city.standing()["undeleted"] == 1
    assert [row["undeleted"] for row in copperline("agreements", "list", "--json").json if row["agreement"] == city.name] == [1]
    lines = copperline("disclosures", "--agreement", city.name, "--reason", "a test", "--as", "json").json
    states = {line["event"]: line["deleted"] for line in lines if line["what"] == "taken back"}
    assert states[told[0]["id"]].startswith("20")
    assert states[told[1]["id"]] == "not yet"
    assert {line["deleted"] for line in lines if line["what"] == "given"} == {""}
    city.answers("copperline.deleted.v1", ids=[told[1]["id"]])
    copperline("run", "--once")
    assert city.standing()["undeleted"] == 0
    assert "has not said" not in copperline("status").err


def test_reconciling_an_agreement_shows_on_which_day_something_is_missing(city, copperline):
    copperline("run", "--once")
    events = city.reads()
    (unsaid,) = copperline("reconcile", "--agreement", city.name, "--json").json["destinations"]
    assert unsaid["state"] == "unsaid"
    assert unsaid["days"] == [{"day": TODAY(), "source": 3, "journal": 2, "delivered": 2, "confirmed": None, "state": "unsaid"}]
    number = max(int(event["agreementseq"]) for event in events)
    city.answers("copperline.read.v1", agreementseq=number, days=[{"day": TODAY(), "events": 1}])
    copperline("run", "--once")
    assert copperline("reconcile", "--agreement", city.name, "--json").json["destinations"][0]["state"] == "behind"
    city.answers("copperline.read.v1", agreementseq=number, days=[{"day": TODAY(), "events": 3}])
    copperline("run", "--once")
    said = copperline("reconcile", "--agreement", city.name, code=1)
    assert "differs" in said.out
    assert "cad/calls: never compared with its system" in said.out
    city.answers("copperline.read.v1", agreementseq=number, days=[{"day": TODAY(), "events": 2}])
    copperline("run", "--once")
    agreed = copperline("reconcile", "--agreement", city.name, "--json").json["destinations"][0]
    assert (agreed["state"], agreed["days"][0]["confirmed"]) == ("agreed", 2)


def test_an_answer_of_an_earlier_message_that_comes_again_changes_nothing(city, copperline):
    copperline("run", "--once")
    first = city.answers("copperline.read.v1", agreementseq=1)
    copperline("run", "--once")
    city.answers("copperline.read.v1", agreementseq=2)
    copperline("run", "--once")
    city.publishes(first)
    assert copperline("run", "--once", "--json").json["unchanged"] == 1
    assert city.standing()["read"] == 2


def test_an_answer_is_carried_out_even_if_the_gateway_is_cut_off_right_after_it_was_journalled(city, copperline, monkeypatch):
    copperline("run", "--once")
    says(gone(1))
    copperline("run", "--once")
    (told,) = [event for event in city.reads() if event["type"].split(".")[2] == "removed"]
    city.answers("copperline.deleted.v1", ids=[told["id"]])

    def cut_off(*_):
        raise Retry(Problem(BUSY))

    with monkeypatch.context() as cut:
        cut.setattr(Deletions, "answered", cut_off)
        copperline("run", "--once", "--timeout", "2s")
    assert city.standing()["undeleted"] == 1
    assert copperline("run", "--once", "--json").json["unchanged"] == 1
    assert city.standing()["undeleted"] == 0


def test_nobody_answers_for_the_queue_of_another(city, copperline):
    copperline("run", "--once")
    says(gone(1))
    copperline("run", "--once")
    (told,) = [event for event in city.reads() if event["type"].split(".")[2] == "removed"]
    settings = city.root / "systems" / "city" / "system.yaml"
    settings.write_text(settings.read_text().replace(f"answers_for: [{city.name}]", "answers_for: [another]"))
    city.answers("copperline.deleted.v1", ids=[told["id"]])
    city.answers("copperline.read.v1", agreementseq="many")
    copperline("run", "--once")
    assert {row["code"] for entry in copperline("quarantine", "list", "--json").json for row in entry["problems"]} >= {"inbound.queue", "inbound.contract"}
    standing = city.standing()
    assert (standing["undeleted"], standing["read"], standing["answers"]) == (1, None, False)


def test_lag_oldest_unread_and_last_read_come_from_broker_journal_and_consumer(city, riverton):
    here = site.open(riverton)
    with open_store(here.store_url(), site.keys(here)) as opened:
        runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
        runner.start()
        running = threading.Thread(target=runner.run, args=(lambda: None, lambda: None))
        running.start()
        labels = {"agreement": city.name, "destination": "lamps"}

        def shows(**wanted):
            runner.measure()
            return all(runner.metrics.value(f"copperline_consumer_{name}", **labels) == value for name, value in wanted.items())

        try:
            until(lambda: shows(lag=2))
            assert runner.metrics.value("copperline_consumer_oldest_unread_timestamp_seconds", **labels) > 0
            assert len(city.reads()) == 2
            until(lambda: shows(lag=0, oldest_unread_timestamp_seconds=0))
            assert shows(last_read_timestamp_seconds=0)
        finally:
            runner.stop.set()
            running.join()
            runner.close()


@pytest.mark.parametrize("city", ["length: 100"], indirect=True)
def test_a_full_queue_makes_the_journal_wait_for_its_consumer_only(city, copperline, rabbitmq):
    for hundred in range(1, 16):
        says(*(scripted.record(100 * hundred + number) for number in range(100)))
    copperline("run", "--once", "--timeout", "3s", code=4)
    held = rabbitmq.depth(city.queue)
    assert 100 <= held < 1502  # a queue takes what is under way before it says that it is full
    assert city.standing()["waiting"] >= 1502 - held
    assert rabbitmq.depth("copperline.internal.services") >= 1502
    ids = set()
    for _ in range(60):
        ids |= {event["id"] for event in city.reads()}
        if len(ids) == 1502:
            break
        copperline("run", "--once", "--timeout", "2s", code=None)
    assert len(ids) == 1502
    assert city.standing()["waiting"] == 0


def test_the_limits_of_all_queues_are_added_up_against_the_disk(city, copperline, riverton):
    settings = riverton / "site.yaml"
    before = settings.read_text()
    assert "broker." not in copperline("check").out
    settings.write_text(before + "broker_disk: 900MB\n")
    said = copperline("agreements", "check", code=1).out
    assert f"{city.queue}: limits: a queue has no limit" in said
    assert "copperline.internal.services" in said
    assert "broker.too-large" not in said
    for name in (city.name, "internal"):
        path = riverton / "agreements" / f"{name}.yaml"
        path.write_text(path.read_text().replace("via: bus, limits: {}", "via: bus").replace("via: bus", "via: bus, limits: {megabytes: 50}"))
    assert "broker." not in copperline("check").out  # 2 x 50 MB, and 100,000 messages of a publisher
    settings.write_text(before + "broker_disk: 880MB\n")
    assert "3 queues may hold 881 MB, and broker_disk is 880 MB [broker.too-large]" in copperline("check", code=1).out
