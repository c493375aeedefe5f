"""What one sentence can say, and what becomes of blanks."""

from __future__ import annotations

import pytest


def test_text_is_stripped_and_blank_is_absent(made):
    assert made("  note: NOTE\n", NOTE="  hi ") == {"id": "1", "note": "hi"}
    assert made("  note: NOTE\n", NOTE="   ") == {"id": "1"}
    assert made("  note: NOTE\n") == {"id": "1"}
    assert made("  note: NOTE\n", NOTE=None) == {"id": "1"}


def test_zero_and_false_are_not_blank(made):
    assert made("  count: N\n  flag: F\n", N=0, F=False) == {"id": "1", "count": 0, "flag": False}


def test_a_dot_leads_inward_and_one_that_belongs_to_the_name_is_escaped(made):
    assert made("  note: caller.name\n", caller={"name": "x"})["note"] == "x"
    assert made("  note: names.1\n", names=["a", "b"])["note"] == "b"
    assert made('  note: "a\\\\.b"\n', **{"a.b": "x"})["note"] == "x"
    assert made("  one.word: W\n  one.seq: {value: 3}\n", W="x")["one"] == {"word": "x", "seq": 3}


def test_a_path_that_ends_early_is_blank(made):
    assert made("  note: caller.name\n", caller="x") == {"id": "1"}
    assert made("  note: names.7\n", names=["a"]) == {"id": "1"}


def test_conversions_are_done_in_order_until_one_says_that_there_is_nothing(made):
    text = "  count: {from: N, as: [strip-prefix P, sentinel 999, integer]}\n"
    assert made(text, N="P17")["count"] == 17
    assert made(text, N="P999") == {"id": "1"}


def test_several_sources_go_to_one_conversion(made):
    text = '  note: {from: [A, B, C], as: {join: ["/"]}}\n'
    assert made(text, A="x", B="", C="z")["note"] == "x/z"
    assert made(text, A=" ") == {"id": "1"}


def test_a_default_is_written_as_the_source_would_write_it(made):
    text = "  flag: {from: F, as: boolean, default: N}\n  kind: {from: T, table: call-type, default: 62A}\n"
    data = made(text)
    assert data["flag"] is False
    assert data["kind"]["common"]["code"] == "Alarm"
    assert made(text, F="Y")["flag"] is True


def test_a_constant_goes_through_its_conversion(made):
    data = made("  kind: {value: Victim, as: {common: EIDO Role}}\n  kinds: [{value: 62A, table: call-type}]\n")
    assert data["kind"] == {"common": {"code": "Victim", "scheme": "EIDO Role"}}
    assert data["kinds"][0]["common"]["code"] == "Alarm"


def test_the_key_and_the_number_of_an_item(made):
    text = "  note: $key\n  items:\n    each: L\n    fields: {seq: $number, word: W}\n"
    data = made(text, L=[{"W": "a"}, {"W": "b"}])
    assert data["note"] == "K"
    assert [item["seq"] for item in data["items"]] == [1, 2]


@pytest.mark.parametrize(
    "when, fields, holds",
    [
        ("{present: A}", {"A": " x "}, True),
        ("{present: A}", {"A": " "}, False),
        ("{present: [A, B]}", {"A": "x"}, False),
        ("{absent: A}", {}, True),
        ("{field: A, is: 1}", {"A": " 1 "}, True),
        ("{field: A, is: 1}", {"A": 1}, True),
        ("{field: A, is: [1, 2]}", {"A": "2"}, True),
        ("{field: A, in: [1, 2]}", {"A": "3"}, False),
        ("{field: A, not: D}", {"A": "D"}, False),
        ("{field: A, not: D}", {}, True),
        ("{field: A, is: true}", {"A": True}, True),
        ("[{present: A}, {present: B}]", {"A": "x"}, False),
        ("{any: [{present: A}, {present: B}]}", {"A": "x"}, True),
        ("{any: [{present: A}, {present: B}]}", {}, False),
    ],
)
def test_conditions(made, when, fields, holds):
    assert ("note" in made(f"  note: {{value: yes, when: {when}}}\n", **fields)) is holds


