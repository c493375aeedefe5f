"""Callers by command: a key is shown once, and what is done is in the ledger."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from gateway import access, agreement, site, store

ROOT = Path(__file__).resolve().parents[3]


def kinds(root):
    here = site.open(root)
    with store.open(here.store_url(), site.keys(here), read_only=True) as opened:
        return [opened.ledger.leaf(index).kind for index in range(opened.ledger.size())]


def test_a_caller_is_added_rotated_and_revoked(copperline, riverton):
    said = copperline("callers", "add", "vendor", "--role", "submit", "--system", "cad/calls", "--reason", "a test", "--json").json
    assert said["key"] in said["curl"]
    assert said["curl"].endswith("http://127.0.0.1:8490/v1/systems/cad/calls")
    first = access.load(riverton / "callers" / "vendor.yaml")
    assert first.systems == {"cad": frozenset({"calls"})}
    copperline("callers", "rotate", "vendor", "--overlap", "2d", "--reason", "a test")
    both = access.load(riverton / "callers" / "vendor.yaml").keys.keys
    assert [key.until is None for key in both] == [False, True]
    copperline("callers", "rotate", "vendor", "--reason", "a test")
    (only,) = access.load(riverton / "callers" / "vendor.yaml").keys.keys
    assert only.id not in {key.id for key in both}
    copperline("callers", "revoke", "vendor", "--key", "00000000", "--reason", "a test", code=3)
    copperline("callers", "revoke", "vendor", "--reason", "gone")
    assert copperline("callers", "list", "--json").json[0]["keys"] == "revoked"
    assert kinds(riverton)[-4:] == ["caller-added", "caller-rotated", "caller-rotated", "caller-revoked"]


def test_a_caller_that_cannot_be_is_refused_and_leaves_nothing(copperline, riverton):
    for name, *more in (("../x",), ("Vendor",), ("reader", "--role", "read")):
        copperline("callers", "add", name, *(more or ["--role", "submit"]), "--reason", "a test", code=3)
    copperline("callers", "add", "vendor", "--role", "submit", code=3)
    assert list((riverton / "callers").glob("*.yaml")) == []


def test_check_tells_of_a_caller_whose_reads_come_as_no_feed_says(copperline, riverton):
    reader = ("callers", "add", "desk", "--role", "read", "--agreement", "internal", "--purpose", "dispatch", "--reason", "a test")
    copperline(*reader, "--reads-as", "jail/cases", "--reads-as", "cad/calls")
    said = copperline("check", "--json", code=None)
    told = [problem for problem in said.json if problem["code"] == "sink.no-feed"]
    assert [(problem["where"], problem["rule"].split()[0]) for problem in told] == [("callers/desk.yaml", "jail/cases"), ("callers/desk.yaml", "cad/calls")]


def test_the_gateway_prints_an_address_and_a_key_that_works(copperline, riverton):
    """Nothing is configured: a person at this machine can use the facade, with what `run` prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    (riverton / "systems" / "cad" / "system.yaml").unlink()
    command = [sys.executable, "-m", "gateway.cli", "run"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            base, key = re.fullmatch(r"REST facade on (\S+), for this machine; this run's key: (\S+)\n", process.stdout.readline()).groups()
            with httpx.Client(base_url=base, trust_env=False, timeout=10) as client:
                assert client.get("/readyz").json()["status"] == "ready"
                assert client.get("/metrics").status_code == 401
                assert client.get("/metrics", headers={"X-API-Key": key}).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_the_facade_can_be_off(copperline, riverton):
    with (riverton / "site.yaml").open("a") as settings:
        settings.write("api: off\n")
    assert site.open(riverton).settings.api is None
    assert json.dumps(copperline("callers", "list", "--json").json) == "[]"


def test_two_people_prove_with_keys_who_they_are_where_callers_may_confirm(copperline, riverton, monkeypatch, tmp_path):
    copperline("run", "--once")
    again = ("replay", "--agreement", "internal", "--from", "2020-01-01", "--reason", "lost", "--json")
    copperline(*again, "--by", "A. Sample")  # nobody may confirm yet: a name is believed
    keys = {}
    for name, role in (("sergeant", "confirm"), ("captain", "confirm"), ("vendor", "submit")):
        added = copperline("callers", "add", name, "--role", role, "--title", f"{name} Sample", "--reason", "a test", "--json")
        keys[name] = added.json["key"]
    assert "act.key-needed" in copperline(*again, "--by", "B. Sample", code=3).err
    assert "command.not-a-name" in copperline(*again, "--by", "@captain", code=3).err
    monkeypatch.setenv("COPPERLINE_KEY", keys["vendor"])
    assert "act.not-one-of-two" in copperline(*again, code=3).err
    monkeypatch.setenv("COPPERLINE_KEY", keys["vendor"][:-1] + ("A" if keys["vendor"][-1] != "A" else "B"))
    assert "act.key-wrong" in copperline(*again, code=3).err
    monkeypatch.delenv("COPPERLINE_KEY")
    held = tmp_path / "captain.key"
    held.write_text(keys["captain"] + "\n")
    monkeypatch.setenv("COPPERLINE_KEY_FILE", str(held))
    day = ("replay", "--agreement", "internal", "--from", "2021-01-01", "--reason", "lost", "--json")
    assert copperline(*day).json == {"asked": "replay", "by": "@captain"}
    assert "act.same-person" in copperline(*day, "--by", "Somebody Else", code=3).err, "the key says who it is, not the name"
    monkeypatch.setenv("COPPERLINE_KEY_FILE", str(tmp_path / "none"))
    assert "act.key-wrong" in copperline(*day, code=3).err
    monkeypatch.delenv("COPPERLINE_KEY_FILE")
    monkeypatch.setenv("COPPERLINE_KEY", keys["sergeant"])
    assert "asked" not in copperline(*day).json
    copperline("callers", "revoke", "captain", "--reason", "gone")
    monkeypatch.setenv("COPPERLINE_KEY", keys["captain"])
    assert "act.key-wrong" in copperline(*day, code=3).err


def test_who_prepared_an_agreement_does_not_approve_it_with_a_key_either(copperline, riverton, monkeypatch):
    prepared = agreement.load(riverton / "agreements" / "internal.yaml").prepared_by
    for name, title in (("writer", prepared), ("reader", "B. Sample")):
        key = copperline("callers", "add", name, "--role", "confirm", "--title", title, "--reason", "a test", "--json").json["key"]
        monkeypatch.setenv("COPPERLINE_KEY", key)
        approve = ("agreements", "approve", "internal", "--as", "C. Sample", "--reason", "read")
        if name == "writer":
            assert "agreement.same-person" in copperline(*approve, code=3).err
        else:
            copperline(*approve)
