"""Profiles tell shapes and counts; whatever could be a person's value stays out of them."""

import doctest
import json
from dataclasses import asdict

import pytest

from gateway import profile
from tests.gateway import offers


def test_the_examples_of_the_page_are_true():
    assert doctest.testmod(profile).failed == 0


def test_a_profile_of_a_whole_table_holds_no_value_of_a_person():
    said = json.dumps([asdict(column) for column in offers.offer(offers.calls()).columns])
    assert not [canary for canary in offers.CANARIES if canary in said]
    assert "CANARY" not in said


def test_a_code_list_is_told_with_how_often_each_code_comes():
    said = {column.name: column.profile for column in offers.offer(offers.calls()).columns}
    assert said["CALLTYPE"].codes == {"62A": 67, "21": 67, "103F": 66}
    assert said["DISPO"].blank == 66
    assert said["CALLNO"].codes == {}
    assert said["CALLNO"].distinct == 200


@pytest.mark.parametrize(
    "name",
    ["CALLERNAME", "fname", "P_LNAME", "dob", "birthDate", "SSN", "Telephone", "ofc_badge", "race", "remarks", "streetaddr"],
)
def test_a_name_that_speaks_of_a_person_hides_the_values_even_where_they_look_like_codes(name):
    said = profile.of(name, ["A", "B"] * 50)
    assert said.personal
    assert said.codes == {}
    assert said.patterns == {"A": 100}


@pytest.mark.parametrize(
    "values",
    [
        ["Doe, John", "Roe, Jane", "Poe, Ann"],
        ["DOE, JOHN", "ROE, JANE"],
        ["555-010-1234", "(555) 010-1234"],
        ["078-05-1120", "219-09-9999"],
        ["nobody@example.org"],
        ["12 Main St", "120 N Elm Ave"],
    ],
)
def test_values_that_look_like_a_persons_are_hidden_whatever_the_column_is_called(values):
    said = profile.of("F07", values * 20)
    assert said.personal
    assert said.codes == {}


@pytest.mark.parametrize("padded", ["62A       ", "62A\0\0", " 62A"])
def test_what_a_driver_pads_is_the_same_code(padded):
    assert profile.of("type", ["62A", padded]).distinct == 1


@pytest.mark.parametrize("day", ["20260406", "2026-04-06", "04/06/2026", "06.04.2026", "2026-04-06 00:00:00"])
def test_days_are_no_codes_however_often_they_come(day):
    assert profile.of("closed", [day] * 50).codes == {}


def test_many_shapes_are_summed_up():
    said = profile.of("note_no", ["9" * length for length in range(1, 12)])
    assert len(said.patterns) == profile.SHAPES + 1
    assert sum(said.patterns.values()) == 11
    assert said.patterns[profile.OTHER] == 11 - profile.SHAPES


def test_only_as_many_rows_are_looked_at_as_were_asked_for():
    def endless():
        while True:
            yield {"code": "A"}

    (column,) = profile.columns(endless(), {"code": "CHAR(1)"}, most=10)
    assert column.profile.looked == 10
