"""stunnel as a relay beside an old machine: the system's program with a configuration of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess

from tests import peers


class Stunnel:
    """One relay.  `configuration` may hold `{folder}`; `port` is the one that it must come to listen on."""

    def __init__(self, configuration: str, port: int) -> None:
        self._program = peers.program("stunnel4", "/usr/bin/stunnel4")
        self.folder = peers.folder("stunnel")
        self.port = port
        self._log = self.folder / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "stunnel.conf").write_text(f"foreground = yes\npid =\n{configuration.format(folder=self.folder)}")

    def start(self) -> None:
        """Return when it takes connections."""
        self._process = peers.spawn([self._program, str(self.folder / "stunnel.conf")], log=self._log)
        peers.wait_until(self._ready, self._process, timeout_s=10, log=self._log)

    def close(self) -> None:
        """End it."""
        peers.end(self._process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
