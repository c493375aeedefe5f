"""With a broker named, the same commands bring events into a queue; without it up, they wait and say so."""

import json

import pika
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


LAMPS = """\
agreement: lamps
title: Lamps
parties: {provider: Riverton PD, recipient: City}
contact: City desk
prepared_by: A. Sample
purpose: Light
legal_basis: Sample Act 4
authority: Council resolution 1
impact_assessment: Assessment 1
valid: {from: 2020-01-01, to: 2035-12-31}
retention_days: 7
topics: ["police.*.alert.#"]
fields: {alert: {alertId: token}}
destinations:
  queue: {via: bus, logins: [lamps-2026, lamps-2027]}
"""


@pytest.fixture
def with_lamps(with_broker, copperline):
    (with_broker / "agreements" / "lamps.yaml").write_text(LAMPS)
    copperline("agreements", "approve", "lamps", "--as", "B. Sample", "--reason", "read")
    copperline("topology", "apply", "--yes")
    return with_broker


def test_a_consumers_log_in_reads_its_own_queue_and_can_do_nothing_else(with_lamps, rabbitmq, copperline):
    copperline("run", "--once")
    said = json.loads(copperline("agreements", "logins", "--json").out)
    rights = {one["user"]: one for one in said["permissions"]}
    assert set(rights) == {"lamps-2026", "lamps-2027"}  # both work while one takes the place of the other
    url = rabbitmq.log_in("lamps-2026", configure="^$", write="^$", read=rights["lamps-2026"]["read"])
    for one in said["topic_permissions"]:
        if one["user"] == "lamps-2026":
            rabbitmq.control("set_topic_permissions", one["user"], one["exchange"], one["write"], one["read"])
    assert f"rabbitmqctl set_permissions -p / lamps-2027 '^$' '^$' '{rights['lamps-2027']['read']}'" in copperline("agreements", "logins").out
    mine, other = "copperline.lamps.queue", "copperline.internal.commands"
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        _, _, body = connection.channel().basic_get(mine, auto_ack=True)
        assert json.loads(body)["agreementseq"] == "1"
        forbidden = [
            lambda channel: channel.basic_get(other),
            lambda channel: channel.queue_bind(mine, "copperline.internal.commands", "#"),
            lambda channel: channel.queue_bind(mine, mine, "police.#"),
            lambda channel: channel.queue_declare("copperline.lamps.more", durable=True),
            lambda channel: channel.queue_delete(mine),
            lambda channel: channel.exchange_declare("copperline.lamps.more"),
            lambda channel: _published(channel, mine),
            lambda channel: _published(channel, ""),
        ]
        for attempt in forbidden:
            with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
                attempt(connection.channel())
            assert refused.value.reply_code == 403


def _published(channel, exchange):
    channel.confirm_delivery()
    channel.basic_publish(exchange, "police.x.alert.created.v1", b"forged")


def test_a_suspension_empties_the_queues_and_what_took_something_back_is_told_again(with_lamps, rabbitmq, copperline):
    queue = "copperline.lamps.queue"
    rabbitmq.drain(queue)
    copperline("run", "--once")
    (first, *_) = [int(line.split()[0]) for line in copperline("tail").out.splitlines()]
    for by in ("A. Sample", "B. Sample"):
        copperline("seal", first, "--authority", "order 12", "--as", by)
    copperline("run", "--once", "--timeout", "20s")
    waiting = rabbitmq.depth(queue)
    said = copperline("agreements", "suspend", "lamps", "--reason", "a test", "--json").json
    assert said["emptied"] == {queue: waiting}
    assert rabbitmq.depth(queue) == 0
    copperline("run", "--once", "--timeout", "20s")  # a withdrawal leaves though the agreement is suspended
    types = [json.loads(body)["type"] for _, body in rabbitmq.drain(queue)]
    assert types == ["police.alert.withdrawn.v1"]
    approve = ("agreements", "approve", "lamps", "--as", "B. Sample", "--reason", "mended")
    copperline(*approve)
    for by in ("A. Sample", "B. Sample"):
        copperline("replay", "--agreement", "lamps", "--from", "2020-01-01", "--reason", "what the queue lost", "--by", by)
    copperline("run", "--once")
    again = [json.loads(body) for _, body in rabbitmq.drain(queue)]
    assert [event["type"].split(".")[2] for event in again if event["type"].split(".")[2] != "withdrawn"] == ["created"]


