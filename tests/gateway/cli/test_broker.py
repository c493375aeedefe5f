"""With a broker named, the same commands bring events into a queue; without it up, they wait and say so."""

import json

import pytest


@pytest.fixture
def with_broker(riverton, rabbitmq, copperline, monkeypatch):
    """The site of `riverton` with a broker, and a destination of its own name so that tests keep apart."""
    monkeypatch.setenv("COPPERLINE_BROKER", rabbitmq.url)
    with (riverton / "site.yaml").open("a") as settings:
        settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
    agreement = riverton / "agreements" / "internal.yaml"
    agreement.write_text(agreement.read_text().replace("services: {via: bus}", "commands: {via: bus}"))
    copperline("agreements", "approve", "internal", "--as", "B. Sample", "--reason", "another queue")
    return riverton


def test_topology_is_planned_applied_and_then_complete(with_broker, copperline):
    assert {row["kind"] for row in copperline("topology", "plan", "--json", code=1).json} == {"exchange", "queue", "binding"}
    copperline("topology", "apply", "--yes")
    assert all(row["state"] == "unknown" for row in copperline("topology", "plan", "--json").json)
    names = [queue["name"] for queue in json.loads(copperline("topology", "export").out)["queues"]]
    assert names == ["copperline.internal.commands"]
    assert all(not row["problems"] for row in copperline("doctor", "--json").json)


def test_events_of_a_run_are_in_the_queue_when_it_ends(with_broker, rabbitmq, copperline):
    copperline("topology", "apply", "--yes")
    rabbitmq.drain("copperline.internal.commands")
    ran = copperline("run", "--once", "--json").json
    assert (ran["accepted"], ran["delivered"], ran["in_progress"]) == (2, 4, 0)
    received = [json.loads(body) for _, body in rabbitmq.drain("copperline.internal.commands")]
    assert [event["data"]["headline"] for event in received] == ["CANARY one", "CANARY three"]


def test_without_the_broker_events_wait_and_go_out_later(with_broker, rabbitmq, copperline, monkeypatch):
    copperline("topology", "apply", "--yes")
    rabbitmq.drain("copperline.internal.commands")
    monkeypatch.setenv("COPPERLINE_BROKER", "amqp://127.0.0.1:1")
    ran = copperline("run", "--once", "--json", "--timeout", "500ms", code=4).json
    assert (ran["accepted"], ran["delivered"], ran["in_progress"]) == (2, 2, 2)
    monkeypatch.setenv("COPPERLINE_BROKER", rabbitmq.url)
    ran = copperline("run", "--once", "--json").json
    assert (ran["accepted"], ran["delivered"], ran["in_progress"]) == (0, 2, 0)
    assert len(rabbitmq.drain("copperline.internal.commands")) == 2
