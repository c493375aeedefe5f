"""Ways to hurt a process: at its N-th system call, at a random moment, between it and its peer, on its disk.

Each says whether it fired: a fault that came too late proves nothing and is not counted.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "unlink", "write", "sendto")
"""The calls by which a process that journals and publishes leaves a trace."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended under a fault."""

    fired: bool
    code: int
    output: str
    errors: str = ""


def run(command: Sequence[str], *, env: dict[str, str] | None = None, timeout_s: float = 120) -> Ended:
    """Run to the end, without any fault."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
    return Ended(False, done.returncode, done.stdout, done.stderr)


def calls(command: Sequence[str], *, env: dict[str, str] | None = None) -> Counter[str]:
    """How often the busiest thread of the process makes each call, from one run without faults."""
    trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/stdout", "-e", f"trace={','.join(CALLS)}"]
    done = subprocess.run(
        [*trace, *command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=240,
        check=False,
    )
    threads = Counter(re.findall(r"^(\d+) +(\w+)\(", done.stdout, re.MULTILINE))
    busiest: Counter[str] = Counter()
    for (_, call), count in threads.items():
        busiest[call] = max(busiest[call], count)
    return busiest


def killed_at_call(command: Sequence[str], call: str, nth: int, *, env: dict[str, str] | None = None) -> Ended:
    """SIGKILL as the process enters a thread's `nth` such call (at most 65,535): the call is not carried out."""
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={min(nth, 65_535)}"]
    return _traced(command, inject, env=env)


def failing_call(
    command: Sequence[str], call: str, nth: int, error: str, *, env: dict[str, str] | None = None
) -> Ended:
    """The `nth` such call and every later one of a thread fails with `error`; the process lives."""
    done = _traced(command, ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}+"], env=env)
    return Ended(done.code != 0, done.code, done.output, done.errors)


def killed_after(command: Sequence[str], seconds: float, *, env: dict[str, str] | None = None) -> Ended:
    """SIGKILL after so many seconds, wherever the process then is."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=seconds)
        return Ended(False, process.returncode, output, errors)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        return Ended(True, process.returncode, output, errors)


def _traced(command: Sequence[str], inject: Sequence[str], *, env: dict[str, str] | None) -> Ended:
    # Without --seccomp-bpf: with it strace 6.1 injects errors but no signals.
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", *inject]
    done = subprocess.run([*trace, *command], env=env, capture_output=True, text=True, timeout=240, check=False)
    # strace ends as its child did: killed by the same signal, or with 128 + the signal.
    return Ended(done.returncode in {-9, 137}, done.returncode, done.stdout, done.stderr)


@contextmanager
def small_disk(at: Path, *, kilobytes: int) -> Iterator[Path]:
    """A file system of its own that is soon full.  Raises PermissionError where we may not mount one."""
    at.mkdir(exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise PermissionError("only root may mount a small tmpfs")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0755", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)


def enlarge(disk: Path, *, kilobytes: int) -> None:
    """What a person does about a full disk."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)


class Proxy:
    """Stands between the gateway and a peer on loopback; `drop()` breaks every connection that is open.

    `drop_after(n)` does that by itself, once n more bytes have gone towards the peer.
    """

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._until_drop = 0
        self.drops = 0
        """How often it broke something."""
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> bool:
        """Break what is open, without a word; False where nothing was."""
        with self._lock:
            broken, self._open = self._open, set()
        for connection in broken:
            _shut(connection)
        self.drops += bool(broken)
        return bool(broken)

    def wait_open(self, timeout_s: float) -> bool:
        """Wait until somebody is connected; False where nobody came."""
        until = time.monotonic() + timeout_s
        while not self._open and time.monotonic() < until:
            time.sleep(0.05)
        return bool(self._open)

    def drop_after(self, count: int) -> None:
        """Break everything once so many more bytes have passed; 0 takes that back."""
        self._until_drop = count

    def close(self) -> None:
        _shut(self._listener)
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                peer = socket.create_connection(self._target)
            except ConnectionRefusedError:
                _shut(client)
                continue
            except OSError:
                return
            with self._lock:
                self._open |= {client, peer}
            threading.Thread(target=self._pump, args=(client, peer, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(peer, client, False), daemon=True).start()

    def _due(self, count: int) -> bool:
        due = 0 < self._until_drop <= count
        self._until_drop = max(0, self._until_drop - count)
        return due

    def _pump(self, source: socket.socket, target: socket.socket, towards_peer: bool) -> None:
        try:
            while data := source.recv(65536):
                if towards_peer and self._due(len(data)):
                    self.drop()
                target.sendall(data)
        except OSError:
            pass
        _shut(source)
        _shut(target)
        with self._lock:
            self._open -= {source, target}


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
