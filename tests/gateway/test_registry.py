"""Which adapters may load, and what else must not be beside the gateway."""

import importlib
import tomllib
from pathlib import Path

import pytest

from gateway import registry
from gateway.errors import Refused

ROOT = Path(__file__).resolve().parents[2]


def installs(tmp_path, monkeypatch, *, name, files, entry=""):
    """A distribution of that name, as pip would have left it, on the path."""
    folder = tmp_path / "site-packages"
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    if entry:
        (info / "entry_points.txt").write_text(f"[copperline.adapters]\n{entry}\n")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()


def test_shipped_adapters_are_those_that_the_distribution_registers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["copperline.adapters"] == dict(registry.SHIPPED)


def test_a_plugin_that_is_installed_loads_only_where_the_site_names_it(tmp_path, monkeypatch):
    adapter = "from gateway.adapter import Adapter\nfrom pydantic import BaseModel\nadapter = Adapter('invented', BaseModel)\n"
    installs(tmp_path, monkeypatch, name="invented-plugin", files={"invented_plugin.py": adapter}, entry="invented = invented_plugin:adapter")
    assert registry.installed(())["invented"].allowed is False
    with pytest.raises(Refused, match=r"adapter\.unknown"):
        registry.load("invented", ())
    assert registry.load("invented", ("invented",)).kind == "invented"


def test_a_plugin_that_cannot_be_imported_says_where(tmp_path, monkeypatch):
    installs(tmp_path, monkeypatch, name="broken-plugin", files={"broken_plugin.py": "import not_there_at_all\n"}, entry="broken = broken_plugin:adapter")
    with pytest.raises(Refused, match=r"adapter\.broken"):
        registry.load("broken", ("broken",))


def test_a_plugin_cannot_take_the_name_of_a_shipped_adapter(tmp_path, monkeypatch):
    installs(tmp_path, monkeypatch, name="thief", files={"thief.py": ""}, entry="flatfile = thief:adapter")
    assert registry.installed(("flatfile",))["flatfile"].target == registry.SHIPPED["flatfile"]


def test_another_distribution_with_a_package_of_ours_is_found(tmp_path, monkeypatch):
    assert registry.clashes() == []
    installs(tmp_path, monkeypatch, name="other-gateway", files={"contracts/__init__.py": ""})
    assert [problem.where for problem in registry.clashes()] == ["other-gateway"]
