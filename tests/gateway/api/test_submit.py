"""Documents come in over HTTP: any layout of the feed, one record or many, answered when they are durable."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
import xml.etree.ElementTree as ET  # reads only what this test asked for

import pytest

from tests.gateway.api.riverton import HEADER, row, rows


def test_a_document_is_answered_with_a_receipt_when_it_is_journalled(riverton):
    answer = riverton.send(HEADER + row("A-1"))
    assert answer.status_code == 202
    said = answer.json()
    assert (said["read"], said["accepted"], said["state"]) == (1, 1, "accepted")
    assert answer.headers["location"] == said["url"]
    assert riverton.events()[-1]["incidentId"] == "A-1"
    with riverton.client("vendor") as client:
        again = client.get(said["url"]).json()
    assert {key: again[key] for key in said} == said
    assert again["ledger"]["entry"]
    assert {each["destination"] for each in again["deliveries"]} == {"internal/log"}


def test_each_line_of_a_batch_has_its_own_result(riverton):
    body = HEADER + row("B-1") + "B-2,short\n" + row("B-3", opened="not a time") + row("B-4")
    said = riverton.send(body).json()
    assert (said["state"], said["read"], said["accepted"], said["quarantined"]) == ("partly quarantined", 4, 2, 2)
    assert [result["outcome"] for result in said["results"]] == ["accepted", "quarantined", "quarantined", "accepted"]
    assert said["results"][1]["errors"][0]["row"] == 3
    assert said["results"][2]["errors"][0]["column"] == "opened"
    assert "not a time" not in json.dumps(said)


def test_a_document_of_which_nothing_can_be_read_is_refused_and_nothing_is_kept(riverton):
    before = len(riverton.events())
    answer = riverton.send("some,other,columns\n1,2,3\n")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "flatfile.header"
    assert len(riverton.events()) == before


@pytest.mark.parametrize(
    "feed, body, kind",
    [
        ("xml", "<calls><call><number>X-1</number><record>r</record><city>Sampleton</city></call></calls>", "application/xml"),
        ("json", '[{"number": "J-1", "record": "r", "city": "Sampleton"}]', "application/json"),
    ],
)
def test_every_layout_that_a_feed_declares_is_taken(riverton, feed, body, kind):
    answer = riverton.send(body, feed, content_type=kind)
    assert answer.status_code == 202, answer.text
    assert riverton.events()[-1]["incidentId"] in {"X-1", "J-1"}


@pytest.mark.parametrize(
    "version, space", [("1.1", "http://schemas.xmlsoap.org/soap/envelope/"), ("1.2", "http://www.w3.org/2003/05/soap-envelope")]
)
def test_a_soap_envelope_is_opened_and_answered_in_kind(riverton, version, space):
    call = f"<calls><call><number>S-{version}</number><record>r</record></call></calls>"
    answer = riverton.send(f'<e:Envelope xmlns:e="{space}"><e:Header/><e:Body>{call}</e:Body></e:Envelope>', "xml")
    assert answer.status_code == 200
    root = ET.fromstring(answer.content)
    assert root.tag == f"{{{space}}}Envelope"
    assert root.find(".//{urn:copperline:receipt}accepted").text == "1"
    fault = riverton.send(f'<e:Envelope xmlns:e="{space}"><e:Body><other/></e:Body></e:Envelope>', "xml")
    assert fault.status_code == 500
    assert ET.fromstring(fault.content).find(f".//{{{space}}}Fault") is not None
    assert b"flatfile.header" in fault.content


def test_another_charset_is_taken_where_it_is_declared(riverton):
    body = (HEADER + row("L-1", city="Métropole")).encode("latin-1")
    assert riverton.send(body, content_type="text/csv; charset=iso-8859-1").json()["accepted"] == 1
    assert riverton.events()[-1]["locations"][0]["city"] == "Métropole"
    wrong = riverton.send(body, content_type="text/csv; charset=utf-8")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "flatfile.charset")
    unknown = riverton.send(body, content_type="text/csv; charset=klingon")
    assert (unknown.status_code, unknown.json()["code"]) == (415, "api.charset")
    outside = riverton.send((HEADER + row("L-2", city="東京")).encode(), "latin", content_type="text/csv; charset=utf-8")
    assert (outside.status_code, outside.json()["code"]) == (415, "api.charset")


def test_a_packed_body_is_unpacked_within_the_callers_limit(riverton):
    packed = gzip.compress((HEADER + row("G-1")).encode())
    assert riverton.send(packed, content_encoding="gzip").json()["accepted"] == 1
    bomb = riverton.send(gzip.compress(b"0" * (8 << 20)), content_encoding="gzip")
    assert (bomb.status_code, bomb.json()["code"]) == (413, "api.too-large")
    broken = riverton.send(packed[:-4], content_encoding="gzip")
    assert (broken.status_code, broken.json()["code"]) == (400, "api.encoding")
    other = riverton.send(packed, content_encoding="br")
    assert (other.status_code, other.json()["code"]) == (415, "api.encoding")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(riverton):
    answer = riverton.send(b"x" * ((1 << 20) + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "api.too-large")

    def unannounced():
        for _ in range(1100):
            yield b"x" * 1024

    with riverton.client("vendor") as client:
        answer = client.post("/v1/systems/cad/calls", content=unannounced())
    assert (answer.status_code, answer.json()["code"]) == (413, "api.too-large")


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-Idempotency-Key"])
@pytest.mark.parametrize("quote", ['"', ""])
def test_the_same_key_gives_the_same_receipt_and_another_document_is_refused(riverton, name, quote):
    key = f"{quote}{name}-{len(quote)}{quote}"
    first = riverton.send(HEADER + row(f"I-{key}"), **{name: key})
    again = riverton.send(HEADER + row(f"I-{key}"), **{name: key})
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = riverton.send(HEADER + row("I-other"), **{name: key})
    assert (other.status_code, other.json()["code"]) == (422, "api.key-used")


def test_a_client_that_cannot_set_headers_names_the_key_in_the_address(riverton):
    with riverton.client("vendor") as client:
        answers = [client.post("/v1/systems/cad/calls?idempotency_key=k-77", content=HEADER + row("Q-1")) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


def test_without_a_key_the_same_document_twice_brings_nothing_new(riverton):
    body = HEADER + row("T-1") + row("T-2")
    first, second = riverton.send(body).json(), riverton.send(body).json()
    assert (first["accepted"], second["unchanged"]) == (2, 2)
    assert first["receipt"] != second["receipt"]


def test_with_a_key_each_an_old_state_that_comes_back_is_new(riverton):
    a, b = HEADER + row("R-1", "R/a"), HEADER + row("R-1", "R/b")
    sent = [riverton.send(body, idempotency_key=f"r-{number}").json() for number, body in enumerate((a, b, a))]
    assert [one["accepted"] for one in sent] == [1, 1, 1]
    assert [one["reportNumber"] for one in riverton.events() if one["incidentId"] == "R-1"] == ["R/a", "R/b", "R/a"]


def test_a_caller_finds_its_receipts_by_its_own_number(riverton):
    ids = [riverton.send(HEADER + row("N-1", record)).json()["receipt"] for record in ("one", "two")]
    with riverton.client("vendor") as client:
        found = client.get("/v1/receipts", params={"system": "cad", "feed": "calls", "number": "N-1"}).json()
        none = client.get("/v1/receipts", params={"system": "cad", "feed": "calls", "number": "N-nobody"}).json()
    assert [one["receipt"] for one in found["receipts"]] == ids[::-1]
    assert none == {"receipts": []}


def test_a_flood_of_rejects_refuses_the_document_and_stops_nobody_else(riverton):
    bad = HEADER + "".join(row(f"F-{number}", opened="never") for number in range(60))
    answer = riverton.send(bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "intake.flood")
    assert riverton.send(HEADER + row("F-good")).json()["accepted"] == 1


def test_many_at_once_are_all_journalled_and_share_commits(riverton):
    commits = []
    database = riverton.runner.store.database
    write = database.write
    database.write = lambda piece: commits.append(1) or write(piece)
    answers = []

    def one(number):
        with riverton.client("vendor") as client:
            answers.extend(client.post("/v1/systems/cad/calls", content=HEADER + row(f"M-{number}-{each}")) for each in range(10))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del database.write
    assert [answer.status_code for answer in answers] == [202] * 120
    assert len({answer.json()["receipt"] for answer in answers}) == 120
    assert {one["incidentId"] for one in riverton.events()} >= {f"M-{n}-{e}" for n in range(12) for e in range(10)}
    assert len(commits) < 120


@pytest.mark.parametrize("kind, starts", [("xml", b"<?xml"), ("csv", b"receipt,record,outcome"), ("text", b"receipt,record,outcome")])
def test_the_answer_comes_in_the_format_that_was_asked_for(riverton, kind, starts):
    with riverton.client("vendor") as client:
        answer = client.post(f"/v1/systems/cad/calls?format={kind}", content=HEADER + row(f"K-{kind}"))
        assert answer.status_code == 202
        assert answer.content.startswith(starts)
        refused = client.post(f"/v1/systems/cad/calls?format={kind}", content="?")
    assert refused.status_code == 422
    assert b"flatfile.header" in refused.content
    assert refused.headers["content-type"].partition(";")[0] == ("application/problem+xml" if kind == "xml" else "text/plain")


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
@pytest.mark.parametrize("login", ["bearer", "basic", "header"])
def test_curl_sends_a_file(riverton, tmp_path, version, login):
    (tmp_path / "calls.csv").write_bytes(rows(3))
    key = riverton.keys["vendor"]
    how = {
        "bearer": ["-H", f"Authorization: Bearer {key}"],
        "basic": ["-u", f"vendor:{key}"],
        "header": ["-H", f"X-API-Key: {key}"],
    }[login]
    command = ["curl", "-sS", version, *how, "--data-binary", f"@{tmp_path / 'calls.csv'}", f"{riverton.base}/v1/systems/cad/calls"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["read"] == 3


def test_a_client_of_python_2_days_is_served(riverton):
    """What urllib2 sent: HTTP/1.1, Connection: close, a form's content type, no Accept."""
    import socket

    body = (HEADER + row("P-2")).encode()
    host, port = riverton.base.removeprefix("http://").split(":")
    head = (
        f"POST /v1/systems/cad/calls HTTP/1.1\r\nAccept-Encoding: identity\r\nContent-Length: {len(body)}\r\n"
        f"Host: {host}:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
        f"User-Agent: Python-urllib/2.7\r\nX-api-key: {riverton.keys['vendor']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["accepted"] == 1
