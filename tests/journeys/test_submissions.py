"""Records handed to a SOAP service through an agreement: once, whatever dies in between; and what it says comes back to the record."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.adapters.soap import systems
from tests.journeys.test_sinks import AGREEMENT, MAPPING, SOURCE
from tests.peers.soap.hostile import serving
from tests.peers.soap.java import Java

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "mappings" / "systems" / "nibrs-repository"
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:a="urn:example:alert" targetNamespace="urn:example:alert"
  elementFormDefault="qualified"><xs:complexType name="Id"><xs:sequence><xs:element name="IdentificationID" type="xs:string"/></xs:sequence></xs:complexType>
  <xs:element name="alert"><xs:complexType><xs:sequence><xs:element name="OrganizationORIIdentification" type="a:Id"/>
  <xs:element name="ActivityIdentification" type="a:Id"/><xs:element name="headline" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:schema>
"""
OUT = """\
to: alert
entity: alert
subject: alertId
fields:
  a:OrganizationORIIdentification.a:IdentificationID: {from: alertId, as: {choose: {"7": XX0000000}}}
  a:ActivityIdentification.a:IdentificationID: alertId
  a:headline: headline
"""


@pytest.fixture
def desk(gateway, java):
    """Alerts of a city go to a repository over SOAP; its address is set by the test."""
    java.reset()
    city, folder = gateway.root / "systems" / "city", gateway.root / "systems" / "cad"
    for place in (city / "mappings", folder / "mappings", gateway.root / "inbox" / "alerts"):
        place.mkdir(parents=True)
    (city / "system.yaml").write_text(SOURCE)
    (city / "mappings" / "alert.yaml").write_text(MAPPING)
    (folder / "mappings" / "alert.yaml").write_text(OUT)
    (gateway.root / "agreements" / "dispatch.yaml").write_text(AGREEMENT)
    bundle = folder / "wsdl"
    bundle.mkdir()
    shutil.copy(TEMPLATE / "wsdl" / "repository.wsdl", bundle)
    (bundle / "alert.xsd").write_text(SCHEMA)
    gateway("wsdl", "add", "cad", bundle / "repository.wsdl", bundle / "alert.xsd")
    return folder


def submitting(folder, address, **more):
    find = {"operation": "CheckStatusByIncident", "request": {"ori": "XX0000000", "incident": "$key"}, **systems.exchange(systems.FOUND)}
    submit = {**systems.SUBMIT, "request": {"xmlDoc": "$document"}, "find": find, "document": {"root": "a:alert", "schema": "alert.xsd"}}
    settings = {"address": address, "namespaces": {"a": "urn:example:alert"}, "submit": submit, **more}
    feed = {"adapter": "soap", "settings": settings, "mappings": {"alert": "mappings/alert.yaml"}}
    (folder / "system.yaml").write_text(json.dumps({"system": "cad", "zone": "America/Chicago", "feeds": {"calls": feed}}))


class Deadly:
    """Between the gateway and the service: kills the gateway once, at one step of the first submission."""

    def __init__(self, java: Java, step: str) -> None:
        self.java, self.step, self.pid = java, step, 0
        self.killed = threading.Event()

    def __call__(self, connection: socket.socket, asked: bytes) -> None:
        strikes = b"SubmitNibrsNIEMDocument>" in asked and not self.killed.is_set()
        if strikes and self.step == "before it arrives":
            return self.kill()
        with socket.create_connection(("127.0.0.1", self.java.port), timeout=30) as service:
            service.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            answer = b""
            while more := service.recv(65536):
                answer += more
        if strikes and self.step == "after it was taken":
            return self.kill()
        connection.sendall(answer)
        if strikes:
            self.kill()
        return None

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.killed.set()


@pytest.mark.parametrize("step", ["before it arrives", "after it was taken", "after it was answered"])
def test_an_alert_is_submitted_once_wherever_the_gateway_is_killed(gateway, desk, java, step):
    deadly = Deadly(java, step)
    with serving(deadly) as line:
        submitting(desk, f"http://127.0.0.1:{line.port}/plain")
        approved(gateway, 7)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(gateway.root)}
        command = [sys.executable, "-m", "gateway.cli", "run", "--once"]
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadly.pid = process.pid
            assert deadly.killed.wait(90)
            process.wait(30)
        assert gateway.once()["in_progress"] == 0
    assert java.arrivals() == ["_XX0000000_7_INC"]
    assert "Invented fight" in java.holds()["_XX0000000_7_INC"]
    gateway("ledger", "verify")


