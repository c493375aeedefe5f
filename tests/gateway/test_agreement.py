"""Agreements: what may leave, to whom, until when; and that nothing else does."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from contracts import schema
from gateway import agreement, yamlfile
from gateway.agreement import Withheld, editor
from gateway.errors import Refused
from gateway.event import Keys

KEYS = Keys(bytes(32))

INTERNAL = """\
agreement: internal
title: The agency's own services
parties: {provider: Sample PD, recipient: Sample PD}
contact: The agency
prepared_by: A. Sample
purpose: Operation
legal_basis: The agency's own task
law_enforcement: true
valid: {from: 2026-01-01, to: 2027-12-31}
retention_days: 365
topics: ["police.#"]
fields: all
start: now
destinations:
  services: {via: bus}
  log: {via: log}
"""

LIGHT = """\
agreement: light
title: Street lamps near incidents
parties: {provider: Sample PD, recipient: Sample City Lighting}
contact: Night desk
prepared_by: A. Sample
purpose: Light where officers work
legal_basis: Sample Act 4
authority: Council resolution 1
impact_assessment: Assessment 1
valid: {from: 2026-01-01, to: 2027-12-31}
retention_days: 7
topics: ["police.*.incident.#"]
fields:
  incident: {types: plain, locations.geo: plain, locations.category: plain}
destinations:
  lamps: {via: bus, limits: {length: 1000, hours: 4}}
