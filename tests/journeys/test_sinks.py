"""An alert becomes a call for a dispatcher, by the commands that a person types; and what is read back goes to nobody."""

from __future__ import annotations

import csv
import json

SOURCE = """\
system: city
zone: America/Chicago
feeds:
  alerts:
    adapter: flatfile
    settings:
      folder: inbox/alerts
      layout: {form: delimited, header: true, kind: alert, key: [NO], columns: [NO, KIND, TYPE, SENT, TEXT]}
    mappings: {alert: mappings/alert.yaml}
"""
MAPPING = """\
kind: alert
entity: alert
subject: NO
time: {from: SENT, as: time}
fields:
  alertId: NO
  msgType: KIND
  sent: {from: SENT, as: time}
  event: {from: TYPE, as: common SDM.Alert}
  headline: TEXT
  sourceRecord.key: $key
"""
BACK = """\
  read-back:
    adapter: flatfile
    settings:
      folder: outbox/calls
      match: "call-*.csv"
      layout: {form: delimited, header: true, kind: call, key: [CALL_REF], columns: [CALL_REF, STATUS]}
    mappings: {call: mappings/call.yaml}
"""
CALL = """\
kind: call
entity: incident
optional: true
fields:
  incidentId: {from: CALL_REF, optional: false}
ignored: ["*"]
"""
AGREEMENT = """\
agreement: dispatch
title: Alerts for the dispatcher
parties: {provider: riverton, recipient: riverton}
contact: Night desk
prepared_by: A. Sample
purpose: An alert of the city is seen by a dispatcher
legal_basis: The agency's own task
law_enforcement: true
retention_days: 30
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.*.alert.#"]
fields: all
destinations:
  cad: {via: sink, system: cad, feed: calls}
"""


def calls(root):
    """The rows that wait to be taken away."""
    texts = [path.read_text() for path in sorted((root / "outbox" / "calls").glob("call-*.csv"))]
    return [row for text in texts for row in csv.DictReader(text.splitlines())]


def test_an_alert_becomes_an_unconfirmed_call_once_and_its_cancellation_cancels_it(gateway):
    folder = gateway.root / "systems" / "city"
    (folder / "mappings").mkdir(parents=True)
    (folder / "system.yaml").write_text(SOURCE)
    (folder / "mappings" / "alert.yaml").write_text(MAPPING)
    gateway("new", "cad", "--from", "cad-intake")
    said = gateway.root / "systems" / "cad"
    (said / "system.yaml").write_text((said / "system.yaml").read_text() + BACK)
    (said / "mappings" / "call.yaml").write_text(CALL)
    (gateway.root / "agreements" / "dispatch.yaml").write_text(AGREEMENT)
    gateway("check")
    gateway("test")
    gateway("agreements", "approve", "dispatch", "--as", "B. Sample", "--reason", "read and agreed")
    (gateway.root / "inbox" / "alerts").mkdir(parents=True)
    (gateway.root / "outbox" / "calls").mkdir(parents=True, exist_ok=True)
    heads = "NO,KIND,TYPE,SENT,TEXT\n"
    gateway.arrives("alerts", "a.csv", f"{heads}7,Alert,assault,2026-01-02T00:10:00,Invented fight\n".encode())
    gateway.once()
    (row,) = calls(gateway.root)
    assert (row["CALL_REF"], row["STATUS"], row["CALL_TYPE"]) == ("7", "UNCONFIRMED", "34")
    figures = gateway.once()
    assert figures["systems"]["cad"]["unchanged"] == 1
    assert figures["systems"]["cad"]["accepted"] == 0
    gateway.arrives("alerts", "b.csv", f"{heads}7,Cancel,assault,2026-01-02T00:20:00,All clear\n8,Cancel,assault,2026-01-02T00:20:00,Never said\n".encode())
    gateway.once()
    assert [(row["CALL_REF"], row["STATUS"]) for row in calls(gateway.root)] == [("7", "CANCELLED")]
    status = json.loads(gateway("status", "--json"))
    desk = next(row for row in status["destinations"] if row["destination"] == "dispatch/cad")
    assert (desk["delivered"], desk["withheld"], desk["in_progress"]) == (2, 1, 0)
    gateway("ledger", "verify")


def test_a_destination_that_leads_nowhere_is_told_by_check(gateway):
    (gateway.root / "agreements" / "dispatch.yaml").write_text(AGREEMENT)
    said = json.loads(gateway("check", "--json", code=1))
    assert [(problem["code"], problem["where"]) for problem in said] == [("sink.no-feed", "agreements/dispatch.yaml")]


def test_a_publisher_that_two_feeds_take_is_told_by_check(gateway):
    gateway("new", "city", "--from", "city-alerts")
    gateway("check", "city")
    gateway("new", "town", "--from", "city-alerts")
    said = json.loads(gateway("check", "--json", code=1))
    assert [(problem["code"], problem["where"]) for problem in said] == [("inbound.twice", "systems/town/system.yaml")]
