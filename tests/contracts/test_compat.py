"""What breaks consumers is found and named; what only adds is let through."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from contracts import compat, publish, schema

OLD = {name: schema.published(name) for name in schema.BODIES}


def breaks(name: str, change: Any) -> list[compat.Break]:
    new = copy.deepcopy(OLD)
    change(new[name])
    return compat.breaks(OLD, new)


def part(name: str, field: str) -> Any:
    return lambda schema: schema["$defs"][name]["properties"][field]


@pytest.mark.parametrize("name", schema.BODIES)
def test_a_version_is_compatible_with_itself(name):
    assert breaks(name, lambda _: None) == []


@pytest.mark.parametrize("name", schema.BODIES)
def test_a_new_field_breaks_nobody(name):
    assert breaks(name, lambda new: new["properties"].update(mood={"type": "string", "x-class": "personal"})) == []


def test_a_new_field_of_a_shared_part_breaks_nobody():
    assert (
        breaks(
            "alert", lambda new: new["$defs"]["Geo"]["properties"].update(mood={"type": "string", "x-class": "place"})
        )
        == []
    )


def test_a_narrower_value_breaks_no_reader():
    assert breaks("incident", lambda new: part("Geo", "lat")(new).update(maximum=80)) == []


def test_a_field_that_is_gone_is_named():
    (found,) = breaks("incident", lambda new: new["properties"].pop("narrative"))
    assert (found.contract, found.path, found.why) == ("incident", "narrative", "is gone")


def test_a_wider_number_is_named_with_values_that_only_the_new_version_takes():
    (found,) = breaks("incident", lambda new: part("Geo", "lat")(new).pop("maximum"))
    assert found.path == "Geo.lat"
    assert found.values
    assert all(value > 90 for value in found.values)


def test_another_type_is_named_with_its_values():
    (found,) = breaks("incident", lambda new: new["properties"]["narrative"].update(type=["string", "integer"]))
    assert found.path == "narrative"
    assert 0 in found.values


def test_a_format_that_no_longer_holds_is_named():
    (found,) = breaks("unit", lambda new: part("Time", "at")(new).pop("format"))
    assert (found.path, "x" in found.values) == ("Time.at", True)


def test_what_was_always_there_may_not_become_optional():
    (found,) = breaks("incident", lambda new: new["$defs"]["Time"].pop("required"))
    assert (found.path, found.why) == ("Time.at", "was always there and may now be absent")


def test_a_field_that_leads_to_another_part_is_named():
    (found,) = breaks("incident", lambda new: new["properties"]["locations"]["items"].update({"$ref": "#/$defs/Geo"}))
    assert found.path == "locations"


def test_what_publishers_could_send_must_still_be_taken():
    (found,) = breaks("alert", lambda new: part("Geo", "lat")(new).update(maximum=80))
    assert found.path == "Geo.lat"
    assert all(80 < value <= 90 for value in found.values)
    (found,) = breaks("alert", lambda new: new.update(required=["msgType"]))
    assert (found.path, found.why) == ("msgType", "must now be there, and a publisher may have left it out")


def test_a_contract_that_is_no_longer_published_is_named():
    new = {name: said for name, said in OLD.items() if name != "unit"}
    assert compat.breaks(OLD, new) == [compat.Break("unit", "", "is no longer published")]


def test_what_cannot_be_proved_counts_as_breaking():
    def beyond_the_algebra(new: Any) -> None:
        new["properties"]["narrative"] = {"type": "string", "pattern": r"(?=a)b|c"}
        new["unevaluatedProperties"] = True

    old = copy.deepcopy(OLD)
    beyond_the_algebra(old["incident"])
    new = copy.deepcopy(old)
    new["incident"]["properties"]["narrative"]["pattern"] = r"(?=a)b|c|(?<!d)e"
    assert [(each.contract, each.path) for each in compat.breaks(old, new)] == [("incident", "narrative")]


def test_the_models_keep_what_is_published():
    assert publish.breaks() == []
