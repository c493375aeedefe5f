"""What an agreement makes of a record: treatments, selection, and what stays within law enforcement."""

from __future__ import annotations

import hmac
import random
from dataclasses import replace
from math import cos, radians
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway import agreement
from gateway.agreement import Withheld, points, sensitive, treatment
from gateway.errors import Refused
from tests.gateway.test_agreement import KEYS, LIGHT, Kept, body, project, read

FIELDS = "types: plain, locations.geo: plain, locations.category: plain"
CLASSIFIED = {"common": {"code": "MVA", "scheme": "APCO.2.103"}, "internal": {"code": "20"}}


def kept(**fields: Any) -> Kept:
    return Kept(data=orjson.dumps({"incidentId": "26-000123", "types": [CLASSIFIED], **fields}))


def treated(folder: Path, fields: str, record: Kept, more: str = "") -> dict[str, Any]:
    return body(project(folder, LIGHT.replace(FIELDS, fields).replace("fields:", more + "fields:"), record))


def withheld(folder: Path, record: Kept, more: str = "") -> str:
    found = project(folder, LIGHT.replace("fields:", more + "fields:"), record)
    return found.code.id if isinstance(found, Withheld) else ""


def test_a_token_is_hmac_under_a_key_of_agreement_purpose_and_epoch(tmp_path: Path) -> None:
    data = treated(tmp_path, "incidentId: token", kept())["data"]
    key = KEYS.derive("token\x00light\x00Light where officers work\x002026")
    assert data == {"incidentId": hmac.digest(key, b"26-000123", "sha256").hex()[:32]}


def test_a_token_differs_by_purpose_and_by_epoch_and_is_otherwise_the_same(tmp_path: Path) -> None:
    first = treated(tmp_path, "incidentId: token", kept())["data"]
    assert treated(tmp_path, "incidentId: token", kept(priority={"common": {"code": "1"}}))["data"] == first
    next_year = replace(kept(), recorded=kept().recorded + 365 * 86_400_000_000)
    assert treated(tmp_path, "incidentId: token", next_year)["data"] != first
    assert treated(tmp_path, "incidentId: token", next_year, "epoch: never\n")["data"] == treated(
        tmp_path, "incidentId: token", kept(), "epoch: never\n"
    )["data"]
    other = LIGHT.replace(FIELDS, "incidentId: token").replace("purpose: Light", "purpose: More light")
    assert body(project(tmp_path, other, kept()))["data"] != first


def test_a_time_is_floored_by_its_own_clock_and_so_is_the_envelope(tmp_path: Path) -> None:
    at = {"at": "2026-03-08T01:47:33-05:00", "text": "08/03/2026 01:47:33", "zone": "America/New_York"}
    said = treated(tmp_path, "types: plain, reportedAt: floor hour", kept(reportedAt=at))
    assert said["data"]["reportedAt"] == {"at": "2026-03-08T01:00:00-05:00", "precision": "hour"}
    assert said["time"] == "2026-03-08T01:00:00-05:00"
    assert said["recordedtime"].endswith(":00:00.000000Z")
    assert "47" not in orjson.dumps(said["data"]).decode()


def test_the_message_around_a_floored_time_says_no_finer_one(tmp_path: Path) -> None:
    sent = project(tmp_path, LIGHT.replace(FIELDS, "types: plain, reportedAt: floor day"), kept())
    assert sent.recorded_us % 86_400_000_000 == 0


def test_a_position_moves_to_the_nearest_of_the_points_and_nothing_else_of_it_leaves(tmp_path: Path) -> None:
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / "corners.csv").write_text("name,lat,lon\nEast,44.26,-72.50\nWest,44.26,-72.60\n")
    places = [{"geo": {"lat": 44.2601, "lon": -72.5699, "text": "12 Sample St", "accuracyM": 3.0}}, {"geo": {"text": "?"}}]
    data = treated(tmp_path, "locations.geo: snap corners", kept(locations=places))["data"]
    assert data == {"locations": [{"geo": {"lat": 44.26, "lon": -72.60}}]}


