"""The Containerfile, as far as it can be read without building it."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", (ROOT / "Containerfile").read_text()))
LINES = [(word, rest.split()) for word, _, rest in (line.partition(" ") for line in TEXT.splitlines() if line.strip())]
PACKAGES = [
    word for line in re.findall(r"apt-get install ([^&]+)", TEXT) for word in line.split() if not word.startswith("-")
]


def said(word):
    return [rest for found, rest in LINES if found == word]


def ignored(path):
    """Whether .dockerignore keeps a path out: the last line that matches decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line and not line.startswith("#") and fnmatch.fnmatch(path, pattern):
            out = not line.startswith("!")
    return out


def test_every_instruction_is_one():
    assert {word for word, _ in LINES} <= {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "ENTRYPOINT", "CMD"}
    stages = [rest[2] for rest in said("FROM") if rest[1:2] == ["AS"]]
    assert all(rest[0].removeprefix("--from=") in stages for rest in said("COPY") if rest[0].startswith("--from="))


@pytest.mark.parametrize("package", sorted(set(PACKAGES)))
def test_every_package_is_one_that_debian_has(package):
    if shutil.which("apt-cache") is None or not subprocess.run(["apt-cache", "show", "bash"], capture_output=True, check=False).stdout:
        pytest.skip("this machine has no lists of packages: apt-get update")
    assert subprocess.run(["apt-cache", "show", package], capture_output=True, check=False).returncode == 0


def test_all_that_the_wheel_is_built_from_goes_into_the_image_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "requirements.lock"}
    needed |= {project["project"]["readme"], *project["project"]["license-files"]}
    top = {path.name for path in ROOT.iterdir()}
    assert {name for name in top if not ignored(name)} == needed


def test_every_extra_of_an_adapter_or_of_the_facade_is_in_the_image():
    (extras,) = re.findall(r"pip install --no-index --find-links /wheels \"\.\[([\w,]+)\]\"", TEXT)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) == set(declared) - {"test", "build"}


def test_image_and_chart_agree_on_user_and_folders():
    values = yaml.safe_load((ROOT / "helm" / "copperline" / "values.yaml").read_text())
    assert said("USER") == [[f"{values['user']}:{values['user']}"]]
    schema = (ROOT / "helm" / "copperline" / "values.schema.json").read_text()
    (folders,) = re.findall(r'"\^\(([a-z|]+)\)', schema)
    made = {path for rest in said("RUN") for path in rest if path.startswith("/site/")}
    assert made == {f"/site/{name}" for name in (*folders.split("|"), "inbox", "var")}
