"""Documentation that can drift is compared with the code it speaks of."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def generated():
    """The pages as the code has them, made in a process that has loaded no test."""
    program = "import generate, json; print(json.dumps(generate.pages()))"
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'docs'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("page", ["errors.md", "commands.md", "settings.md"])
def test_a_generated_page_equals_the_code(generated, page):
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generated[page], "run python3 dev.py docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_every_command_that_the_readme_shows_exists(generated):
    known = re.findall(r"^## `copperline ([a-z -]+?)(?= [\[A-Z]|`)", generated["commands.md"], re.MULTILINE)
    shown = re.findall(
        r"^copperline ([a-z]+(?: (?:list|add|plan|apply))?)", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert shown
    missing = [command for command in shown if command not in known and command.split(" ", maxsplit=1)[0] not in known]
    assert not missing