def test_other_map_points_are_another_wording(tmp_path: Path) -> None:
    (tmp_path / "points").mkdir()
    text = LIGHT.replace("locations.geo: plain", "locations.geo: snap corners")
    digests = set()
    for row in ("44.26,-72.50", "44.26,-72.51"):
        (tmp_path / "points" / "corners.csv").write_text(f"lat,lon\n{row}\n")
        digests.add(read(tmp_path, text).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("rows", ["lat,long\n1,2\n", "lat,lon\n", "lat,lon\nnorth,2\n", "lat,lon\n91,2\n", "lat,lon\n1\n"])
def test_map_points_that_cannot_be_used_are_refused(tmp_path: Path, rows: str) -> None:
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / "corners.csv").write_text(rows)
    with pytest.raises(Refused, match=r"points/corners\.csv"):
        read(tmp_path, LIGHT.replace("locations.geo: plain", "locations.geo: snap corners"))


def test_the_nearest_point_is_the_one_that_looking_at_all_of_them_finds() -> None:
    random_ = random.Random(7)
    some = [(random_.uniform(-80, 80), random_.uniform(-180, 180)) for _ in range(200)]
    nearest = points.Nearest(some)
    for _ in range(2000):
        lat, lon = random_.uniform(-80, 80), random_.uniform(-180, 180)

        def far(point: tuple[float, float], lat: float = lat, lon: float = lon) -> float:
            apart = abs(point[1] - lon)
            return (point[0] - lat) ** 2 + (min(apart, 360 - apart) * cos(radians(lat))) ** 2

        assert nearest(lat, lon) == min(some, key=lambda point: (far(point), point))


def test_what_cannot_be_treated_does_not_leave() -> None:
    token = treatment.Token(lambda _epoch: lambda _value: "x", "never")
    token.at(0)
    assert [token(value) for value in (None, "", True, [], {})] == [None, None, "x", None, None]
    floor = treatment.each(treatment.floor("hour"))
    assert [floor(value) for value in ("text", {}, {"at": "noon"}, {"at": "2026-01-01T00:00:00"}, [{"at": 3}])] == [None] * 5


def test_only_the_selected_records_leave(tmp_path: Path) -> None:
    collisions = "select: {incident: {types.common.code: [MVA, MVAINJY]}}\n"
    assert withheld(tmp_path, kept(), collisions) == ""
    other = kept(types=[{"common": {"code": "BURGLARY"}}])
    assert withheld(tmp_path, other, collisions) == "agreement.not-selected"
    assert withheld(tmp_path, kept(types=None), collisions) == "agreement.not-selected"


def test_what_is_left_out_stays_here_and_every_condition_of_a_selection_must_hold(tmp_path: Path) -> None:
    more = "select: {incident: {types.common.code: [MVA], locations.district: [3]}}\nleave_out: {incident: {persons.roles.common.code: Witness}}\n"
    here = [{"district": "3"}]
    assert withheld(tmp_path, kept(locations=here), more) == ""
    assert withheld(tmp_path, kept(locations=[{"district": "4"}]), more) == "agreement.not-selected"
    witness = [{"roles": [{"common": {"code": "Witness"}}], "age": {"value": 40}}]
    assert withheld(tmp_path, kept(locations=here, persons=witness), more) == "agreement.not-selected"


SENSITIVE = [
    ("sexual-offence", {"offences": [{"code": {"common": {"code": "11A", "scheme": "UCR"}}}]}),
    ("sexual-offence", {"types": [{"internal": {"code": "43", "text": "Simple rape"}, "common": {"code": "OTHER"}}]}),
    ("sexual-offence", {"arrests": [{"offence": {"common": {"code": "36B"}}}]}),
    ("domestic-violence", {"initialTypes": [{"common": {"code": "DVA"}}]}),
    ("domestic-violence", {"persons": [{"circumstances": [{"common": {"code": "06"}}]}]}),
    ("domestic-violence", {"persons": [{"relationships": [{"kind": {"common": {"code": "Family Member_Spouse"}}}]}]}),
    ("child", {"persons": [{"age": {"value": 17}}]}),
    ("child", {"persons": [{"age": {"low": 16, "high": 20}}]}),
    ("child", {"persons": [{"age": {"word": "BABY"}}]}),
    ("child", {"persons": [{"dateOfBirth": "2010-06-02"}], "occurredStart": {"at": "2028-06-01T23:00:00Z"}}),
    ("child", {"persons": [{"dateOfBirth": "2001-01-01"}]}),
    ("child", {"handling": {"juvenile": True}}),
    ("child", {"arrests": [{"under18": {"common": {"code": "H"}}}]}),
    ("covert", {"handling": {"caveats": ["Covert operation"]}}),
    ("restricted", {"handling": {"caveats": ["Not for release"]}}),
    ("unclassified", {"types": [{"internal": {"code": "99"}, "common": {"code": "unmapped"}}]}),
]


