"""What ends a call, as what happens next; and whose certificates are believed, on every Python alike."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import urllib3

from adapters.soap import adapter
from adapters.soap.transport import HUNG_UP, edge
from gateway.errors import Halt, Retry
from gateway.testing import context
from tests.adapters.soap import systems
from tests.gateway.api.certificates import Authority


@pytest.mark.parametrize("ended", [ConnectionResetError(104, "reset"), BrokenPipeError(32, "broken")], ids=lambda error: type(error).__name__)
def test_a_service_that_resets_the_line_before_it_answers_may_have_refused_our_certificate(ended):
    with pytest.raises(Retry) as retry, edge(tls=True):
        raise urllib3.exceptions.ProtocolError("Connection aborted.", ended)
    assert (retry.value.problem.code.id, retry.value.problem.rule) == ("soap.broken", HUNG_UP)


def test_a_line_that_ends_within_an_answer_says_nothing_of_certificates():
    with pytest.raises(Retry) as retry, edge():
        raise urllib3.exceptions.ProtocolError("Connection broken", ConnectionResetError(104, "reset"))
    assert (retry.value.problem.code.id, retry.value.problem.rule) == ("soap.broken", "ProtocolError")


@contextmanager
def served(certificate, key):
    """A service of TLS that hangs up as soon as somebody believes it: its port, and who did."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    believed: list[bool] = []

    def serve(listening):
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            try:
                with made.wrap_socket(line, server_side=True) as opened:
                    believed.append(bool(opened.recv(1)))
            except OSError:
                believed.append(False)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        try:
            yield listening.getsockname()[1], believed
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            server.join(10)


@pytest.mark.parametrize("old", [False, True], ids=["with key identifiers", "without"])
@pytest.mark.parametrize("trusted", ["authority.pem", "service.pem"], ids=["its authority", "itself"])
def test_a_certificate_is_believed_whether_its_authority_or_itself_is_named(java, tmp_path, old, trusted):
    authority = Authority(tmp_path / "certificates", old=old)
    certificate, key = authority.sign("service")
    with served(certificate, key) as (port, believed):
        outcome = written(java, tmp_path, port, tmp_path / "certificates" / trusted)
    assert set(believed) == {True}
    assert outcome.problems[0].code.id == "soap.broken"


def test_a_certificate_of_another_authority_is_not_believed(java, tmp_path):
    certificate, key = Authority(tmp_path / "certificates").sign("service")
    other = Authority(tmp_path / "others")
    with served(certificate, key) as (port, believed), pytest.raises(Halt) as halt:
        written(java, tmp_path, port, other.pem)
    assert set(believed) == {False}
    assert halt.value.problem.code.id == "soap.tls"


def written(java, tmp_path, port, authority):
    """What became of one record that is sent to that port."""
    settings = {**systems.submitting(java), "address": f"https://127.0.0.1:{port}/plain", "tls": {"authority": str(authority)}}
    sink = adapter.sink(adapter.settings.model_validate(settings), context(tmp_path))
    try:
        (outcome,) = sink.write([systems.outgoing(1)])
    finally:
        sink.close()
    return outcome
