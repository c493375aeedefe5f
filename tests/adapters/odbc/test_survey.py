"""A survey gives what the source gives, each row once; and finds rows by their keys."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from adapters.odbc import adapter
from gateway.errors import GatewayError, Halt
from gateway.testing import context
from tests.adapters.odbc import reference
from tests.adapters.odbc.databases import MariaDb, made


@pytest.fixture(params=["sqlite", "postgresql"])
def rms(request, tmp_path):
    database = reference.filled("rms-odbc", request.param, request, tmp_path)
    yield database
    database.close()


DETAILS = {"persons": {"table": "inc_person", "key": "inc_id", "row": "seq", "watermark": {"by": "timestamp", "column": "updated"}}}
INCIDENT = {"kind": "incident", "table": "incident", "key": "inc_id", "watermark": {"by": "timestamp", "column": "updated"}, "details": DETAILS}
PERSON = {"kind": "person", "table": "inc_person", "key": ["inc_id", "seq"], "watermark": {"by": "timestamp", "column": "updated"}}


def lent(database, tmp_path):
    return replace(context(tmp_path), secret=database.secret)


def settings(database, said):
    return adapter.settings.model_validate({"connection": database.connection, **said})


def surveyed(database, tmp_path, said, *, since="", limit=50):
    survey = adapter.survey(settings(database, said), lent(database, tmp_path), since)
    found, cursor, more = [], "", True
    while more:
        batch = survey.read(cursor, limit)
        found += batch.records
        cursor, more = batch.cursor, batch.more
    return found, survey


@pytest.mark.parametrize("said", [INCIDENT, PERSON], ids=["incidents", "persons"])
def test_a_survey_gives_each_row_once_as_the_source_does(rms, tmp_path, said):
    source = adapter.source(settings(rms, said), lent(rms, tmp_path))
    read, cursor, more = {}, "", True
    while more:
        batch = source.read(cursor, 100)
        read |= {record.key: record for record in batch.records}
        cursor, more = batch.cursor, batch.more
    source.close()
    found, survey = surveyed(rms, tmp_path, said)
    assert len(found) == len(read) == {"incident": 120, "person": 228}[said["kind"]]
    assert {record.key: (record.kind, dict(record.fields)) for record in found} == {key: (record.kind, dict(record.fields)) for key, record in read.items()}
    assert all(survey.day(record).startswith("2026-04-") for record in found)
    survey.close()


def test_rows_are_found_by_their_keys_whatever_the_type_and_what_is_gone_is_not(rms, tmp_path):
    _, survey = surveyed(rms, tmp_path, INCIDENT)
    rms.run("DELETE FROM incident WHERE inc_id = 5002")
    found = survey.find("incident", ["5001", "5002", "9999"])
    assert [record.key for record in found] == ["5001"]
    assert [person["role"].strip() for person in found[0].fields["persons"]] == ["VIC", "RPT"]
    _, persons = surveyed(rms, tmp_path, PERSON)
    assert {record.key for record in persons.find("person", ["5001|1", "5001|2", "5004|2"])} == {"5001|1", "5004|2"}
    survey.close()
    persons.close()


def test_a_key_that_holds_the_mark_that_joins_is_found_too(request, tmp_path):
    database = made(MariaDb, request, tmp_path)
    database.run("CREATE TABLE calls (a varchar(8), b varchar(8), place varchar(20), PRIMARY KEY (a, b))")
    for pair in (("x|y", "z"), ("x", "z")):
        database.run("INSERT INTO calls VALUES (?, ?, 'here')", *pair)
    said = {"kind": "call", "table": "calls", "key": ["a", "b"]}
    _, survey = surveyed(database, tmp_path, said)
    assert [record.fields["b"] for record in survey.find("call", ["x|y|z"])] == ["z"]
    assert [record.key for record in survey.find("call", ["x|z", "y|z"])] == ["x|z"]
    survey.close()
    database.close()


def test_only_rows_that_moved_since_a_day_are_read_where_one_is_named(rms, tmp_path):
    found, survey = surveyed(rms, tmp_path, INCIDENT, since="2026-04-08")
    days = {survey.day(record) for record in found}
    survey.close()
    assert 0 < len(found) < 120
    assert min(days) == "2026-04-08"


def test_a_table_that_is_gone_halts_and_a_closed_survey_comes_back(rms, tmp_path):
    with pytest.raises(Halt, match=r"odbc\.table"):
        surveyed(rms, tmp_path, {**INCIDENT, "table": "nothing"})
    survey = adapter.survey(settings(rms, INCIDENT), lent(rms, tmp_path), "")
    ended = []

    def read():
        try:
            ended.append(survey.read("", 50))
        except GatewayError as e:
            ended.append(e)

    survey.close()
    reading = threading.Thread(target=read)
    reading.start()
    reading.join(20)
    assert len(ended) == 1
    assert isinstance(ended[0], GatewayError)
