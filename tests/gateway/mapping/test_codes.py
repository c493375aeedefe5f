"""Code lists: both sides kept, what nobody has classified passes and is counted."""

from __future__ import annotations

import pytest

from gateway.errors import Refused
from gateway.mapping import codes

KIND = "  kind: {from: T, table: call-type}\n"


def test_both_codes_stand_side_by_side(made):
    assert made(KIND, T="62A")["kind"] == {
        "internal": {"code": "62A", "scheme": "cad.type", "text": "BURGLAR ALARM"},
        "common": {"code": "Alarm", "scheme": "EIDO"},
    }


def test_a_second_source_gives_the_words(made):
    text = "  kind: {from: [T, W], table: call-type}\n"
    assert made(text, T="62A", W="BURG ALM")["kind"]["internal"]["text"] == "BURG ALM"
    assert made(text, T="62A", W=" ")["kind"]["internal"]["text"] == "BURGLAR ALARM"
    assert made(text, W="BURG ALM") == {"id": "1"}


def test_an_unknown_code_passes_and_is_counted(compiled):
    mapping = compiled(KIND)
    for code in ("77", "77", "99", "62A"):
        (one,) = mapping.translate({"ID": "1", "T": code})
    (odd,) = mapping.translate({"ID": "1", "T": "77"})
    assert odd.data["kind"] == {
        "internal": {"code": "77", "scheme": "cad.type"}, "common": {"code": "unmapped", "scheme": "EIDO"},
    }  # fmt: skip
    assert one.data["kind"]["common"]["code"] == "Alarm"
    assert mapping.take_unmapped() == {("call-type", "77"): 3, ("call-type", "99"): 1}
    assert mapping.take_unmapped() == {}


def test_an_unknown_code_is_a_problem_where_the_mapping_says_so(problems):
    text = "  kind: {from: T, table: call-type, unknown: reject}\n"
    assert problems(text, T="77") == [("mapping.code-unknown", "kind", "mappings/call.yaml:6, field T")]


def test_the_row_of_the_day_holds(compiled):
    text = "kind: c\nentity: thing\noptional: true\ntime: {from: AT, as: time}\nfields: {id: ID, kind: {from: A, table: area}}\n"
    mapping = compiled(text)

    def on(day):
        (one,) = mapping.translate({"ID": "1", "A": "1", "AT": day})
        return one.data["kind"]["common"]["code"]

    assert on("2025-12-31T23:59:59") == "North"
    assert on("2026-01-01T00:00:00") == "NorthEast"
    assert on("") == "NorthEast"


def test_a_sites_own_list_stands_before_ours(compiled, folder):
    own = folder / "own"
    own.mkdir()
    (own / "call-type.csv").write_text("internal,common,scheme\n62A,Bells,Ours\n", encoding="utf-8")
    mapping = compiled(KIND, codes=[own, folder / "codes"])
    (one,) = mapping.translate({"ID": "1", "T": "62A"})
    assert one.data["kind"]["common"] == {"code": "Bells", "scheme": "Ours"}


@pytest.mark.parametrize(
    "text, line, rule",
    [
        ("internal,common\n1,2\n", 1, "scheme is missing"),
        ("internal,common,scheme,color\n", 1, "color is not known"),
        ("internal,common,scheme\n1,2\n", 2, "fewer cells"),
        ("internal,common,scheme\n,2,S\n", 2, "blank"),
        ("internal,common,scheme,from\n1,2,S,1.1.2026\n", 2, "days"),
        ("internal,common,scheme,write\n1,2,S,x\n", 2, "yes or blank"),
        ("internal,common,scheme\n1,2,S\n1,3,S\n", 3, "line 2"),
        ("internal,common,scheme,write\n1,2,S,yes\n3,2,S,yes\n", 3, "line 2"),
    ],
)
def test_a_list_that_cannot_be_used_names_the_line(tmp_path, text, line, rule):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        codes.load(path)
    assert caught.value.problems[0].where == f"x.csv:{line}"
    assert rule in caught.value.problems[0].rule


@pytest.mark.parametrize("name", ["../secret", "a/b", "", ".hidden"])
def test_the_name_of_a_list_leads_nowhere_else(tmp_path, name):
    assert codes.find(name, [tmp_path]) is None


SINK = "to: CALL\nentity: incident\noptional: true\nsubject: id\nfields:\n  TYPE: {from: kind, table: call-type}\n"


def test_the_other_way_a_sinks_own_code_goes_back_as_it_is(compiled):
    (one,) = compiled(SINK).translate({"id": "1", "kind": {"internal": {"code": "62A", "scheme": "cad.type"}}})
    assert (one.data, one.subject) == ({"TYPE": "62A"}, "1")


def test_the_other_way_the_row_to_write_is_taken(compiled):
    (one,) = compiled(SINK).translate({"kind": {"common": {"code": "Alarm"}}})
    assert one.data == {"TYPE": "62R"}
    (one,) = compiled(SINK).translate({"kind": {"common": {"code": "Collision"}}})
    assert one.data == {"TYPE": "20"}


def test_the_other_way_a_code_without_a_row_is_a_problem(problems):
    assert problems(SINK, kind={"common": {"code": "unmapped"}}) == [
        ("mapping.code-unknown", "TYPE", "mappings/call.yaml:6, field kind")
    ]
