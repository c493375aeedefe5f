"""The writer's thread: group commit, faults of the disk, and what a killed process leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway import store
from gateway.errors import Refused, Retry
from gateway.store import Fatal, Store
from gateway.store.sqlite import Sqlite
from tests.gateway.store.scene import KEYS, Clock, Site, put

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "store.db"


def test_a_store_that_would_lose_a_commit_is_refused(path):
    with pytest.raises(Refused, match=r"store\.unsafe.*\(journal_mode\)"):
        Sqlite(path, pragmas={"journal_mode": "never"})
    Sqlite(path).close()  # and lets go of its lock


def test_the_files_are_for_this_user_only(path):
    with store.open(f"sqlite:///{path}", KEYS) as opened:
        opened.ping()
        assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


def test_an_address_that_is_none_is_refused():
    with pytest.raises(Refused, match=r"store\.address"):
        store.open("mysql://x", KEYS)


def test_there_is_nothing_to_read_before_the_store_is_made(path):
    with pytest.raises(Refused, match=r"store\.absent"):
        store.open(f"sqlite:///{path}", KEYS, read_only=True)


def test_a_file_that_is_no_store_is_told(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(Fatal, match=r"store\.damaged"):
        store.open(f"sqlite:///{path}", KEYS)


def test_a_store_of_a_newer_version_is_refused(path):
    store.open(f"sqlite:///{path}", KEYS).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'migration'")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(Refused, match=r"store\.newer"):
            store.open(f"sqlite:///{path}", KEYS, read_only=read_only)


def test_what_waits_shares_one_commit_and_a_piece_that_fails_harms_no_other(path):
    database = Sqlite(path)
    database.write(lambda transaction: transaction.run("CREATE TABLE t (n INTEGER)"))
    gate, results = threading.Event(), {}

    def blocking(transaction):
        gate.wait(10)

    def insert(number):
        def piece(transaction):
            transaction.run("INSERT INTO t VALUES (?)", [number])
            if number == 3:
                raise ValueError(number)
            return number

        try:
            results[number] = database.write(piece)
        except ValueError:
            results[number] = "failed"

    threads = [threading.Thread(target=database.write, args=[blocking])]
    threads += [threading.Thread(target=insert, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert results == {0: 0, 1: 1, 2: 2, 3: "failed", 4: 4, 5: 5}
    assert database.read().one("SELECT COUNT(*), SUM(n) FROM t") == (5, 12)
    database.close()


def test_a_mistake_in_a_statement_belongs_to_who_made_it(path):
    database = Sqlite(path)
    with pytest.raises(sqlite3.OperationalError):
        database.write(lambda transaction: transaction.run("SELECT * FROM nowhere"))
    database.ping()
    database.close()


def test_a_full_disk_takes_nothing_and_goes_on_when_there_is_room(path):
    database = Sqlite(path)
    with Store(database, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        site.take(put("1", text="x"), cursor="first")
        database.write(lambda transaction: transaction.one("PRAGMA max_page_count=1"))  # no further page
        with pytest.raises(Retry, match=r"store\.full"):
            site.take(*(put(str(number), text="y" * 5000) for number in range(200)), cursor="second")
        assert opened.journal.feed("cad", "calls").cursor == "first"
        assert site.totals().read == 1
        database.write(lambda transaction: transaction.one("PRAGMA max_page_count=1000000"))
        assert site.take(put("2", text="y"), cursor="second").accepted == 1
        assert opened.ledger.verify() == []


def test_after_a_failed_sync_nothing_is_answered_any_more(path):
    database = Sqlite(path)
    writer = database._writer
    real = writer._connection

    class Failing:
        def __getattr__(self, name):
            return getattr(real, name)

        def execute(self, sql, *values):
            if sql == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
                raise error
            return real.execute(sql, *values)

    writer._connection = Failing()
    for _ in range(2):
        with pytest.raises(Fatal, match=r"store\.broken"):
            database.ping()
    writer._connection = real
    database.close()


def test_a_closed_store_answers_nobody(path):
    database = Sqlite(path)
    database.close()
    database.close()
    with pytest.raises(Fatal):
        database.ping()


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from gateway.store import Store
from gateway.store.sqlite import Sqlite
from pathlib import Path
from tests.gateway.store.scene import KEYS, Clock, Site, put
site = Site(Store(Sqlite(Path({path!r}), **{options!r}), KEYS, clock=Clock()), Clock())
for number in range(100000):
    site.take(put(str(number), "v1", text="x"), cursor=str(number))
    os.write(1, b"%d\\n" % number)
"""


def run_until_killed(path, after, **options):
    """Accept one record after another until killed; returns the last number that was answered for."""
    code = KILLED.format(root=str(ROOT), path=str(path), options=options)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(after):
            last = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    return int((rest or [last])[-1])


@pytest.mark.parametrize("after", [1, 7, 23])
def test_what_was_answered_is_there_after_a_kill_and_nothing_is_taken_twice(path, after):
    answered = run_until_killed(path, after)
    with store.open(f"sqlite:///{path}", KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        there = site.totals().accepted
        assert there >= answered + 1
        assert int(opened.journal.feed("cad", "calls").cursor) == there - 1
        assert site.take(*(put(str(number), "v1", text="x") for number in range(there))).unchanged == there
        assert len(site.events()) == there
        assert opened.ledger.verify() == []
