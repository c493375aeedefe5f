"""Dispatch and body-camera exports: their dirt in invented rows, and every column of the real ones."""

from __future__ import annotations

import csv
import io

import pytest

from bench import generate
from gateway import site, yamlfile
from tests.mappings.reading import read


def one(feed, columns, **values):
    """The record that a row of these values gives; all other cells are blank."""
    row = [values.get(column, "") for column in columns]
    done = read(feed, b"".join(generate.table(columns, [row])))
    assert not done.rejected
    assert not done.problems
    (data,) = done.data
    return data


@pytest.fixture(scope="module")
def cad(shipped):
    return shipped("cad-export").feeds


@pytest.fixture(scope="module")
def camera(shipped):
    return shipped("bodycam-export").feeds["recordings"]


def call(feed, **values):
    return one(
        feed, generate.CALLS, **{"nopd_item": "A1", "type_": "103", "timecreate": "2026-01-01T00:00:14"} | values
    )


@pytest.mark.parametrize(
    "times, status",
    [
        ({}, "Active"),
        ({"timedispatch": "2026-01-01T00:01:00"}, "ResourcesAssigned"),
        ({"timearrive": "2026-01-01T00:02:00"}, "ResourcesOnscene"),
        ({"timearrive": "2026-01-01T00:02:00", "timeclosed": "2026-01-01T00:09:00"}, "Closed"),
    ],
)
def test_the_status_of_a_call_is_told_by_the_times_it_has(cad, times, status):
    assert call(cad["calls"], **times)["statuses"] == [{"common": {"code": status, "scheme": "EIDO.IncidentStatus"}}]


def test_a_local_time_gets_its_offset_and_keeps_its_text(cad):
    assert call(cad["calls"])["reportedAt"] == {
        "at": "2026-01-01T00:00:14-06:00", "text": "2026-01-01T00:00:14", "zone": "America/Chicago",
    }  # fmt: skip


def test_a_local_time_that_came_twice_is_marked(cad):
    assert call(cad["calls"], timecreate="2026-11-01T01:30:00")["reportedAt"]["ambiguous"] is True


def test_feet_of_a_state_plane_are_kept_and_not_taken_for_degrees(cad):
    geo = call(cad["calls"], mapx="3671806", mapy="537333")["locations"][0]["geo"]
    assert geo == {"text": "3671806, 537333", "srid": "EPSG:3452"}


def test_a_self_initiated_call_came_from_an_officer(cad):
    data = call(cad["calls"], selfinitiated="Y")["serviceCall"]
    assert data["selfInitiated"] is True
    assert data["mechanism"]["common"]["code"] == "OFFICER"


def test_what_it_was_called_in_as_stands_beside_what_it_was(cad):
    data = call(cad["calls"], type_="94F", typetext="FIREWORKS", initialtype="ZZ9", initialtypetext="NEW CODE")
    assert data["types"][0]["common"]["code"] == "FIREWRKS"
    assert data["initialTypes"][0]["common"]["code"] == "unmapped"
    assert data["initialTypes"][0]["internal"]["text"] == "NEW CODE"


def test_a_disposition_has_its_common_code_where_there_is_one(cad):
    gone = call(cad["calls"], disposition="GOA", dispositiontext="GONE ON ARRIVAL")["dispositions"][0]["code"]
    done = call(cad["calls"], disposition="NAT")["dispositions"][0]["code"]
    assert (gone["common"]["code"], done["common"]["code"]) == ("14", "unmapped")


def test_date_and_time_from_two_columns_are_one_time(cad):
    data = one(
        cad["dispatches"], generate.DISPATCHES, incident_number="1", dispatch_date="2026-02-12T00:00:00",
        dispatch_time="18:11:47", call_type_code="415M8W", call_type_text="MAN ASSLTG WMN",
    )  # fmt: skip
    assert data["serviceCall"]["dispatchedAt"]["at"] == "2026-02-12T18:11:47-08:00"
    assert data["types"][0]["internal"]["text"] == "MAN ASSLTG WMN"


