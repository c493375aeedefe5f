"""What goes wrong with a database becomes a retry, a rejected record, or a halt with a plain sentence; never a value of it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateway.adapter import RawRecord, Rejected
from gateway.errors import Halt, Retry
from tests.adapters.odbc.databases import Calls, library
from tests.adapters.odbc.feeds import TIMES
from tests.campaigns.faults import Proxy


@contextmanager
def ends_in(kind, code):
    with pytest.raises(kind) as ended:
        yield
    problem = ended.value.problem
    assert problem.code.id == code
    assert "invented-password" not in str(ended.value)
    assert "C0000001" not in str(ended.value)
    assert problem.code.remedy


@pytest.fixture
def calls(postgresql, tmp_path):
    made = Calls(tmp_path, postgresql)
    made.add(3)
    return made


# What a person must look at


def test_a_wrong_password(maria, feed):
    made = feed(maria)
    made.given = replace(made.given, secret=lambda _: "wrong")
    made.restart()
    with ends_in(Halt, "odbc.login"):
        made.poll()


@pytest.mark.parametrize("kind", ["postgresql", "maria"])
def test_a_database_or_a_login_that_is_not_there(request, feed, kind):
    database = request.getfixturevalue(kind)
    with ends_in(Halt, "odbc.login"):
        feed(database, connection={**database.connection, "database": "nowhere"}).poll()


@pytest.mark.parametrize("driver", ["Not Installed PostgreSQL", "/nowhere/psqlodbcw.so"])
def test_a_driver_that_is_missing(postgresql, feed, driver):
    with ends_in(Halt, "odbc.driver"):
        feed(postgresql, connection={**postgresql.connection, "driver": driver}).poll()


@pytest.mark.parametrize("kind", ["postgresql", "maria", "sqlite"])
def test_a_table_that_went_away(request, tmp_path, feed, kind):
    database = request.getfixturevalue(kind)
    Calls(tmp_path, database).add(1)
    made = feed(database, watermark=TIMES)
    made.poll()
    database.run("DROP TABLE calls")
    with ends_in(Halt, "odbc.table"):
        made.poll()


@pytest.mark.parametrize("kind", ["postgresql", "maria", "sqlite"])
def test_a_column_that_was_renamed(request, tmp_path, feed, kind):
    database = request.getfixturevalue(kind)
    Calls(tmp_path, database).add(1)
    made = feed(database, watermark=TIMES, read=["callno", "place"])
    made.poll()
    database.run("ALTER TABLE calls RENAME COLUMN place TO location")
    Calls.insert(next_call(database), "x")
    with ends_in(Halt, "odbc.column"):
        made.poll()


def next_call(database):
    """The same table, a number further."""
    made = Calls.__new__(Calls)
    made.database, made._numbers = database, iter(range(50, 60))
    return made


def test_a_watermark_that_became_another_type(calls, feed):
    made = feed(calls.database, watermark=TIMES)
    made.poll()
    calls.database.run("ALTER TABLE calls ALTER COLUMN changed TYPE int USING 7")
    with ends_in(Halt, "odbc.column"):
        made.poll()
        made.restart()
        made.poll()


def test_no_right_to_read(maria, feed, mariadb):
    for table in ("calls", "other"):
        maria.run(f"CREATE TABLE {table} (callno varchar(8) PRIMARY KEY)")
    name = maria.connection["database"]
    mariadb.run(f"CREATE USER IF NOT EXISTS 'nobody'@'127.0.0.1' IDENTIFIED BY 'invented-password'; GRANT SELECT ON {name}.other TO 'nobody'@'127.0.0.1'")
    made = feed(maria)
    made.given = replace(made.given, secret=lambda reference: "nobody" if "USER" in reference else maria.secret(reference))
    made.restart()
    with ends_in(Halt, "odbc.rights"):
        made.poll()


# What passes


def test_a_port_where_nobody_listens(postgresql, maria, feed):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    for database in (postgresql, maria):
        with ends_in(Retry, "odbc.unreachable"):
            feed(database, connection={**database.connection, "port": port}).poll()


@pytest.mark.parametrize("kind", ["postgresql", "maria", "freetds"])
def test_a_connect_into_a_black_hole_comes_back(request, feed, sqlite, kind):
    database = sqlite if kind == "freetds" else request.getfixturevalue(kind)
    connection = {"driver": library("libtdsodbc.so"), "server": "127.0.0.1"} if kind == "freetds" else database.connection
    with socket.create_server(("127.0.0.1", 0)) as hole:
        made = feed(database, connection={**connection, "port": hole.getsockname()[1]}, limits={"connect_s": 1})
        with ends_in(Retry, "odbc.unreachable"):
            made.poll()


def test_a_file_that_is_not_there(sqlite, feed):
    with ends_in(Retry, "odbc.unreachable"):
        feed(sqlite, connection={**sqlite.connection, "database": "/nowhere/x.db"}).poll()


SLOW = {
    "postgresql": "CREATE VIEW calls AS SELECT 'C1' AS callno, CAST(pg_sleep(20) AS text) AS place",
    "maria": "CREATE VIEW calls AS SELECT 'C1' AS callno, SLEEP(20) AS place FROM once",
    "sqlite": "CREATE VIEW calls AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
    "SELECT 'C1' AS callno, COUNT(*) AS place FROM n WHERE x < 0",
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_query_that_takes_too_long_is_cancelled(request, feed, kind):
    database = request.getfixturevalue(kind)
    database.run("CREATE TABLE once (x int)")
    database.run("INSERT INTO once VALUES (1)")
    database.run(SLOW[kind])
    with ends_in(Retry, "odbc.timeout"):
        feed(database, limits={"statement_s": 0.5}).poll()


def test_a_table_that_is_locked(sqlite, feed, tmp_path):
    Calls(tmp_path, sqlite).add(1)
    made = feed(sqlite, limits={"statement_s": 0.3})
    sqlite.run("BEGIN EXCLUSIVE")
    with ends_in(Retry, "odbc.busy"):
        made.poll()
    sqlite.run("COMMIT")
    assert len(made.poll()) == 1


def test_a_session_that_is_killed_is_replaced(calls, feed):
    made = feed(calls.database, watermark=TIMES)
    made.poll()
    calls.database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    key = calls.insert("x")
    with ends_in(Retry, "odbc.unreachable"):
        made.poll()
    assert made.keys() == [key]


def test_a_network_that_is_cut_in_the_middle_of_a_fetch(calls, feed):
    calls.database.run("ALTER TABLE calls RENAME TO base")
    calls.database.run("CREATE VIEW calls AS SELECT callno, place, CAST(pg_sleep(0.4) AS text) AS slow FROM base")
    proxy = Proxy(calls.database.connection["port"])
    made = feed(calls.database, connection={**calls.database.connection, "port": proxy.port})
    cut = threading.Timer(0.8, proxy.drop)
    cut.start()
    with ends_in(Retry, "odbc.unreachable"):
        made.poll()
    cut.join()
    assert proxy.drops == 1
    assert len(made.poll()) == 3
    proxy.close()


def test_closing_ends_a_query_that_runs(postgresql, feed):
    postgresql.run(SLOW["postgresql"])
    made = feed(postgresql)
    done = threading.Event()

    def polls():
        made.poll()
        done.set()

    reader = threading.Thread(target=polls, daemon=True)
    reader.start()
    postgresql.until("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%LIMIT%' AND state = 'active' AND pid <> pg_backend_pid()")
    made.source.close()
    assert done.wait(5)


# What harms one record


def test_a_row_whose_value_cannot_be_computed_harms_no_other(postgresql, feed):
    postgresql.run("CREATE TABLE base (callno varchar(8) PRIMARY KEY, minutes text)")
    postgresql.run("INSERT INTO base VALUES ('C1', '5'), ('C2', 'ALDERGATE7'), ('C3', '7')")
    postgresql.run("CREATE VIEW calls AS SELECT callno, CAST(minutes AS int) AS minutes FROM base")
    first, broken, last = feed(postgresql).poll()
    assert (first.fields["minutes"], last.fields["minutes"]) == (5, 7)
    assert isinstance(broken, Rejected)
    assert broken.problems[0].code.id == "odbc.row"
    assert "ALDERGATE7" not in str(broken.problems[0])
    assert broken.key == "C2"


def test_an_empty_key_rejects_its_record(sqlite, feed):
    sqlite.run("CREATE TABLE calls (callno text, place text)")
    sqlite.run("INSERT INTO calls VALUES ('', 'x'), ('C2', 'y')")
    broken, fine = feed(sqlite).poll()
    assert broken.problems[0].code.id == "odbc.key"
    assert isinstance(fine, RawRecord)


def test_a_key_that_is_null_rejects_its_record(sqlite, feed):
    sqlite.run("CREATE TABLE calls (callno text, place text)")
    sqlite.run("INSERT INTO calls VALUES (NULL, 'x'), ('C2', 'y')")
    broken, fine = feed(sqlite).poll(limit=1)
    assert broken.problems[0].code.id == "odbc.key"
    assert isinstance(fine, RawRecord)
