"""What each row is measured against: the least code that does the bare part of the same job.

Each is a function that does its work once and returns `Cost`; it runs in a process of its own
(`python -m bench.baselines NAME …`), as the gateway's side does, so that neither pays for the other.
"""

from __future__ import annotations

import csv
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

WINDOW = 1000


@dataclass(frozen=True, slots=True)
class Cost:
    """`count` pieces took `wall_s` seconds and `cpu_s` seconds of this process (user and system)."""

    count: int
    wall_s: float
    cpu_s: float


class Watch:
    """Measures between its making and `cost()`."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_s()

    def cost(self, count: int) -> Cost:
        """The cost of `count` pieces since the start."""
        return Cost(count, time.perf_counter() - self._wall, _cpu_s() - self._cpu)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bodies(path: Path) -> Iterator[bytes]:
    """Messages from a file of 4-byte lengths and bytes."""
    with path.open("rb") as file:
        while size := file.read(4):
            yield file.read(int.from_bytes(size))


def publish(url: str, queue: str, messages: Path) -> Cost:
    """Plain pika SelectConnection, window 1,000, quorum queue, mandatory, persistent: the peer of `e2e`."""
    import pika

    todo = list(bodies(messages))
    state = {"next": 0, "settled": 0}
    watch: list[Watch] = []
    properties = pika.BasicProperties(delivery_mode=2, content_type="application/json")
    connection: pika.SelectConnection

    def settle(frame: pika.frame.Method) -> None:
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            raise SystemExit("the broker refused a message of the baseline")
        state["settled"] = frame.method.delivery_tag if frame.method.multiple else state["settled"] + 1
        if state["settled"] == len(todo):
            connection.close()
        else:
            fill()

    def fill() -> None:
        while state["next"] < len(todo) and state["next"] - state["settled"] < WINDOW:
            channel.basic_publish("", queue, todo[state["next"]], properties, mandatory=True)
            state["next"] += 1

    def ready(_frame: object) -> None:
        watch.append(Watch())
        fill()

    def opened(new: pika.channel.Channel) -> None:
        nonlocal channel
        channel = new
        channel.confirm_delivery(ack_nack_callback=settle, callback=lambda _frame: declare())

    def declare() -> None:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"}, callback=ready)

    channel: pika.channel.Channel = None  # type: ignore[assignment]  # set by `opened` before any use
    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda it: it.channel(on_open_callback=opened),
        on_close_callback=lambda it, _reason: it.ioloop.stop(),
    )
    connection.ioloop.start()
    return watch[0].cost(len(todo))


def _inserted(database: Path, rows: Iterator[tuple[object, ...]]) -> Cost:
    store = sqlite3.connect(database, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE record(id INTEGER PRIMARY KEY, key TEXT, body TEXT)")
    watch, count = Watch(), 0
    batch: list[tuple[object, ...]] = []

    def commit() -> None:
        store.execute("BEGIN")
        store.executemany("INSERT INTO record(key, body) VALUES (?, ?)", batch)
        store.execute("COMMIT")
        batch.clear()

    for row in rows:
        batch.append(row)
        count += 1
        if len(batch) == 1000:
            commit()
    commit()
    return watch.cost(count)


def read_csv(source: Path, database: Path) -> Cost:
    """csv.reader and one SQLite FULL insert, 1,000 a transaction: the peer of `intake`."""

    def rows() -> Iterator[tuple[object, ...]]:
        with source.open(encoding="ascii", newline="") as file:
            reader = csv.reader(file)
            next(reader)
            for row in reader:
                yield row[0], "\x1f".join(row)

    return _inserted(database, rows())


def read_nibrs(source: Path, database: Path) -> Cost:
    """Slicing the header of each segment, joining an incident's segments, and that insert: the peer of `nibrs`."""

    def rows() -> Iterator[tuple[object, ...]]:
        key, held = "", []
        with source.open(encoding="ascii", newline="") as file:
            for line in file:
                this = line[16:37]
                if held and this != key:
                    yield key, "".join(held)
                    held = []
                key = this
                held.append(line)
        if held:
            yield key, "".join(held)

    return _inserted(database, rows())


RUN: dict[str, Callable[..., Cost]] = {
    "publish": lambda url, queue, messages: publish(url, queue, Path(messages)),
    "read_csv": lambda source, database: read_csv(Path(source), Path(database)),
    "read_nibrs": lambda source, database: read_nibrs(Path(source), Path(database)),
}

if __name__ == "__main__":
    print(json.dumps(asdict(RUN[sys.argv[1]](*sys.argv[2:]))))
