"""`dev.py` on machines that lack something: it says what, and prints the line that helps."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev():
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse((ROOT / "dev.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 14, 0)])
def test_another_python_is_told_which_ones_will_do(dev, monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert dev.main(["demo"]) == 1
    assert "needs Python 3.11, 3.12 or 3.13" in capsys.readouterr().err


def test_an_old_python_can_still_read_the_file_that_tells_it_so():
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 8))


def test_without_the_right_to_install_it_prints_the_exact_line_and_goes_on(dev, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    dev._install_packages(["rabbitmq-server", "strace"])
    said = capsys.readouterr().err
    assert "sudo apt-get install -y --no-install-recommends rabbitmq-server strace" in said


def test_an_environment_that_was_made_is_not_made_again(dev, monkeypatch, tmp_path):
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev.subprocess, "run", lambda *_, **__: pytest.fail("it made something"))
    (tmp_path / "copperline.stamp").write_text(dev._wanted())
    assert dev._prepare_environment()


def test_an_unknown_command_is_answered_with_the_known_ones(dev, capsys):
    assert dev.main(["dance"]) == 2
    assert "python3 dev.py test" in capsys.readouterr().err


def test_commands_keep_their_bytecode_so_that_each_starts_as_fast_as_an_installed_one(dev, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in dev._environment()


def test_the_whole_suite_runs_in_two_processes_and_a_part_of_it_in_one(dev):
    assert dev._extra(["test", "--require-peers"]) == [*dev.TOGETHER, "--require-peers"]
    assert dev._extra(["test", "tests/test_dev.py", "-q"]) == ["tests/test_dev.py", "-q"]
    assert dev._extra(["bench", "--json"]) == ["--json"]