def approved(gateway, *files):
    gateway("check")
    gateway("agreements", "approve", "dispatch", "--as", "B. Sample", "--reason", "read and agreed")
    lines = [f"{number},Alert,assault,2026-01-02T00:10:00,Invented fight\n" for number in files]
    gateway.arrives("alerts", "a.csv", ("NO,KIND,TYPE,SENT,TEXT\n" + "".join(lines)).encode())


def test_a_fault_after_the_commit_is_found_by_asking_and_nothing_is_sent_again(gateway, desk, java):
    submitting(desk, java.url("plain"))
    java.mode("fault-after-commit")
    approved(gateway, 7)
    assert gateway.once()["in_progress"] == 0
    assert gateway.once()["in_progress"] == 0
    assert java.arrivals() == ["_XX0000000_7_INC"]


@pytest.mark.parametrize("mode", ["body-not-signed", "unsigned"])
def test_an_answer_whose_signature_does_not_cover_it_is_not_believed_and_a_person_told(gateway, desk, java, mode):
    """The record may be there or not: it waits, is sent to nobody, and goes on once answers are signed."""
    signed = {
        "user": {"name": "gateway", "password_from": "env:VAULT_PASSWORD", "digest": True},
        "timestamp": "5m",
        "sign": {"certificate": str(java.folder / "client.pem"), "key": str(java.folder / "client.key")},
        "expect": {"certificate": str(java.folder / "server.pem")},
    }
    gateway.env["VAULT_PASSWORD"] = "s3cret & <more>"
    submitting(desk, java.url("secure"), security=signed)
    java.mode(mode)
    approved(gateway, 7)
    done = gateway.ended("run", "--once", "--json")
    assert done.returncode != 0
    assert "soap.signature" in done.stderr
    assert "What to do: " in done.stderr
    assert java.arrivals() == ["_XX0000000_7_INC"]
    java.mode("")
    gateway.ended("systems", "resume", "cad", "--reason", "the service signs its answers again")
    assert gateway.once()["in_progress"] == 0
    assert java.arrivals() == ["_XX0000000_7_INC"]


def test_incidents_become_nibrs_xml_and_violations_come_back_to_the_incident(gateway, java, shared):
    """The shipped template, with the official schemas beside its WSDL; one of the incidents is refused by the repository."""
    java.reset()
    gateway.registers("rms", "nibrs")
    folder = gateway.root / "systems" / "state"
    gateway("new", "state", "--from", "nibrs-repository")
    said = (folder / "system.yaml").read_text().replace("https://nibrs.example.org/services", java.url("plain"))
    (folder / "system.yaml").write_text("\n".join(line for line in said.splitlines() if "tls:" not in line))
    for schema in (shared / "nibrs" / "xml" / "base-xsd").rglob("*.xsd"):
        place = folder / "wsdl" / schema.relative_to(shared / "nibrs" / "xml" / "base-xsd")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(schema.read_bytes())
    gateway("wsdl", "add", "state", folder / "wsdl" / "repository.wsdl", folder / "wsdl" / "nibrs" / "2019" / "nibrs.xsd")
    agreement = AGREEMENT.replace("alert.#", "incident.#").replace("{via: sink, system: cad, feed: calls}", "{via: sink, system: state, feed: submissions}")
    (gateway.root / "agreements" / "dispatch.yaml").write_text(agreement)
    gateway("check")
    gateway("agreements", "approve", "dispatch", "--as", "B. Sample", "--reason", "read and agreed")
    sample = (gateway.root / "systems" / "rms" / "samples" / "submissions.txt").read_bytes().replace(b"ZZ0000001", b"ZZERR0001")
    gateway.arrives("nibrs", "state.txt", sample)
    ran = gateway.once()
    listed = json.loads(gateway("deliveries", "list", "--json"))
    assert [row["problem"] for row in listed] == ["sink.refused"]
    assert "355" in gateway("deliveries", "show", "dispatch", str(listed[0]["position"]))
    assert len(java.arrivals()) == len(set(java.arrivals())) > 1
    assert ran["in_progress"] == 0


