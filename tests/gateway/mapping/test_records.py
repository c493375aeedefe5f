"""None, one or several canonical records of one raw one, and what stands beside them."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import Reject

SEVERAL = """
kind: call
optional: true
records:
  - entity: thing
    part: {value: call}
    fields: {id: ID}
  - each: UNITS
    when: {present: U}
    entity: incident
    part: U
    subject: ^ID
    agency: ^ORI
    time: {from: AT, as: time}
    status: {from: ^STATUS, as: {choose: {T: Test}}, default: T}
    expires: {from: AT, as: time}
    fields: {id: U}
"""


def test_one_raw_record_makes_several(compiled):
    mapping = compiled(SEVERAL)
    made = mapping.translate(
        {"ID": "7", "ORI": "ZZ01", "UNITS": [{"U": "a", "AT": "2026-01-01T00:00:00"}, {"U": ""}, {"U": "b"}]}
    )
    assert [(one.entity, one.part, one.subject, one.agency) for one in made] == [
        ("thing", "call", "", None), ("incident", "a", "7", "ZZ01"), ("incident", "b", "7", "ZZ01"),
    ]  # fmt: skip
    assert made[1].time == made[1].expires == "2026-01-01T00:00:00-06:00"
    assert made[1].status == "Test"
    assert mapping.entities == ("thing", "incident")


def test_two_records_with_one_part_are_a_problem(compiled):
    with pytest.raises(Reject) as caught:
        compiled(SEVERAL).translate({"ID": "7", "UNITS": [{"U": "a"}, {"U": "a"}]})
    assert caught.value.problems[0].code.id == "mapping.part"


def test_several_records_need_parts(refusals):
    text = "kind: c\nrecords:\n  - {entity: thing, fields: {id: A}}\n  - {entity: thing, fields: {id: B}}\n"
    assert refusals(text) == [
        ("mapping.target", "part", "mappings/call.yaml:3"), ("mapping.target", "part", "mappings/call.yaml:4"),
    ]  # fmt: skip


def test_a_record_may_make_no_event(compiled):
    mapping = compiled("kind: zero\nemit: none\nbecause: Nothing happened.\n")
    assert mapping.translate({"A": "1"}) == []
    assert mapping.drafts({"A": "1"}) == []
    assert mapping.coverage({"A": "1"}).neither == ()


def test_a_condition_on_the_record(compiled):
    mapping = compiled("kind: c\nentity: thing\nwhen: {field: L, is: A}\nfields: {id: ID}\n")
    assert mapping.translate({"ID": "1", "L": "B"}) == []
    assert len(mapping.translate({"ID": "1", "L": "A"})) == 1


TIMED = "kind: c\nentity: thing\ntime: {from: AT, as: time%s}\nfields: {id: ID, at: {from: AT, as: time%s}}\n"


def test_a_field_that_is_made_as_the_time_is_has_the_same_and_is_converted_once(compiled):
    mapping = compiled(TIMED % ("", ""))
    (one,) = mapping.translate({"ID": "1", "AT": " 2026-01-01T00:00:00 "})
    assert one.time == one.data["at"]["at"] == "2026-01-01T00:00:00-06:00"
    assert "timed is not None" in mapping.source


def test_what_is_wrong_with_a_time_is_said_of_the_field_too(compiled, problems):
    assert [(code, path) for code, path, _ in problems(TIMED % ("", ""), ID="1", AT="noon")] == [
        ("mapping.unreadable", "time"), ("mapping.unreadable", "at"),
    ]  # fmt: skip
    assert [(code, path) for code, path, _ in problems(TIMED % ("", ""), ID="1")] == [("mapping.missing", "time"), ("mapping.missing", "at")]


def test_a_default_of_the_time_is_not_the_field_s(compiled):
    mapping = compiled(TIMED % (', default: "2026-01-01T00:00:00Z"', ", optional: true"))
    (one,) = mapping.translate({"ID": "1"})
    assert one.time == "2026-01-01T00:00:00Z"
    assert "at" not in one.data


def test_a_time_of_an_item_is_not_the_record_s(compiled):
    text = """
kind: c
optional: true
entity: thing
time: {from: AT, as: time}
fields:
  id: ID
  items: [{each: ROWS, fields: {geo: {from: AT, as: time}}}]
