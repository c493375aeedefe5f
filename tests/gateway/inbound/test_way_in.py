"""From a publisher's log-in at a real RabbitMQ to a call in a legacy system, and the acknowledgement back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pika
import pytest

from gateway import acts, agreed, agreement, registry, site, store, topology
from tests.gateway import scripted, scripted_file
from tests.gateway.inbound.messages import SENDER, alert, cap, event, notification
from tests.gateway.test_runner import change, once, world

ROOT = Path(__file__).resolve().parents[3]
CAP, EVENT = "application/cap+xml", "application/cloudevents+json"

SYSTEM = """\
system: city
zone: America/Chicago
feeds:
  alerts:
    adapter: inbound
    settings: {{user: {user}, source: /city/desk, sender: desk@example.invalid, per_minute: {rate}}}
    every: 1h
    hold: skip
    mappings: {{alert: mappings/alert.yaml, cap: mappings/cap.yaml, ngsi-alert: mappings/ngsi-alert.yaml}}
"""
ENTRY = """\
to: call
entity: alert
fields:
  number: sourceRecord.key
  state: msgType
  words: {from: headline, optional: true}
"""


class Scene:
    """A site whose publisher has a log-in of its own; a legacy system in a file, or scripted."""

    def __init__(self, root, broker, monkeypatch, target, rate=6000):
        self.broker = broker
        self.user = f"desk-{time.time_ns()}"
        self.url = broker.log_in(self.user, write=rf"^copperline\.inbound\.{self.user}$")
        monkeypatch.setenv("COPPERLINE_BROKER", broker.url)
        with (root / "site.yaml").open("a") as settings:
            settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        self.here = site.open(root)
        site.copy_template(site.templates()["city-alerts"], root / "systems" / "city")
        (root / "systems" / "city" / "system.yaml").write_text(SYSTEM.format(user=self.user, rate=rate))
        if target is None:
            self.target = scripted.target(root)
        else:
            scripted_file.system(root, target)
        (root / "systems" / "desk" / "mappings" / "entry.yaml").write_text(ENTRY)
        (root / "agreements" / "dispatch.yaml").write_text(scripted.AGREEMENT)
        (root / "agreements" / "desk.yaml").write_text(scripted.TELLS)
        topology.apply(agreement.load_all(self.here.agreements), broker.url, topology.publishers(self.here))

    @property
    def queue(self):
        return f"copperline.inbound.{self.user}"

    def publish(self, *bodies, kind=CAP, **properties):
        """Publish with the publisher's own log-in, and see each confirmed."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for body in bodies:
                said = {"user_id": self.user, "content_type": kind, **properties}
                channel.basic_publish(self.queue, "alerts", body, pika.BasicProperties(delivery_mode=2, **said), mandatory=True)

    def answers(self):
        """What the publisher was told: the alert, its outcome, and the code of what is wrong."""
        told = []
        for _, body in self.broker.drain("copperline.desk.answers"):
            data = json.loads(body)["data"]
            told.append((data["references"][0], data["event"]["common"]["code"], data["msgType"]))
        return told


@pytest.fixture
def make(tmp_path, monkeypatch, rabbitmq):
    """A scene; its queues are taken away afterwards."""
    scripted.install(monkeypatch)
    monkeypatch.setattr(registry, "SHIPPED", {**registry.SHIPPED, "kept": "tests.gateway.scripted_file:adapter"})
    scripted.new_site(tmp_path / "riverton")
    made = []

    def scene(target=None, **more):
        made.append(Scene(tmp_path / "riverton", rabbitmq, monkeypatch, target, **more))
        return made[-1]

    yield scene
    with rabbitmq.channel() as channel:
        for each in made:
            for name in (each.queue, "copperline.desk.answers", "copperline.internal.services"):
                channel.queue_delete(name)
                channel.exchange_delete(name)


@pytest.fixture
def opened(tmp_path, make):
    here = site.open(tmp_path / "riverton")
    opened = store.open(here.store_url(), site.keys(here))
    yield opened
    opened.close()


def written(scene):
    return [(fields["number"], fields["state"], fields.get("words")) for _, fields in scene.target.rows.values()]


def test_a_cap_alert_becomes_a_call_and_its_sender_is_told(make, opened):
    scene = make()
    scene.publish(cap("A-1", headline="Fight"))
    figures, _ = once(scene.here, opened)
    assert figures["systems"]["city"]["accepted"] == 1
    assert written(scene) == [("A-1", "Alert", "Fight")]
    assert scene.answers() == [("A-1", "received", "Ack"), ("A-1", "written", "Ack")]
    assert scene.broker.depth(scene.queue) == 0
    assert opened.ledger.verify() == []


