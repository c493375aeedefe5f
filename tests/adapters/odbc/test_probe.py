"""What `check --connect` and `doctor --odbc` find: a login that may write, rows without a watermark, a driver that is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.odbc import adapter
from adapters.odbc.parts import parts
from gateway.errors import Halt
from gateway.testing import Clock, context
from tests.adapters.odbc.databases import MariaDb, Postgresql, Sqlite, made

KINDS = {"postgresql": Postgresql, "mariadb": MariaDb, "sqlite": Sqlite}


@pytest.fixture(params=list(KINDS))
def database(request, tmp_path):
    found = made(KINDS[request.param], request, tmp_path)
    found.run(f"CREATE TABLE calls (callno char(8) PRIMARY KEY, place varchar(20), changed {found.stamp})")
    found.run(f"INSERT INTO calls VALUES ('C1', 'here', {found.now})")
    yield found
    found.close()


def probed(database, tmp_path, *, clock=None, **said):
    settings = {"connection": database.connection, "kind": "call", "table": "calls", "key": "callno", "watermark": {"by": "timestamp", "column": "changed"}}
    lent = replace(context(tmp_path, clock or Clock(datetime.now(UTC))), secret=database.secret)
    return [(problem.code.id, problem.where) for problem in adapter.probe(adapter.settings.model_validate({**settings, **said}), lent)]


def test_a_login_that_may_write_is_told_and_one_that_only_reads_is_not(database, tmp_path):
    found = probed(database, tmp_path)
    if isinstance(database, Sqlite):  # a file has no logins
        assert found == []
        return
    assert found == [("odbc.may-write", "calls")]
    if isinstance(database, Postgresql):
        database.run("CREATE ROLE reader LOGIN")
        database.run("GRANT SELECT ON calls TO reader")
        database.user = "reader"
        assert probed(database, tmp_path) == []
        database.run("DROP OWNED BY reader")
        database.run("DROP ROLE reader")


def test_more_rows_without_a_watermark_than_are_read_again_are_told(database, tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.odbc.unmarked.MOST", 1)
    database.run("INSERT INTO calls VALUES ('C2', 'there', NULL)")
    assert ("odbc.no-mark", "calls") not in probed(database, tmp_path)
    database.run("INSERT INTO calls VALUES ('C3', 'there', NULL)")
    assert ("odbc.no-mark", "calls") in probed(database, tmp_path)


def test_clocks_that_are_apart_are_told(database, tmp_path):
    late = Clock(datetime.now(UTC) - timedelta(minutes=5))
    assert ("odbc.skew", "calls") in probed(database, tmp_path, clock=late)


def test_a_table_or_a_column_that_is_not_there_is_a_halt(database, tmp_path):
    with pytest.raises(Halt, match=r"odbc\.table"):
        probed(database, tmp_path, table="nothing")
    with pytest.raises(Halt, match=r"odbc\.column|odbc\.query"):
        probed(database, tmp_path, key="nothing")


def test_the_parts_are_the_manager_and_every_driver_and_what_is_missing_names_its_package(monkeypatch, tmp_path):
    found = {part.name: part for part in adapter.parts()}
    assert found["pyodbc"].found
    assert all(part.found or part.line for part in found.values())
    assert all("run: " in problem.rule for part in found.values() for problem in part.problems)
    (tmp_path / "odbcinst.ini").write_text("[Gone]\nDriver = /nowhere/psqlodbcw.so\n[Broken]\nDriver = /etc/hostname\n")
    monkeypatch.setenv("ODBCSYSINI", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    broken = {part.name: part for part in parts()}
    assert [problem.code.id for problem in broken["Gone"].problems] == ["odbc.part-broken"]
    assert "run: apt-get install odbc-postgresql" in str(broken["Gone"].problems[0])
    assert broken["Broken"].problems
    assert broken["SQLite3"].line == "apt-get install libsqliteodbc"


def test_a_machine_without_the_driver_manager_is_told_the_line_that_brings_it(monkeypatch):
    def without(name, *rest, **more):
        if name == "pyodbc":
            raise ImportError("libodbc.so.2: cannot open shared object file")
        return real(name, *rest, **more)

    import builtins

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    manager = parts()[0]
    assert (manager.name, manager.found, manager.line) == ("pyodbc", "", "apt-get install unixodbc")
    assert manager.problems[0].rule == "run: apt-get install unixodbc"
