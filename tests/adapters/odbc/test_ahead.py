"""The database looks for the next page while records are made of the last: never at the price of a row, a lock or an old state."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pytest

from adapters.odbc import ahead
from adapters.odbc.connect import Closed, Link
from adapters.odbc.settings import Connection, Limits
from gateway.errors import GatewayError
from tests.adapters.odbc.databases import Calls, Log, MariaDb, Postgresql
from tests.adapters.odbc.feeds import TIMES


@pytest.fixture
def begun(monkeypatch):
    """What was begun ahead, and whether it was what was asked for next."""
    seen = []
    answers = ahead.Ahead.answers

    def noted(self, sql, parameters):
        seen.append(answers(self, sql, parameters))
        return seen[-1]

    monkeypatch.setattr(ahead.Ahead, "answers", noted)
    return seen


@pytest.fixture
def link(postgresql):
    made = Link(Connection.model_validate(postgresql.connection), Limits(statement_s=5), postgresql.secret)
    yield made
    made.close()


@pytest.mark.parametrize("kind", [Postgresql, MariaDb])
def test_a_snapshot_and_what_follows_it_come_whole_and_once(opened, feed, tmp_path, begun, kind):
    calls = Calls(tmp_path, opened(kind))
    there = calls.add(25)
    made = feed(calls.database, watermark={**TIMES, "overlap_s": 1})
    assert [key.strip() for key in made.keys(limit=4)] == there
    assert begun == [True] * 6
    time.sleep(1.2)
    new = calls.add(25)
    assert [key.strip() for key in made.keys(limit=4)] == new
    assert begun[6:].count(True) >= 5


def test_numbers_are_read_ahead_too(opened, feed, tmp_path, begun):
    log = Log(tmp_path, opened(Postgresql))
    there = log.add(25)
    made = feed(log.database, watermark={"by": "id", "column": "n"})
    assert [key.strip() for key in made.keys(limit=4)] == there
    assert begun
    assert all(begun)


def test_a_row_that_changes_behind_the_page_that_was_begun_comes_again(postgresql, feed, tmp_path):
    calls = Calls(tmp_path, postgresql)
    keys = calls.add(8)
    made = feed(postgresql, watermark=TIMES)
    first = made.source.read("", 4)
    made.cursor = first.cursor
    time.sleep(0.2)  # the second page has been executed
    postgresql.run(f"UPDATE calls SET place = 'new', changed = {postgresql.now} WHERE callno = ?", keys[6])
    read = [*made.poll(limit=4), *made.poll(limit=4)]
    places = [record.fields["place"] for record in read if record.key.strip() == keys[6]]
    assert places == ["6 Elm Ünited St", "new"]


@pytest.mark.parametrize("settings", [{"limits": {"queries_a_minute": 1000}}, {"limits": {"rows": 1}}])
def test_nothing_is_begun_where_statements_are_counted_or_rows_come_one_by_one(postgresql, feed, tmp_path, begun, settings):
    calls = Calls(tmp_path, postgresql)
    calls.add(6)
    made = feed(postgresql, watermark=TIMES, **settings)
    assert len(made.poll(limit=2)) == 6
    assert begun == []


def test_nothing_is_begun_where_an_open_statement_keeps_a_lock(sqlite, feed, tmp_path, begun):
    calls = Calls(tmp_path, sqlite)
    calls.add(6)
    assert len(feed(sqlite, watermark=TIMES).poll(limit=2)) == 6
    assert begun == []


def test_an_answer_that_has_lain_about_is_asked_for_anew(link, monkeypatch):
    """It says when it was executed: ahead, or when the rows were asked for."""

    def after(seconds):
        started = link.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0]
        link.ahead("SELECT extract(epoch FROM clock_timestamp()) AS then", [])
        time.sleep(seconds)
        return float(link.rows("SELECT extract(epoch FROM clock_timestamp()) AS then")[0][0] - started)

    monkeypatch.setattr(ahead, "FRESH_S", 1.0)
    assert after(0.3) < 0.3
    assert after(1.3) > 1.3


def test_a_fault_is_told_to_whoever_asks_for_the_rows_and_to_nobody_else(link):
    link.ahead("SELECT n FROM nowhere WHERE n > ?", [1])
    assert link.rows("SELECT 1")[0][0] == 1
    link.ahead("SELECT n FROM nowhere WHERE n > ?", [1])
    with pytest.raises(GatewayError, match=r"odbc\."):
        link.rows("SELECT n FROM nowhere WHERE n > ?", [1])
    assert link.rows("SELECT 1")[0][0] == 1


def test_a_link_that_is_closed_meanwhile_leaves_no_connection_behind(link, postgresql):
    link.ahead("SELECT pg_sleep(0.5)", [])
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    postgresql.until(others)
    link.close()
    with pytest.raises(Closed):
        link.rows("SELECT pg_sleep(0.5)")
    postgresql.until(f"SELECT 1 WHERE NOT EXISTS ({others})")


def test_whoever_waits_for_what_was_begun_is_unblocked_when_the_link_is_closed(link):
    link.ahead("SELECT pg_sleep(4)", [])
    threading.Timer(0.3, link.close).start()
    started = time.monotonic()
    with pytest.raises(Closed):
        link.rows("SELECT pg_sleep(4)")
    assert time.monotonic() - started < 3


def test_its_time_is_limited_as_that_of_any_statement(postgresql):
    link = Link(Connection.model_validate(postgresql.connection), Limits(statement_s=0.3), postgresql.secret)
    link.ahead("SELECT pg_sleep(3)", [])
    with pytest.raises(GatewayError, match=r"odbc\.timeout"):
        link.rows("SELECT pg_sleep(3)")
    link.close()


CLOSES = """
import json, sys, threading, time
from contextlib import suppress
from adapters.odbc.connect import Closed, Link
from adapters.odbc.settings import Connection, Limits

closed = 0
for turn in range(60):
    link = Link(Connection.model_validate(json.loads(sys.argv[1])), Limits(), lambda said: sys.argv[2] if said.endswith("PASSWORD") else "app")
    began = threading.Thread(target=lambda: (time.sleep(0.002 * (turn % 12)), link.close()))
    began.start()
    try:
        for _ in range(20):
            link.ahead("SELECT {sleep}", []) if turn % 2 else None
            link.rows("SELECT {sleep}")
    except Closed:
        closed += 1
    began.join()
print(closed)
"""


@pytest.mark.parametrize("kind, sleep", [(Postgresql, "pg_sleep(0.004)"), (MariaDb, "sleep(0.004)")])
def test_a_link_may_be_closed_at_any_moment(opened, kind, sleep):
    """A driver that is told to cancel a statement which is given back at that moment would kill the process."""
    database = opened(kind)
    said = [sys.executable, "-c", CLOSES.replace("{sleep}", sleep), json.dumps(database.connection)]
    done = subprocess.run([*said, database.password], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "60\n"), done.stderr[-500:]
