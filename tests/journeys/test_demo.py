"""The demonstration goes as it is told, with RabbitMQ and without; what it checks itself is its exit code."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize("broker", [True, False], ids=["on RabbitMQ", "embedded"])
def test_the_evening_goes_as_told(gateway, request, broker):
    gateway.env["COPPERLINE_BROKER"] = request.getfixturevalue("rabbitmq").url if broker else ""
    figures = json.loads(gateway("demo", "--once", "--json").splitlines()[-1])
    assert figures["quarantined"] == 1
    assert figures["read"] == figures["accepted"] + 1
    assert figures["in_progress"] == figures["parked"] == figures["withheld"] == 0
    assert set(figures["systems"]) == {"cad", "bodycam", "rms"} | ({"city-alerts"} if broker else set())