def test_update_and_cancellation_change_the_call_that_the_alert_made(make, opened):
    scene = make()
    scene.publish(cap("A-1"), cap("A-2", "Update", of="A-1", headline="Worse"))
    once(scene.here, opened)
    scene.publish(cap("A-3", "Cancel", of="A-1", headline="Over"), cap("B-2", "Cancel", of="B-1"))
    once(scene.here, opened)
    assert written(scene) == [("A-1", "Cancel", "Over")]
    assert [record.remote_id for record in scene.target.given] == ["", "row 1", "row 1"]
    told = scene.answers()
    assert ("A-3", "written", "Ack") in told
    assert ("B-2", "withheld", "Ack") in told


def test_updates_that_each_name_only_the_last_word_still_belong_to_the_first_alert(make, opened):
    scene = make()
    scene.publish(cap("A-1"), cap("A-2", "Update", of="A-1"), cap("A-3", "Update", of="A-2", headline="Worse"))
    once(scene.here, opened)
    scene.publish(cap("A-4", "Cancel", of="A-3", headline="Over"))
    once(scene.here, opened)
    assert written(scene) == [("A-1", "Cancel", "Over")]
    assert {told for told in scene.answers() if told[1] == "received"} == {(f"A-{number}", "received", "Ack") for number in (1, 2, 3, 4)}


def test_an_update_of_a_chain_belongs_to_its_first_alert_when_it_is_mapped_again(make, opened):
    scene = make()
    scene.publish(cap("A-1"), cap("A-2", "Update", of="A-1"), cap("A-3", "Update", of="A-2", headline="Worse"))
    once(scene.here, opened)
    path = scene.here.root / "systems" / "city" / "mappings" / "cap.yaml"
    path.write_text(path.read_text().replace("title: ", "title: Another "))
    with_world = world(scene.here, opened)
    assert acts.differences(with_world, {"system": "city"}, by="A. Sample", reason="a test", dry_run=True) == []


def test_nobody_reaches_the_alert_of_another_publisher(make, opened):
    scene = make()
    other = f"mayor-{scene.user}"
    scene.broker.log_in(other, write=rf"^copperline\.inbound\.{other}$")
    settings = scene.here.root / "systems" / "city" / "system.yaml"
    feed = settings.read_text().split("feeds:\n")[1].replace("alerts:", "mayor:").replace(scene.user, other).replace(SENDER, "mayor@example.invalid")
    settings.write_text(settings.read_text() + feed)
    topology.apply((), scene.broker.url, topology.publishers(scene.here))
    scene.publish(cap("A-1", headline="Fight"))
    once(scene.here, opened)
    stolen = cap("M-1", "Cancel", of="A-1", sender="mayor@example.invalid", headline="Nothing")
    with pika.BlockingConnection(pika.URLParameters(scene.url.replace(scene.user, other))) as connection:
        connection.channel().basic_publish(f"copperline.inbound.{other}", "alerts", stolen, pika.BasicProperties(content_type=CAP, user_id=other))
    once(scene.here, opened)
    assert written(scene) == [("A-1", "Alert", "Fight")]
    assert "inbound.source" in {row.problems[0]["code"] for row in opened.quarantine.entries()}
    with scene.broker.channel() as channel:
        channel.queue_delete(f"copperline.inbound.{other}")
        channel.exchange_delete(f"copperline.inbound.{other}")


def test_the_same_message_twice_is_known_by_its_id_and_told_once(make, opened):
    scene = make()
    scene.publish(cap("A-1"), cap("A-1"), event("e-1", alert("E-1")), kind="")
    figures, _ = once(scene.here, opened)
    assert (figures["systems"]["city"]["accepted"], figures["systems"]["city"]["unchanged"]) == (2, 1)
    assert sorted(scene.answers()) == sorted([("A-1", "received", "Ack"), ("A-1", "written", "Ack"), ("E-1", "received", "Ack"), ("E-1", "written", "Ack")])


