"""A broker that is taken out of site.yaml, and put back: nobody waits for it meanwhile, and nothing is lost."""

from __future__ import annotations

import json

from tests import peers
from tests.journeys.conftest import ROOT

CALLS = (ROOT / "mappings" / "systems" / "cad-export" / "samples" / "calls.csv").read_bytes()
BROKER = "broker: {url_from: env:COPPERLINE_BROKER}\n"


def test_what_waits_for_a_broker_that_was_taken_out_holds_up_no_run_and_goes_when_it_is_back(gateway, rabbitmq):
    settings = gateway.root / "site.yaml"
    without = settings.read_text()
    settings.write_text(without + BROKER)
    gateway.env["COPPERLINE_BROKER"] = f"amqp://127.0.0.1:{peers.free_ports(1)[0]}"
    gateway.registers("cad", "cad-export")
    gateway.arrives("calls", "calls.csv", CALLS)
    gone = gateway.ended("run", "--once", "--json", "--timeout", "2s")
    assert (gone.returncode, json.loads(gone.stdout)["in_progress"]) == (4, 6), gone.stderr
    settings.write_text(without)
    closed = gateway.ended("run", "--once", "--json", "--timeout", "10m")  # it may wait longer than a command may take here
    assert (closed.returncode, json.loads(closed.stdout)["in_progress"]) == (0, 0), closed.stderr
    assert "internal/services: delivery.closed" in closed.stderr
    assert "6 events" in closed.stderr
    (shown,) = [row for row in json.loads(gateway("status", "--json"))["destinations"] if row["destination"] == "internal/services"]
    assert (shown["state"], shown["in_progress"], shown["problem"]["code"]) == ("closed", 6, "delivery.closed")
    gateway("replay", "--agreement", "internal", "--destination", "services", "1", "--reason", "now", code=3)
    settings.write_text(without + BROKER)
    gateway.env["COPPERLINE_BROKER"] = rabbitmq.url
    gateway("topology", "apply")
    rabbitmq.drain("copperline.internal.services")  # the broker is shared: other sites' events of this name
    back = gateway.once()
    assert (back["delivered"], back["in_progress"]) == (6, 0)
    assert len(rabbitmq.drain("copperline.internal.services")) == 6
