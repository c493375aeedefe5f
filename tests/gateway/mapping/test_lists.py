"""Objects, lists, lists in lists, and references between them."""

from __future__ import annotations


def test_an_object_of_only_constants_and_defaults_is_left_out(made):
    text = (
        "  items:\n    - fields: {kind: {value: V, as: common S}, seq: {from: N, as: integer, default: 7}, word: W}\n"
        "  one:\n    fields: {id: {value: x}, word: W}\n"
    )
    assert made(text) == {"id": "1"}
    data = made(text, W="w")
    assert data["items"] == [{"word": "w", "kind": {"common": {"code": "V", "scheme": "S"}}, "seq": 7}]
    assert data["one"] == {"word": "w", "id": "x"}


def test_a_list_of_only_constants_makes_no_object_either(made):
    text = "  items:\n    - fields: {links: [{value: a}], word: W}\n"
    assert made(text) == {"id": "1"}
    assert made(text, W="w")["items"] == [{"word": "w", "links": ["a"]}]


def test_nothing_is_required_of_an_object_that_is_left_out(made, problems):
    text = "  items:\n    - fields: {word: W, seq: {from: N, as: integer, optional: false}}\n"
    assert made(text) == {"id": "1"}
    assert problems(text, W="w") == [("mapping.missing", "items[0].seq", "mappings/call.yaml:7, field N")]


def test_each_item_of_a_list_and_the_record_around_it(made):
    text = "  items:\n    each: L\n    fields: {word: W, other: ^DAY}\n"
    assert made(text, L=[{"W": "a"}, {"W": "b"}], DAY="m")["items"] == [
        {"word": "a", "other": "m"}, {"word": "b", "other": "m"},
    ]  # fmt: skip


def test_a_single_item_is_a_list_of_one_and_nothing_is_none(made):
    text = "  items: {each: L, fields: {word: W}}\n"
    assert made(text, L={"W": "a"})["items"] == [{"word": "a"}]
    for nothing in (None, "", [], {}):
        assert made(text, L=nothing) == {"id": "1"}


def test_lists_nest(made):
    text = (
        "  items:\n    each: L\n    fields:\n      word: W\n      parts:\n        each: P\n"
        "        fields: {word: X, other: ^W, id: ^^DAY}\n"
    )
    data = made(text, DAY="m", L=[{"W": "a", "P": [{"X": "x"}, {"X": "y"}]}])
    assert data["items"][0]["parts"] == [{"word": "x", "other": "a", "id": "m"}, {"word": "y", "other": "a", "id": "m"}]


def test_each_dot_of_each_is_a_list_of_its_own(made):
    text = "  items: {each: L.P, fields: {word: X, other: ^W, id: ^^DAY}}\n"
    data = made(text, DAY="m", L=[{"W": "a", "P": [{"X": "x"}]}, {"W": "b", "P": [{"X": "y"}]}, {"W": "c", "P": []}])
    assert [(item["word"], item["other"], item["id"]) for item in data["items"]] == [("x", "a", "m"), ("y", "b", "m")]


def test_several_sentences_fill_one_list(made):
    text = (
        "  items:\n    - {each: A, fields: {word: W}}\n    - {each: B, fields: {word: V}, when: {field: T, is: 1}}\n"
        "    - {fields: {word: C}}\n"
        "  words: [X, {from: Y, as: upper}, Z]\n"
    )
    data = made(text, A=[{"W": "a"}], B=[{"V": "b", "T": "1"}, {"V": "x", "T": "2"}], C="c", X="x", Z="z")
    assert [item["word"] for item in data["items"]] == ["a", "b", "c"]
    assert data["words"] == ["x", "z"]


def test_plain_values_and_texts_that_hold_several(made):
    assert made("  words: {each: L, from: ., as: lower}\n", L=["A", " ", "B"])["words"] == ["a", "b"]
    assert made('  words: {each: L, split: ";", from: .}\n', L="a; b;;c ")["words"] == ["a", "b", "c"]
    assert made("  words: {each: L, split: 2, from: .}\n", L="aabb  c")["words"] == ["aa", "bb", "c"]
    kinds = made("  kinds: {each: L, from: ., table: call-type}\n", L=["62A", "20"])["kinds"]
    assert [kind["common"]["code"] for kind in kinds] == ["Alarm", "Collision"]


def test_a_list_of_the_wrong_shape_is_a_problem(problems):
    text = "  items: {each: L, fields: {word: W}}\n"
    assert problems(text, L=["x"]) == [("mapping.shape", "items[0]", "mappings/call.yaml:6, field L")]
    text = "  words: {each: L, from: ., as: upper}\n"
    assert problems(text, L=[{"W": "x"}]) == [("mapping.unreadable", "words[0]", "mappings/call.yaml:6, field .")]


REFERS = (
    "  others:\n    - {each: A, fields: {id: {from: N, as: prefix a-}, seq: {from: N, as: integer}}}\n"
    "  items:\n    - each: B\n      fields:\n        word: W\n"
    "        other: {from: OF, as: prefix a-, ref: others, by: id}\n"
    "        links: {each: MORE, from: ., as: prefix a-, ref: others, by: id}\n"
)


def test_a_reference_leads_to_an_item_of_the_record(made):
    data = made(REFERS, A=[{"N": "1"}, {"N": "2"}], B=[{"W": "w", "OF": "2", "MORE": ["1", "2"]}])
    assert data["items"] == [{"word": "w", "other": "a-2", "links": ["a-1", "a-2"]}]


def test_a_reference_by_another_field_gives_the_id(made):
    text = REFERS.replace("as: prefix a-, ref: others, by: id}\n        links", "ref: others, by: seq}\n        links")
    assert made(text, A=[{"N": "2"}], B=[{"OF": "2"}])["items"] == [{"other": "a-2"}]


def test_a_reference_that_leads_nowhere_is_a_problem_or_left_out(made, problems):
    fields = {"A": [{"N": "1"}], "B": [{"W": "w", "OF": "9", "MORE": ["1", "8"]}]}
    assert problems(REFERS, **fields) == [
        ("mapping.reference", "items[0].other", "mappings/call.yaml:12, field OF"),
        ("mapping.reference", "items[0].links[1]", "mappings/call.yaml:13, field ."),
    ]
    text = REFERS.replace("by: id}", "by: id, unknown: absent}")
    assert made(text, **fields)["items"] == [{"word": "w", "links": ["a-1"]}]