def test_exercises_reach_no_live_system_and_what_is_past_its_time_is_never_written(make, opened):
    scene = make()
    scene.publish(cap("X-1", status="Exercise"), cap("P-1", expires="2026-01-02T02:10:00-06:00"))
    once(scene.here, opened)
    assert scene.target.given == []
    assert sorted(scene.answers()) == sorted([("X-1", "received", "Ack"), ("X-1", "withheld", "Ack"), ("P-1", "received", "Ack"), ("P-1", "expired", "Ack")])


def test_what_is_not_in_order_waits_with_its_bytes_and_the_rest_goes_on(make, opened):
    scene = make()
    scene.publish(b"<alert>", cap("A-1"), cap("M-1", sender="mayor@example.invalid"), notification("1", "2"), kind="")
    scene.publish(cap("N-1"), user_id=None)
    scene.publish(event("e-2", alert("E-2", severity=7)), kind=EVENT)
    figures, _ = once(scene.here, opened)
    assert (figures["systems"]["city"]["accepted"], figures["systems"]["city"]["quarantined"]) == (3, 4)
    found = {row.problems[0]["code"]: opened.journal.original(row.position) for row in opened.quarantine.entries()}
    assert found["xml.malformed"] == b"<alert>"
    assert found["inbound.source"] == cap("M-1", sender="mayor@example.invalid")
    assert found["inbound.publisher"] == cap("N-1")
    assert b"E-2" in found["inbound.contract"]
    assert ("E-2", "refused", "Error") in scene.answers()
    assert len(scene.target.rows) == 3


def test_a_publisher_that_sends_more_than_it_may_waits_in_its_own_queue(make, opened):
    scene = make(rate=3)
    scene.publish(*(cap(f"A-{number}") for number in range(5)))
    figures, runner = once(scene.here, opened, timedelta(seconds=3))
    assert figures["systems"]["city"]["accepted"] == 3
    assert runner.lines["city"].loops["alerts"].ended.problem.code.id == "inbound.rate"
    time.sleep(0.5)
    assert scene.broker.depth(scene.queue) == 2


def test_a_paused_publisher_waits_in_its_queue(make, opened):
    scene = make()
    once(scene.here, opened)
    change(scene.here, opened, "city", "pause")
    scene.publish(cap("A-1"))
    once(scene.here, opened, timedelta(seconds=1))
    assert scene.broker.depth(scene.queue) == 1
    change(scene.here, opened, "city", "resume")
    once(scene.here, opened)
    assert written(scene) == [("A-1", "Alert", "Invented")]


# What a log-in may do, tried at the broker


