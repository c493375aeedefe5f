"""A PostgreSQL server of our own: the system's program, a private port, temporary data."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import signal
import socket
import subprocess

from tests import peers


class Postgres:
    """One server.  `stop`, `kill` and `start` may follow each other; its data stays until `close`."""

    def __init__(self) -> None:
        self._bin = peers.program("postgres", "/usr/lib/postgresql/*/bin/postgres").removesuffix("/postgres")
        # The server refuses to run as root; the package has brought a user of its own.
        self._user = "postgres" if os.geteuid() == 0 else ""
        self.folder = peers.folder("postgres")
        (self.port,) = peers.free_ports(1)
        self._data = self.folder / "data"
        self._log = self.folder / "console.log"
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise()

    @property
    def url(self) -> str:
        return self._url("postgres")

    def start(self, *, timeout_s: float = 60) -> None:
        """Return when it takes connections."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "32MB",
            "max_connections": "60",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [f"{self._bin}/postgres", "-D", str(self._data), *settings]
        self._process = peers.spawn(command, log=self._log, user=self._user)
        peers.wait_until(self._ready, self._process, timeout_s=timeout_s, log=self._log)

    def stop(self) -> None:
        """An orderly end that waits for no client."""
        peers.end(self._process, signal.SIGINT)

    def kill(self) -> None:
        """The postmaster is killed; its children see that and go."""
        peers.end(self._process, signal.SIGKILL)

    def close(self) -> None:
        """End it and take the data away."""
        peers.end(self._process, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of a new, empty database: each test has one of its own."""
        import psycopg

        name = f"test{next(self._names)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://app@127.0.0.1:{self.port}/{database}"

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._data, self._user, self._user)
        options = ["-U", "app", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        command = [f"{self._bin}/initdb", "-D", str(self._data), *options]
        process = peers.spawn(command, log=self._log, user=self._user)
        if process.wait(60):
            raise peers.Unavailable(f"initdb as {self._user or getpass.getuser()}: {self._log.read_text()[-1500:]}")

    def _ready(self) -> bool:
        import psycopg

        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            psycopg.connect(self.url, connect_timeout=2).close()
        except (OSError, psycopg.OperationalError):
            return False
        return True