"""

INCLUDING = LIGHT.replace("fields:", "includes: [unclassified]\nfields:")

RECORD: dict[str, Any] = {
    "incidentId": "26-000123",
    "types": [
        {"internal": {"code": "BURG"}, "common": {"code": "220", "scheme": "UCR"}},
        {"internal": {"code": "ODD9"}, "common": {"code": "unmapped"}},
    ],
    "locations": [
        {"text": "12 Sample St", "geo": {"lat": 44.26, "lon": -72.57}, "category": {"common": {"code": "unmapped"}}},
        {"text": "only text"},
    ],
    "narrative": "A sample sentence that must not leave.",
    "persons": [{"name": {"full": "Jane Sample"}}],
}


@dataclass(frozen=True)
class Kept:
    """An event as the store gives it."""

    topic: str = "police.vt0040100.incident.created.v1"
    system: str = "cad-export"
    event: bytes = b"e" * 16
    subject: bytes = b"s" * 16
    partition: bytes = b"p" * 16
    sequence: int = 1
    time: str = "2026-03-08T01:30:00-05:00"
    recorded: int = 1_772_951_400_123_456
    mapping: str = "ab" * 8
    status: str = "Actual"
    expires: str = ""
    extra: dict[str, Any] | None = None
    data: bytes = field(default_factory=lambda: orjson.dumps(RECORD))


def read(folder: Path, text: str, name: str = "") -> agreement.Agreement:
    stem = name or text.split("\n", 1)[0].removeprefix("agreement: ")
    path = folder / f"{stem}.yaml"
    path.write_text(text)
    return agreement.load(path)


def project(folder: Path, text: str, kept: Kept) -> Any:
    return agreement.compile(read(folder, text), KEYS).project(kept)


def body(projected: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(projected.body)
    return parsed


@pytest.mark.parametrize(
    "pattern, topic, expected",
    [
        ("police.#", "police.a.incident.created.v1", True),
        ("#", "police.a.incident.created.v1", True),
        ("police.*.incident.#", "police.a.incident.created.v1", True),
        ("police.*.incident.#", "police.a.incident", True),
        ("police.*.incident.#", "police.incident", False),
        ("police.*", "police.a.b", False),
        ("police.*.*.removed.*", "police.a.unit.removed.v1", True),
        ("#.removed.#", "police.a.unit.removed.v1", True),
        ("police.a.incident.created.v1", "police.b.incident.created.v1", False),
    ],
)
def test_a_pattern_means_what_it_means_to_the_broker(pattern: str, topic: str, expected: bool) -> None:
    assert agreement.matches(pattern, topic) is expected
    assert agreement.matcher([pattern])(topic) is expected


def test_an_agreement_is_read_with_its_destinations_and_dates(tmp_path: Path) -> None:
    light = read(tmp_path, LIGHT)
    assert (light.name, light.recipient, light.law_enforcement) == ("light", "Sample City Lighting", False)
    assert light.destinations[0].limits.length == 1000
    assert light.fields == {"incident": ("locations.category", "locations.geo", "types")}
    assert agreement.exchange(light.name, "lamps") == "copperline.light.lamps"


def test_it_is_in_force_from_its_first_day_to_the_end_of_its_last(tmp_path: Path) -> None:
    light = read(tmp_path, LIGHT)
    assert not light.in_force(datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    assert light.in_force(datetime(2026, 1, 1, tzinfo=UTC))
    assert light.in_force(datetime(2027, 12, 31, 23, 59, tzinfo=UTC))
    assert not light.in_force(datetime(2028, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "old, new, place, said",
    [
        ("types: plain", "tpyes: plain", "light.yaml:14", "did you mean types"),
        ("types: plain", "types: shuffled", "light.yaml:14", "known: plain, absent"),
        ("types: plain", "types: floor hour", "light.yaml:14", "it is not a time"),
        ("types: plain", "types: token", "light.yaml:14", "it is not a text"),
        ("locations.geo: plain", "locations.geo: snap nowhere", "light.yaml:14", "agreements/points/nowhere.csv"),
        ("types: plain", "types: plain, narrative: plain", "light.yaml:14", "stays within law enforcement: it is free-text"),
        ("types: plain", "types: plain, persons: plain", "light.yaml:14", "persons.race in it is special"),
        ("types: plain", "types: plain, notes.at: plain", "light.yaml:14", "notes around it is free-text"),
        ("title: Street", "tilte: Street", "light.yaml:2", "did you mean title"),
        ("authority:", "autority:", "light.yaml:8", "did you mean authority"),
        ("impact_assessment: Assessment 1\n", "", "light.yaml:1", "is missing"),
        ("legal_basis: Sample Act 4\n", "", "light.yaml:1", "is missing"),
        ("to: 2027-12-31", "to: soon", "light.yaml:10", "is a day"),
        ("to: 2027-12-31", "to: 2025-12-31", "light.yaml:10", "before the first day"),
        ("retention_days: 7", "retention_days: 40000", "light.yaml:11", "a hundred years"),
        ('["police.*.incident.#"]', '["police.*.incidnt.#"]', "light.yaml:12", "no topic"),
        ('["police.*.incident.#"]', '["police.#"]', "light.yaml:12", "ask for unit"),
        ("fields:", "includes: [chidl]\nfields:", "light.yaml:13", "did you mean child"),
        ("fields:", "select: {incident: {tpyes: [X]}}\nfields:", "light.yaml:13", "no field of incident"),
        ("fields:", "select: {incident: {types.common.code: []}}\nfields:", "light.yaml:13", "is a list of values"),
        ("via: bus", "via: post", "light.yaml:16", "bus, log, mailbox or sink"),
        ("types: plain,", "types.internal.text: plain,", "light.yaml:14", "types.internal.code too"),
        ("agreement: light", "agreement: other", "light.yaml:1", "must be the same"),
    ],
)
def test_a_mistake_is_refused_with_file_line_and_field(
    tmp_path: Path, old: str, new: str, place: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, LIGHT.replace(old, new), name="light")
    assert any(problem.where == place and said in problem.rule for problem in refused.value.problems), refused.value


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(LIGHT.replace("agreement: light", "agreement: a").replace("types:", "x:"))
    (tmp_path / "b.yaml").write_text("agreement: b\n")
    with pytest.raises(Refused) as refused:
        agreement.load_all(tmp_path)
    places = {problem.where.split(":")[0] for problem in refused.value.problems}
    assert places == {"a.yaml", "b.yaml"}


def test_all_fields_leave_as_the_records_own_bytes(tmp_path: Path) -> None:
    kept = Kept()
    projected = project(tmp_path, INTERNAL, kept)
    assert kept.data in projected.body
    assert projected.fields == agreement.ALL


def test_only_named_fields_are_put_into_a_new_object(tmp_path: Path) -> None:
    text = LIGHT.replace("valid:", "law_enforcement: true\nvalid:")
    projected = project(tmp_path, text, Kept())
    assert body(projected)["data"] == {
        "types": RECORD["types"],
        "locations": [{"geo": {"lat": 44.26, "lon": -72.57}, "category": {"common": {"code": "unmapped"}}}],
    }
    assert b"sample" not in projected.body.lower()
    assert projected.fields == ("locations.category", "locations.geo", "types")


def test_absent_cuts_a_part_out_of_what_is_named_whole(tmp_path: Path) -> None:
    text = INCLUDING.replace("locations.geo: plain, locations.category: plain", "locations: plain, locations.text: absent")
    data = body(project(tmp_path, text, Kept()))["data"]
    assert data["locations"] == [{"geo": {"lat": 44.26, "lon": -72.57}}]


def test_what_nobody_has_classified_stays_here_outside_law_enforcement(tmp_path: Path) -> None:
    withheld = project(tmp_path, LIGHT, Kept())
    assert isinstance(withheld, Withheld)
    assert withheld.code.id == "agreement.excluded"
    data = body(project(tmp_path, INCLUDING, Kept()))["data"]
    assert data == {"types": [RECORD["types"][0]], "locations": [{"geo": {"lat": 44.26, "lon": -72.57}}]}


def test_nothing_leaves_that_was_not_asked_for_or_has_nothing_to_say(tmp_path: Path) -> None:
    unit = project(tmp_path, LIGHT, Kept(topic="police.vt0040100.unit.created.v1"))
    empty = project(tmp_path, LIGHT, Kept(data=orjson.dumps({"narrative": "text"})))
    broken = project(tmp_path, INTERNAL, Kept(data=b""))
    codes = [each.code.id for each in (unit, empty, broken) if isinstance(each, Withheld)]
    assert codes == ["agreement.not-asked", "agreement.no-field", "agreement.unreadable"]


def test_a_first_snapshot_goes_only_where_it_was_asked_for(tmp_path: Path) -> None:
    kept = Kept(extra={"backfill": True})
    withheld = project(tmp_path, INTERNAL, kept)
    assert isinstance(withheld, Withheld)
    sent = project(tmp_path, INTERNAL.replace("start: now", "backfill: true"), kept)
    assert body(sent)["backfill"] is True


def test_two_consumers_cannot_join_what_each_was_given_apart(tmp_path: Path) -> None:
    kept = Kept(extra={"causationid": "0c" * 16, "replayof": kept_id()})
    one, two = body(project(tmp_path, INTERNAL, kept)), body(project(tmp_path, INCLUDING, kept))
    for name in ("id", "subject", "partitionkey", "causationid", "replayof"):
        assert len(one[name]) == len(two[name]) == 32
        assert one[name] != two[name]
    assert one["replayof"] == one["id"]


def kept_id() -> str:
    return Kept().event.hex()


def test_tokens_are_hmac_sha_256_under_the_agreements_own_key(tmp_path: Path) -> None:
    key = KEYS.derive("agreement:internal")
    said = body(project(tmp_path, INTERNAL, Kept()))
    assert said["id"] == hmac.digest(key, b"e" * 16, "sha256").hex()[:32]
    assert said["subject"] == hmac.digest(key, b"s" * 16, "sha256").hex()[:32]
    assert said["partitionkey"] == hmac.digest(key, b"p" * 16, "sha256").hex()[:32]


def test_a_removal_says_what_is_gone_and_nothing_more(tmp_path: Path) -> None:
    kept = Kept(
        topic="police.vt0040100.incident.removed.v1",
        data=orjson.dumps({"entity": "incident", "reason": "source", "removedAt": {"at": "2026-01-01T00:00:00Z"}}),
    )
    projected = project(tmp_path, LIGHT, kept)
    assert body(projected)["data"] == {"entity": "incident", "reason": "source"}
    assert body(projected)["dataschema"] == "urn:copperline:contract:removed:v1"
    jsonschema_rs.validator_for(schema.published("removed")).validate(body(projected)["data"])


def test_every_envelope_is_what_the_contract_publishes(tmp_path: Path) -> None:
    published = jsonschema_rs.validator_for(schema.published("envelope"), validate_formats=True)
    rare = Kept(expires="2026-04-01T00:00:00Z", extra={"causationid": "0c" * 16, "backfill": True})
    texts = (INTERNAL.replace("start: now", "backfill: true"), INCLUDING.replace("fields:", "backfill: true\nfields:"))
    for text in texts:
        for kept in (Kept(), rare, replace(Kept(), time="")):
            projected = project(tmp_path, text, kept)
            published.validate(body(projected))
            said = body(projected)
            data = said.pop("data")
            jsonschema_rs.validator_for(schema.published("incident")).validate(data)
            mirrored = {name.removeprefix("cloudEvents_"): value for name, value in projected.headers.items()}
            assert mirrored == {name: "true" if value is True else value for name, value in said.items()}


def test_a_field_name_cannot_break_out_of_the_generated_function() -> None:
    from gateway.agreement import fields

    project = fields.compile(['a"]; raise SystemExit #', "b.c"])
    assert project({'a"]; raise SystemExit #': 1, "b": [[{"c": 2, "d": 3}], 7]}) == {
        'a"]; raise SystemExit #': 1,
        "b": [[{"c": 2}]],
    }


def test_the_same_kept_event_gives_the_same_bytes_again(tmp_path: Path) -> None:
    kept = Kept(event=os.urandom(16))
    assert project(tmp_path, INTERNAL, kept).body == project(tmp_path, INTERNAL, kept).body


def test_the_schema_for_editors_is_the_one_that_is_committed_and_takes_what_load_takes(tmp_path: Path) -> None:
    committed = (Path(__file__).parents[2] / "docs" / "agreement.schema.json").read_bytes()
    assert committed == editor.text(), "python -m gateway.agreement.editor > docs/agreement.schema.json"
    validator = jsonschema_rs.validator_for(orjson.loads(committed))
    for text in (INTERNAL, LIGHT, INCLUDING):
        (tmp_path / "one.yaml").write_text(text)
        validator.validate(yamlfile.load(tmp_path / "one.yaml").data)
    (tmp_path / "one.yaml").write_text(LIGHT.replace("types: plain", "tpyes: plain"))
    assert not validator.is_valid(yamlfile.load(tmp_path / "one.yaml").data)
