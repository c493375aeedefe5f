"""Who proves itself by certificate, which TLS is spoken, and the relay for those who speak less."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.settings import Api
from tests import peers
from tests.gateway.api import riverton as invented
from tests.gateway.api.certificates import Authority
from tests.gateway.api.riverton import HEADER, row
from tests.peers.stunnel import Stunnel

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rest.md"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def riverton(tmp_path_factory, authority):
    here = invented.made(tmp_path_factory.mktemp("riverton") / "site")
    certificate, key = authority.sign("gateway")
    api = Api(certificate=str(certificate), key=str(key), clients=str(authority.pem), given=True)
    with invented.running(here, api) as running:
        running.caller("vendor", "submit")
        running.caller("machine", "submit", certificates=["CN=cad-01,O=Sample PD", "CN=relay,O=Sample PD"])
        yield running


def context(authority, *, certificate=None, newest=None):
    made = ssl.create_default_context(cafile=authority.pem)
    if certificate:
        made.load_cert_chain(*certificate)
    if newest:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.maximum_version = newest
    return made


def posted(port, tls, number, *headers):
    """A request as a plain socket sends it; its status line and the version of TLS that was spoken."""
    body = HEADER + row(number)
    head = ["POST /v1/systems/cad/calls HTTP/1.0", f"Content-Length: {len(body)}", *headers]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, tls.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        spoken = secure.version()
        secure.sendall("\r\n".join([*head, "", body]).encode())
        answer = b""
        while part := secure.recv(65536):
            answer += part
    return answer.split(b"\r\n", 1)[0].decode(), spoken


def port_of(riverton):
    return int(riverton.base.rpartition(":")[2])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_client_of_tls_1_2_is_served_and_an_older_one_is_not(riverton, authority):
    key = f"X-API-Key: {riverton.keys['vendor']}"
    status, spoken = posted(port_of(riverton), context(authority, newest=ssl.TLSVersion.TLSv1_2), "T-12", key)
    assert (status.split()[1], spoken) == ("202", "TLSv1.2")
    assert posted(port_of(riverton), context(authority), "T-13", key)[1] == "TLSv1.3"
    for newest in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            posted(port_of(riverton), context(authority, newest=newest), "T-10", key)


def test_a_client_certificate_proves_its_caller_and_no_other(riverton, authority, tmp_path):
    known, unknown = authority.sign("cad-01"), authority.sign("cad-02")
    assert posted(port_of(riverton), context(authority, certificate=known), "M-1")[0].split()[1] == "202"
    assert posted(port_of(riverton), context(authority, certificate=unknown), "M-2")[0].split()[1] == "401"
    assert posted(port_of(riverton), context(authority), "M-3")[0].split()[1] == "401"
    foreign = Authority(tmp_path / "foreign", "foreign").sign("cad-01")
    with suppress(ssl.SSLError, ConnectionError):  # it is cut off, or keeps back what the server does not ask for
        assert "202" not in posted(port_of(riverton), context(authority, certificate=foreign), "M-4")[0]
    assert "M-4" not in {event["incidentId"] for event in riverton.events()}


def test_a_certificate_of_another_organisation_with_the_same_name_proves_nobody(riverton, authority):
    other = authority.sign("cad-01", organisation="Sample City")
    assert posted(port_of(riverton), context(authority, certificate=other), "M-5")[0].split()[1] == "401"


def test_curl_shows_its_certificate(riverton, authority, tmp_path):
    certificate, key = authority.sign("cad-01")
    (tmp_path / "calls.csv").write_text(HEADER + row("C-1"))
    command = ["curl", "-sS", "--cacert", authority.pem, "--cert", certificate, "--key", key, "--data-binary", f"@{tmp_path / 'calls.csv'}"]
    done = subprocess.run([*map(str, command), f"{riverton.base}/v1/systems/cad/calls?format=text"], capture_output=True, text=True, check=True)
    assert ",1,accepted," in done.stdout


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_client_that_stops_at_tls_1_0_is_served_through_the_documented_relay(riverton, authority, request):
    page = re.search(r"```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    old, between = peers.free_ports(2)
    certificate, key = authority.sign("relay")
    for was, now in {
        "gateway.riverton.example:8490": riverton.base.removeprefix("https://"),
        "checkHost = gateway.riverton.example": "checkIP = 127.0.0.1",
        ":8443": f":{old}",
        ":8444": f":{between}",
        "/etc/stunnel/relay.pem": str(certificate),
        "/etc/stunnel/relay.key": str(key),
        "/etc/stunnel/authority.pem": str(authority.pem),
    }.items():
        assert was in page
        page = page.replace(was, now)
    try:
        relay = Stunnel(page, old)
    except peers.Unavailable as e:
        (pytest.fail if request.config.getoption("--require-peers") else pytest.skip)(f"stunnel: {e}")
    relay.start()
    try:
        status, spoken = posted(old, context(authority, newest=ssl.TLSVersion.TLSv1), "R-1")
    finally:
        relay.close()
    assert (status.split()[1], spoken) == ("202", "TLSv1")
    assert "R-1" in {event["incidentId"] for event in riverton.events()}
