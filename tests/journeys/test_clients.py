"""Clients that were not written here: the code of the event pages, npm's AMQP client, the CloudEvents SDK."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent, from_http, from_json

from contracts.events import events
from gateway.agreement import PREFIX
from gateway.cli.mock import mock

ROOT = Path(__file__).resolve().parents[2]
ALERT = {"msgType": "Alert", "sent": {"at": "2026-01-02T06:10:00Z"}, "headline": "Invented"}
AGREEMENT = """\
agreement: {name}
title: For a client of another make
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
topics: ["police.*.incident.#"]
fields:
  incident: {{types: plain, locations.district: plain}}
start: now
destinations:
  service: {{via: bus}}
"""


@pytest.fixture
def queue(rabbitmq, tmp_path):
    """A queue of an agreement, full of invented events; and how many ids are in it."""
    name = "client-" + re.sub(r"[^a-z]+", "-", tmp_path.name)[:30].strip("-")
    (tmp_path / f"{name}.yaml").write_text(AGREEMENT.format(name=name))
    arguments = ["--agreement", str(tmp_path / f"{name}.yaml"), "--broker", rabbitmq.url, "--json"]
    CliRunner().invoke(mock, arguments, standalone_mode=False, catch_exceptions=False)
    printed = CliRunner().invoke(mock, arguments[:2], standalone_mode=False, catch_exceptions=False).stdout
    ids = Counter(event["partitionkey"] for line in printed.splitlines() for event in [json.loads(line)])
    return f"copperline.{name}.service", ids


def code(language, page="incident-created"):
    text = (ROOT / "docs" / "events" / f"{page}.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("event", events(), ids=lambda event: f"{event.entity}-{event.action}")
def test_the_page_of_every_event_has_the_code_that_is_tried_here_for_one(event):
    for language in ("python", "javascript"):
        assert code(language, f"{event.entity}-{event.action}").replace(f"police.{event.entity}.", "police.incident.") == code(language)


def test_the_python_of_the_page_receives_every_event_once(rabbitmq, queue):
    program = code("python").replace("inactivity_timeout=60", "inactivity_timeout=1")
    env = {**os.environ, "BROKER": rabbitmq.url, "QUEUE": queue[0]}
    said = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
    _every_event_once(said, queue[1])
    assert rabbitmq.depth(queue[0]) == 0


def test_the_javascript_of_the_page_receives_every_event_once(rabbitmq, npm, queue):
    ends = "\nsetTimeout(() => connection.close(), 2000);"
    _every_event_once(npm.node(code("javascript") + ends, env={"BROKER": rabbitmq.url, "QUEUE": queue[0]}), queue[1])
    assert rabbitmq.depth(queue[0]) == 0


def _every_event_once(said, records):
    lines = said.splitlines()
    assert len(lines) == len({tuple(line.split()[:3]) for line in lines}) > 30
    assert {line.split()[1] for line in lines} == set(records)


SEND = """
import amqp from 'amqplib';
const connection = await amqp.connect(process.env.BROKER);
const channel = await connection.createConfirmChannel();
const event = {
  specversion: '1.0', id: 'js-1', source: '/city/desk', type: 'org.example.alert.v1',
  data: { alertId: 'JS-1', msgType: 'Alert', sent: { at: new Date().toISOString() }, headline: 'Invented' },
};
channel.publish(process.env.EXCHANGE, 'alert', Buffer.from(JSON.stringify(event)), {
  contentType: 'application/cloudevents+json', persistent: true, userId: process.env.LOGIN, mandatory: true,
});
await channel.waitForConfirms();
await connection.close();
"""


def test_what_other_clients_publish_is_taken_as_an_alert(gateway, rabbitmq, npm):
    """npm's AMQP client sends a structured event, the SDK makes a binary one; each with the log-in of the publisher."""
    user = f"client-{time.time_ns()}"
    inbound = f"copperline.inbound.{user}"
    url = rabbitmq.log_in(user, write=f"^{re.escape(inbound)}$")
    gateway.env["COPPERLINE_BROKER"] = rabbitmq.url
    with (gateway.root / "site.yaml").open("a") as site:
        site.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
    gateway("new", "city-alerts", "--from", "city-alerts")
    said = gateway.root / "systems" / "city-alerts" / "system.yaml"
    said.write_text(said.read_text().replace("user: city-desk", f"user: {user}"))
    gateway("topology", "apply", "--yes")
    npm.node(SEND, env={"BROKER": url, "EXCHANGE": inbound, "LOGIN": user})
    headers, body = to_binary(
        CloudEvent({"type": "org.example.alert.v1", "source": "/city/desk", "id": "py-1"}, {**ALERT, "alertId": "PY-1"})
    )
    kind = headers.pop("content-type", "application/json")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            inbound,
            "alert",
            body,
            pika.BasicProperties(content_type=kind, headers=headers, user_id=user),
            mandatory=True,
        )
    figures = gateway.once()
    assert (figures["systems"]["city-alerts"]["accepted"], figures["quarantined"]) == (2, 0)
    assert gateway("tail").count("police.xx0000000.alert.created.v1") == 2


def test_the_sdk_of_cloudevents_reads_body_and_headers_alike(rabbitmq, queue):
    for properties, body in rabbitmq.drain(queue[0]):
        structured = from_json(body)
        binary = from_http(
            {f"ce-{name.removeprefix(PREFIX)}": value for name, value in properties.headers.items()},
            json.dumps(structured.data),
        )
        assert structured["id"] == properties.message_id
        assert {name: str(value).lower() for name, value in structured.get_attributes().items()} == {
            name: str(value).lower() for name, value in binary.get_attributes().items()
        }
