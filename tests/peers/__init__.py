"""Real peers on loopback: private ports, temporary data, ended by their own process id.

Each is a value with `start`, `stop`, `kill`, `close` and a `url`.  A peer that cannot start
raises `Unavailable` with the reason; the test that asked for it is then reported as not run.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar


class Peer(Protocol):
    """What every peer can do."""

    def start(self) -> None: ...
    def close(self) -> None: ...


P = TypeVar("P", bound=Peer)


class Unavailable(Exception):
    """The peer cannot run on this machine; says why, and what would help."""


def folder(purpose: str) -> Path:
    """A new folder that the peer's own user can reach, which a private one of root's is not."""
    path = Path(tempfile.mkdtemp(prefix=f"copperline-{purpose}-"))
    path.chmod(0o755)
    return path


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now; held together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def spawn(
    command: Sequence[str], *, log: Path, env: dict[str, str] | None = None, user: str = ""
) -> subprocess.Popen[bytes]:
    """Start a server as our child.  It dies with us, even when we are killed."""
    tied = ["setpriv", "--pdeathsig", "KILL"]
    if user:
        tied += ["--reuid", user, "--regid", user, "--clear-groups"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*tied, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
        )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, timeout_s: float, log: Path) -> None:
    """Return when `ready`; raise Unavailable with the end of the log when the process ends or time is up."""
    until = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            why = "ended" if process.poll() is not None else f"was not ready in {timeout_s:.0f} s"
            raise Unavailable(f"{process.args!r} {why}: {log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes] | None, signal: int, *, timeout_s: float = 30) -> None:
    """Send one signal to our own process and wait until it is gone; one that lingers is killed."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def started(make: Callable[[], P], tell: Callable[[str], None]) -> Iterator[P | None]:
    """A peer for the time of a block; None, and a word why, where it cannot run."""
    with ExitStack() as stack:
        try:
            peer: P | None = make()
            assert peer is not None
            stack.callback(peer.close)
            peer.start()
        except Unavailable as e:
            tell(f"left out: {e}")
            peer = None
        yield peer


def program(name: str, *places: str) -> str:
    """Where a program lies; Unavailable names the package's absence."""
    found = next((str(path) for place in places for path in sorted(Path("/").glob(place.lstrip("/")))), None)
    found = found or shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Unavailable(f"{name} is not installed (python3 dev.py test installs it as root or through sudo)")
    return found
