"""What is installed has everything that a checkout has: contracts, templates, code lists, the command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_module_and_every_contract_is_in_the_wheel(names):
    for package in ("gateway", "adapters", "contracts"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in {".py", ".json", ".yaml"} and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in names


@pytest.mark.parametrize("data", ["mappings", "docs", "helm"])
def test_every_template_page_and_chart_is_in_the_wheel(names, data):
    for path in (ROOT / data).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"gateway/shipped/{path.relative_to(ROOT)}" in names


def test_every_example_is_in_the_wheel(names):
    for path in (ROOT / "examples").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"gateway/shipped/{path.relative_to(ROOT)}" in names


def test_nothing_else_is_in_the_wheel(names):
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "gateway",
        "adapters",
        "contracts",
        "copperline",
    }
