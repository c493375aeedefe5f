"""The whole circle: a CAP alert on RabbitMQ, a row of a dispatch database through ODBC, the acknowledgement, the row read back.

The process is killed at each step in turn.  Whatever dies, the row is there once, its sender is told,
and the row read back goes out to nobody as new.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pika
import psycopg
import pytest

from gateway import agreed, agreement, site, store, topology
from tests.adapters.odbc.databases import library
from tests.gateway import scripted
from tests.gateway.inbound.messages import cap

ROOT = Path(__file__).resolve().parents[2]

CITY = """\
system: city
zone: America/Chicago
feeds:
  alerts:
    adapter: inbound
    settings: {{user: {user}, source: /city/desk, sender: desk@example.invalid}}
    every: 1h
    hold: skip
    mappings: {{alert: mappings/alert.yaml, cap: mappings/cap.yaml, ngsi-alert: mappings/ngsi-alert.yaml}}
"""
CAD = """\
system: cad
zone: America/Chicago
feeds:
  calls-in:
    adapter: odbc
    settings:
      connection: {connection}
      write: {{by: upsert, table: calls, id: event_id, returns: callno}}
    mappings: {{call: mappings/alert-to-call.yaml}}
  calls:
    adapter: odbc
    settings:
      connection: {connection}
      kind: call
      table: calls
      key: callno
    every: 1h
    hold: skip
    mappings: {{call: mappings/call.yaml}}
"""
CALL = """\
kind: call
entity: incident
optional: true
fields:
  incidentId: {from: callno, as: text, optional: false}
  narrative: remark
ignored: ["*"]
"""
TO_CALL = """\
to: call
entity: alert
optional: true
fields:
  ref: sourceRecord.key
  status: {from: msgType, as: {choose: {Alert: UNCONFIRMED, Update: UNCONFIRMED, Cancel: CANCELLED}}}
  calltype: {from: event, table: cad-alert-type, default: other}
  received: {from: sent, as: {write-time: "%Y-%m-%d %H:%M:%S"}}
  remark: headline
"""
TABLE = """\
CREATE TABLE calls (callno serial PRIMARY KEY, ref varchar(200), status varchar(20), calltype varchar(10), received timestamp,
  remark varchar(200), event_id varchar(64) UNIQUE)
"""
DISPATCH = scripted.AGREEMENT.replace("system: desk, feed: entries", "system: cad, feed: calls-in")
TELLS = """\
agreement: desk
title: What became of the desk's alerts
parties: {provider: riverton, recipient: desk}
contact: The desk of the city
prepared_by: A. Sample
purpose: Acknowledgements
legal_basis: Sample Code, section 4
authority: Council resolution 12
impact_assessment: Assessment 3 of the city
retention_days: 30
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.*.alert.acknowledged.v1"]
fields: {alert: {alertId: plain, msgType: plain, sent: plain, references: plain, event: plain}}
destinations: {answers: {via: bus}}
"""

PROGRAM = textwrap.dedent("""
    import os, sys, threading
    from datetime import timedelta
    from pathlib import Path
    from adapters.odbc.sink import OdbcSink
    from gateway import site, store
    from gateway.bus.inbox import Inbox
    from gateway.context import Quiet
    from gateway.inbound.acknowledge import Acknowledgements
    from gateway.runner import Runner
    from gateway.store.deliveries import Deliveries
    from gateway.store.journal import Journal
    from gateway.telemetry import Metrics

    folder, step = sys.argv[1:]

    def dies(owner, name, before, after, when=lambda *a: True):
        real = getattr(owner, name)
        def act(*arguments, **more):
            if step == before and when(*arguments):
                os.kill(os.getpid(), 9)
            result = real(*arguments, **more)
            if step == after and when(*arguments):
                os.kill(os.getpid(), 9)
            return result
        setattr(owner, name, act)

    dies(Journal, "accept", "before the commit", "after the commit", when=lambda _, feed, batch, terms: terms.system == "city")
    dies(Inbox, "acknowledge", "before the ack", "after the ack")
    dies(Deliveries, "settle", "before its try is on disk", "after its try is on disk", when=lambda _, dest, said: any(row.state == "trying" for row in said.exceptions))
    dies(OdbcSink, "_committed", "before the row is committed", "after the row is committed")
    dies(OdbcSink, "write", "before the write", "after the write")
    dies(Acknowledgements, "ended", "before it is told", "after it is told")
    dies(Deliveries, "settle", "before the settlement", "after the settlement", when=lambda _, dest, said: bool(said.answers))
    here = site.open(Path(folder))
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    figures = runner.once(timedelta(seconds=10), lambda _: None).as_dict()
    runner.close()
    opened.close()
    print(figures["systems"]["cad"]["accepted"], figures["systems"]["cad"]["unchanged"], figures["in_progress"])