@pytest.mark.parametrize("category, fields", SENSITIVE)
def test_a_sensitive_record_stays_within_law_enforcement_unless_the_category_is_named(
    tmp_path: Path, category: str, fields: dict[str, Any]
) -> None:
    record = kept(**fields)
    assert sensitive.found(orjson.loads(record.data)) == category
    assert withheld(tmp_path, record) == "agreement.excluded"
    others = ", ".join(one for one in sensitive.CATEGORIES if one != category)
    assert withheld(tmp_path, record, f"includes: [{others}]\n") == "agreement.excluded"
    assert withheld(tmp_path, record, f"includes: [{category}]\n") in ("", "agreement.no-field")
    assert withheld(tmp_path, record, "law_enforcement: true\n") in ("", "agreement.no-field")


def test_a_grown_person_and_a_plain_call_are_not_sensitive() -> None:
    grown = {"persons": [{"dateOfBirth": "2010-06-01", "age": {"value": 18}}], "reportedAt": {"at": "2028-06-01T00:00:00Z"}}
    assert not sensitive.found({"types": [{"internal": {"code": "21", "text": "Complaint, other"}, "common": {"code": "unmapped"}}]})
    assert not sensitive.found({"types": [{"internal": {"code": "21"}, "common": {"code": "OTHER"}}, {}]})
    assert sensitive.found({"types": [{"internal": {"code": "21"}}]}) == "unclassified"
    assert sensitive.found(grown | {"types": [CLASSIFIED], "handling": {"juvenile": False, "caveats": []}}) == ""


def test_what_nobody_has_classified_does_not_leave_as_a_token_or_by_its_other_half(tmp_path: Path) -> None:
    odd = [{"internal": {"code": "ODD9"}, "common": {"code": "unmapped"}}, CLASSIFIED]
    for fields in ("types.internal.code: plain", "types.common.code: token"):
        sent = project(tmp_path, LIGHT.replace(FIELDS, fields).replace("fields:", "includes: unclassified\nfields:"), kept(types=odd))
        assert len(body(sent)["data"]["types"]) == 1
        assert b"ODD9" not in sent.body


def test_a_sealed_record_leaves_through_no_agreement(tmp_path: Path) -> None:
    for more in ("", "law_enforcement: true\n"):
        assert withheld(tmp_path, kept(handling={"sealed": True}), more) == "agreement.sealed"
        assert withheld(tmp_path, kept(handling={"sealed": False}), more) == ""


def test_a_withdrawal_says_what_is_taken_back_and_never_why(tmp_path: Path) -> None:
    projector = agreement.compile(read(tmp_path, LIGHT), KEYS)
    record = kept(handling={"sealed": True})
    given, back = body(projector.project(kept())), body(projector.withdrawal(record))
    assert back["type"] == "police.incident.withdrawn.v1"
    assert back["data"] == {"entity": "incident"}
    assert (back["subject"], back["partitionkey"]) == (given["subject"], given["partitionkey"])
    assert back["id"] != given["id"]
    assert back["dataschema"] == "urn:copperline:contract:removed:v1"


def test_who_asks_for_created_only_is_still_told_what_is_taken_back(tmp_path: Path) -> None:
    light = read(tmp_path, LIGHT.replace("police.*.incident.#", "police.vt0040100.incident.created.v1"))
    assert agreement.bound(light.topics) == (
        "police.vt0040100.incident.created.v1",
        "police.vt0040100.incident.withdrawn.v1",
        "police.vt0040100.incident.removed.v1",
    )
    assert agreement.bound(["police.*.incident.#"]) == ("police.*.incident.#",)
    projector = agreement.compile(light, KEYS)
    assert projector.concerns("police.vt0040100.incident.updated.v1")
    assert not projector.concerns("police.vt0040100.unit.created.v1")
    assert not projector.concerns("police.other.incident.created.v1")
    updated = replace(kept(), topic="police.vt0040100.incident.updated.v1")
    assert projector.project(updated) == Withheld(agreement.codes.NOT_ASKED)
