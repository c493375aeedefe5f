"""node-soap with an evidence vault and a NIBRS repository behind it: many of each on one server."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests import peers
from tests.peers.npm import Npm
from tests.peers.soap.php import ROOT, WSDL, Vault

SCRIPT = Path(__file__).with_name("vault.mjs")
REPOSITORY = ROOT / "mappings" / "systems" / "nibrs-repository" / "wsdl" / "repository.wsdl"


class Node:
    """One server.  `vault` and `repository` give a new one; its `url` is where it is asked."""

    def __init__(self, npm: Npm) -> None:
        self._npm = npm
        self._node = peers.program("node", "/usr/bin/node")
        self.folder = peers.folder("node")
        (self.port,) = peers.free_ports(1)
        self._log = self.folder / "console.log"
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout_s: float = 30) -> None:
        """Return when it listens."""
        script = self._npm.write("vault.mjs", SCRIPT.read_bytes())  # beside the packages, where it finds them
        command = [self._node, str(script), str(self.port), str(self.folder), str(WSDL), str(REPOSITORY)]
        self._process = peers.spawn(command, log=self._log)
        peers.wait_until(self._listens, self._process, timeout_s=timeout_s, log=self._log)

    def close(self) -> None:
        """End it and take its folder away."""
        peers.end(self._process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def vault(self) -> Vault:
        """A new, empty vault."""
        return Vault(self, f"vault{next(self._names)}")

    def repository(self, mode: str = "") -> Repository:
        """A new, empty repository.  mode: fault, fault-after-commit."""
        return Repository(self, f"nibrs{next(self._names)}", mode)

    def _listens(self) -> bool:
        """Whether both services are there; the port is open before."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            for name in ("vault", "nibrs"):
                opener.open(f"http://127.0.0.1:{self.port}/{name}?wsdl", timeout=5).close()
        except OSError:
            return False
        return True


class Repository:
    """One repository, as its own people see it."""

    def __init__(self, node: Node, name: str, mode: str) -> None:
        self.url = f"http://127.0.0.1:{node.port}/{name}"
        self._file = node.folder / f"{name}.json"
        self._file.write_text(json.dumps({"mode": mode, "arrivals": [], "documents": {}}))

    def arrivals(self) -> list[str]:
        """The number of every incident that arrived, in order; what arrived twice is there twice."""
        return list(self._state["arrivals"])

    def holds(self) -> dict[str, str]:
        """Number → the document that is held under it."""
        return dict(self._state["documents"])

    @property
    def _state(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(self._file.read_text())
        return held
