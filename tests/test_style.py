"""The linters run as tests, so that one command says whether the tree is in order."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SILENCER = re.compile(r"#\s*(?:type: ignore(?:\[[\w, -]+\])?|noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?)(?P<why>.*)$")
CODE = sorted(
    path for top in ("gateway", "adapters", "contracts", "bench", "tests") for path in (ROOT / top).rglob("*.py")
)
CODE.append(ROOT / "dev.py")


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_ruff_finds_nothing():
    run("ruff", "check", "--quiet", ".")


def test_mypy_strict_finds_nothing():
    run("mypy")


@pytest.mark.parametrize(
    "path", [path for path in CODE if "tests" not in path.parts], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_file_stays_short_and_says_what_it_is_for(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 450
    tree = ast.parse(text)
    assert not text.strip() or ast.get_docstring(tree), "the first line of a module says what it is for"
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno >= 60
    ]
    assert not long


def test_what_silences_a_checker_says_why():
    wrong = []
    for path in CODE:
        lines = path.read_text(encoding="utf-8").splitlines()
        for above, line in zip(["", *lines], lines, strict=False):
            silenced = SILENCER.search(line)
            explained = above.strip().startswith("#") or (silenced and len(silenced["why"].split()) > 2)
            if silenced and not explained:
                wrong.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_every_rule_that_is_off_says_why():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("ignore = [") : text.index("[tool.ruff.lint.flake8")]
    silent = [line for line in block.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line) and "#" not in line]
    assert not silent, silent


def test_the_lock_names_every_requirement_with_its_digests():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["test"],
        *project["optional-dependencies"]["build"],
    ]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=", lock, re.MULTILINE))
    names = {re.split(r"[\[><=~!; ]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names <= locked.keys(), names - locked.keys()
    assert "://" not in lock
    assert "file:" not in lock
