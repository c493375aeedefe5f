"""The rows, by name.  Each makes what it needs in a temporary folder and gives one `Row`."""

from __future__ import annotations

import csv
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import by_hand, database, gateway_side, records, rest
from bench.agreements import agreements
from bench.baselines import Cost, Watch
from bench.measure import ROOT, ROUNDS, Row, throughput, worker

if TYPE_CHECKING:
    from tests.peers.rabbitmq import RabbitMQ

RECORDS = 100_000
INCIDENTS = 20_000
RATE, SECONDS = 50, 20
"""Row `latency`: events a second of the watched system, and for how long."""


def e2e(folder: Path, broker: RabbitMQ) -> Row:
    """File → journal → RabbitMQ quorum queue, confirmed; against plain pika publishing the same bytes."""
    source = records.write(folder / "calls.csv", RECORDS)
    messages = folder / "messages"

    def ours(turn: int) -> Cost:
        site = gateway_side.make(folder / f"site{turn}", "bulk", broker=broker.url, via="bus")
        gateway_side.drop(site, "inbox/calls", "calls.csv", source)
        cost, totals = site.run_once()
        if totals["delivered"] != RECORDS:
            raise SystemExit(f"row e2e: {totals['delivered']} of {RECORDS} records were delivered")
        _keep(messages, broker.drain(gateway_side.QUEUE))
        return cost

    def bare(turn: int) -> Cost:
        cost = worker("bench.baselines", "publish", broker.url, f"bare{turn}", messages)
        broker.drain(f"bare{turn}")
        return cost

    return throughput("e2e", ours, bare, unit="records/s")


def intake(folder: Path, _broker: RabbitMQ | None) -> Row:
    """File → journal; against csv.reader and one SQLite FULL insert, 1,000 a transaction."""
    source = records.write(folder / "calls.csv", RECORDS)
    return _journalled("intake", folder, "bulk", "inbox/calls", source, "read_csv")


def nibrs(folder: Path, _broker: RabbitMQ | None) -> Row:
    """Generated incidents → journal; against slicing their segments and that insert.  Counted in incidents."""
    from bench.generate import nibrs_file

    source = folder / "incidents.txt"
    nibrs_file(source, INCIDENTS, seed=1)
    return _journalled("nibrs", folder, "nibrs", "inbox/nibrs", source, "read_nibrs")


def _journalled(row: str, folder: Path, system: str, inbox: str, source: Path, baseline: str) -> Row:
    def ours(turn: int) -> Cost:
        site = gateway_side.make(folder / f"site{turn}", system)
        gateway_side.drop(site, inbox, source.name, source)
        return site.run_once()[0]

    def bare(turn: int) -> Cost:
        return worker("bench.baselines", baseline, source, folder / f"bare{turn}.db")

    return throughput(row, ours, bare, unit="records/s")


def soap(folder: Path, _broker: RabbitMQ | None) -> Row:
    """Polling a SOAP service, checked against its schema and archived; against a bare lxml parse with a dict per record."""
    from bench import soap as pages

    pages.write(folder, RECORDS)

    def side(name: str) -> Callable[[int], Cost]:
        return lambda _turn: worker("bench.soap", name, folder)

    return throughput("soap", side("poll"), side("parse"), unit="records/s")


def mapping(_folder: Path, _broker: RabbitMQ | None) -> Row:
    """One compiled mapping of forty columns; against the function a careful person would write."""
    from gateway import mapping as language

    here = ROOT / "bench" / "site"
    path = here / "systems" / "bulk" / "mappings" / "call.yaml"
    compiled = language.compile(path, codes=(here / "codes",), zone="America/New_York")
    rows = [dict(zip(records.COLUMNS, row, strict=True)) for row in csv.reader(list(records.lines(5000))[1:])]
    for row in rows:
        _same(compiled.translate(row, key=row["call_no"])[0].data, by_hand.translate(row))

    def side(translate: Callable[[dict[str, str]], object]) -> Callable[[int], Cost]:
        def run(_turn: int) -> Cost:
            gc.collect()
            watch = Watch()
            for _ in range(4):
                for row in rows:
                    translate(row)
            return watch.cost(4 * len(rows))

        return run

    return throughput("mapping", side(lambda row: compiled.translate(row, key="")), side(by_hand.translate), unit="records/s")


def _same(ours: Any, by_hand_: Any) -> None:
    if ours != by_hand_:
        raise SystemExit("row mapping: the two sides do not give the same record\n" + json.dumps([ours, by_hand_], indent=1))


def startup(folder: Path, _broker: RabbitMQ | None) -> Row:
    """`copperline status` on a site with one system; against an interpreter that does nothing."""
    site = gateway_side.make(folder / "site", "bulk", via="log")
    site.run_once()

    def wall_ms(command: list[str]) -> float:
        started = time.perf_counter()
        subprocess.run(command, env=site.environment(), check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - started)

    pairs = [
        (wall_ms([sys.executable, "-m", "gateway.cli", "status"]), wall_ms([sys.executable, "-c", "pass"]))
        for _ in range(5 * ROUNDS)
    ]
    ours, bare = (median(side) for side in zip(*pairs, strict=True))
    return Row("startup", median(mine / other for mine, other in pairs), ours, bare, "ms", None)


def latency(folder: Path, broker: RabbitMQ) -> Row:
    """From commit to the consumer, 99th percentile, at 50 events a second while another system bulk-loads."""
    bulk = records.write(folder / "bulk.csv", RECORDS)
    site = gateway_side.make(folder / "site", "bulk", "trickle", broker=broker.url, via="bus")
    process = site.start()
    try:
        waits = _watch(site, broker, bulk)
    finally:
        process.terminate()
        process.wait(timeout=60)
    waits.sort()
    return Row("latency", None, waits[int(0.99 * len(waits))], None, "ms (p99)", None)


def _watch(site: gateway_side.Site, broker: RabbitMQ, bulk: Path) -> list[float]:
    """Drop one record each 1/50 s beside the bulk load; milliseconds from `recordedtime` to arrival, each."""
    from datetime import datetime

    from bench.trickle import dropping

    waits: list[float] = []
    gateway_side.drop(site, "inbox/calls", "bulk.csv", bulk)
    with dropping(site, RATE, SECONDS) as wanted, broker.channel() as channel:
        channel.basic_qos(prefetch_count=1000)
        deadline = time.monotonic() + SECONDS + 120
        for method, _properties, body in channel.consume(gateway_side.QUEUE, inactivity_timeout=1, auto_ack=True):
            if method is not None and b"/systems/trickle" in body[:400]:
                recorded = datetime.fromisoformat(json.loads(body)["recordedtime"])
                waits.append(1000 * (time.time() - recorded.timestamp()))
            if len(waits) >= wanted or time.monotonic() > deadline:
                break
    if len(waits) < wanted:
        raise SystemExit(f"row latency: {len(waits)} of {wanted} events arrived")
    return waits


def _keep(path: Path, taken: list[tuple[Any, bytes]]) -> None:
    with path.open("wb") as file:
        for _properties, body in taken:
            file.write(len(body).to_bytes(4) + body)


ROWS: dict[str, Callable[..., Row]] = {
    "e2e": e2e, "intake": intake, "mapping": mapping, "nibrs": nibrs, "soap": soap, "startup": startup, "latency": latency,
    "odbc": database.odbc, "odbc-beside": database.beside, "odbc-memory": database.memory, "rest-single": rest.rest_single, "rest-batch": rest.rest_batch, "rest-idle": rest.rest_idle,
    "agreements": agreements,
}  # fmt: skip
NEED_BROKER = frozenset({"e2e", "latency"})
