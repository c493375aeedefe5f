"""A RabbitMQ node of our own: the system's program, our ports, our data.

It has an epmd of its own, since on Debian a node does not start one; it reads none of the
machine's settings; and it listens on loopback only.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests import peers

if TYPE_CHECKING:
    import pika

_CONFIG = """
listeners.tcp.1 = 127.0.0.1:{port}
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 50MB
log.console = false
log.file.level = warning
"""


class RabbitMQ:
    """One node.  `stop`, `kill` and `start` may follow each other; its data stays until `close`."""

    def __init__(self) -> None:
        self._server = peers.program("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server")
        self._epmd_program = peers.program("epmd", "/usr/bin/epmd")
        self.folder = peers.folder("rabbitmq")
        self.port, self._dist_port, self._epmd_port = peers.free_ports(3)
        self._log = self.folder / "console.log"
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        home = self.folder / "home"
        home.mkdir()
        (home / ".erlang.cookie").write_text("copperlinetestcookie")
        (home / ".erlang.cookie").chmod(0o400)
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(_CONFIG.format(port=self.port))

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def pid(self) -> int:
        """The node's own process."""
        assert self._node is not None
        return self._node.pid

    def start(self, *, timeout_s: float = 90) -> None:
        """Return when it speaks AMQP."""
        env = self._environment()
        if self._epmd is None or self._epmd.poll() is not None:
            epmd = [self._epmd_program, "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd = peers.spawn(epmd, log=self._log, env=env)
            peers.wait_until(lambda: _accepts(self._epmd_port), self._epmd, timeout_s=10, log=self._log)
        self._node = peers.spawn([self._server], log=self._log, env=env)
        peers.wait_until(lambda: _speaks_amqp(self.port), self._node, timeout_s=timeout_s, log=self._log)

    def stop(self) -> None:
        """An orderly end: returns when the process is gone."""
        peers.end(self._node, signal.SIGTERM)

    def kill(self) -> None:
        """Power off, as far as the node can tell."""
        peers.end(self._node, signal.SIGKILL)

    def close(self) -> None:
        """End everything and take the data away."""
        self.kill()
        peers.end(self._epmd, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def channel(self) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        """A channel of a plain client, for looking at what the gateway did."""
        import pika

        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            yield connection.channel()

    def depth(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def drain(self, queue: str, *, quiet_s: float = 0.5) -> list[tuple[Any, bytes]]:
        """Take every message of a queue, in order, as (properties, body); ends when none came for `quiet_s`."""
        taken: list[tuple[Any, bytes]] = []
        with self.channel() as channel:
            channel.basic_qos(prefetch_count=1000)
            for method, properties, body in channel.consume(queue, inactivity_timeout=quiet_s):
                if method is None:
                    break
                taken.append((properties, body))
                if len(taken) % 500 == 0:
                    channel.basic_ack(method.delivery_tag, multiple=True)
            if taken:
                channel.basic_ack(0, multiple=True)
            channel.cancel()
        return taken

    def control(self, *arguments: str) -> str:
        """What an administrator types; a second or two a call."""
        program = peers.program("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmqctl")
        node = f"copperline{self.port}@localhost"
        done = subprocess.run([program, "-n", node, *arguments], env=self._environment(), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def log_in(self, user: str, *, configure: str = "^$", write: str = "^$", read: str = "^$") -> str:
        """A user with these rights and no other; returns the address to connect with."""
        self.control("add_user", user, "invented")
        self.control("set_permissions", user, configure, write, read)
        return f"amqp://{user}:invented@127.0.0.1:{self.port}/%2F"

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        at = self.folder
        return {
            **kept,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "HOME": str(at / "home"),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_ALLOW_INPUT": "1",  # the script then becomes the node, and its process is ours to end
            "RABBITMQ_CONFIG_FILE": str(at / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(at / "plugins"),
            "RABBITMQ_LOG_BASE": str(at / "log"),
            "RABBITMQ_MNESIA_BASE": str(at / "mnesia"),
            "RABBITMQ_NODENAME": f"copperline{self.port}@localhost",
            "RABBITMQ_PID_FILE": str(at / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-noinput -kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"
            ),
        }


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _speaks_amqp(port: int) -> bool:
    """It has answered the protocol header: far cheaper than asking rabbitmqctl."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return len(probe.recv(8)) == 8
    except OSError:
        return False
