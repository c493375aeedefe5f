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
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


@pytest.fixture(scope="module")
def generated():
    """The pages as the code has them, made in a process that has loaded no test."""
    program = "import generate, json; print(json.dumps(generate.pages()))"
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'docs'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_every_generated_page_equals_the_code(generated):
    assert {"errors.md", "commands.md", "settings.md", "contracts.md", "openapi.json", "events/incident-created.md"} <= generated.keys()
    for page, text in generated.items():
        assert (ROOT / "docs" / page).read_text(encoding="utf-8") == text, f"{page}: run python3 dev.py docs"
    assert {f"events/{path.name}" for path in (ROOT / "docs" / "events").iterdir()} <= generated.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_every_page_that_the_code_names_exists():
    """Remedies, help texts and templates send a person to a page: it must be there."""
    named = {
        (str(path.relative_to(ROOT)), page or f"docs/{read}.md")
        for folder in ("gateway", "adapters", "contracts", "mappings")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".yaml"}
        for page, read in re.findall(r"(docs/[\w.-]+\.(?:md|json))|copperline docs ([a-z]+)", path.read_text(encoding="utf-8"))
    }
    assert named
    assert not [(path, page) for path, page in sorted(named) if not (ROOT / page).is_file()]


def test_a_remedy_names_a_page_by_the_command_that_prints_it_anywhere(generated):
    """A checkout has docs/, an installed gateway has `copperline docs`."""
    assert not re.findall(r"^.*docs/.*$", generated["errors.md"], re.MULTILINE), "say `copperline docs PAGE` instead"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_that_a_page_names_is_registered(generated, page):
    registered = set(re.findall(r"^\| `([a-z]+\.[a-z-]+)` \|", generated["errors.md"], re.MULTILINE))
    areas = {code.partition(".")[0] for code in registered} - {"record"}
    shown = re.findall(r"`([a-z]+)\.([a-z]+(?:-[a-z]+)*)`", page.read_text(encoding="utf-8"))
    missing = {f"{area}.{name}" for area, name in shown if area in areas and name not in {"md", "yaml"}} - registered
    assert not missing


def test_each_word_of_the_vocabulary_is_used_where_the_page_says():
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs" / "vocabulary.md").read_text(), re.MULTILINE)
    assert len(rows) > 15
    for word, places in rows[1:]:
        for place in re.findall(r"`([^`]+)`", places):
            assert (ROOT / place).exists(), place
            files = [ROOT / place] if place.endswith(".py") else list((ROOT / place).rglob("*.*"))
            text = " ".join(path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".yaml"})
            assert re.search(rf"\b{word}s?\b", text, re.IGNORECASE), (word, place)


def test_the_system_that_the_page_builds_from_nothing_works(tmp_path):
    """The four files of docs/systems.md, as printed: checked, sampled, run; and its events reach the site's own log."""
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    files = re.findall(r"^`([\w/.-]+)`:[^\n]*\n\n```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [path.rpartition("/")[2] for path, _ in files] == ["tows.csv", "system.yaml", "tow.yaml", "tow-reason.csv"]
    here = tmp_path / "riverton"

    def copperline(*arguments):
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(here)}
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    copperline("init", str(here), "--agency", "VT0040100")
    for path, text in [*files, ("inbox/tow/tows.csv", files[0][1])]:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(text, encoding="utf-8")
    copperline("check", "tow")
    copperline("test", "tow", "--update")
    assert json.loads(copperline("preview", "tow", str(here / "systems/tow/samples/tows.csv"), "--json"))
    figures = json.loads(copperline("run", "--once", "--json").splitlines()[-1])
    assert (figures["accepted"], figures["quarantined"]) == (2, 0)
    assert copperline("tail").count("police.vt0040100.incident.created.v1") == 2


def test_the_database_that_a_page_registers_works_line_by_line(tmp_path):
    """docs/databases.md, as printed: its files are written where it says, its commands run in their order."""
    library = next(iter(sorted(Path("/usr/lib").glob("*/odbc/libsqlite3odbc.so"))), None)
    if library is None:
        pytest.skip("libsqliteodbc is not installed (python3 dev.py test installs it as root or through sudo)")
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    page = (ROOT / "docs" / "databases.md").read_text(encoding="utf-8").replace("/srv/legacy", str(legacy))
    page = page.replace("driver: SQLite3", f"driver: {library}")
    here = tmp_path / "riverton"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "copperline").write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway.cli "$@"\n')
    (tmp_path / "bin" / "copperline").chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(line, folder=here):
        return subprocess.run(line, shell=True, env=env, cwd=folder, capture_output=True, text=True, check=True).stdout

    run(f"copperline init {here} --agency VT0040100", tmp_path)
    said = ""
    for path, kind, text in re.findall(r"(?:^`([\w/.-]+)`:[^\n]*\n\n)?^```(\w*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if path:
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_text(text, encoding="utf-8")
        elif kind == "text":  # what the page shows of an answer stands in one
            written = (here / "systems/dispatch/mappings/inmain.yaml").read_text() if "fields" not in text and "from:" in text else said
            assert text.rstrip() in written
        else:
            said = "".join(run(line) for line in text.splitlines() if not line.startswith("copperline doctor"))
            assert "Traceback" not in said
    assert run("copperline tail").count("police.vt0040100.incident.updated.v1") == 1
    assert json.loads(run("copperline status --json"))["systems"][0]["reconciled"][0]["state"] == "agreed"
    assert json.loads(run("copperline status --json"))["quarantined"] == 0


def test_every_command_that_the_readme_shows_exists(generated):
    known = re.findall(r"^## `copperline ([a-z -]+?)(?= [\[A-Z]|`)", generated["commands.md"], re.MULTILINE)
    shown = re.findall(
        r"^copperline ([a-z]+(?: (?:list|add|plan|apply))?)", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert shown
    missing = [command for command in shown if command not in known and command.split(" ", maxsplit=1)[0] not in known]
    assert not missing
