"""Programs and libraries that others wrote for Node: installed by npm into a temporary folder, once a session.

Nothing of them enters the project, and no script of theirs runs while they are installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests import peers

PACKAGES = {"@asyncapi/parser": "3.6.6", "amqplib": "2.3.1", "oidc-provider": "9.13.3", "soap": "1.13.0", "typescript": "7.0.2"}
"""What the tests use, each in the version they were written with."""


INSTALL_S = 600


class Npm:
    """A folder with `node_modules`; scripts that import from it are written beside it."""

    def __init__(self) -> None:
        self._npm = peers.program("npm", "/usr/bin/npm")
        self._node = peers.program("node", "/usr/bin/node")
        self.folder = peers.folder("npm")

    def start(self) -> None:
        """Install, from the machine's own settings of npm."""
        (self.folder / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
        command = [self._npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
        except subprocess.TimeoutExpired as e:
            raise peers.Unavailable(f"npm had not installed after {INSTALL_S} s") from e
        if done.returncode:
            raise peers.Unavailable(f"npm could not install: {(done.stderr or done.stdout)[-600:]}")

    def node(self, script: str, *arguments: str, env: dict[str, str] | None = None, timeout_s: float = 120) -> str:
        """Run a module of JavaScript with what is installed; returns what it printed.  Raises where it fails."""
        path = self.folder / "script.mjs"
        path.write_text(script, encoding="utf-8")
        return self._run([self._node, str(path), *arguments], env=env, timeout_s=timeout_s).stdout

    def program(self, name: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run an installed program; its exit code is the caller's to judge."""
        command = [str(self.folder / "node_modules" / ".bin" / name), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)

    def write(self, name: str, contents: bytes) -> Path:
        """Put a file beside `node_modules`."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
        return path

    def close(self) -> None:
        """Take it all away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(
        self, command: list[str], *, env: dict[str, str] | None, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
        return done
