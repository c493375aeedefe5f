"""WS-Security against WSS4J: it verifies what we send, and we believe nothing that it has not signed."""

import re

import pytest

from adapters.soap import adapter
from gateway.adapter import Context
from gateway.errors import Halt
from gateway.testing import Clock, context
from tests.adapters.soap import systems
from tests.peers.soap.hostile import response, serving


@pytest.fixture
def repository(java):
    java.reset()
    return java


def secured(java, **security):
    """The settings of the secured port."""
    parts = {
        "user": {"name": "gateway", "password_from": "env:PASSWORD", "digest": True},
        "timestamp": "5m",
        "sign": {"certificate": str(java.folder / "client.pem"), "key": str(java.folder / "client.key")},
        "expect": {"certificate": str(java.folder / "server.pem")},
        **security,
    }
    return systems.submitting(java, "secure", security={name: part for name, part in parts.items() if part})


@pytest.fixture
def opened(tmp_path):
    sinks = []

    def open_(settings, password="s3cret & <more>", now=None):
        import datetime as dt

        lent = context(tmp_path, Clock(now or dt.datetime.now(dt.UTC)))
        given = Context(lent.clock, lent.stop, lent.log, lambda _reference: password, lent.archive, lent.root)
        sinks.append(adapter.sink(adapter.settings.model_validate(settings), given))
        return sinks[-1]

    yield open_
    for sink in sinks:
        sink.close()


def halted(sink, match=""):
    """What the sink says of a record whose answer cannot be believed: it may be there; and then that a person must look."""
    record = systems.outgoing(1)
    (outcome,) = sink.write([record])
    assert (outcome.state, outcome.uncertain) == ("retry", True)
    with pytest.raises(Halt, match=match or None) as halt:
        sink.write([record])
    assert outcome.problems == (halt.value.problem,)
    return halt.value.problem


@pytest.mark.parametrize("digest", [True, False])
def test_user_timestamp_and_signature_pass_wss4j_and_its_signed_answer_passes_us(repository, opened, digest):
    user = {"name": "gateway", "password_from": "env:PASSWORD", "digest": digest}
    sink = opened(secured(repository, user=user))
    assert sink.write([systems.outgoing(1)])[0].state == "written"
    assert repository.arrivals() == [systems.outgoing(1).key]


@pytest.mark.parametrize("left_out", ["user", "timestamp", "sign"])
def test_wss4j_refuses_a_message_without_one_of_them(repository, opened, left_out):
    """Its fault is not signed as we expect, so it is not believed either: a person looks."""
    halted(opened(secured(repository, **{left_out: None})))
    assert repository.arrivals() == []


def test_a_wrong_password_is_refused(repository, opened):
    halted(opened(secured(repository), password="wrong"))
    assert repository.arrivals() == []


@pytest.mark.parametrize(
    "mode, reason", [("unsigned", "there is no signature"), ("body-not-signed", "the signature does not cover the body")]
)
def test_an_answer_that_is_not_signed_as_it_must_be_is_not_taken(repository, opened, mode, reason):
    repository.mode(mode)
    assert halted(opened(secured(repository)), reason).code.id == "soap.signature"
    assert len(repository.arrivals()) == 1


def test_an_answer_signed_by_another_key_is_not_taken(repository, opened):
    halted(opened(secured(repository, expect={"certificate": str(repository.folder / "client.pem")})), "not by the known key")


def test_an_old_answer_is_not_taken(repository, opened):
    import datetime as dt

    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    settings = secured(repository, timestamp="2h", user={"name": "gateway", "password_from": "env:P", "digest": False})
    assert halted(opened(settings, now=later)).code.id in {"soap.signature", "soap.fault"}


class Tampering:
    """Between us and the secured port: changes the answer on its way."""

    def __init__(self, port, change):
        self.port, self.change = port, change

    def __call__(self, connection, asked):
        import socket

        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as service:
            service.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            answer = b""
            while more := service.recv(65536):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"chunked" in head:
            pieces = []
            while body and not body.startswith(b"0\r\n"):
                size, _, body = body.partition(b"\r\n")
                pieces.append(body[: int(size, 16)])
                body = body[int(size, 16) + 2 :]
            body = b"".join(pieces)
        body = self.change(body)
        connection.sendall(response(body))


def wrapped(body):
    """Signature wrapping: the signed body moves into the header, another one takes its place."""
    found = re.search(rb"<([\w-]+):Body[ >].*</\1:Body>", body, re.DOTALL)
    evil = re.sub(rb' [\w-]+:Id="[^"]*"', b"", found[0]).replace(b"ACCEPTED", b"REJECTED")
    evil = re.sub(rb"ERRORS", b"ACCEPTED", evil)
    hidden = b"<x:hold xmlns:x='urn:x'>" + found[0] + b"</x:hold>"
    changed = re.sub(rb"(</[\w-]+:Header>)", lambda end: hidden + end[1], body.replace(found[0], evil))
    assert hidden in changed
    return changed


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda body: body.replace(b"ACCEPTED", b"WARNINGS"), "what it covers was changed"),
        (wrapped, "does not cover the body"),
        (lambda body: body.replace(b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", b"http://www.w3.org/2000/09/xmldsig#hmac-sha1"), "algorithm"),
    ],
)
def test_a_changed_answer_is_not_taken(repository, opened, change, reason):
    with serving(Tampering(repository.port, change)) as line:
        settings = {**secured(repository), "address": f"http://127.0.0.1:{line.port}/secure"}
        halted(opened(settings), reason)
