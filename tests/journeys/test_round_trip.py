"""The whole circle: a CAP alert on RabbitMQ, a row of a dispatch database through ODBC, the acknowledgement, the row read back.

The process is killed at each step in turn.  Whatever dies, the row is there once, its sender is told,
and the row read back goes out to nobody as new.
"""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.adapters.odbc.databases import library
from tests.gateway.inbound.messages import cap
from tests.journeys.circle import Circle

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
STEPS = (
    "before the commit", "before the ack", "before its try is on disk", "before the write", "before the row is committed", "after the row is committed",
    "before it is told", "before the settlement", "after the settlement",
)  # fmt: skip
"""The end of one step is the beginning of the next."""


class Database(Circle):
    """The dispatch database, written to and read back through ODBC."""

    dying = """from adapters.odbc.sink import OdbcSink
dies(OdbcSink, "_committed", "before the row is committed", "after the row is committed")
dies(OdbcSink, "write", "before the write", "after the write")
"""

    def __init__(self, root, broker, server, monkeypatch):
        self.server, self.database = server, server.database()
        monkeypatch.setenv("CAD_USER", "app")
        with psycopg.connect(self.database) as connection:
            connection.execute(TABLE)
        super().__init__(root, broker, monkeypatch)

    def system(self, folder):
        connection = {"driver": library("psqlodbcw.so"), "server": "127.0.0.1", "port": self.server.port, "user_from": "env:CAD_USER"}
        said = json.dumps({**connection, "database": self.database.rpartition("/")[2]})
        (folder / "system.yaml").write_text(CAD.format(connection=said))
        (folder / "mappings" / "call.yaml").write_text(CALL)
        (folder / "mappings" / "alert-to-call.yaml").write_text(TO_CALL)

    def rows(self):
        with psycopg.connect(self.database) as connection:
            return connection.execute("SELECT ref, status, remark FROM calls ORDER BY callno").fetchall()


@pytest.fixture
def circle(tmp_path, rabbitmq, postgres, monkeypatch):
    made = Database(tmp_path / "riverton", rabbitmq, postgres, monkeypatch)
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
