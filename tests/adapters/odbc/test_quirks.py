"""What each driver corrupts in silence, one test each: the record holds what the database holds, or it is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from pydantic import ValidationError

from adapters.odbc import connect
from adapters.odbc.profile import POSTGRESQL
from adapters.odbc.settings import Connection, Limits
from tests.adapters.odbc.databases import PostgresqlAnsi
from tests.adapters.odbc.feeds import TIMES

READS = """
import json, sys
from adapters.odbc.connect import Link
from adapters.odbc.settings import Connection, Limits
link = Link(Connection.model_validate(json.loads(sys.argv[1])), Limits(), lambda _: "app")
print(ascii(link.rows("SELECT place FROM calls")[0][0]))
"""


def one(feed, database, table, values, **settings):
    """The fields of a table's only row."""
    database.run(f"CREATE TABLE calls (callno varchar(20) PRIMARY KEY, {table})")
    database.run(f"INSERT INTO calls VALUES ('C1', {values})")
    [record] = feed(database, **settings).poll()
    return record


# psqlODBC


def test_a_boolean_is_one(postgresql, feed):
    assert one(feed, postgresql, "open boolean", "true").fields["open"] is True


@pytest.mark.parametrize("value", ["10000-01-01", "infinity", "0044-03-15 BC", "2026-03-01"])
def test_a_date_beyond_the_calendar_stays_what_it_is(postgresql, feed, value):
    assert one(feed, postgresql, "day date", f"'{value}'").fields["day"] == value


def test_a_time_keeps_its_zone_and_its_microseconds(postgresql, feed):
    postgresql.run("SET TIME ZONE 'UTC'")
    fields = one(feed, postgresql, "at timestamptz, bare timestamp", "'2026-07-04 01:52:00.123456-04', '2026-07-04 01:52:00.123456'").fields
    assert fields["at"].startswith("2026-07-04 0")
    assert fields["at"][19:26] == ".123456"
    assert fields["at"][-3] in "+-"
    assert fields["bare"] == "2026-07-04 01:52:00.123456"


def test_numbers_that_are_none_and_long_decimals_are_exact_text(postgresql, feed):
    fields = one(feed, postgresql, "a numeric, b float8, c numeric(18,4), d bigint", "'NaN', 'NaN', 12345678901234.5678, 9007199254740993").fields
    assert fields == {"callno": "C1", "a": "NaN", "b": "nan", "c": "12345678901234.5678", "d": 9007199254740993}


def test_a_uuid_is_as_the_server_writes_it(postgresql, feed):
    value = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert one(feed, postgresql, "id uuid", f"'{value}'").fields["id"] == value


def test_a_long_text_and_bytes_come_whole(postgresql, feed):
    fields = one(feed, postgresql, "remarks text, photo bytea", r"repeat('Ü', 20000), '\x0001ff'").fields
    assert fields["remarks"] == "Ü" * 20000
    assert fields["photo"] == "AAH/"


@pytest.mark.parametrize("place", ["Ünited 🚓 “St”", "é" * 4095 + "🚓" * 3, ""])
def test_text_is_the_same_as_utf_8_and_as_utf_16(postgresql, monkeypatch, place):
    """A driver that hands text over as UTF-8 only in part, as in a narrow locale, is asked for UTF-16 instead."""
    postgresql.run("CREATE TABLE calls (callno text, place text)")
    postgresql.run("INSERT INTO calls VALUES ('C1', ?)", place)
    read = []
    for narrow in (POSTGRESQL.narrow, "SELECT CAST(? AS text) || '?'"):
        monkeypatch.setattr(connect, "profile_of", lambda _, narrow=narrow: replace(POSTGRESQL, narrow=narrow))
        link = connect.Link(Connection.model_validate(postgresql.connection), Limits(), postgresql.secret)
        read.append(link.rows("SELECT place FROM calls")[0][0])
        link.close()
    assert read == [place, place]


