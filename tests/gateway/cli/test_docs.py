"""The pages are read where the gateway is, with or without a checkout."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent.parent / "docs"


def test_every_page_and_every_schema_is_listed_and_printed_as_it_is(copperline):
    listed = [line.split()[0] for line in copperline("docs").out.splitlines()]
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*") if path.suffix in {".md", ".json"}}
    assert {*listed} == {name.removesuffix(".md") for name in there}
    for name in listed:
        path = DOCS / (name if name.endswith(".json") else f"{name}.md")
        assert copperline("docs", name).out == path.read_text(encoding="utf-8")


def test_a_page_that_is_not_there_is_answered_with_those_that_are(copperline):
    said = copperline("docs", "../README", code=3).err
    assert "docs.no-page" in said
    assert "settings" in said