""")
STEPS = (
    "before the commit", "before the ack", "before its try is on disk", "before the write", "before the row is committed", "after the row is committed",
    "before it is told", "before the settlement", "after the settlement",
)  # fmt: skip
"""The end of one step is the beginning of the next."""


class Circle:
    """A site between a broker and a dispatch database, both real."""

    def __init__(self, root, broker, server, monkeypatch):
        self.here, self.broker = scripted.new_site(root), broker
        self.database = server.database()
        self.user = f"desk-{time.time_ns()}"
        self.url = broker.log_in(self.user, write=rf"^copperline\.inbound\.{self.user}$")
        monkeypatch.setenv("COPPERLINE_BROKER", broker.url)
        monkeypatch.setenv("CAD_USER", "app")
        with psycopg.connect(self.database) as connection:
            connection.execute(TABLE)
        self._register(server)

    def _register(self, server):
        root = self.here.root
        with (root / "site.yaml").open("a") as settings:
            settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        self.here = site.open(root)
        site.copy_template(site.templates()["city-alerts"], root / "systems" / "city")
        (root / "systems" / "city" / "system.yaml").write_text(CITY.format(user=self.user))
        (root / "systems" / "cad" / "mappings").mkdir(parents=True)
        connection = {"driver": library("psqlodbcw.so"), "server": "127.0.0.1", "port": server.port, "user_from": "env:CAD_USER"}
        said = json.dumps({**connection, "database": self.database.rpartition("/")[2]})
        (root / "systems" / "cad" / "system.yaml").write_text(CAD.format(connection=said))
        (root / "systems" / "cad" / "mappings" / "call.yaml").write_text(CALL)
        (root / "systems" / "cad" / "mappings" / "alert-to-call.yaml").write_text(TO_CALL)
        (root / "agreements" / "dispatch.yaml").write_text(DISPATCH)
        (root / "agreements" / "desk.yaml").write_text(TELLS)
        topology.apply(agreement.load_all(self.here.agreements), self.broker.url, topology.publishers(self.here))
        with store.open(self.here.store_url(), site.keys(self.here)) as opened:
            for path in self.here.agreements.glob("*.yaml"):
                agreed.approve(self.here, opened, path.stem, "", by="B. Sample", reason="a test")

    def publish(self, body):
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            said = pika.BasicProperties(user_id=self.user, content_type="application/cap+xml", delivery_mode=2)
            channel.basic_publish(f"copperline.inbound.{self.user}", "alerts", body, said, mandatory=True)

    def run(self, step="never"):
        """One run in a process of its own: records of the dispatch system accepted and unchanged, pairs in progress; or its death."""
        done = subprocess.run([sys.executable, "-c", PROGRAM, self.here.root, step], cwd=ROOT, check=False, timeout=120, env=os.environ, capture_output=True, text=True)
        return tuple(map(int, done.stdout.split())) if done.returncode == 0 else done.returncode

    def rows(self):
        with psycopg.connect(self.database) as connection:
            return connection.execute("SELECT ref, status, remark FROM calls ORDER BY callno").fetchall()

    def answers(self):
        told = [json.loads(body)["data"] for _, body in self.broker.drain("copperline.desk.answers")]
        return list(dict.fromkeys((data["references"][0], data["event"]["common"]["code"]) for data in told))

    def close(self):
        with self.broker.channel() as channel:
            for name in (f"copperline.inbound.{self.user}", "copperline.desk.answers", "copperline.internal.services"):
                channel.queue_delete(name)
                channel.exchange_delete(name)


@pytest.fixture
def circle(tmp_path, rabbitmq, postgres, monkeypatch):
    made = Circle(tmp_path / "riverton", rabbitmq, postgres, monkeypatch)
    yield made
    made.close()


def test_an_alert_its_update_and_its_cancellation_are_one_row_and_a_dispatchers_own_word_goes_out(circle):
    circle.publish(cap("A-1", headline="Fight"))
    circle.run()
    assert circle.rows() == [("A-1", "UNCONFIRMED", "Fight")]
    assert circle.run() == (0, 1, 0)
    circle.publish(cap("A-2", "Update", of="A-1", headline="Worse"))
    circle.publish(cap("A-3", "Cancel", of="A-1", headline="Over"))
    circle.run()
    assert circle.rows() == [("A-1", "CANCELLED", "Over")]
    assert circle.run()[0] == 0
    with psycopg.connect(circle.database) as connection:
        connection.execute("UPDATE calls SET remark = 'closed by the dispatcher'")
    assert circle.run()[0] == 1
    sent = [json.loads(body) for _, body in circle.broker.drain("copperline.internal.services")]
    assert [event["data"]["narrative"] for event in sent if event["type"] == "police.incident.created.v1"] == ["closed by the dispatcher"]


@pytest.mark.parametrize("step", STEPS)
def test_whatever_dies_the_row_is_there_once_its_sender_is_told_and_nothing_comes_back_as_new(step, circle):
    circle.publish(cap("A-1", headline="Fight"))
    assert circle.run(step) == -9
    circle.run()
    assert circle.run()[0] == 0
    assert circle.rows() == [("A-1", "UNCONFIRMED", "Fight")]
    assert circle.answers() == [("A-1", "received"), ("A-1", "written")]
    sent = [json.loads(body)["type"] for _, body in circle.broker.drain("copperline.internal.services")]
    assert [kind for kind in sent if "incident" in kind] == []
