"""The code lists: well formed, one owner each, no code twice, and the registries of the contracts are whole."""

from __future__ import annotations

import csv

import pytest

from contracts import dispatch, evidence, incident, involved, recording
from gateway import site

LISTS = sorted((site.shipped() / "codes").glob("*.csv"))

REGISTRIES = {
    "EIDO.IncidentStatus": incident.INCIDENT_STATUS,
    "EIDO.PrimaryUnitStatus": dispatch.PRIMARY_STATUS,
    "EIDO.SecondaryUnitStatus": dispatch.SECONDARY_STATUS,
    "EIDO.PersonRole": involved.PERSON_ROLES,
    "EIDO.VehicleRelationship": involved.VEHICLE_ROLES,
    "Copperline.ClockMethod": recording.CLOCK_METHODS,
    "Copperline.LinkMethod": evidence.LINK_METHODS,
}


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_a_list_names_each_code_once_with_one_owner_and_one_scheme(path):
    found = rows(path)
    assert len({row["internal"] for row in found}) == len(found) > 0
    assert len({row["owner"] for row in found}) == 1
    assert len({row["scheme"] for row in found}) == 1
    assert all(row["internal"] == row["internal"].strip() for row in found)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_a_list_maps_into_its_registry(path):
    for row in rows(path):
        if row["common"] and (registry := REGISTRIES.get(row["scheme"])):
            assert row["common"] in registry


def test_the_lists_of_nibrs_are_complete():
    sizes = {path.stem: len(rows(path)) for path in LISTS}
    assert sizes["nibrs-offence"] == 62
    assert sizes["nibrs-location"] == 46
    assert sizes["nibrs-property"] == 67
    assert sizes["nibrs-bias"] == 36
    assert sizes["nibrs-relationship"] == 26
    assert sizes["nibrs-property-status"] == 8
