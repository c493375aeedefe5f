"""Clients that mean harm or are broken: each is refused with its code, and the healthy ones are served."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from gateway import site, store
from gateway.access import keyfile
from gateway.api import body, server
from tests import peers
from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row

ROOT = Path(__file__).resolve().parents[3]


def connected(riverton):
    return socket.create_connection(("127.0.0.1", int(riverton.base.rpartition(":")[2])), timeout=60)


def answered(connection):
    """Everything until the server hangs up."""
    found = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            found += part
    return found


def test_five_hundred_idle_sockets_are_told_to_go_and_a_healthy_caller_is_served(riverton, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_S", 3.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(riverton)) for _ in range(500)]
        for number, connection in enumerate(idle):
            connection.sendall(b"POST /v1/systems/cad/calls HTTP/1.1\r\nHost: x\r\n" if number % 2 else b"G")
        assert riverton.send(HEADER + row("H-1")).status_code == 202
        answers = [answered(connection) for connection in idle]
    assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert b"api.slow" in answers[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kilobytes


def test_a_body_that_trickles_in_is_cut_off(riverton, monkeypatch):
    monkeypatch.setattr(body, "DEADLINE_S", 1.0)
    with connected(riverton) as connection:
        head = f"POST /v1/systems/cad/calls HTTP/1.1\r\nHost: x\r\nX-API-Key: {riverton.keys['vendor']}\r\nContent-Length: 5000\r\n\r\n"
        connection.sendall(head.encode() + b"number,")
        answer = answered(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"api.slow" in answer


def test_headers_without_end_are_refused(riverton):
    with connected(riverton) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b"X-Filler: " + b"a" * 1000 + b"\r\n")
        answer = answered(connection)  # what was said may be lost where the line is cut while the client still sends
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert riverton.send(HEADER + row("H-2")).status_code == 202


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1 HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_refused(riverton, request_):
    with connected(riverton) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        assert answered(connection).startswith(b"HTTP/1.1 4")


DOCTYPE = "<!DOCTYPE calls [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
LAUGHS = "<!DOCTYPE calls [<!ENTITY a 'ha'>" + "".join(f"<!ENTITY a{n} '&a{n - 1 or ''};&a{n - 1 or ''};'>" for n in range(1, 30)) + "]>"


@pytest.mark.parametrize("prologue", [DOCTYPE, LAUGHS], ids=["external", "laughs"])
@pytest.mark.parametrize("soap", [False, True], ids=["bare", "envelope"])
def test_entities_are_never_read(riverton, prologue, soap):
    call = "<calls><call><number>&x;</number></call></calls>"
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    document = f'<e:Envelope xmlns:e="{space}"><e:Body>{call}</e:Body></e:Envelope>' if soap else call
    answer = riverton.send(prologue + document, "xml")
    assert answer.status_code == 422
    assert "xml.doctype" in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "feed, bad",
    [
        ("json", "[" * 100_000),
        ("json", '[{"number": ' + "[" * 50_000 + "]" * 50_000 + "}]"),
        ("xml", "<calls>" + "<a>" * 50_000),
        ("xml", "<calls><call><number>" + "x" * 900_000 + "</number></call></calls>"),
        ("calls", HEADER + '"' * 500_000),
        ("calls", "\x00" * 1000),
        ("calls", HEADER + row("N\x00-1")),
        ("calls", HEADER + "\n" * 500_000),
    ],
)
def test_a_document_that_is_made_to_hurt_is_answered_and_harms_nobody(riverton, feed, bad):
    answer = riverton.send(bad, feed)
    assert answer.status_code in {202, 422}, answer.text[:300]
    assert riverton.send(HEADER + row("H-3")).status_code == 202


def test_a_bomb_in_a_bomb_is_unpacked_once_and_no_further(riverton):
    inner = gzip.compress(b"0" * (64 << 20))
    assert len(inner) < 100_000
    answer = riverton.send(gzip.compress(inner), content_encoding="gzip")
    assert answer.status_code == 422


def test_what_was_answered_202_is_found_after_a_kill_under_load(tmp_path):
    """The real command, killed while several clients send; then the store is asked for every receipt."""
    here = invented.made(tmp_path / "site")
    text, key = keyfile.made()
    said = {"caller": "vendor", "roles": ["submit"], "systems": {"cad": "all"}, "limits": {"per_minute": 1_000_000, "at_once": 100}}
    (here.callers / "vendor.yaml").write_text(json.dumps(said))
    keyfile.write(here.callers / "vendor.keys", [key])
    (port,) = peers.free_ports(1)
    with (here.root / "site.yaml").open("a") as settings:
        settings.write(f"api: {{listen: '127.0.0.1:{port}'}}\n")
    given: dict[str, str] = {}
    for turn in range(2):
        _killed_under_load(here.root, port, text, turn, given)
    assert len(given) >= 20
    with store.open(here.store_url(), site.keys(here)) as opened:
        for receipt, record in given.items():
            row_ = opened.submissions.find(receipt)
            assert row_ is not None, "a receipt that was given is gone"
            assert opened.journal.locate("cad", "call", record) == row_.low
        assert opened.ledger.verify() == []


def _killed_under_load(root, port, key, turn, given):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(root)}
    command = [sys.executable, "-m", "gateway.cli", "run"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    enough = threading.Event()

    def client(name):
        number = 0
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, trust_env=False, timeout=30) as http:
            while process.poll() is None:
                record = f"K-{turn}-{name}-{number}"
                try:
                    answer = http.post("/v1/systems/cad/calls", content=HEADER + row(record))
                except httpx.HTTPError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 202:
                    given[answer.json()["receipt"]] = record
                    number += 1
                    if number == 5:
                        enough.set()

    clients = [threading.Thread(target=client, args=(name,)) for name in range(6)]
    for each in clients:
        each.start()
    try:
        assert enough.wait(90), "the gateway took nothing"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for each in clients:
        each.join()
