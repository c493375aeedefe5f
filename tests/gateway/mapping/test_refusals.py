"""A mapping that is wrong is refused when it is compiled, with file, line, field and remedy."""

from __future__ import annotations

import pytest

from gateway.errors import Refused

LINE = "mappings/call.yaml:6"


@pytest.mark.parametrize(
    "text, code, path",
    [
        ("  nope: A\n", "mapping.target", "nope"),
        ("  geo: A\n  geo.lat: B\n", "mapping.target", "geo.lat"),
        ("  one: A\n", "mapping.target", "one"),
        ("  one.nope: A\n", "mapping.target", "one.nope"),
        ("  items: A\n", "mapping.target", "items"),
        ("  items.word: A\n", "mapping.target", "items.word"),
        ("  note: {table: call-type, from: A}\n", "mapping.target", "note"),
        ("  items: {each: L, fields: {nope: A}}\n", "mapping.target", "items.nope"),
        ("  one: {each: L, fields: {word: A}}\n", "mapping.target", "one"),
        ("  note: {from: A, az: upper}\n", "mapping.word", "note.az"),
        ("  note: {from: A, value: x}\n", "mapping.form", "note"),
        ("  note: {as: upper}\n", "mapping.form", "note"),
        ("  note:\n", "mapping.form", "note"),
        ("  note: {from: []}\n", "mapping.form", "note"),
        ("  note: {from: [A, B]}\n", "mapping.form", "note"),
        ("  note: {from: A, optional: 1}\n", "mapping.form", "note"),
        ("  note: {from: A, default: x, when: {is: 1}}\n", "mapping.form", "note"),
        ("  note: {from: A, when: {field: B, is: 1, not: 2}}\n", "mapping.form", "note"),
        ("  note: {from: A, when: {present: B, maybe: C}}\n", "mapping.word", "note.maybe"),
        ("  note: {from: A, unknown: perhaps}\n", "mapping.form", "note"),
        ("  note: ^A\n", "mapping.form", "note"),
        ("  note: $number\n", "mapping.form", "note"),
        ("  note: {from: A, pick: {take: first}}\n", "mapping.form", "note"),
        ("  note: {from: A, ref: items}\n", "mapping.form", "note"),
        ("  note: {from: A, ref: items, by: id}\n", "mapping.form", "note"),
        ("  note: {from: A, split: 0}\n", "mapping.form", "note"),
        ("  note: {value: {a: 1}}\n", "mapping.form", "note"),
        ("  flag: {from: A, as: boolean, default: perhaps}\n", "mapping.form", "flag"),
        ("  count: {from: A, as: intger}\n", "mapping.conversion", "count"),
        ("  count: {from: A, as: integer 1}\n", "mapping.conversion", "count"),
        ("  count: {from: [A, B], as: integer}\n", "mapping.conversion", "count"),
        ("  at: {from: [A, B], as: {time: '%Y%m%d'}}\n", "mapping.conversion", "at"),
        ("  at: {from: A, as: time, zone: Mars/Base}\n", "mapping.zone", "at"),
        ("  kind: {from: A, table: none}\n", "mapping.table", "none"),
        ("  note: A\n  note: B\n", "yaml.repeated", "note"),
    ],
)
def test_each_mistake_has_its_code_its_path_and_its_line(refusals, text, code, path):
    found = refusals(text)
    assert (code, path) in [(one[0], one[1]) for one in found], found
    assert all(where.rpartition(":")[2] in {"6", "7"} for _, _, where in found), found


@pytest.mark.parametrize(
    "text, code, path",
    [
        ("entity: thing\nfields: {id: A}\nkind: ''\n", "mapping.form", ""),
        ("kind: c\nfields: {id: A}\n", "mapping.form", "entity"),
        ("kind: c\nentity: thing\n", "mapping.form", ""),
        ("kind: c\nentity: thing\nfields: {note: A}\n", "mapping.target", "id"),
        ("kind: c\nentity: nothing\nfields: {note: A}\n", "mapping.target", "entity"),
        ("kind: c\nentity: thing\nfeilds: {id: A}\nfields: {id: A}\n", "mapping.word", "feilds"),
        ("kind: c\nentity: thing\nsubject: {from: A, table: call-type}\nfields: {id: A}\n", "mapping.form", "subject"),
        ("kind: c\nentity: thing\nzone: Mars/Base\nfields: {id: A}\n", "mapping.zone", "zone"),
        ("kind: c\nemit: all\n", "mapping.form", "emit"),
        ("kind: c\nemit: none\n", "mapping.form", "emit"),
        ("kind: c\nemit: none\nbecause: x\nentity: thing\n", "mapping.form", "entity"),
        ("kind: c\nrecords: [x]\n", "mapping.form", "records"),
    ],
)
def test_so_has_each_mistake_of_the_file(refusals, text, code, path):
    assert (code, path) in [(one[0], one[1]) for one in refusals(text)]


def test_all_mistakes_are_shown_at_once(refusals):
    found = refusals("  nope: A\n  count: {from: A, as: intger}\n  kind: {from: A, table: none}\n")
    assert [one[0] for one in found] == ["mapping.table", "mapping.target", "mapping.conversion"]


def test_a_near_name_is_suggested(compiled):
    with pytest.raises(Refused, match="did you mean note"):
        compiled("  noet: A\n")
    with pytest.raises(Refused, match="did you mean integer"):
        compiled("  count: {from: A, as: intger}\n")


def test_a_file_that_is_no_mapping_is_refused(refusals):
    assert refusals("- kind:\n") == [("mapping.form", "", "mappings/call.yaml:1")]
