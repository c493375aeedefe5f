"""What a database offers, on real drivers: tables, keys, counts, watermarks; shapes of columns, never a person's value."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from adapters.odbc import adapter
from gateway import draft, mapping, site
from gateway.testing import context, surveyed
from tests.adapters.odbc import reference
from tests.adapters.odbc.databases import MariaDb, library, made


@pytest.fixture(params=["sqlite", "postgresql"])
def cad(request, tmp_path):
    database = reference.filled("cad-odbc", request.param, request, tmp_path)
    yield database
    database.close()


def discovered(database, tmp_path, *names):
    settings = adapter.reach.model_validate({"connection": database.connection, "table": "not known yet"})
    return adapter.discover(settings, replace(context(tmp_path), secret=database.secret), names).offers


def test_tables_are_listed_with_keys_counts_and_what_newer_rows_are_found_by(cad, tmp_path):
    cad.run("CREATE VIEW open_calls AS SELECT callno, street FROM inmain WHERE closedate IS NULL")
    found = discovered(cad, tmp_path)
    assert set(found) == {"inmain", "incilog", "open_calls"}
    assert (found["inmain"].rows, list(found["inmain"].key), found["inmain"].watermarks[0]) == (300, ["callno"], "changed")
    assert (list(found["incilog"].key), list(found["incilog"].watermarks)) == (["logid"], ["logtime", "logid"])
    assert list(found["open_calls"].notes) == ["a view"]
    assert all(column.profile is None for offer in found.values() for column in offer.columns)


def test_a_table_that_is_named_is_profiled_without_a_value_of_a_person(cad, tmp_path):
    cad.run("UPDATE inmain SET callername = 'CANARY, ZOE', remarks = 'CANARY sat on the wall' WHERE callno <> '26-000001'")
    (found,) = discovered(cad, tmp_path, "inmain").values()
    said = {column.name: column.profile for column in found.columns}
    assert said["calltype"].codes == {"21": 38, "103F": 38, "20": 38, "67": 38, "18": 37, "107": 37, "ZZ9": 37, "62A": 37}
    assert said["calldate"].patterns == {"99999999": 300}
    assert said["callno"].distinct == 300
    assert said["closedate"].blank == 23
    assert said["callername"].personal
    assert "CANARY" not in json.dumps(asdict(found), default=str)


def test_a_schema_that_need_not_be_named_may_be(cad, tmp_path):
    assert list(discovered(cad, tmp_path, "public.inmain")) == ["inmain"]


def test_a_table_without_a_primary_key_gets_the_likely_one(cad, tmp_path):
    cad.run("CREATE TABLE bare AS SELECT callno, calltype, street FROM inmain")
    (found,) = discovered(cad, tmp_path, "bare").values()
    assert list(found.key) == ["callno"]
    assert found.notes == ["no primary key is declared"]


def test_what_is_not_there_is_offered_empty_and_said_so(cad, tmp_path):
    (found,) = discovered(cad, tmp_path, "nothing").values()
    assert (found.columns, found.rows, list(found.notes)) == ((), None, ["may not be read, or not by this driver"])


def test_mariadb_answers_as_well(request, tmp_path):
    database = made(MariaDb, request, tmp_path)
    database.run("CREATE TABLE calls (callno char(8) PRIMARY KEY, kind char(4), callername varchar(40), changed datetime(6))")
    for number in range(40):
        database.run("INSERT INTO calls VALUES (?, ?, 'CANARY, ZOE', '2026-04-06 12:00:00')", f"C{number:04}", "62A" if number % 2 else "21")
    (found,) = discovered(database, tmp_path, "calls").values()
    said = {column.name: column.profile for column in found.columns}
    assert (list(found.key), list(found.watermarks), found.rows) == (["callno"], ["changed"], 40)
    assert said["kind"].codes == {"21": 20, "62A": 20}
    assert "CANARY" not in json.dumps(asdict(found), default=str)
    database.close()


@pytest.mark.parametrize("table, entity", [("inmain", "incident"), ("incilog", "unit")])
def test_a_draft_of_what_was_discovered_compiles_and_maps_rows_of_the_table(cad, tmp_path, table, entity):
    (found,) = discovered(cad, tmp_path, table).values()
    made_ = draft.draft(found, system="cad", name=table, entity=entity)
    (tmp_path / "draft.yaml").write_text(made_.mapping)
    for file, text in made_.codes.items():
        (tmp_path / file).write_text(text)
    compiled = mapping.compile(tmp_path / "draft.yaml", codes=[tmp_path, site.shipped() / "codes"], zone="America/New_York")
    names = [column.name for column in found.columns]
    for row in cad.ask(f"SELECT {', '.join(names)} FROM {table}")[:50]:
        (one,) = compiled.drafts({name: None if value is None else str(value) for name, value in zip(names, row, strict=True)}, str(row[0]))
        assert json.loads(one.data)["incidentId"].startswith("26-")


def test_a_real_access_file_whose_driver_answers_little(access, tmp_path):
    database = {"driver": library("libmdbodbc.so"), "database": str(access.path)}
    settings = adapter.reach.model_validate({"connection": database})
    listed = adapter.discover(settings, context(tmp_path), ()).offers
    assert list(listed) == ["Monitor_Authenticate"]
    (found,) = adapter.discover(settings, context(tmp_path), ["Monitor_Authenticate"]).offers.values()
    said = {column.name: (column.type, column.profile) for column in found.columns}
    assert (found.rows, list(found.watermarks)) == (1, ["LastVisit"])
    assert said["ID"][0] == "LONGINT"
    assert said["EMail_Address"][1].personal
    assert said["LineNumber"][1].patterns == {"9999999999": 1}


def test_a_survey_of_a_real_access_file_finds_its_row(access, tmp_path):
    database = {"driver": library("libmdbodbc.so"), "database": str(access.path)}
    settings = adapter.settings.model_validate({"connection": database, "kind": "circuit", "table": "Monitor_Authenticate", "key": "ID"})
    survey = adapter.survey(settings, context(tmp_path), "")
    (record,) = surveyed(survey, 10)
    assert [each.fields for each in survey.find("circuit", [record.key, "no such key"])] == [record.fields]
    survey.close()
