"""NIBRS: every corner of the layout in an invented file, and the whole of a real state's submission."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from bench import nibrs
from tests.mappings.reading import read


@pytest.fixture(scope="module")
def feed(shipped):
    return shipped("nibrs").feeds["submissions"]


@pytest.fixture(scope="module")
def corner(feed):
    done = read(feed, b"".join(nibrs.corners()))
    assert not done.rejected
    assert not done.problems
    return done


@pytest.fixture(scope="module")
def incident(corner):
    return corner.of("XX0010100|ZZ9000001")


def codes(items):
    return [item["internal"]["code"] for item in items]


def test_a_report_date_without_an_hour_is_no_time_of_the_incident(incident):
    assert incident["reportDate"] is True
    assert "occurredStart" not in incident
    assert incident["reportedAt"]["precision"] == "day"
    assert incident["reportedAt"]["at"] == "2026-01-10T00:00:00-05:00"


def test_an_exceptional_clearance_closes_the_incident(incident):
    assert incident["exceptionalClearance"]["code"]["internal"]["code"] == "A"
    assert incident["exceptionalClearance"]["at"]["at"].startswith("2026-01-12")
    assert incident["statuses"] == [{"common": {"code": "Closed", "scheme": "EIDO.IncidentStatus"}}]
    assert incident["cargoTheft"] is True


def test_an_offence_keeps_all_of_its_repeated_fields(incident):
    burglary, assault = incident["offences"]
    assert burglary["id"] == "offence-220"
    assert burglary["attempted"] is True
    assert codes(burglary["using"]) == ["D", "A"]
    assert codes(burglary["bias"]) == ["11", "12", "13", "14", "21"]
    assert codes(burglary["activities"]) == ["P", "D"]
    assert burglary["premisesEntered"] == 2
    assert [weapon["automatic"] for weapon in burglary["weapons"]] == [True, False]
    assert assault["attempted"] is False
    assert codes(assault["bias"]) == ["88"]


def test_property_is_told_by_item_and_by_its_fate(incident):
    assert [item["status"]["common"]["code"] for item in incident["property"]] == [
        "NONE",
        "STOLEN",
        "STOLEN",
        "RECOVERED",
        "SEIZED",
    ]
    assert [item.get("value") for item in incident["property"]] == [None, 12000, 1, 12000, None]
    assert incident["property"][3]["recoveredAt"]["at"].startswith("2026-01-12")
    assert [count.get("stolen", count.get("recovered")) for count in incident["vehicleCounts"]] == [1, 1]


def test_a_quantity_of_drugs_has_nine_digits_and_three_behind_the_point(incident):
    assert [drug.get("quantity") for drug in incident["drugs"]] == [1.5, 0.002, None]
    assert [drug["kind"]["internal"]["code"] for drug in incident["drugs"]] == ["E", "A", "X"]


def test_persons_have_roles_ages_in_three_forms_and_links(incident):
    persons = {person["id"]: person for person in incident["persons"]}
    assert list(persons) == ["victim-001", "victim-002", "offender-01", "offender-02", "arrestee-01"]
    assert [persons[name]["age"] for name in ("victim-001", "victim-002", "offender-01", "offender-02")] == [
        {"word": "NEWBORN"}, {"value": 35}, {"low": 25, "high": 35}, {"word": "UNKNOWN"},
    ]  # fmt: skip
    child = persons["victim-001"]
    assert child["offences"] == ["offence-220", "offence-13A"]
    assert codes(child["circumstances"]) == ["01", "02"]
    assert codes(child["injuries"]) == ["M", "B"]
    assert [link["person"] for link in child["relationships"]] == ["offender-01", "offender-02"]


def test_an_officer_as_victim_keeps_activity_assignment_and_agency(incident):
    officer = next(person["officer"] for person in incident["persons"] if "officer" in person)
    assert officer["activity"]["internal"]["code"] == "04"
    assert officer["assignment"]["internal"]["code"] == "G"
    assert officer["agency"] == {"code": "XX0010200", "scheme": "ORI"}


def test_an_arrestee_is_a_person_and_an_arrest_and_young_ones_mark_the_record(incident):
    (arrest,) = incident["arrests"]
    assert arrest["person"] == "arrestee-01"
    assert arrest["number"] == "T0001"
    assert [weapon["automatic"] for weapon in arrest["armedWith"]] == [True, False]
    assert incident["handling"]["juvenile"] is True


def test_a_record_is_marked_exactly_where_somebody_in_it_is_young(feed):
    done = read(feed, b"".join(nibrs.submission(80, seed=4)))
    young = {f"{age:02d}" for age in range(1, 18)} | {"NN", "NB", "BB"}
    for record in done.records:
        if record.change == "remove" or record.kind == "zero-report":
            continue
        groups = ("victims", "offenders", "arrestees")
        people = [one for group in groups for one in record.fields.get(group, ())] or [record.fields["arrest"]]
        wanted = any(one["age"] in young or one.get("under18") for one in people)
        assert done.of(record.key).get("handling", {}).get("juvenile", False) is wanted


def test_an_age_of_one_digit_is_young(feed, corner):
    """A state's test submission has them, though the layout wants two."""
    arrest = next(record for record in corner.records if record.kind == "arrest")
    for age, young in (("7", True), ("44", False)):
        aged = arrest._replace(fields={**arrest.fields, "arrest": {**arrest.fields["arrest"], "age": age, "under18": ""}})
        (draft,) = feed.translate(aged)
        assert json.loads(draft.data).get("handling", {}).get("juvenile", False) is young


