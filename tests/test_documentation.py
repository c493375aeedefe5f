"""Documentation that can drift is compared with the code it speaks of."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", ["errors", "commands", "settings"])
def test_a_generated_page_equals_the_code(page):
    committed = ROOT / "docs" / f"{page}.md"
    assert committed.exists(), "run python3 dev.py docs"
    assert committed.read_text(encoding="utf-8") == getattr(generate, page)(), "run python3 dev.py docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_every_command_that_the_readme_shows_exists():
    known = re.findall(r"^## `copperline ([a-z -]+?)(?= [\[A-Z]|`)", generate.commands(), re.MULTILINE)
    shown = re.findall(
        r"^copperline ([a-z]+(?: (?:list|add|plan|apply))?)", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert shown
    missing = [command for command in shown if command not in known and command.split(" ", maxsplit=1)[0] not in known]
    assert not missing
