"""A MariaDB server of our own: the system's program, a private port, temporary data."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess

from tests import peers

USER, PASSWORD = "app", "invented-password"


class MariaDb:
    """One server.  `stop`, `kill` and `start` may follow each other; its data stays until `close`."""

    def __init__(self) -> None:
        self._server = peers.program("mariadbd", "/usr/sbin/mariadbd")
        self._client = peers.program("mariadb", "/usr/bin/mariadb")
        self._user = "mysql" if os.geteuid() == 0 else ""
        self.folder = peers.folder("mariadb")
        (self.port,) = peers.free_ports(1)
        self._data = self.folder / "data"
        self._socket = self.folder / "data" / "s.sock"
        self._log = self.folder / "console.log"
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise()

    @property
    def url(self) -> str:
        return f"mariadb://{USER}@127.0.0.1:{self.port}/"

    def start(self, *, timeout_s: float = 60) -> None:
        """Return when it takes connections."""
        options = [f"--datadir={self._data}", f"--port={self.port}", "--bind-address=127.0.0.1"]
        options += [f"--socket={self._socket}", "--skip-log-bin", "--innodb-buffer-pool-size=32M"]
        command = [self._server, "--no-defaults", *options]
        self._process = peers.spawn(command, log=self._log, user=self._user)
        peers.wait_until(self._ready, self._process, timeout_s=timeout_s, log=self._log)

    def stop(self) -> None:
        """An orderly end that waits for no client."""
        peers.end(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut of the process."""
        peers.end(self._process, signal.SIGKILL)

    def close(self) -> None:
        """End it and take the data away."""
        peers.end(self._process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The name of a new, empty database that the application's user owns: each test has one of its own."""
        name = f"legacy{next(self._names)}"
        self.run(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4;"
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT ALL ON {name}.* TO '{USER}'@'127.0.0.1';"
        )
        return name

    def run(self, script: str) -> str:
        """What its own client says to a script, as the administrator."""
        command = [self._client, "--no-defaults", f"--socket={self._socket}", "-uroot", "-N", "-B", "-e", script]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._data, self._user, self._user)
        options = [f"--datadir={self._data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        command = [peers.program("mariadb-install-db"), "--no-defaults", *options]
        process = peers.spawn(command, log=self._log, user=self._user)
        if process.wait(60):
            raise peers.Unavailable(f"mariadb-install-db: {self._log.read_text(errors='replace')[-1500:]}")

    def _ready(self) -> bool:
        try:
            self.run("SELECT 1")
        except subprocess.CalledProcessError:
            return False
        return True