def test_a_group_b_arrest_is_an_incident_of_arrests_only(corner):
    arrest = corner.of("XX0010200|B900001|02")
    assert arrest["incidentId"] == "B900001"
    assert set(arrest) >= {"arrests", "persons"}
    assert "offences" not in arrest
    assert arrest["persons"][0]["age"] == {"word": "OVER98"}


def test_a_zero_report_is_a_record_without_an_event(corner):
    assert corner.counts["zero-report put"] == 1
    assert len(corner.data) == 2


def test_a_delete_stands_before_the_insert_of_the_same_name(feed):
    done = read(feed, b"".join(nibrs.submission(60, seed=2)))
    assert not done.rejected
    assert not done.problems
    deleted = [at for at, record in enumerate(done.records) if record.change == "remove" and record.kind == "incident"]
    assert deleted
    for at in deleted:
        assert done.records[at + 1].key == done.records[at].key
        assert done.records[at + 1].change == "put"


def test_an_offender_that_is_not_there_is_a_problem_of_that_record_only(feed):
    lines = list(nibrs.corners())
    body = b"".join(line for line in lines if not (line[4:5] == b"5" and line[37:39] == b"02"))
    done = read(feed, body)
    assert any("relationships" in problem for problem in done.problems)
    assert [data["incidentId"] for data in done.data] == ["B900001"]


@pytest.mark.real_data
def test_a_real_states_file_comes_through_whole(feed, shared):
    body = (shared / "nibrs" / "VTUCR0001_20200420_NIBRS_010.txt").read_bytes()
    done = read(feed, body)
    assert not done.rejected
    assert done.problems == Counter()
    assert done.counts == {
        "incident put": 1042, "incident remove": 304, "arrest put": 324, "arrest remove": 104, "zero-report put": 18,
    }  # fmt: skip
    assert len(done.records) == 1792
    assert len(done.drafts) == 1042 + 324
    assert sum(len(record.original) for record in done.records) == len(body) - len(re.search(rb"[\r\n]*$", body)[0]) + 2


@pytest.mark.real_data
def test_a_real_states_file_loses_no_segment(feed, shared):
    done = read(feed, (shared / "nibrs" / "VTUCR0001_20200420_NIBRS_010.txt").read_bytes())
    put = [record.fields for record in done.records if record.kind == "incident" and record.change == "put"]
    parts = ("offences", "property", "victims", "offenders", "arrestees")
    assert [sum(len(fields[part]) for fields in put) for part in parts] == [1123, 906, 1135, 1123, 437]
    assert len({record.fields["ori"] for record in done.records}) == 83
    incidents = [data for data in done.data if data["reportCategory"]["common"]["code"].startswith("GROUP A")]
    assert sum(len(data["offences"]) for data in incidents) == 1123
    assert sum(len(data.get("arrests", ())) for data in incidents) == 437
    assert sum(len(data["persons"]) for data in incidents) == 1135 + 1123 + 437


@pytest.mark.real_data
def test_a_states_test_submission_keeps_only_its_unreadable_ages_back(feed, shared):
    done = read(feed, (shared / "nibrs" / "Test-Submission-1.txt").read_bytes())
    assert not done.rejected
    assert (done.counts["incident put"], done.counts["arrest put"]) == (212, 12)
    assert len(done.drafts) >= 212 + 12 - 5  # five ages of one digit; the layout has two
    assert all(".age:" in problem for problem in done.problems)