def attempt(url, act):
    """What the broker answers: its code, or 0 where it lets it be."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            act(channel)
        except pika.exceptions.ChannelClosedByBroker as e:
            return e.reply_code
    return 0


def test_a_log_in_publishes_to_its_own_exchange_and_can_do_nothing_else(make, rabbitmq):
    scene = make()
    other = rabbitmq.log_in(f"other-{time.time_ns()}", write=r"^copperline\.inbound\.other$")

    def publishing(exchange, **properties):
        return lambda channel: channel.basic_publish(exchange, "police.x.alert.created.v1", b"{}", pika.BasicProperties(**properties))

    assert attempt(scene.url, publishing(scene.queue, user_id=scene.user)) == 0
    assert attempt(scene.url, publishing(scene.queue, user_id="guest")) == 406
    assert attempt(other, publishing(scene.queue)) == 403
    assert attempt(scene.url, publishing("copperline.internal.services")) == 403
    assert attempt(scene.url, publishing("copperline.desk.answers")) == 403
    assert attempt(scene.url, publishing("amq.topic")) == 403
    assert attempt(scene.url, lambda channel: channel.basic_consume(scene.queue, print)) == 403
    assert attempt(scene.url, lambda channel: channel.basic_consume("copperline.internal.services", print)) == 403
    assert attempt(scene.url, lambda channel: channel.queue_declare("copperline.mine")) == 403
    assert attempt(scene.url, lambda channel: channel.queue_bind(scene.queue, "copperline.internal.services", "#")) == 403
    assert rabbitmq.depth(scene.queue) == 1


def test_the_topology_names_exchange_queue_and_rights_of_each_publisher(make, rabbitmq):
    scene = make()
    wanted = [(step.kind, step.name) for step in topology.wanted((), topology.publishers(scene.here))]
    assert wanted == [("exchange", scene.queue), ("queue", scene.queue), ("binding", scene.queue), ("permission", scene.user)]
    agreements = agreement.load_all(scene.here.agreements)
    left = topology.plan(agreements, rabbitmq.url, topology.publishers(scene.here))
    assert {(step.state, step.kind) for step in left} == {("unknown", "binding"), ("unknown", "permission")}
    definitions = scene.here.root / "definitions.json"
    rabbitmq.control("export_definitions", str(definitions))
    found = topology.definitions(definitions.read_bytes())
    ours = [step for step in topology.compare(agreements, found, topology.publishers(scene.here)) if step.name in (scene.user, scene.queue)]
    assert ours == []
    rabbitmq.control("set_permissions", scene.user, "^$", ".*", "^$")
    rabbitmq.control("export_definitions", str(definitions))
    found = topology.definitions(definitions.read_bytes())
    ours = [step for step in topology.compare(agreements, found, topology.publishers(scene.here)) if step.name == scene.user]
    assert [(step.state, step.kind) for step in ours] == [("different", "permission")]


# Crashes

PROGRAM = textwrap.dedent("""
    import os, sys, threading
    from datetime import timedelta
    from pathlib import Path
    from gateway import registry, site, store
    from gateway.bus.inbox import Inbox
    from gateway.context import Quiet
    from gateway.inbound.acknowledge import Acknowledgements
    from gateway.runner import Runner
    from gateway.store.deliveries import Deliveries
    from gateway.store.journal import Journal
    from gateway.telemetry import Metrics
    from tests.gateway import scripted_file

    folder, step, mutant = sys.argv[1:]
    registry.SHIPPED = {**registry.SHIPPED, "kept": "tests.gateway.scripted_file:adapter"}
    scripted_file.DIE["at"] = step

    def dies(owner, name, at, *, before=False, when=lambda *a: True):
        real = getattr(owner, name)
        def act(*arguments, **more):
            if before and step == at and when(*arguments):
                os.kill(os.getpid(), 9)
            result = real(*arguments, **more)
            if step == at and when(*arguments):
                os.kill(os.getpid(), 9)
            return result
        setattr(owner, name, act)

    dies(Journal, "accept", "before the commit", before=True)
    dies(Journal, "accept", "after the commit")
    dies(Inbox, "acknowledge", "before the ack", before=True)
    dies(Inbox, "acknowledge", "after the ack")
    dies(Acknowledgements, "ended", "before it is told", before=True)
    dies(Acknowledgements, "ended", "after it is told")
    dies(Deliveries, "settle", "after the settlement", when=lambda _, dest, settlement: settlement.answers)
    if mutant == "acknowledges first":
        take = Inbox.take
        def early(self, wait_s):
            taken = take(self, wait_s)
            if taken is not None:
                self._channel.basic_ack(taken[0])
            return taken
        Inbox.take = early
        Inbox.acknowledge = lambda self, tag: None
    here = site.open(Path(folder))
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    runner.once(timedelta(seconds=8), lambda _: None)
    runner.close()
    opened.close()
""")
STEPS = ("after the commit", "after", "before it is told")


def approve(here):
    """A second person approves every agreement."""
    with store.open(here.store_url(), site.keys(here)) as opened:
        for path in here.agreements.glob("*.yaml"):
            agreed.approve(here, opened, path.stem, "", by="B. Sample", reason="a test")


def run(root, step, mutant=""):
    return subprocess.run([sys.executable, "-c", PROGRAM, root, step, mutant], cwd=ROOT, check=False, timeout=90, env=os.environ).returncode


@pytest.mark.parametrize("step", STEPS)
def test_an_alert_is_one_call_and_is_acknowledged_whatever_dies_on_the_way(step, make, tmp_path):
    scene = make(tmp_path / "desk.jsonl")
    approve(scene.here)
    scene.publish(cap("A-1"))
    assert run(scene.here.root, step) == -9
    assert run(scene.here.root, "never") == 0
    assert [row["fields"]["number"] for row in scripted_file.rows(tmp_path / "desk.jsonl")] == ["A-1"]
    assert list(dict.fromkeys(scene.answers())) == [("A-1", "received", "Ack"), ("A-1", "written", "Ack")]
    assert scene.broker.depth(scene.queue) == 0


def test_the_mutant_that_acknowledges_before_it_journals_is_caught(make, tmp_path):
    scene = make(tmp_path / "desk.jsonl")
    approve(scene.here)
    scene.publish(cap("A-1"))
    assert run(scene.here.root, "before the commit", "acknowledges first") == -9
    assert run(scene.here.root, "never", "acknowledges first") == 0
    assert scripted_file.rows(tmp_path / "desk.jsonl") == []
