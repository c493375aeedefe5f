"""Ten databases and one gateway that runs: what fails shows in the status with its code and what to do, and nobody else waits."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.odbc.databases import MariaDb, Postgresql, Sqlite
from tests.campaigns.faults import Proxy

ROOT = Path(__file__).resolve().parents[2]
CALLS = "CREATE TABLE {} (callno varchar(8) PRIMARY KEY, place varchar(200), changed timestamp)"
ROW = "INSERT INTO {} VALUES ('C1', 'Elm St', '2026-03-01 12:00:00'), ('C2', 'Oak St', '2026-03-01 12:00:01')"
MAPPING = """\
kind: call
entity: alert
subject: callno
optional: true
fields:
  alertId: {from: callno, optional: false}
  headline: {from: place, optional: false}
ignored: [changed, slow]
"""
FAULTS = {
    "password": ("odbc.login", "halted"),
    "driver": ("odbc.driver", "halted"),
    "table": ("odbc.table", "halted"),
    "renamed": ("odbc.column", "halted"),
    "retyped": ("odbc.column", "halted"),
    "cut": ("odbc.unreachable", "running"),
    "slow": ("odbc.timeout", "running"),
    "hole": ("odbc.unreachable", "running"),
}
"""System → the code that its status shows, and its state."""
SOONEST_S = 90
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime')"


@dataclass
class Evening:
    """One site, its gateway, and the database that is fine."""

    root: Path
    fine: Sqlite
    env: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gateway.cli", *arguments]

    def run(self, *arguments: str) -> str:
        """What a command says, on both ways."""
        done = subprocess.run(self.command(*arguments), env=self.env, capture_output=True, text=True, check=False, timeout=120)
        return done.stdout + done.stderr

    def standing(self) -> dict[str, dict[str, Any]]:
        """The systems in `status`."""
        done = subprocess.run(self.command("status", "--json"), env=self.env, capture_output=True, text=True, check=True, timeout=120)
        return {each["system"]: each for each in json.loads(done.stdout)["systems"]}

    def until(self, true: Any) -> dict[str, dict[str, Any]]:
        """The status in which something holds."""
        ends = time.monotonic() + SOONEST_S
        while not true(said := self.standing()):
            assert time.monotonic() < ends, json.dumps({name: (row["state"], row["problem"]) for name, row in said.items()}, indent=1)
        return said

    def system(self, name: str, connection: dict[str, Any], **settings: Any) -> None:
        folder = self.root / "systems" / name
        folder.mkdir()
        mark = {"by": "timestamp", "column": "changed"}
        said = {"connection": connection, "kind": "call", "table": "calls", "key": "callno", "watermark": mark, **settings}
        feed = {"adapter": "odbc", "settings": said, "every": "1s", "mappings": {"call": "call.yaml"}}
        (folder / "system.yaml").write_text(json.dumps({"system": name, "zone": "America/New_York", "feeds": {"calls": feed}}))
        (folder / "call.yaml").write_text(MAPPING)


@pytest.fixture(scope="module")
def evening(request, tmp_path_factory):
    """All of them fail in one gateway, which is left running."""
    root = tmp_path_factory.mktemp("evening")
    with ExitStack() as stack:
        sqlite, wrong = Sqlite(None, root), tmp_path_factory.mktemp("wrong")
        postgres = Postgresql(request.getfixturevalue("postgres"), root)
        maria = MariaDb(request.getfixturevalue("mariadb"), root)
        for each in (sqlite, postgres, maria):
            stack.callback(each.close)
        made = Evening(root / "riverton", sqlite)
        made.env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(made.root), "USER": "app", "PASSWORD": "wrong"}
        made.run("init", str(made.root), "--agency", "XX0000000")
        with (made.root / "site.yaml").open("a") as settings:
            settings.write("free_space: 1MB\n")
        _tables(sqlite, postgres, maria)
        _systems(made, stack, sqlite, postgres, maria, wrong)
        process = subprocess.Popen(made.command("run"), env=made.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(lambda: process.wait(60))
        stack.callback(process.terminate)
        made.until(lambda said: all(said[name]["accepted"] for name in ("fine", "renamed", "retyped", "rejects")))
        postgres.run("ALTER TABLE renamed RENAME COLUMN place TO location")
        postgres.run("ALTER TABLE retyped ALTER COLUMN changed TYPE int USING 7")
        yield made


def _tables(sqlite: Sqlite, postgres: Postgresql, maria: MariaDb) -> None:
    for database, names in ((sqlite, ["calls"]), (postgres, ["calls", "renamed", "retyped", "base"]), (maria, ["calls"])):
        for name in names:
            database.run(CALLS.format(name))
            database.run(ROW.format(name))
    postgres.run("CREATE VIEW trickles AS SELECT callno, place, changed, CAST(pg_sleep(0.6) AS text) AS slow FROM base")
    postgres.run("CREATE VIEW sleeps AS SELECT callno, place, changed, CAST(pg_sleep(20) AS text) AS slow FROM base")
    postgres.run("CREATE VIEW rejects AS SELECT callno, CAST(CAST(replace(callno, 'C2', 'ALDERGATE7') AS varchar) AS varchar) AS place, changed, "
                 "CASE callno WHEN 'C2' THEN CAST(place AS int) END AS slow FROM base")  # fmt: skip


def _systems(made: Evening, stack: ExitStack, sqlite: Sqlite, postgres: Postgresql, maria: MariaDb, wrong: Path) -> None:
    reach = postgres.connection
    proxy = Proxy(reach["port"])
    stack.callback(proxy.close)
    over = threading.Event()
    cutter = threading.Thread(target=lambda: [proxy.drop() for _ in iter(lambda: over.wait(0.4), True)], daemon=True)
    cutter.start()
    stack.callback(over.set)
    hole = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    made.system("fine", sqlite.connection)
    made.system("rejects", reach, table="rejects")
    made.system("password", maria.connection)
    made.system("driver", {**reach, "driver": str(wrong / "psqlodbcw.so")})
    made.system("table", reach, table="nowhere")
    made.system("renamed", reach, table="renamed", read=["callno", "place", "changed"])
    made.system("retyped", reach, table="retyped")
    made.system("cut", {**reach, "port": proxy.port}, table="trickles")
    made.system("slow", reach, table="sleeps", limits={"statement_s": 0.5})
    made.system("hole", {**reach, "port": hole.getsockname()[1]}, limits={"connect_s": 1})


@pytest.mark.parametrize("name", FAULTS)
def test_what_fails_shows_in_the_status_with_its_code_and_what_to_do(evening, name):
    code, state = FAULTS[name]
    said = evening.until(lambda said: said[name]["problem"] is not None)[name]
    assert (said["problem"]["code"], said["state"]) == (code, state)
    assert said["problem"]["remedy"]
    shown = evening.run("status")
    assert f"{name}: {code}: {said['problem']['rule']}" in shown
    assert "What to do: " + said["problem"]["remedy"] in shown
    assert "ALDERGATE7" not in shown


def test_a_row_that_cannot_be_handed_over_waits_for_a_person_and_the_others_are_taken(evening):
    said = evening.until(lambda said: said["rejects"]["quarantined"])
    assert (said["rejects"]["accepted"], said["rejects"]["problem"]) == (1, None)
    assert "copperline quarantine list   (1 records wait for a person)" in evening.run("status")
    assert "odbc.row" in evening.run("quarantine", "list")


def test_no_other_system_waits(evening):
    evening.until(lambda said: all(said[name]["problem"] is not None for name in FAULTS))
    before = evening.standing()["fine"]["accepted"]
    evening.fine.run(f"INSERT INTO calls VALUES ('C3', 'Pine St', {NOW})")
    said = evening.until(lambda said: said["fine"]["accepted"] > before)
    assert (said["fine"]["accepted"], said["fine"]["problem"], said["fine"]["breaker"]) == (before + 1, None, "closed")


def test_the_first_snapshot_goes_only_where_it_is_asked_for(evening):
    evening.fine.run(f"INSERT INTO calls VALUES ('C4', 'Fir St', {NOW})")
    before = evening.standing()["fine"]["accepted"]
    evening.until(lambda said: said["fine"]["accepted"] >= max(3, before))

    def found() -> dict[str, bool]:
        lines = [line for line in evening.run("tail", "--json", "--reveal", "--reason", "test").splitlines() if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        return {event["data"]["headline"]: bool(event.get("backfill")) for event in events}

    ends = time.monotonic() + SOONEST_S
    while "Fir St" not in (marked := found()):
        assert time.monotonic() < ends
    assert marked["Fir St"] is False
    assert marked.get("Elm St", True) is True
