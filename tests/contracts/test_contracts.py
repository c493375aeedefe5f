"""What is published is what the models say, every field is classified, and the two strictnesses differ as promised."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, Field

from contracts import ENTITIES, publish, schema
from contracts.parts import CLASSES
from gateway.errors import Refused

SAMPLES = sorted((Path(publish.__file__).parent / "samples" / "v1").glob("*.json"))


def sample(name: str) -> dict[str, Any]:
    path = Path(publish.__file__).parent / "samples" / "v1" / f"{name}.json"
    return json.loads(path.read_bytes())


def entity_of(path: Path) -> str:
    return max((body for body in schema.BODIES if path.stem.startswith(body)), key=len)


def validator(made: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for(made, validate_formats=True)


def test_what_is_committed_is_what_the_models_give():
    assert publish.differences() == []


def test_a_second_build_gives_the_same_bytes():
    assert publish.build() == publish.build()


def test_every_entity_and_body_is_published():
    assert {f"{name}.json" for name in (*schema.BODIES, "asyncapi")} == set(publish.build())
    assert set(ENTITIES) < set(schema.BODIES)


@pytest.mark.parametrize("name", schema.BODIES)
def test_every_field_has_a_class_and_a_source(name):
    assert set(schema.classes(name).values()) <= set(CLASSES)
    assert all(schema.sources(name).values())


@pytest.mark.parametrize("name", schema.BODIES)
def test_every_published_schema_is_valid_and_open(name):
    jsonschema_rs.meta.validate(schema.published(name))
    text = json.dumps(schema.published(name))
    assert '"additionalProperties"' not in text
    assert '"enum"' not in text
    assert '"null"' not in text


def test_a_field_without_class_or_source_stops_the_build():
    class Careless(BaseModel):
        name: str = Field(description="no class, no source")

    with pytest.raises(Refused) as refused:
        publish.build({"careless": Careless})
    assert refused.value.problems[0].code is publish.UNCLASSIFIED
    assert refused.value.problems[0].path == "careless.name"


def test_a_drifted_a_missing_and_a_stray_file_are_named(tmp_path):
    publish.write(tmp_path)
    assert publish.differences(tmp_path) == []
    (tmp_path / "unit.json").write_text("{}")
    (tmp_path / "alert.json").unlink()
    (tmp_path / "stray.json").write_text("{}")
    assert publish.differences(tmp_path) == ["unit.json", "alert.json", "stray.json"]
    assert publish.write(tmp_path) == ["unit.json", "alert.json"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_valid_both_ways(path):
    name = entity_of(path)
    data = json.loads(path.read_bytes())
    for made in (schema.published(name), schema.strict(name)):
        assert [error.message for error in validator(made).iter_errors(data)] == []
    publish.MODELS[name].model_validate(data)


def test_there_is_a_sample_of_every_body():
    assert {entity_of(path) for path in SAMPLES} == set(schema.BODIES)


@pytest.mark.parametrize("where", [(), ("serviceCall",), ("locations", 0, "geo"), ("types", 0, "internal")])
def test_strict_refuses_an_unknown_field_and_published_lets_it_through(where):
    data = sample("incident-call")
    place: Any = data
    for step in where:
        place = place[step]
    place["mood"] = "blue"
    assert validator(schema.published("incident")).is_valid(data)
    assert not validator(schema.strict("incident")).is_valid(data)


def test_strict_wants_the_records_own_number_and_published_lets_an_agreement_withhold_it():
    data = sample("incident-call")
    del data["incidentId"]
    assert validator(schema.published("incident")).is_valid(data)
    assert not validator(schema.strict("incident")).is_valid(data)


@pytest.mark.parametrize("code", ["Sleeping", "available"])
def test_strict_holds_a_registry_and_published_does_not(code):
    data = sample("unit-on-scene")
    data["primaryStatus"]["common"]["code"] = code
    assert validator(schema.published("unit")).is_valid(data)
    assert not validator(schema.strict("unit")).is_valid(data)


def test_unmapped_is_a_code_of_every_registry():
    data = sample("unit-on-scene")
    data["secondaryStatuses"][0]["common"]["code"] = "unmapped"
    assert validator(schema.strict("unit")).is_valid(data)


@pytest.mark.parametrize("at", ["2026-01-02T00:02:43", "yesterday", "2026-02-30T00:00:00Z"])
def test_a_time_without_offset_or_sense_is_refused(at):
    data = sample("incident-call")
    data["reportedAt"]["at"] = at
    assert not validator(schema.published("incident")).is_valid(data)


def test_a_group_b_arrest_alone_is_an_incident():
    data = sample("incident-group-b")
    assert "offences" not in data
    assert validator(schema.strict("incident")).is_valid(data)


@pytest.mark.parametrize("link", ["https://video.example.invalid/1", "bucket/clip.mp4?sig=abc", "a b"])
def test_evidence_is_never_named_by_a_link(link):
    data = sample("recording-late")
    data["ref"] = link
    assert not validator(schema.published("recording")).is_valid(data)


def test_the_class_of_a_shared_value_is_that_of_the_field_that_holds_it():
    classes = schema.classes("incident")
    assert classes["persons.race.common.code"] == "special"
    assert classes["locations.geo.lat"] == "place"
    assert classes["reportedAt.at"] == "operational"
    assert "persons.age.value" in schema.paths("incident")
    assert schema.classes("recording")["wearer.badge"] == "officer"


def test_what_has_no_contract_is_a_key_error():
    with pytest.raises(KeyError):
        schema.published("person")


def test_validation_is_cheap_enough_for_the_hot_path(record_property):
    check = validator(schema.strict("incident"))
    data = sample("incident-call")
    begin = time.perf_counter()
    for _ in range(2000):
        check.is_valid(data)
    micros = (time.perf_counter() - begin) / 2000 * 1e6
    record_property("microseconds", round(micros, 1))
    assert micros < 100, "10 on a quiet machine"
