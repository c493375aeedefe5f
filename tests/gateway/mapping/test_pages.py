"""What people and editors read about the language is what the language is."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import orjson
import pytest
from jsonschema_rs import Draft7Validator

from gateway import mapping, yamlfile
from gateway.convert import CONVERSIONS
from gateway.mapping import editor
from gateway.mapping.language import CONDITION_WORDS, FILE_WORDS, PICK_WORDS, RECORD_WORDS, SENTENCE_WORDS
from gateway.mapping.reading import Complaints, read

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
WHOLE = [block for block in BLOCKS if block.startswith(("kind:", "to:"))]
FIELDS = [block for block in BLOCKS if block.startswith(" ")]
SHIPPED = sorted((ROOT / "mappings").rglob("mappings/*.yaml"))


def test_the_editors_schema_is_the_one_committed():
    committed = (ROOT / "docs" / "mapping.schema.json").read_bytes()
    assert committed == editor.text(), "python -m gateway.mapping.editor > docs/mapping.schema.json"


@pytest.mark.parametrize("name", sorted({*FILE_WORDS, *RECORD_WORDS, *SENTENCE_WORDS, *CONDITION_WORDS, *PICK_WORDS}))
def test_every_word_is_on_the_page(name):
    assert re.search(rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`|^.*\b{re.escape(name)}:", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
def test_every_conversion_is_on_the_page(name):
    assert re.search(rf"`\{{?{re.escape(name)}[ :`]", PAGE)


@pytest.mark.parametrize("block", WHOLE)
def test_the_pages_mappings_are_of_the_language(block, tmp_path):
    correct(block, tmp_path)


@pytest.mark.parametrize("block", FIELDS)
def test_the_pages_sentences_are_of_the_language(block, tmp_path):
    inner = re.match(" *", block)[0]
    lines = [line.removeprefix(inner) for line in block.splitlines()]
    correct("kind: x\nentity: incident\nfields:\n" + "\n".join(f"  {line}" for line in lines) + "\n", tmp_path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_the_shipped_mappings_satisfy_the_editors_schema(path):
    broken = [error.message for error in Draft7Validator(editor.schema()).iter_errors(yamlfile.load(path).data)]
    assert not broken


@pytest.mark.parametrize("block", [block for block in WHOLE if "emit" not in block])
def test_the_pages_mappings_satisfy_the_contracts(block, tmp_path):
    path = tmp_path / "page.yaml"
    path.write_text(block, encoding="utf-8")
    (tmp_path / "call-type.csv").write_text("internal,common,scheme\n62A,Alarm,EIDO\n", encoding="utf-8")
    assert mapping.compile(path, codes=[tmp_path], zone="UTC").entity == "incident"


def correct(text, folder):
    path = folder / "page.yaml"
    path.write_text(text, encoding="utf-8")
    complaints = Complaints("page.yaml")
    read(path, complaints)
    assert not complaints.problems
    Draft7Validator(editor.schema()).validate(yamlfile.load(path).data)


def test_the_schema_knows_mistakes():
    valid = Draft7Validator(editor.schema())
    assert not valid.is_valid({"kind": "x", "entity": "incident", "fields": {"a": {"from": "A", "az": "upper"}}})
    assert not valid.is_valid({"kind": "x", "entity": "incident", "fields": {"a": {"from": "A", "as": "uper"}}})
    assert not valid.is_valid({"entity": "incident", "fields": {"a": "A"}})
    assert orjson.loads(editor.text()) == editor.schema()


@pytest.mark.parametrize("name", [f"gateway.mapping.{found.name}" for found in pkgutil.iter_modules(mapping.__path__)])
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