def test_a_unit_tells_its_latest_time_and_nobody_logged_in_is_no_crew(cad):
    data = one(
        cad["units"], generate.UNITS, call_number="A1", unit_id="1D02", status="A", dispatched="2026-01-01T00:01:00",
        arrived="2026-01-01T00:05:00", officer_1="-9999", primary="Y",
    )  # fmt: skip
    assert data["statusAt"]["at"] == "2026-01-01T00:05:00-06:00"
    assert data["primaryStatus"]["common"]["code"] == "NotAvailable"
    assert data["secondaryStatuses"][0]["common"]["code"] == "OnScene"
    assert "crew" not in data


def recording(feed, **values):
    return one(
        feed, generate.RECORDINGS, **{"evidence_id": "E1", "created_date_record_start": "2026-01-01T00:00:00"} | values
    )


def test_a_recording_without_a_number_or_a_place_stands_alone(camera):
    data = recording(camera)
    assert "linkedIncidents" not in data
    assert "location" not in data
    assert data["start"]["zone"] == "America/Chicago"


def test_a_time_with_an_offset_is_left_as_it_is(camera):
    data = recording(camera, date_uploaded="2026-01-01T07:08:53.549-05:00")
    assert data["uploadedAt"] == {"at": "2026-01-01T07:08:53.549-05:00"}


def test_a_place_is_read_from_two_columns_or_from_its_text(camera):
    both = recording(camera, latitude="29.9", longitude="-90.1", location="(1, 2)")["location"]["geo"]
    text = recording(camera, latitude="29.9", location="(29.9, -90.1)")["location"]["geo"]
    assert (both["lat"], both["lon"]) == (text["lat"], text["lon"]) == (29.9, -90.1)
    assert text["text"] == "(29.9, -90.1)"


def test_wearer_uploader_and_owner_are_three_people(camera):
    data = recording(camera, wearer_badge="1", uploader_badge="2", owner_badge_id="3")
    assert [data[who]["badge"] for who in ("wearer", "uploader", "owner")] == ["1", "2", "3"]


def test_what_is_not_on_the_recording_is_said(camera):
    data = recording(
        camera,
        muted_from="2026-01-01T00:01:00",
        muted_to="2026-01-01T00:02:00",
        late_activation="Y",
        late_by_seconds="40",
    )
    assert [absence["kind"]["common"]["code"] for absence in data["absences"]] == ["muted"]
    assert data["activation"] == {"late": True, "lateByS": 40.0}


REAL = [
    ("cad-export", "calls", "cad/nola_calls_for_service_2017.csv", 10),
    ("cad-export", "dispatches", "cad/lapd_calls_for_service_2014.csv", 10),
    ("bodycam-export", "recordings", "bodycam/nopd_bodycam_metadata.csv", 10),
]


@pytest.mark.real_data
@pytest.mark.parametrize("system, feed, file, rows", REAL)
def test_every_real_row_comes_through(shipped, shared, system, feed, file, rows):
    done = read(shipped(system).feeds[feed], (shared / file).read_bytes())
    assert not done.rejected
    assert not done.problems
    assert len(done.records) == len(done.data) == rows


@pytest.mark.real_data
@pytest.mark.parametrize("system, feed, file, rows", REAL)
def test_every_real_column_is_mapped_or_named_as_ignored(shared, system, feed, file, rows):
    header = next(csv.reader(io.StringIO((shared / file).read_text())))
    folder = site.shipped() / "systems" / system
    said = yamlfile.load(folder / "system.yaml").data["feeds"][feed]["mappings"]
    text = "".join((folder / path).read_text() for path in said.values())
    words = set(text.replace("[", " ").replace("]", " ").replace(",", " ").replace("}", " ").replace("^", " ").split())
    assert [column for column in header if column not in words] == []
