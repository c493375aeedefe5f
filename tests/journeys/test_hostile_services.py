"""SOAP services that mean harm, each a system of one site: nothing is fetched or read from outside, memory is bounded, a person is
told what it is and what to do, and once the service behaves its records are all there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adapters.soap import systems
from tests.adapters.soap.test_hostile import SECRET, envelope, recording, saying
from tests.journeys.conftest import ROOT, Gateway
from tests.peers.soap.hostile import Hostile, reset, response, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"
GIGABYTE = 1 << 30
SOUND = envelope(recording("E1") + recording("E2"))
MEMORY_KB = 400_000
LAUGHS = '<!DOCTYPE x [<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)) + "]>"


@dataclass
class Case:
    """What a service does, and the code that a person is told; `kept`: such records wait in quarantine."""

    script: Any
    code: str
    kept: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


def gigabyte(connection: socket.socket, _asked: bytes) -> None:
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % GIGABYTE + SOUND[:300])
    for _ in range(1024):
        connection.sendall(b"<v:title>" + b"x" * (1 << 20))
        SENT[0] += 1 << 20


def endless(connection: socket.socket, _asked: bytes) -> None:
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def broken(connection: socket.socket, _asked: bytes) -> None:
    connection.sendall(response(SOUND)[:-300])
    time.sleep(0.05)
    reset(connection)


def elsewhere(connection: socket.socket, _asked: bytes) -> None:
    connection.sendall(response(b"", status="307 Temporary Redirect", more=f"Location: {CANARY[0].url}\r\n"))


def external(connection: socket.socket, _asked: bytes) -> None:
    doctype = f'<!DOCTYPE x SYSTEM "{CANARY[0].url}" [<!ENTITY a SYSTEM "{CANARY[0].url}">]>'
    connection.sendall(response(envelope(recording("E1", title="&a;"), head=doctype)))


SENT = [0]
CANARY: list[Hostile] = []
ENTITY = envelope(recording("E1", title="&a;"), head='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')
CASES = {
    "file-entity": Case(saying(ENTITY), "xml.doctype"),
    "address-entity": Case(external, "xml.doctype"),
    "laughs": Case(saying(envelope(recording("E1", title="&l9;"), head=LAUGHS)), "xml.doctype"),
    "gigabyte": Case(gigabyte, "soap.overlong"),
    "endless": Case(endless, "soap.silent", settings={"timeout": {"whole": 1.5}}),
    "redirect": Case(elsewhere, "soap.address"),
    "broken": Case(broken, "soap.broken"),
    "contradiction": Case(saying(envelope(recording(), charset="iso-8859-1"), type="text/xml; charset=utf-8"), "soap.unreadable"),
    "charset": Case(saying(envelope(recording("E3", title="CAF\u00c9")).replace("É".encode(), b"\xc9")), "xml.malformed", kept=1),
    "nothing": Case(saying(envelope(recording("E3", started=f"31/12/{SECRET}"))), "soap.invalid", kept=1),
    "wsdl": Case(saying(SOUND), "soap.outside"),
}


def register(gateway: Gateway, name: str, case: Case, address: str) -> None:
    """A system like the template, with the one feed that polls the service."""
    gateway("new", name, "--from", "evidence-vault")
    folder = gateway.root / "systems" / name
    said = yaml.safe_load((folder / "system.yaml").read_text())
    feed = said["feeds"]["recordings"]
    feed["settings"] |= {"address": address, **case.settings}
    (folder / "system.yaml").write_text(yaml.safe_dump({**said, "feeds": {"recordings": feed}}, sort_keys=False))
    if name == "wsdl":
        imports(folder / "wsdl", "file:///etc/passwd")


def imports(bundle: Path, location: str) -> None:
    """The WSDL, as somebody has slipped it in: its digest is right, and its schema is elsewhere."""
    text = (bundle / "vault.wsdl").read_text()
    (bundle / "vault.wsdl").write_text(text.replace("records.xsd", location))
    (bundle / "bundle.json").write_text(json.dumps({"wsdl": "vault.wsdl", "files": systems.digests(bundle)}))


@dataclass
class Ran:
    """The site while its gateway runs: what `status` says, and what the process took."""

    gateway: Gateway
    services: dict[str, Hostile]
    problems: dict[str, dict[str, Any]]
    told: str
    peak_kb: int
    quarantined: list[dict[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("hostile") / "riverton")
    gateway("init", gateway.root, "--agency", "XX0000000")
    with ExitStack() as stack:
        CANARY[:] = [stack.enter_context(serving(saying(SOUND)))]
        services = {name: stack.enter_context(serving(case.script)) for name, case in CASES.items()}
        for name, case in CASES.items():
            register(gateway, name, case, services[name].url)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(gateway.root)}
        command = [sys.executable, "-m", "gateway.cli", "run"]
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                told, problems = until_told(gateway, process)
                peak = peak_kb(process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
        yield Ran(gateway, services, problems, told, peak, json.loads(gateway("quarantine", "list", "--json")))


def until_told(gateway: Gateway, process: subprocess.Popen[bytes]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Runs until `status` names a problem for each service that has one, and the others' records are counted."""
    until = time.monotonic() + 120
    while True:
        assert process.poll() is None
        rows = {row["system"]: row for row in json.loads(gateway("status", "--json"))["systems"]}
        problems = {name: rows[name]["problem"] for name in CASES if rows[name]["problem"]}
        waiting = [name for name, case in CASES.items() if (rows[name]["quarantined"] < case.kept if case.kept else name not in problems)]
        if not waiting:
            return gateway.ended("status").stderr, problems
        assert time.monotonic() < until, waiting
        time.sleep(0.3)


