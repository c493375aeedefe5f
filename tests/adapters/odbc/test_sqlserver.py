"""SQL Server's profile, held by its statements: no server could be had to try them on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.odbc.connect import string
from adapters.odbc.faults import meaning
from adapters.odbc.profile import SQLSERVER, of_driver
from adapters.odbc.settings import Connection, Limits, Queue, Rowversion, Settings, Timestamp, Write
from adapters.odbc.sql import Relation, field_of, mark_of
from adapters.odbc.target import Target
from gateway.errors import REGISTER, Halt
from tests.adapters.odbc.targets import record

CONNECTING = {"odbc.certificate", "odbc.tls-version", "odbc.not-encrypted", "odbc.must-encrypt", "odbc.strict", "odbc.ticket", "odbc.encryption"}
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
        ({"encryption": "yes"}, "Encrypt=yes;TrustServerCertificate=no"),
        ({"options": {"ApplicationIntent": "ReadOnly"}}, "ApplicationIntent=ReadOnly"),
    ],
)
def test_the_connection_string_is_the_drivers(said, expected):
    connection = Connection(driver="ODBC Driver 18 for SQL Server", server="cad.example", port=1433, database="cad", password_from="env:P", **said)
    begins = "DRIVER={ODBC Driver 18 for SQL Server};Server={cad.example,1433};Database=cad;PWD={a;b}}c};"
    assert string(connection, Limits(), lambda _: "a;b}c") == begins + (expected + ";" if expected else "")


@pytest.mark.parametrize(
    "state, words, code",
    [
        ("08001", "SSL Provider: [error:0A000086:SSL routines::certificate verify failed]", "odbc.certificate"),
        ("08001", "SSL Provider: [error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed:self signed certificate]", "odbc.certificate"),
        ("08001", "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:subject name does not match host name]", "odbc.certificate"),
        ("08001", "SSL Provider: [error:1425F102:SSL routines:ssl_choose_client_version:unsupported protocol]", "odbc.tls-version"),
        ("08001", "SSL Provider: [error:0A00018A:SSL routines::dh key too small]", "odbc.tls-version"),
        ("08001", "SSL Provider: [error:0A000102:SSL routines::unsupported protocol]", "odbc.tls-version"),
        ("08001", "Encryption not supported on SQL Server.", "odbc.not-encrypted"),
        ("08001", "TCP Provider: Error code 0x2746. SSL Provider: encryption is required", "odbc.must-encrypt"),
        ("08001", "Client unable to establish connection due to prelogin failure", "odbc.strict"),
        ("HY000", "SSPI Provider: No Kerberos credentials available (default cache: FILE:/tmp/krb5cc_0)", "odbc.ticket"),
        ("08001", "SSL Provider: [error:0A000126:SSL routines::unexpected eof while reading]", "odbc.encryption"),
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
    error = meaning(state, words, where="database", connecting=code in CONNECTING)
    assert error.problem.code.id == code
    assert words not in str(error)
    passing = {"odbc.timeout", "odbc.busy", "odbc.unreachable"}
    assert isinstance(error, Halt) == (code not in passing)


def test_with_kerberos_no_password_is_sent():
    connection = Connection(driver="ODBC Driver 18 for SQL Server", server="cad.example", database="cad", options={"Trusted_Connection": "yes"})
    assert string(connection, Limits(), lambda _: "never") == (
        "DRIVER={ODBC Driver 18 for SQL Server};Server=cad.example;Database=cad;Trusted_Connection=yes;"
    )


def test_every_failure_of_encryption_has_a_sentence_and_a_way_out_of_its_own():
    met = [REGISTER[code] for code in CONNECTING]
    assert len({one.meaning for one in met}) == len({one.remedy for one in met}) == 7


@pytest.mark.parametrize("name, value", [("ApplicationIntent", "ReadOnly"), ("ApplicationIntent", "ReadWrite"), ("Trusted_Connection", "yes"), ("trusted_connection", "No")])
def test_options_that_are_known_take_what_they_know(name, value):
    assert Connection(driver="ODBC Driver 18 for SQL Server", options={name: value}).options == {name: value}


@pytest.mark.parametrize(
    "said, sentence",
    [
        ({"options": {"ApplicationIntent": "readonly please"}}, "ReadOnly or ReadWrite"),
        ({"options": {"Trusted_Connection": "maybe"}}, "yes or no"),
        ({"options": {"Trusted_Connection": "yes"}, "user_from": "env:U"}, "the ticket is the login"),
        ({"options": {"Encrypt": "yes"}, "encryption": "trust"}, "said twice"),
    ],
)
def test_options_that_are_wrong_or_contradict_are_refused(said, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Connection(driver="ODBC Driver 18 for SQL Server", **said)


@pytest.mark.parametrize("words", ["no such table: kerberos", "no such column: tls", "relation prelogin: SSL error"])
def test_a_name_in_the_words_of_a_query_is_no_failure_of_encryption(words):
    assert meaning("HY000", words, where="database").problem.code.id not in CONNECTING


def test_change_tracking_and_dirty_reads_are_sql_servers_to_say():
    said = {"connection": {"driver": "FreeTDS", "server": "x"}, "kind": "call", "table": "dbo.inmain", "key": "callno"}
    assert Settings.model_validate({**said, "dirty": True, "watermark": {"by": "change-tracking"}}).dirty
