"""TLS with certificates on both sides, against Java's own and OpenSSL: who has none, or another one, gets nothing."""

import pytest

from adapters.soap import adapter
from gateway.adapter import Context
from gateway.errors import Halt
from gateway.testing import context
from tests import peers
from tests.adapters.soap import systems
from tests.peers.stunnel import Stunnel


@pytest.fixture
def stunnel(java, request):
    """A relay that lets only the holder of the client's key through to the plain port."""
    (port,) = peers.free_ports(1)
    lines = [
        "[soap]", f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{java.port}", "verifyPeer = yes", "sslVersionMax = TLSv1.2",
        f"CAfile = {java.folder}/client.pem", f"cert = {java.folder}/server.pem", f"key = {java.folder}/server.key",
    ]  # fmt: skip
    try:
        relay = Stunnel("\n".join(lines) + "\n", port)
        relay.start()
    except peers.Unavailable as e:
        (pytest.fail if request.config.getoption("--require-peers") else pytest.skip)(f"stunnel: {e}")
    yield relay
    relay.close()


@pytest.fixture
def opened(java, tmp_path):
    java.reset()
    sinks = []

    def open_(host="localhost", port=0, password="key s3cret", **tls):
        given = context(tmp_path)
        lent = Context(given.clock, given.stop, given.log, lambda _reference: password, given.archive, given.root)
        files = {name: str(java.folder / value) if name != "password_from" else value for name, value in tls.items()}
        settings = {**systems.submitting(java), "address": f"https://{host}:{port or java.tls_port}/plain", "tls": files}
        sinks.append(adapter.sink(adapter.settings.model_validate(settings), lent))
        return sinks[-1]

    yield open_
    for sink in sinks:
        sink.close()


OURS = {"certificate": "client.pem", "key": "client.key"}


@pytest.mark.parametrize("key", [{}, {"key": "client.locked.key", "password_from": "env:KEY"}], ids=["plain", "locked"])
def test_who_shows_the_right_certificate_is_served(opened, java, key):
    sink = opened(authority="server.pem", **{**OURS, **key})
    assert sink.write([systems.outgoing(1)])[0].state == "written"
    assert java.arrivals() == [systems.outgoing(1).key]


UNWANTED = pytest.mark.parametrize("ours", [{}, {"certificate": "stranger.pem", "key": "stranger.key"}], ids=["none", "another"])


@UNWANTED
def test_who_shows_none_or_another_one_is_sent_away_and_a_person_told(opened, java, stunnel, ours):
    """By TLS 1.2, within the handshake, OpenSSL says why."""
    with pytest.raises(Halt, match=r"alert (certificate required|unknown ca|bad certificate|handshake failure)") as halt:
        opened(port=stunnel.port, authority="server.pem", **ours).write([systems.outgoing(1)])
    assert halt.value.problem.code.id == "soap.tls"
    assert halt.value.problem.code.remedy
    assert java.arrivals() == []


def test_who_shows_the_right_one_gets_through_stunnel(opened, java, stunnel):
    assert opened(port=stunnel.port, authority="server.pem", **OURS).write([systems.outgoing(1)])[0].state == "written"


@UNWANTED
def test_a_service_that_sends_us_away_without_a_word_is_named_as_such(opened, java, ours):
    """By TLS 1.3 our request is on its way already when Java hangs up."""
    (outcome,) = opened(authority="server.pem", **ours).write([systems.outgoing(1)])
    assert (outcome.state, outcome.uncertain, outcome.problems[0].code.id) == ("retry", True, "soap.broken")
    assert "refuses our certificate, or asks for one" in outcome.problems[0].rule
    assert java.arrivals() == []


@pytest.mark.parametrize(
    "host, authority, reason",
    [("localhost", "stranger.pem", "self-signed"), ("localhost", "", "self-signed"), ("127.0.0.1", "server.pem", "IP address mismatch")],
)
def test_a_service_that_nobody_vouches_for_is_sent_nothing(opened, java, host, authority, reason):
    files = {**OURS, **({"authority": authority} if authority else {})}
    with pytest.raises(Halt, match=reason) as halt:
        opened(host, **files).write([systems.outgoing(1)])
    assert halt.value.problem.code.id == "soap.tls"
    assert java.arrivals() == []


def test_a_key_that_cannot_be_read_halts_without_its_password(opened):
    with pytest.raises(Halt) as halt:
        opened(authority="server.pem", certificate="client.pem", key="client.locked.key", password="wrong s3cret", password_from="env:KEY")
    assert halt.value.problem.code.id == "soap.tls"
    assert "s3cret" not in str(halt.value)
