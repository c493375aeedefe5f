"""The rows of the REST facade: durable single records against an endpoint that keeps nothing, batches against `intake`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bench import gateway_side, records
from bench.baselines import Cost
from bench.measure import ROOT, Row, throughput, worker

if TYPE_CHECKING:
    from tests.peers.rabbitmq import RabbitMQ

SINGLES, CONNECTIONS = 20_000, 64
BATCHES, LINES, SENDERS = 100, 1000, 2
TURNS, CALLS = 3, 700
"""Row `rest-idle`: how often alone and beside, and how many requests each time."""

CALLER = "{caller: bench, roles: [submit], systems: {bulk: all}, limits: {per_minute: 100000000, at_once: 1000}}\n"


def rest_single(folder: Path, _broker: RabbitMQ | None) -> Row:
    """Durable single-record POSTs; against the same server, key and body, answered 202 without a store."""
    header, *lines = records.lines(SINGLES)
    bodies = _written(folder / "singles", (header + line for line in lines))

    def bare(turn: int) -> Cost:
        key = _caller(folder / f"bare{turn}")
        with _served([sys.executable, "-m", "bench.bare_http", "{port}", str(folder / f"bare{turn}" / "callers")], dict(os.environ)) as (port, process):
            return _loaded(port, key, CONNECTIONS, bodies, process)

    return throughput("rest-single", lambda turn: _ours(folder / f"site{turn}", CONNECTIONS, bodies), bare, unit="requests/s")


def rest_batch(folder: Path, _broker: RabbitMQ | None) -> Row:
    """Batches of 1,000 lines; against the records a second of row `intake`.  Counted in records."""
    source = records.write(folder / "calls.csv", BATCHES * LINES)
    header, *lines = source.read_text(encoding="ascii").splitlines(keepends=True)
    bodies = _written(folder / "batches", (header + "".join(batch) for batch in _batches(lines)))

    def ours(turn: int) -> Cost:
        cost = _ours(folder / f"site{turn}", SENDERS, bodies)
        return Cost(cost.count * LINES, cost.wall_s, cost.cpu_s)

    def intake(turn: int) -> Cost:
        site = gateway_side.make(folder / f"intake{turn}", "bulk")
        gateway_side.drop(site, "inbox/calls", source.name, source)
        return site.run_once()[0]

    return throughput("rest-batch", ours, intake, unit="records/s")


def rest_idle(folder: Path, _broker: RabbitMQ | None) -> Row:
    """The 99th percentile of one caller's durable POSTs beside 500 slow sockets, bodies beyond the limit and gzip bombs;
    against the same caller alone, on the same server, turn by turn.  As of every time, the ratio says how many times as long."""
    header, *lines = records.lines(2 * TURNS * CALLS)
    batches = [_written(folder / f"calls{number}", (header + line for line in lines[number::2 * TURNS])) for number in range(2 * TURNS)]
    alone, beside = list[float](), list[float]()
    with _gateway(folder / "site") as (port, key, _process):
        for turn in range(TURNS):
            alone += _timed(port, key, batches[2 * turn])
            with _besieged(port, key):
                beside += _timed(port, key, batches[2 * turn + 1])
    quiet, busy = (sorted(side)[int(0.99 * len(side))] for side in (alone, beside))
    return Row("rest-idle", busy / quiet, busy, quiet, "ms (p99)", None)


def _timed(port: int, key: str, bodies: Path) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.healthy", str(port), key, str(bodies)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    took: list[float] = json.loads(done.stdout)
    return took


@contextmanager
def _besieged(port: int, key: str) -> Iterator[None]:
    """Hostile clients for the time of a block; they end in a fault where one of them was not refused as it should be."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.hostile", str(port), key], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as hostile:
        assert hostile.stdout is not None
        if hostile.stdout.readline() != "ready\n":
            raise SystemExit("the hostile clients did not come in")
        try:
            yield
            if hostile.poll() is not None:
                raise SystemExit("a hostile client was not refused")
        finally:
            hostile.kill()


def _caller(folder: Path) -> str:
    """The one caller of a folder; its key."""
    from gateway.access import keyfile

    key, kept = keyfile.made()
    (folder / "callers").mkdir(parents=True)
    (folder / "callers" / "bench.yaml").write_text(CALLER)
    keyfile.write(folder / "callers" / "bench.keys", [kept])
    return key


def _ours(folder: Path, connections: int, bodies: Path) -> Cost:
    with _gateway(folder) as (port, key, process):
        return _loaded(port, key, connections, bodies, process)


@contextmanager
def _gateway(folder: Path) -> Iterator[tuple[int, str, subprocess.Popen[bytes]]]:
    """A gateway with its facade and one caller: its port, the key, its process."""
    site = gateway_side.make(folder, "bulk")
    key = _caller(folder)
    plain = (folder / "site.yaml").read_text()

    def named(port: int) -> None:
        (folder / "site.yaml").write_text(f"{plain}api: {{listen: '127.0.0.1:{port}'}}\n")

    with _served([sys.executable, "-m", "gateway.cli", "run"], site.environment(), named) as (port, process):
        yield port, key, process


def _loaded(port: int, key: str, connections: int, bodies: Path, process: subprocess.Popen[bytes]) -> Cost:
    """The rate that the client saw, at the processor time of the server."""
    before = _cpu_s(process.pid)
    cost = worker("bench.load", port, key, connections, bodies)
    return Cost(cost.count, cost.wall_s, _cpu_s(process.pid) - before)


@contextmanager
def _served(command: list[str], environment: dict[str, str], named: object = None) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server on a port of its own, for the time of a block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    if callable(named):
        named(port)
    filled = [part.replace("{port}", str(port)) for part in command]
    process = subprocess.Popen(filled, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not come to listen")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    them = iter(lines)
    while batch := list(islice(them, LINES)):
        yield batch


def _written(path: Path, texts: Iterable[str]) -> Path:
    """Bodies as the client reads them: four bytes of length, then the body."""
    with path.open("wb") as file:
        for text in texts:
            body = text.encode("ascii")
            file.write(len(body).to_bytes(4) + body)
    return path