"""
    (one,) = compiled(text).translate({"ID": "1", "AT": "2026-01-01T00:00:00", "ROWS": [{"AT": "2027-01-01T00:00:00"}]})
    assert one.data["items"][0]["geo"]["at"] == "2027-01-01T00:00:00-06:00"


def test_a_status_is_one_of_three(problems):
    text = "kind: c\nentity: thing\nstatus: S\nfields: {id: ID}\n"
    assert problems(text, S="live") == [("mapping.status", "status", "mappings/call.yaml:3, field S")]


def test_subject_and_agency_are_text(compiled):
    text = 'kind: c\nentity: thing\nsubject: {from: [ORI, NO], as: {join: ["/"]}}\nagency: ORI\nfields: {id: ID}\n'
    (one,) = compiled(text).translate({"ID": "1", "ORI": "ZZ1", "NO": 17})
    assert (one.subject, one.agency) == ("ZZ1/17", "ZZ1")


def test_drafts_are_valid_bytes(compiled):
    (draft,) = compiled("  note: N\n").drafts({"ID": "1", "N": "é"}, "key")
    assert orjson.loads(draft.data) == {"id": "1", "note": "é"}
    assert (draft.entity, draft.part, draft.agency, draft.time, draft.status) == ("thing", "", "", "", "Actual")


def test_what_breaks_the_contract_is_rejected_with_line_and_field_and_no_value(compiled):
    with pytest.raises(Reject) as caught:
        compiled("  note: N\n  count: C\n").drafts({"ID": "123456789x", "N": "n", "C": "seven"})
    said = str(caught.value)
    assert {(problem.path, problem.where) for problem in caught.value.problems} == {
        ("id", "mappings/call.yaml:5, field ID"), ("count", "mappings/call.yaml:7, field C"),
    }  # fmt: skip
    assert "123456789x" not in said
    assert "seven" not in said


def test_everything_wrong_with_a_record_is_said_at_once_and_no_value(compiled):
    text = (
        "  note: {from: N, optional: false}\n  count: {from: C, as: integer}\n  at: {from: T, as: time}\n"
        "  flag: {from: F, as: boolean}\n"
    )
    with pytest.raises(Reject) as caught:
        compiled(text).translate({"ID": "1", "C": "qqq1", "T": "2026-03-08T02:30:00", "F": "qqq2"})
    problems = caught.value.problems
    assert [(problem.code.id, problem.path, problem.where) for problem in problems] == [
        ("mapping.missing", "note", "mappings/call.yaml:6, field N"),
        ("mapping.unreadable", "count", "mappings/call.yaml:7, field C"),
        ("mapping.time-never-was", "at", "mappings/call.yaml:8, field T"),
        ("mapping.unreadable", "flag", "mappings/call.yaml:9, field F"),
    ]
    assert "qqq" not in str(caught.value)
    assert all(problem.rule or problem.code.meaning for problem in problems)
    assert all(problem.code.remedy for problem in problems)


def test_the_digest_tells_mapping_zone_and_codes_apart(compiled, folder):
    text = "  kind: {from: T, table: call-type}\n"
    first = compiled(text).digest
    assert len(first) == 16
    assert compiled(text).digest == first
    assert compiled(text, zone="UTC").digest != first
    assert compiled(text + "  note: N\n").digest != first
    with (folder / "codes" / "call-type.csv").open("a", encoding="utf-8") as file:
        file.write("78,Fire,EIDO,,cad.type,,,\n")
    assert compiled(text).digest != first


def test_coverage_tells_used_from_ignored_from_neither(compiled):
    text = "kind: c\nentity: thing\noptional: true\nfields:\n  id: ID\n  items: {each: L, fields: {word: W}}\nignored: [ROW*, L.X]\n"
    covered = compiled(text).coverage({"ID": "1", "ROWGUID": "", "NEW": "", "L": [{"W": "", "X": ""}, {"Y": ""}], "M": {"Z": 1}})
    assert covered.used == ("ID", "L.W")
    assert covered.ignored == ("ROWGUID", "L.X")
    assert covered.neither == ("NEW", "L.Y", "M.Z")


def test_a_preview_shows_target_source_and_problem(compiled):
    mapping = compiled("  note: N\n  count: {from: C, as: integer}\n")
    shown = mapping.preview({"ID": "1", "N": "x", "C": "y"})
    assert [(line.target, line.source, line.value) for line in shown if not line.problem] == [
        ("id", "ID", "1"), ("note", "N", "x"),
    ]  # fmt: skip
    assert [(line.target, line.source) for line in shown if line.problem] == [("count", "C")]


def test_the_generated_function_can_be_read(compiled):
    assert "# line 6: 'note'" in compiled("  note: N\n").source


def test_no_name_in_a_mapping_becomes_code(compiled):
    name = """a\\n    raise SystemExit # ' \\" {1/0} \\\\"""
    text = f'to: "{name}"\nentity: "{name}"\noptional: true\nfields:\n  "{name}": {{from: "{name}", as: [first], when: {{present: "{name}"}}}}\n'
    mapping = compiled(text)
    source = name.encode().decode("unicode_escape")
    (one,) = mapping.translate({source: "x"})
    assert one.data == {source: "x"}


def test_what_goes_to_a_system_stands_in_the_order_of_the_mapping(compiled):
    """A constant and a default are known last; XML has an order all the same."""
    text = (
        "to: CALL\nentity: incident\noptional: true\nfields:\n"
        "  HEAD:\n    fields:\n      A: {value: constant}\n      B: note\n      C.D: {value: inner}\n      E: {from: count, default: 0}\n"
        "      F: id\n      G: [{value: one}]\n      H: id\n"
        "  TAIL:\n    each: items\n    fields: {A: word, B: {value: x}, C: id}\n"
    )
    (made,) = compiled(text).translate({"id": "1", "note": "n", "items": [{"id": "2", "word": "w"}]}, key="K")
    assert list(made.data["HEAD"].items()) == [
        ("A", "constant"), ("B", "n"), ("C", {"D": "inner"}), ("E", 0), ("F", "1"), ("G", ["one"]), ("H", "1"),
    ]  # fmt: skip
    assert [list(item) for item in made.data["TAIL"]] == [["A", "B", "C"]]
    (bare,) = compiled(text).translate({"items": [{"id": " "}]}, key="K")
    assert bare.data == {}
