"""The head of an answer waits for its body, and for nothing else; an answer that is whole goes at once."""

import socket
import time
from types import SimpleNamespace

import pytest

from gateway.api.server import Together
from tests.gateway.api.riverton import rows


class Wire:
    """What a socket's transport was asked for."""

    def __init__(self):
        self.sent, self.closed = [], False

    def write(self, data):
        self.sent.append(bytes(data))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


@pytest.fixture
def wire():
    return Wire()


def after(wire, *steps):
    """What was sent after these steps, and once the loop has had its next turn."""
    soon = []
    together = Together(wire, SimpleNamespace(call_soon=soon.append))
    for step in steps:
        step(together)
    before = list(wire.sent)
    for call in soon:
        call()
    return before, list(wire.sent)


def test_head_and_body_are_sent_as_one(wire):
    before, _ = after(wire, lambda to: to.write(b"head "), lambda to: to.write(b"body"))
    assert before == [b"head body"]


def test_what_nothing_follows_is_sent_in_the_next_turn(wire):
    assert after(wire, lambda to: to.write(b"event")) == ([], [b"event"])


def test_an_empty_body_sends_its_head(wire):
    assert after(wire, lambda to: to.write(b"head"), lambda to: to.write(b""))[0] == [b"head"]


def test_nothing_is_kept_back_where_the_connection_is_closed(wire):
    before, later = after(wire, lambda to: to.write(b"last"), lambda to: to.close())
    assert before == later == [b"last"]
    assert wire.closed


def test_all_else_is_the_transports_own(wire):
    after(wire, lambda to: to.close())
    assert Together(wire, SimpleNamespace()).is_closing()


def test_what_goes_at_once_goes_after_what_waits(wire):
    assert after(wire, lambda to: to.write(b"head "), lambda to: to.write_now(b"all"))[1] == [b"head all"]


def talk(riverton, *requests):
    """Everything that one connection says to these bytes, until it is closed."""
    with socket.create_connection(("127.0.0.1", int(riverton.base.rpartition(":")[2])), timeout=20) as connection:
        for request in requests:
            connection.sendall(request)
            time.sleep(0.05)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def post(riverton, body, *headers, version="1.1"):
    """A document as bytes."""
    head = [f"POST /v1/systems/cad/calls HTTP/{version}", "Host: localhost", f"X-Api-Key: {riverton.keys['vendor']}", *headers]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def test_answers_to_documents_in_one_packet_come_in_their_order(riverton):
    sent = [rows(1, 800_001), rows(2, 800_011), b"no,such,columns\n1,2,3\n", rows(3, 800_021)]
    answers = talk(riverton, b"".join(post(riverton, body) for body in sent) + post(riverton, rows(4, 800_031), "Connection: close"))
    statuses = [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [202, 202, 422, 202, 202]
    assert [int(part.split(b",")[0]) for part in answers.split(b'"read":')[1:]] == [1, 2, 3, 4]


@pytest.mark.parametrize("version, headers", [("1.0", ()), ("1.1", ("Connection: close",))])
def test_a_connection_that_is_not_kept_is_closed_and_told_so_once(riverton, version, headers):
    head, _, body = talk(riverton, post(riverton, rows(1, 810_000), *headers, version=version)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 ")
    assert head.lower().count(b"connection: close") == 1
    assert b"content-length: %d" % len(body) in head.lower()


def test_a_refusal_that_ends_the_connection_says_so_once_and_ends_it(riverton):
    head = talk(riverton, post(riverton, b"", "X-Padding: x").replace(b"Content-Length: 0", b"Content-Length: 999999999999")).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 413 ")
    assert head.lower().count(b"connection: close") == 1


def test_a_body_that_comes_later_than_its_head_is_waited_for(riverton):
    request = post(riverton, rows(1, 820_000), "Connection: close")
    cut = request.index(b"\r\n\r\n") + 40
    assert talk(riverton, request[:cut], request[cut:]).startswith(b"HTTP/1.1 202 ")


def test_every_answer_to_a_document_carries_the_safe_headers(riverton):
    with riverton.client("vendor") as client:
        for body in (rows(1, 830_000), b"no,such,columns\n1,2,3\n"):
            said = client.post("/v1/systems/cad/calls", content=body).headers
            assert (said["cache-control"], said["x-content-type-options"], said["referrer-policy"]) == ("no-store", "nosniff", "no-referrer")
            assert said["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("sent", [b"GET /v1/units HTTP/1.1\r\nHost : x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /v1/units?a b HTTP/1.1\r\n\r\n"])
def test_what_is_no_http_is_refused_with_a_code_and_the_connection_ends(riverton, sent):
    head, _, body = talk(riverton, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body.startswith(b"# api.malformed: ")
    assert b"content-length: %d" % len(body) in head
