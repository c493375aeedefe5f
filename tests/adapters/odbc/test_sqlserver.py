"""SQL Server's profile, held by its statements: no server could be had to try them on."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.odbc.connect import string
from adapters.odbc.faults import meaning
from adapters.odbc.profile import SQLSERVER, of_driver
from adapters.odbc.settings import Connection, Limits, Queue, Rowversion, Settings, Timestamp, Write
from adapters.odbc.sql import Relation, field_of, mark_of
from adapters.odbc.target import Target
from gateway.errors import Halt
from tests.adapters.odbc.targets import record

GOLDEN = Path(__file__).with_name("sqlserver.sql")
INMAIN = Relation(SQLSERVER, "cad.dbo.inmain", ("agency", "callno"))
DIRTY = Relation(SQLSERVER, "dbo.inmain", ("callno",), (("agency", ("VT004",)),), " WITH (NOLOCK)")


def statements():
    """Every statement that the profile leads to, with a sentence on top."""
    order = INMAIN.keys()
    changed = mark_of(INMAIN, Timestamp(by="timestamp", column="changed"), "datetime")
    instant = mark_of(INMAIN, Timestamp(by="timestamp", column="changed"), "datetimeoffset")
    version = mark_of(INMAIN, Rowversion(by="rowversion", column="rv"))
    columns = [field_of(INMAIN, name, type_, None).expression for name, type_ in (("callno", "str"), ("opened", "datetime"), ("guid", "UUID"))]
    queue = Relation(SQLSERVER, "dbo.queue", ("callno",))
    yield "what the columns are", INMAIN.describe([])
    yield "what type the watermark is of", INMAIN.type_of("changed")
    yield "the snapshot goes on", INMAIN.named(columns, 500, ["VT004", "C1"])[0]
    yield "the newest time, and the clock", INMAIN.newest(changed, SQLSERVER.clocks["local"])
    yield "times and keys of the window", INMAIN.page([changed.expression, *order], 2000, [changed.column, *order], [], changed, "2026-03-01T12:00:00")[0]
    yield "instants are compared in UTC", INMAIN.page([instant.expression], 500, [instant.column], ["2026-03-01T12:00:00"], instant)[0]
    yield "the newest version that nothing open is below", INMAIN.newest(version, "")
    yield "versions behind one that was read", INMAIN.page([version.expression, *order], 500, [version.column, *order], [7, "VT004", "C1"], version, 7)[0]
    yield "rows by their key", INMAIN.of_keys(columns, order, [("VT004", "C1"), ("VT004", "C2")], order)[0]
    yield "without locks, and only one agency's", DIRTY.named(["r.[callno]"], 500, [])[0]
    yield "a queue's gaps", queue.in_ranges(["r.[n]"], mark_of(queue, Queue(by="queue", table="q", id="n", key="callno")), [(3, 5)])[0]
    changes = INMAIN.change_tracking()
    yield "the version that the snapshot stands on", changes.current
    yield "the oldest version that is still kept", changes.oldest
    yield "changes since", changes.page(500, 41, [42, "VT004", "C1"])[0]
    target = Target(SQLSERVER, Write(table="dbo.calls", key="callno", id="event_id", returns="n"))
    values = target.values(record("C1", "Elm St"))
    yield "is the event there", target.find({"event_id": "x"})[0]
    yield "a new row", target.insert(values)[0]
    yield "a changed row", target.update(values, {"callno": "C1"})[0]
    yield "a procedure", Target(SQLSERVER, Write(by="procedure", procedure="dbo.add_call", arguments=["callno", "place"])).call(values)[0]
    yield from (("one record in a transaction", one) for one in SQLSERVER.savepoint if one)
    yield from (("after connecting", one.format(ms=60000, s=60)) for one in SQLSERVER.session)


def test_the_statements_are_those_that_were_looked_at():
    """After a change: look at the difference, then write the file again with what this prints."""
    text = "".join(f"-- {sentence}\n{sql}\n\n" for sentence, sql in statements())
    assert GOLDEN.read_text(encoding="utf-8") == text, text


@pytest.mark.parametrize("name", ["ODBC Driver 18 for SQL Server", "/opt/lib/libmsodbcsql-18.6.so.2.1", "FreeTDS", "libtdsodbc.so"])
def test_the_drivers_of_sql_server_are_known_by_name(name):
    assert of_driver(name) is SQLSERVER


@pytest.mark.parametrize(
    "said, expected",
    [
        ({}, ""),
        ({"encryption": "strict"}, "Encrypt=strict"),
        ({"encryption": "trust"}, "Encrypt=yes;TrustServerCertificate=yes"),
        ({"encryption": "no"}, "Encrypt=no"),
        ({"options": {"ApplicationIntent": "ReadOnly", "Trusted_Connection": "yes"}}, "ApplicationIntent=ReadOnly;Trusted_Connection=yes"),
    ],
)
def test_the_connection_string_is_the_drivers(said, expected):
    connection = Connection(driver="ODBC Driver 18 for SQL Server", server="cad.example", port=1433, database="cad", password_from="env:P", **said)
    begins = "DRIVER={ODBC Driver 18 for SQL Server};Server={cad.example,1433};Database=cad;PWD={a;b}}c};"
    assert string(connection, Limits(), lambda _: "a;b}c") == begins + (expected + ";" if expected else "")


@pytest.mark.parametrize(
    "state, words, code",
    [
        ("08001", "SSL Provider: [error:0A000086:SSL routines::certificate verify failed]", "odbc.encryption"),
        ("08001", "TCP Provider: Error code 0x2746. SSL Provider: encryption is required", "odbc.encryption"),
        ("28000", "Login failed for user 'app'. (18456)", "odbc.login"),
        ("42000", 'Cannot open database "cad" requested by the login. (4060)', "odbc.login"),
        ("42S02", "Invalid object name 'dbo.inmain'. (208)", "odbc.table"),
        ("42S22", "Invalid column name 'x'. (207)", "odbc.column"),
        ("42000", "The SELECT permission was denied on the object 'inmain'. (229)", "odbc.rights"),
        ("HYT00", "Query timeout expired", "odbc.timeout"),
        ("42000", "Lock request time out period exceeded. (1222)", "odbc.busy"),
        ("40001", "was deadlocked on lock resources (1205)", "odbc.busy"),
        ("08S01", "TCP Provider: Error code 0x68", "odbc.unreachable"),
    ],
)
def test_what_the_server_says_becomes_what_happens_next(state, words, code):
    error = meaning(state, words, where="database")
    assert error.problem.code.id == code
    assert words not in str(error)
    assert isinstance(error, Halt) == (code in {"odbc.encryption", "odbc.login", "odbc.table", "odbc.column", "odbc.rights"})


def test_change_tracking_and_dirty_reads_are_sql_servers_to_say():
    said = {"connection": {"driver": "FreeTDS", "server": "x"}, "kind": "call", "table": "dbo.inmain", "key": "callno"}
    assert Settings.model_validate({**said, "dirty": True, "watermark": {"by": "change-tracking"}}).dirty