def peak_kb(pid: int) -> int:
    """The most memory that the process ever held, in kilobytes."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    raise AssertionError("the gateway is gone")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.kept])
def test_status_tells_a_person_what_it_is_and_what_to_do(ran, name):
    problem = ran.problems[name]
    assert problem["code"] == CASES[name].code
    assert problem["remedy"]
    assert f"{name}: {problem['code']}: " in ran.told
    assert f"What to do: {problem['remedy']}" in ran.told


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.kept])
def test_a_record_that_is_spoiled_waits_with_its_reason_and_remedy(ran, name):
    (row,) = [row for row in ran.quarantined if row["system"] == name]
    assert row["problems"][0]["code"] == CASES[name].code
    assert row["problems"][0]["remedy"]
    assert SECRET not in json.dumps(ran.quarantined)
    assert "copperline quarantine list" in ran.told + ran.gateway("status")


def test_nothing_was_fetched_from_elsewhere_or_read_from_this_machine(ran):
    assert ran.services["redirect"].requests
    assert ran.services["address-entity"].requests
    assert CANARY[0].requests == []
    assert ran.services["wsdl"].requests == []
    assert "root:" not in ran.told + json.dumps(ran.problems)


def test_a_gigabyte_is_cut_off_at_the_limit_and_costs_no_memory(ran):
    assert 64 << 20 <= SENT[0] < 128 << 20
    assert ran.peak_kb < MEMORY_KB


def test_once_they_behave_nothing_is_lost(ran):
    for name, case in CASES.items():
        ran.services[name].script = saying(SOUND)
        if name == "wsdl":
            bundle = ran.gateway.root / "systems" / name / "wsdl"
            (bundle / "vault.wsdl").write_text((bundle / "vault.wsdl").read_text().replace("file:///etc/passwd", "records.xsd"))
            ran.gateway("wsdl", "add", name, bundle / "vault.wsdl")
        if name in ran.problems and not case.kept:
            ran.gateway.ended("systems", "resume", name, "--reason", "the service was put right")
    figures = ran.gateway.once()
    assert {name: figures["systems"][name]["accepted"] for name in CASES} == dict.fromkeys(CASES, 2)
    ran.gateway("ledger", "verify")
