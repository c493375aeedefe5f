"""A system that is read without locks says so wherever it appears."""

import json

import pytest
import yaml

from gateway import dirty, site

SAID = {
    "system": "old",
    "zone": "America/Chicago",
    "feeds": {
        "calls": {
            "adapter": "odbc",
            "settings": {"connection": {"driver": "FreeTDS", "server": "old.example"}, "kind": "call", "table": "dbo.inmain", "key": "callno", "dirty": True},
            "mappings": {"call": "call.yaml"},
        }
    },
}
MAPPING = """\
kind: call
entity: alert
optional: true
fields:
  alertId: {from: callno, optional: false}
ignored: ["*"]
"""
CALLED = "old (may skip or repeat)"


@pytest.fixture
def old(riverton):
    folder = riverton / "systems" / "old"
    folder.mkdir()
    (folder / "system.yaml").write_text(yaml.safe_dump(SAID))
    (folder / "call.yaml").write_text(MAPPING)
    return folder


@pytest.mark.parametrize("command", [("status",), ("systems", "list"), ("systems", "plan"), ("check", "old")])
def test_it_is_named_with_its_mark(old, copperline, command):
    shown = copperline(*command)
    assert CALLED in shown.out + shown.err


@pytest.mark.parametrize("command", [("status",), ("systems", "list"), ("systems", "plan")])
def test_programs_are_told_too(old, copperline, command):
    said = json.loads(copperline(*command, "--json").out)
    rows = said["systems"] if isinstance(said, dict) else said
    assert {row["system"]: row["mark"] for row in rows} == {"cad": "", "old": "may skip or repeat"}


def test_a_preview_and_a_change_name_it_so(old, copperline, tmp_path):
    rows = tmp_path / "calls.json"
    rows.write_text('{"callno": "C1"}')
    assert CALLED in copperline("preview", "old", str(rows), "--feed", "calls").out
    assert f"{CALLED}: new -> running" in copperline("systems", "add", "old", "--reason", "test", "--yes").err


@pytest.mark.parametrize("said", ["dirty: [", "dirty", "feeds: {calls: {settings: {dirty: no}}}", "feeds: dirty", "feeds: {calls: dirty}"])
def test_what_does_not_say_so_is_not_marked(old, riverton, said):
    (old / "system.yaml").write_text(said)
    assert dirty.called(site.open(riverton), "old") == "old"