def test_in_a_locale_without_unicode_text_comes_whole(postgresql):
    postgresql.run("CREATE TABLE calls (callno text, place text)")
    postgresql.run("INSERT INTO calls VALUES ('C1', 'Ünited 🚓')")
    done = subprocess.run(
        [sys.executable, "-c", READS, json.dumps(postgresql.connection)],
        env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == ascii("Ünited 🚓")


def test_unicode_passes_the_ansi_driver(opened, feed):
    database = opened(PostgresqlAnsi)
    assert one(feed, database, "place text", "'Ünited 🚓 “St”'").fields["place"] == "Ünited 🚓 “St”"


def test_an_option_that_brings_a_corruption_back_is_refused(postgresql, feed):
    connection = {**postgresql.connection, "options": {"BoolsAsChar": "1"}}
    with pytest.raises(ValidationError, match="corrupts data in silence"):
        feed(postgresql, connection=connection)


# MariaDB Connector


def test_a_zero_date_is_no_null(maria, feed):
    maria.run("SET SESSION sql_mode = ''")
    fields = one(feed, maria, "day date, at datetime, nothing date", "'0000-00-00', '0000-00-00', NULL").fields
    assert fields == {"callno": "C1", "day": "0000-00-00", "at": "0000-00-00 00:00:00", "nothing": None}


def test_a_time_beyond_the_day_comes_and_harms_no_other_row(maria, feed):
    assert one(feed, maria, "length time", "'-25:00:00'").fields["length"] == "-25:00:00"


def test_a_text_does_not_end_at_its_nul(maria, feed):
    record = one(feed, maria, "remarks varchar(20)", "concat('a', char(0), 'b')")
    assert record.problems[0].code.id == "odbc.nul"
    assert record.problems[0].path == "remarks"
    assert record.original == b'{"callno":"C1","remarks":"a\\u0000b"}'


@pytest.mark.parametrize("nul, expected", [("cut", "a"), ("drop", "ab")])
def test_what_a_nul_means_can_be_said(maria, feed, nul, expected):
    record = one(feed, maria, "remarks varchar(20)", "concat('a', char(0), 'b')", columns={"remarks": {"nul": nul}})
    assert record.fields["remarks"] == expected


def test_microseconds_of_a_watermark_are_not_dropped(maria, feed):
    """As a typed parameter they would be: the page would begin at the second, and never end."""
    maria.run("CREATE TABLE calls (callno varchar(8) PRIMARY KEY, changed datetime(6))")
    made = feed(maria, watermark={**TIMES, "tick_s": 0, "overlap_s": 10**9})
    made.poll()
    for at in range(6):
        maria.run(f"INSERT INTO calls VALUES ('C{at}', '2026-03-01 12:00:00.12345{at}')")
    assert made.keys(limit=2) == [f"C{at}" for at in range(6)]
    assert made.keys() == []


def test_bits_numbers_and_unicode_of_mariadb(maria, feed):
    columns = "b bit(1), many bit(8), big bigint unsigned, price decimal(18,4), place varchar(40) CHARACTER SET latin1"
    fields = one(feed, maria, columns, "b'1', b'10000001', 18446744073709551615, 12345678901234.5678, 'Ünited'").fields
    assert fields == {
        "callno": "C1",
        "b": True,
        "many": "gQ==",
        "big": 18446744073709551615,
        "price": "12345678901234.5678",
        "place": "Ünited",
    }


# SQLite3


def test_decimals_and_long_numbers_of_sqlite_keep_their_digits(sqlite, feed):
    fields = one(feed, sqlite, "price decimal(18,4), big bigint, ratio real", "12345678901234.5678, 9007199254740993, 0.1").fields
    assert fields["price"] == "12345678901234.568"  # what SQLite itself has kept of it
    assert fields["big"] == "9007199254740993"
    assert float(fields["ratio"]) == 0.1


def test_what_is_not_of_the_declared_type_is_no_null(sqlite, feed):
    fields = one(feed, sqlite, "n integer, at timestamp, day date", "'abc', '9999-99-99 foo', '0000-00-00'").fields
    assert fields == {"callno": "C1", "n": "abc", "at": "9999-99-99 foo", "day": "0000-00-00"}


def test_milliseconds_and_more_of_sqlite_are_kept(sqlite, feed):
    assert one(feed, sqlite, "at timestamp", "'2026-03-01 12:00:00.123456'").fields["at"] == "2026-03-01 12:00:00.123456"


def test_a_text_of_sqlite_does_not_end_at_its_nul(sqlite, feed):
    record = one(feed, sqlite, "remarks text", "CAST(x'610062' AS text)")
    assert record.problems[0].code.id == "odbc.nul"
    assert b"\\u0000b" in record.original


def test_a_number_of_an_expression_is_no_minus_one(sqlite, feed):
    sqlite.run("CREATE TABLE base (callno text PRIMARY KEY, n integer)")
    sqlite.run("INSERT INTO base VALUES ('C1', 9007199254740993)")
    sqlite.run("CREATE VIEW calls AS SELECT callno, n + 0 AS n FROM base")
    [record] = feed(sqlite).poll()
    assert record.fields["n"] == "9007199254740993"


# Bytes in a charset of their own


@pytest.mark.parametrize("kind", ["maria", "sqlite"])
def test_a_column_in_another_charset_is_read_as_it_was_meant(request, feed, kind):
    database = request.getfixturevalue(kind)
    text, value = ("varbinary(20)", "x'4DFC6C6C6572'") if kind == "maria" else ("text", "CAST(x'4DFC6C6C6572' AS text)")
    record = one(feed, database, f"officer {text}", value, columns={"officer": {"charset": "cp1252"}})
    assert record.fields["officer"] == "Müller"


def test_bytes_outside_the_charset_reject_the_record_and_are_kept(sqlite, feed):
    record = one(feed, sqlite, "officer text", "CAST(x'4D81' AS text)", columns={"officer": {"charset": "cp1252"}})
    assert record.problems[0].code.id == "odbc.charset"
    assert b"TYE=" in record.original


def test_text_of_no_charset_at_all_rejects_its_record_only(sqlite, feed):
    sqlite.run("CREATE TABLE calls (callno text PRIMARY KEY, officer text)")
    sqlite.run("INSERT INTO calls VALUES ('C1', CAST(x'4DFC' AS text)), ('C2', 'x')")
    broken, fine = feed(sqlite).poll()
    assert broken.problems[0].code.id == "odbc.charset"
    assert b"Tfw=" in broken.original
    assert fine.fields["officer"] == "x"


def test_padding_is_taken_off_where_it_is_said(postgresql, feed):
    record = one(feed, postgresql, "unit char(8)", "'1A1'", columns={"unit": {"trim": "right"}})
    assert record.fields["unit"] == "1A1"


def test_a_driver_that_nobody_knows_is_refused(sqlite, feed):
    connection = {"driver": "Unheard of", "database": "x"}
    with pytest.raises(ValidationError, match="name its profile"):
        feed(sqlite, connection=connection)
