"""PHP's SoapServer with an evidence vault behind it: many vaults on one server, each with a state of its own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Protocol

from tests import peers

ROOT = Path(__file__).resolve().parents[3]
WSDL = ROOT / "mappings" / "systems" / "evidence-vault" / "wsdl" / "vault.wsdl"
REGISTRY = ROOT / "tests" / "adapters" / "soap" / "registry.wsdl"


class Php:
    """One server.  `vault` gives a new vault; its `url` is where it is asked."""

    def __init__(self) -> None:
        self._php = peers.program("php", "/usr/bin/php")
        self.folder = peers.folder("php")
        (self.port,) = peers.free_ports(1)
        self._log = self.folder / "console.log"
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout_s: float = 20) -> None:
        """Return when it listens."""
        env = {**os.environ, "VAULTS": str(self.folder), "VAULT_WSDL": str(WSDL), "REGISTRY_WSDL": str(REGISTRY)}
        script = Path(__file__).with_name("vault.php")
        options = ["-d", "display_errors=0", "-S", f"127.0.0.1:{self.port}", str(script)]
        self._process = peers.spawn([self._php, *options], log=self._log, env=env)
        peers.wait_until(self._listens, self._process, timeout_s=timeout_s, log=self._log)

    def close(self) -> None:
        """End it and take its folder away."""
        peers.end(self._process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def vault(self) -> Vault:
        """A new, empty vault."""
        return Vault(self, f"vault{next(self._names)}")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Serving(Protocol):
    """A server with vaults, whichever stack it is."""

    port: int
    folder: Path


class Vault:
    """One vault, as its own people see it."""

    def __init__(self, server: Serving, name: str) -> None:
        self.url = f"http://127.0.0.1:{server.port}/{name}"
        self.registry_url = f"http://127.0.0.1:{server.port}/registry/{name}"
        self._file = server.folder / f"{name}.json"
        self.write({"recordings": [], "transfers": [], "receipts": {}, "asked": [], "items": [], "notes": []})

    @property
    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        held: dict[str, Any] = json.loads(self._file.read_text())
        if isinstance(held["receipts"], list):  # an empty object, as PHP writes it
            held["receipts"] = {}
        return held

    def write(self, state: dict[str, Any]) -> None:
        """Holds this from now on."""
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(state))
        part.rename(self._file)

    def add(self, kind: str, records: list[dict[str, Any]]) -> None:
        """More recordings or transfers."""
        state = self.state
        state[kind] += records
        self.write(state)