def test_a_sealed_record_leaves_no_more_and_whoever_was_given_it_is_told(riverton, copperline):
    copperline("run", "--once")
    (first, *_) = [int(line.split()[0]) for line in copperline("tail").out.splitlines()]
    assert copperline("seal", first, "--authority", "order 12", "--as", "A. Sample", "--json").json["state"] == "asked"
    assert "seal.same-person" in copperline("seal", first, "--authority", "order 12", "--as", "a. sample", code=3).err
    assert copperline("seal", first, "--authority", "order 12", "--as", "B. Sample", "--json").json["state"] == "sealed"
    assert "seal.already" in copperline("seal", first, "--authority", "x", "--as", "C. Sample", code=3).err
    copperline("run", "--once")
    lines = copperline("tail").out
    assert ".alert.withdrawn." in lines
    assert str(first) not in [line.split()[0] for line in lines.splitlines()]
    for by in ("A. Sample", "B. Sample"):
        copperline("unseal", first, "--authority", "order 13", "--as", by)
    assert "seal.not-sealed" in copperline("unseal", first, "--authority", "x", "--as", "C", code=3).err
    copperline("run", "--once")
    assert ".alert.updated." in copperline("tail").out
    assert copperline("ledger", "verify", "--json").json["problems"] == []


def test_who_was_given_what_is_answered_and_the_question_is_recorded(riverton, copperline, tmp_path):
    copperline("run", "--once")
    (first, *_) = [int(line.split()[0]) for line in copperline("tail").out.splitlines()]
    subjects = tmp_path / "subjects.txt"
    subjects.write_text(f"@{first}\n")
    assert "command.no-reason" in copperline("disclosures", "--subject-file", subjects, code=3).err
    assert "disclosures.nothing-asked" in copperline("disclosures", "--reason", "request 7", code=3).err
    (one,) = copperline("disclosures", "--subject-file", subjects, "--reason", "request 7", "--json").json
    assert (one["agreement"], one["destination"], one["what"], one["position"]) == ("internal", "log", "given", first)
    named = copperline("disclosures", "--agreement", "internal", "--from", "2020-01-01", "--reason", "request 8", "--json").json
    assert len(named) == 2
    assert copperline("disclosures", "--agreement", "internal", "--from", "2035-01-01", "--reason", "request 9", "--json").json == []
    page = copperline("disclosures", "--subject-file", subjects, "--reason", "request 7", "--as", "html").out
    assert page.count("<tr>") == 2
    rows = copperline("disclosures", "--subject-file", subjects, "--reason", "request 7", "--as", "csv").out.splitlines()
    assert rows[0].startswith("at,agreement,recipient")
    from gateway import site, store

    here = site.open(riverton)
    with store.open(here.store_url(), site.keys(here), read_only=True) as opened:
        kinds = [opened.ledger.leaf(index).kind for index in range(opened.ledger.size())]
        assert opened.ledger.leaf(one["leaf"]).kind == "delivered"
    assert kinds.count("disclosures-asked") == 5


def test_what_was_read_over_http_is_in_the_answer_with_the_caller_and_why(riverton, copperline, tmp_path):
    from gateway import site, store
    from gateway.store.rows import Disclosed

    copperline("run", "--once")
    (first, *_) = [int(line.split()[0]) for line in copperline("tail").out.splitlines()]
    here = site.open(riverton)
    with store.open(here.store_url(), site.keys(here)) as opened:
        shown = [Disclosed(b"i" * 16, b"b" * 32, first)]
        opened.looks.note("alerts", shown, ["alert.alertType"], agreement="internal", wording="ab" * 8, caller="desk", why="case 12")
    subjects = tmp_path / "subjects.txt"
    subjects.write_text(f"@{first}\n")
    given, read = copperline("disclosures", "--subject-file", subjects, "--reason", "request 7", "--json").json
    assert (given["what"], given["caller"], given["purpose"]) == ("given", "", "")
    assert (read["what"], read["destination"], read["caller"], read["purpose"]) == ("read", "REST alerts", "desk", "case 12")
    assert (read["position"], read["fields"], read["recipient"]) == (first, "alertType", given["recipient"])
    assert "case 12" in copperline("disclosures", "--agreement", "internal", "--reason", "request 7").out
