"""Runs commands as a person would, in this process."""

import json
from dataclasses import dataclass

import pytest

from gateway import cli
from tests.gateway import scripted


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def copperline(capsys):
    def run(*arguments, code=0):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        said = Said(ended.value.code, *capsys.readouterr())
        assert code in (said.code, None), f"{arguments}: {said}"
        return said

    return run


@pytest.fixture
def riverton(tmp_path, monkeypatch, copperline):
    """A site with one scripted system: three records, of which one is rejected."""
    scripted.install(monkeypatch)
    monkeypatch.setenv("COPPERLINE_SITE", str(tmp_path / "riverton"))
    copperline("init", tmp_path / "riverton", "--agency", "XX0000000")
    with (tmp_path / "riverton" / "site.yaml").open("a") as settings:
        settings.write("free_space: 0MB\n")
    records = [scripted.record(1, "CANARY one"), scripted.record(2, text=""), scripted.record(3, "CANARY three")]
    scripted.system(tmp_path / "riverton", "cad", records)
    return tmp_path / "riverton"
