"""Agreements through the commands: a second person, an edited file, a suspension, and what would leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

CITY = """\
agreement: city
title: Alerts for the city
parties: {provider: Riverton PD, recipient: City of Riverton}
contact: City desk
prepared_by: A. Sample
purpose: Warning
legal_basis: Sample Act 4
authority: Council resolution 1
impact_assessment: Assessment 1
valid: {from: 2020-01-01, to: 2035-12-31}
retention_days: 7
topics: ["police.*.alert.#"]
fields:
  alert: {alertId: token}
destinations:
  log: {via: log}
"""


@pytest.fixture
def city(riverton):
    (riverton / "agreements" / "city.yaml").write_text(CITY)
    return riverton / "agreements" / "city.yaml"


def approve(copperline, name="city", by="B. Sample", code=0):
    return copperline("agreements", "approve", name, "--as", by, "--reason", "read and agreed", code=code)


def state(copperline, name="city"):
    return {row["agreement"]: row["state"] for row in copperline("agreements", "list", "--json").json}[name]


def test_nothing_leaves_before_a_second_person_has_approved(city, copperline):
    assert state(copperline) == "not-approved"
    copperline("run", "--once")
    assert "agreement.not-approved" in copperline("tail", "--agreement", "city", code=3).err
    assert "agreement.same-person" in approve(copperline, by=" a.  SAMPLE", code=3).err
    approve(copperline)
    assert state(copperline) == "in force"


def test_an_edited_file_delivers_nothing_until_it_is_approved_again(city, copperline):
    approve(copperline)
    city.write_text(city.read_text() + "# one more word\n")
    assert state(copperline) == "changed"
    assert "city/log: agreement.changed" in copperline("run", "--once", "--timeout", "1s", code=4).err
    approve(copperline)
    ran = copperline("run", "--once", "--json").json
    assert ran["in_progress"] == 0
    assert state(copperline) == "in force"


def test_a_broken_file_stops_only_its_own_agreement(city, copperline):
    approve(copperline)
    city.write_text("agreement: [city\n")
    ran = copperline("run", "--once", "--json", "--timeout", "1s", code=4).json
    assert ran["delivered"] == 2  # the site's own log has its two events
    assert ran["in_progress"] == 2


def test_what_was_approved_while_the_file_changed_is_refused(city, copperline, monkeypatch):
    from gateway import agreed, site, store

    here = site.open(city.parents[1])
    with store.open(here.store_url(), site.keys(here)) as opened, pytest.raises(agreed.Refused, match="after it was read"):
        agreed.approve(here, opened, "city", "0" * 16, by="B. Sample", reason="read")


def test_the_approved_digest_is_in_the_ledger(city, copperline):
    from gateway import site, store

    approve(copperline)
    digest = next(row["digest"] for row in copperline("agreements", "list", "--json").json if row["agreement"] == "city")
    here = site.open(city.parents[1])
    with store.open(here.store_url(), site.keys(here), read_only=True) as opened:
        leaves = [json.loads(opened.ledger.leaf(index).body) for index in range(opened.ledger.size())]
    assert [leaf["digest"] for leaf in leaves if leaf.get("agreement") == "city"] == [digest]


def test_the_running_gateway_takes_up_what_is_approved_and_drops_what_is_suspended(city, copperline, record_property):
    """Without a restart, and soon: what it takes is in the account of the run."""
    folder = city.parents[1]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(folder)}
    (folder / "systems" / "cad").rename(folder / "cad.away")  # its adapter exists in this process only
    command = [sys.executable, "-m", "gateway.cli", "run"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: copperline("status", "--json").json["running"])
        approve(copperline)
        _until(lambda: _destination(copperline, "city/log")["state"] == "running")
        copperline("agreements", "suspend", "city", "--reason", "a test")
        began = time.monotonic()
        _until(lambda: (_destination(copperline, "city/log")["problem"] or {}).get("code") == "agreement.suspended")
        record_property("suspended_after_s", round(time.monotonic() - began, 2))
        city.unlink()
        assert state(copperline) == "suspended"
    finally:
        process.terminate()
        process.wait(30)


def _destination(copperline, name):
    rows = copperline("status", "--json").json["destinations"]
    return next((row for row in rows if row["destination"] == name), {"state": "", "problem": None})


def _until(holds, timeout_s=30):
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_suspended_agreement_lets_nothing_leave_until_it_is_approved_again(city, copperline):
    approve(copperline)
    copperline("agreements", "suspend", "city", "--reason", "a test")
    assert "agreement.suspended" in copperline("run", "--once", "--timeout", "1s", code=4).err
    assert "agreement.suspended" in copperline("tail", "--agreement", "city", code=3).err
    approve(copperline)
    assert copperline("run", "--once", "--json").json["in_progress"] == 0


def test_an_agreement_that_never_was_cannot_be_suspended(riverton, copperline):
    assert "agreement.never-approved" in copperline("agreements", "suspend", "x", "--reason", "r", code=3).err
    assert "agreement.missing" in copperline("agreements", "approve", "x", "--as", "B", "--reason", "r", code=3).err
    assert "agreement.missing" in copperline("agreements", "explain", "../site", code=3).err


def test_the_template_can_be_read_tried_and_approved(riverton, copperline):
    copperline("run", "--once")
    copperline("agreements", "new", "light")
    assert "agreement.exists" in copperline("agreements", "new", "light", code=3).err
    copperline("agreements", "check")
    entry = copperline("agreements", "explain", "light", "--json").json
    assert entry["fields"]["incident"]["reportedAt"] == "floor hour"
    said = copperline("agreements", "preview", "light", "--json").json
    assert said["counts"] == {"agreement.not-asked": 2}
    approve(copperline, "light")


def test_it_is_explained_why_an_event_stays_here_and_what_would_leave(city, copperline):
    copperline("run", "--once")
    positions = [int(line.split()[0]) for line in copperline("tail").out.splitlines()]
    said = copperline("agreements", "explain", "city", positions[0], "--json").json
    assert said["verdict"] == "leaves"
    assert said["data"] == {"alertId": "<text, 32>"}
    city.write_text(city.read_text().replace("fields:", "select: {alert: {event.common.code: [NONE]}}\nfields:"))
    said = copperline("agreements", "explain", "city", positions[0], "--json").json
    assert said["problem"]["code"] == "agreement.not-selected"
    assert "agreement.no-event" in copperline("agreements", "explain", "city", 10**6, code=3).err