def test_either_takes_the_first_that_gives_something(made):
    text = (
        "  note:\n    either:\n      - {from: A, when: {field: B, is: 1}}\n      - {from: C, as: upper}\n"
        "      - {value: none}\n"
    )
    assert made(text, A="a", B="1", C="c")["note"] == "a"
    assert made(text, A="a", C="c")["note"] == "C"
    assert made(text)["note"] == "none"


def test_one_row_of_a_history_is_picked(made):
    rows = [
        {"T": "D", "S": "20:01"}, {"T": "A", "S": "20:09"}, {"T": "A", "S": "20:07"}, {"T": "X", "S": ""},
    ]  # fmt: skip

    def pick(rest):
        return made(f"  note: {{pick: {{in: H, {rest}}}, from: S}}\n", H=rows).get("note")

    assert pick("where: T, is: A, take: first") == "20:09"
    assert pick("where: T, is: A, take: last") == "20:07"
    assert pick("where: T, is: A, take: first, by: S") == "20:07"
    assert pick("where: T, not: [D, X], take: first") == "20:09"
    assert pick("where: T, is: Q, take: first") is None
    assert pick("take: first") == "20:01"


def test_a_picked_row_sees_the_record_around_it(made):
    text = "  note: {pick: {in: H, where: N, is: 2}, from: [S, ^DAY], as: join}\n"
    assert made(text, H=[{"N": "2", "S": "x"}], DAY="monday")["note"] == "x monday"


def test_a_row_is_found_by_what_another_field_says(made):
    def note(**fields):
        return made("  note: {pick: {in: H, where: ID, same: ^WANTED}, from: S}\n", H=[{"S": "0"}, *rows], **fields).get("note")

    rows = [{"ID": "1", "S": "x"}, {"ID": " 2", "S": "y"}, {"ID": "2", "S": "z"}]
    assert note(WANTED="2 ") == "y"
    assert note(WANTED="3") is None
    assert note(WANTED=" ") is None
    assert note() is None


def test_one_row_leads_to_the_next(made):
    text = "  note: {pick: [{in: LINKS, where: FROM, same: ^ID}, {in: ^ROWS, where: ID, same: ^TO}], from: [S, ^TO, ^^ID], as: join}\n"
    links, rows = [{"FROM": "b", "TO": "1"}, {"FROM": "a", "TO": "2"}], [{"ID": "1", "S": "x"}, {"ID": "2", "S": "y"}]
    assert made(text, ID="a", LINKS=links, ROWS=rows)["note"] == "y 2 a"
    assert made(text, ID="c", LINKS=links, ROWS=rows)["note"] == "c"


def test_items_that_belong_together_are_told_by_their_names(made):
    text = "  items: {each: L, when: {field: OF, same: ^ID}, fields: {word: W}}\n"
    found = made(text, ID="1", L=[{"OF": "1", "W": "a"}, {"OF": "2", "W": "b"}, {"W": "c"}, {"OF": "1", "W": "d"}])
    assert [item["word"] for item in found["items"]] == ["a", "d"]
    assert "items" not in made(text, L=[{"W": "c"}])


def test_an_object_is_made_of_a_picked_row(made):
    text = "  one: {pick: {in: H, where: ID, is: 2}, fields: {word: W}}\n"
    assert made(text, H=[{"ID": "2", "W": "x"}])["one"]["word"] == "x"


def test_a_record_that_names_its_own_zone(made, problems):
    text = "  at: {from: T, as: time, zone: {from: Z}}\n"
    assert made(text, T="2026-01-01T00:00:00", Z="America/New_York")["at"]["at"] == "2026-01-01T00:00:00-05:00"
    assert made(text, T="2026-01-01T00:00:00")["at"]["at"] == "2026-01-01T00:00:00-06:00"
    assert problems(text, T="2026-01-01T00:00:00", Z="Mars/Base") == [
        ("mapping.unreadable", "at", "mappings/call.yaml:6, field T")
    ]


def test_the_nearer_zone_wins(compiled, made):
    assert made("  at: {from: T, as: time, zone: Asia/Tokyo}\n", T="2026-01-01T00:00:00")["at"]["zone"] == "Asia/Tokyo"
    text = "kind: call\nentity: thing\nzone: Asia/Tokyo\nfields:\n  id: ID\n  at: {from: T, as: time}\n"
    (one,) = compiled(text).translate({"ID": "1", "T": "2026-01-01T00:00:00"})
    assert one.data["at"]["at"].endswith("+09:00")
