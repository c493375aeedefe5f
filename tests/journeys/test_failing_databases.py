"""Two databases and one gateway: what fails shows in the status, and nobody else waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.odbc.databases import Sqlite

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = """\
system: {name}
zone: America/New_York
feeds:
  calls:
    adapter: odbc
    settings:
      connection: {{driver: "{driver}", database: "{database}"}}
      kind: call
      table: {table}
      key: callno
      watermark: {{by: timestamp, column: changed}}
    mappings: {{call: call.yaml}}
"""
MAPPING = """\
kind: call
entity: alert
subject: callno
optional: true
fields:
  alertId: {from: callno, optional: false}
  headline: {from: place, optional: false}
ignored: [changed]
"""


@pytest.fixture
def site(tmp_path):
    """A site with a database that is fine and one whose table is not there."""
    database = Sqlite(None, tmp_path)
    database.run("CREATE TABLE calls (callno text PRIMARY KEY, place text, changed datetime)")
    database.run("INSERT INTO calls VALUES ('C1', 'Elm St', '2026-03-01 12:00:00'), ('C2', '', '2026-03-01 12:00:01')")
    here = tmp_path / "riverton"
    run(here, "init", str(here), "--agency", "XX0000000")
    with (here / "site.yaml").open("a") as settings:
        settings.write("free_space: 1MB\n")
    for name, table in (("fine", "calls"), ("broken", "nowhere")):
        folder = here / "systems" / name
        folder.mkdir()
        (folder / "system.yaml").write_text(SYSTEM.format(name=name, table=table, **database.connection))
        (folder / "call.yaml").write_text(MAPPING)
    yield here, database
    database.close()


def run(here, *arguments):
    """What a command says, and its exit code."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(here)}
    done = subprocess.run([sys.executable, "-m", "gateway.cli", *arguments], env=env, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def once(here):
    out, _ = run(here, "run", "--once", "--json")
    return json.loads(out.splitlines()[-1])


def standing(here):
    return {each["system"]: each for each in json.loads(run(here, "status", "--json")[0])["systems"]}


def test_a_database_that_fails_halts_alone_and_says_why(site):
    here, database = site
    figures = once(here)
    assert (figures["accepted"], figures["quarantined"]) == (1, 1)
    said = standing(here)
    assert said["broken"]["problem"]["code"] == "odbc.table"
    assert "SQLSTATE" in said["broken"]["problem"]["rule"]
    assert said["fine"].get("problem") is None
    database.run("INSERT INTO calls VALUES ('C3', 'Oak St', strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime'))")
    assert once(here)["accepted"] == 1
    assert once(here)["accepted"] == 0


def test_the_first_snapshot_goes_only_where_it_is_asked_for(site):
    here, database = site
    once(here)
    database.run("INSERT INTO calls VALUES ('C3', 'Oak St', strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime'))")
    once(here)
    events = [json.loads(line) for line in run(here, "tail", "--json", "--reveal", "--reason", "test")[0].splitlines()]
    marked = {event["data"]["headline"]: bool(event.get("backfill")) for event in events}
    assert marked["Oak St"] is False
    assert marked.get("Elm St", True) is True
