"""A site of its own for each journey, and the commands as a person runs them: processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Gateway:
    """One site and its commands."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command, however it ended."""
        command = [sys.executable, "-m", "gateway.cli", *map(str, arguments)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_SITE": str(self.root), **self.env}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=400)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = self.ended(*arguments)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def once(self, *, code: int = 0) -> Mapping[str, Any]:
        """`run --once`: its figures, whose two sums always hold."""
        figures: Mapping[str, Any] = json.loads(self("run", "--once", "--json", code=code).splitlines()[-1])
        assert figures["read"] == sum(figures[key] for key in ("accepted", "unchanged", "late", "quarantined"))
        return figures

    def registers(self, system: str, template: str) -> Path:
        """`new --from`, with files taken as soon as they have their final name; returns the system's folder."""
        self("new", system, "--from", template)
        said = self.root / "systems" / system / "system.yaml"
        lines = ["ready: {by: rename}" if line.strip().startswith("ready:") else line for line in said.read_text().splitlines()]
        fixed = [" " * 6 + line if line.startswith("ready:") else line for line in lines]
        said.write_text("\n".join(fixed) + "\n")
        return said.parent

    def arrives(self, folder: str, name: str, content: bytes) -> None:
        inbox = self.root / "inbox" / folder
        (inbox / f"{name}.part").write_bytes(content)
        (inbox / f"{name}.part").rename(inbox / name)


@pytest.fixture
def gateway(tmp_path):
    made = Gateway(tmp_path / "riverton")
    made("init", made.root, "--agency", "XX0000000")
    return made
