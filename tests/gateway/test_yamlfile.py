"""YAML files: what surprises people is not read, and every mistake has its line."""

from __future__ import annotations

import pytest

from gateway import yamlfile
from gateway.errors import Refused


def refused(text):
    with pytest.raises(Refused) as caught:
        yamlfile.loads(text, name="site.yaml")
    return caught.value.problems[0]


def test_words_that_only_look_like_something_else_stay_text():
    read = yamlfile.loads("a: NO\nb: 01\nc: 2026-03-08\nd: 12:30\ne: 1_000\nf: on\ng: 0x10\nh: 1e3\n", name="x")
    assert read == {
        "a": "NO", "b": "01", "c": "2026-03-08", "d": "12:30", "e": "1_000", "f": "on", "g": "0x10", "h": "1e3",
    }  # fmt: skip


def test_numbers_yes_no_and_nothing_are_what_they_say():
    assert yamlfile.loads("[1, -2, 1.5, true, false, null, ~, '1']", name="x") == [1, -2, 1.5, True, False, None, None, "1"]


def test_everything_knows_its_line(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text("a: 1\nb:\n  - c: 2\n  -\n    d: 3\n", encoding="utf-8")
    document = yamlfile.load(file)
    assert document.where("b", 0, "c") == "site.yaml:3"
    assert document.where("b", 1, "d") == "site.yaml:5"
    assert document.where("b", 1, "missing") == "site.yaml:5"
    assert document.where("missing") == "site.yaml:1"


def test_a_key_may_stand_once():
    problem = refused("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert (problem.code.id, problem.path, problem.where) == ("yaml.repeated", "c", "site.yaml:4")


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: !!python/name:os.system 1\n", "a: !secret x\n"])
def test_anchors_and_tags_are_refused(text):
    assert refused(text).code.id == "yaml.anchor"


def test_merge_keys_are_refused():
    assert refused("a:\n  <<: {b: 1}\n").where == "site.yaml:2"


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\ta: 1", "a: 'x", "? [a]\n: 1\n"])
def test_what_is_no_yaml_is_refused_with_its_line(text):
    problem = refused(text)
    assert problem.code.id == "yaml.syntax"
    assert problem.where.startswith("site.yaml:")


def test_a_control_character_is_refused():
    assert refused("a: \x01").code.id == "yaml.syntax"


def test_nesting_without_end_is_refused():
    assert refused("[" * 50_000).code.id == "yaml.syntax"


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"yaml\.unreadable"):
        yamlfile.load(tmp_path / "none.yaml")
    file = tmp_path / "bad.yaml"
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(Refused, match=r"bad\.yaml:2"):
        yamlfile.load(file)


def test_an_empty_file_holds_nothing(tmp_path):
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing\n", encoding="utf-8")
    assert yamlfile.load(file).data is None
