"""`copperline wsdl add`: what it copies, what it refuses, and that it fetches nothing."""

import hashlib
import json
import socket

import pytest

SCHEMA = "http://www.w3.org/2001/XMLSchema"
WEB = "http://schemas.example.org/common.xsd"


@pytest.fixture
def vendor(tmp_path):
    """What a vendor sent: a WSDL, a schema beside it, and one that it knows by a web address."""
    folder = tmp_path / "vendor"
    (folder / "types").mkdir(parents=True)
    (folder / "service.wsdl").write_text(
        f'<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/" xmlns:x="{SCHEMA}"><d:types><x:schema targetNamespace="urn:s">\n'
        '<x:include schemaLocation="types/call.xsd"/></x:schema></d:types></d:definitions>'
    )
    (folder / "types" / "call.xsd").write_text(
        f'<x:schema xmlns:x="{SCHEMA}" targetNamespace="urn:s">\n<x:import namespace="urn:c" schemaLocation="{WEB}"/></x:schema>'
    )
    (tmp_path / "common.xsd").write_text(f'<x:schema xmlns:x="{SCHEMA}" targetNamespace="urn:c"/>')
    return folder


@pytest.fixture
def site(tmp_path, monkeypatch, copperline):
    monkeypatch.setenv("COPPERLINE_SITE", str(tmp_path / "site"))
    copperline("init", tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_arguments, **_named):
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("how", ["as", "given"])
def test_a_wsdl_is_copied_with_all_that_it_refers_to(site, vendor, copperline, how):
    common = vendor.parent / "common.xsd"
    more = ["--as", f"{WEB}={common}"] if how == "as" else [common]
    said = copperline("wsdl", "add", "cad", vendor / "service.wsdl", *more, "--json").json
    bundle = site / "systems" / "cad" / "wsdl"
    index = json.loads((bundle / "bundle.json").read_text())
    assert index["wsdl"] == "service.wsdl"
    assert index["references"] == {WEB: "common.xsd"}
    assert set(index["files"]) == {"service.wsdl", "types/call.xsd", "common.xsd"}
    assert all(hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest for name, digest in index["files"].items())
    assert set(said["changes"].values()) == {"new"}


def test_the_second_time_it_says_what_changed(site, vendor, copperline):
    common = vendor.parent / "common.xsd"
    copperline("wsdl", "add", "cad", vendor / "service.wsdl", common)
    common.write_text(common.read_text() + "\n")
    said = copperline("wsdl", "add", "cad", vendor / "service.wsdl", common, "--json").json
    assert said["changes"] == {"common.xsd": "changed", "service.wsdl": "same", "types/call.xsd": "same"}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("location", [WEB, "file:///etc/passwd", "/etc/passwd", "../../../../../../etc/passwd", "missing.xsd"])
def test_what_was_not_given_is_refused_with_its_place(site, vendor, copperline, location):
    schema = vendor / "types" / "call.xsd"
    schema.write_text(schema.read_text().replace(WEB, location))
    said = copperline("wsdl", "add", "cad", vendor / "service.wsdl", code=3)
    assert "wsdl.unresolved" in said.err
    assert "types/call.xsd, line 2" in said.err
    assert not (site / "systems" / "cad").exists()


@pytest.mark.parametrize(
    "text", ['<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "<a>", "<html/>"], ids=["a document type", "broken", "something else"]
)
def test_what_is_no_wsdl_is_refused(site, tmp_path, copperline, text):
    (tmp_path / "service.wsdl").write_text(text)
    said = copperline("wsdl", "add", "cad", tmp_path / "service.wsdl", code=3)
    assert "wsdl.unusable" in said.err
    assert "root:" not in said.err
