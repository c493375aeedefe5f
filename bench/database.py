"""Rows `odbc`, `odbc-beside` and `odbc-memory`: tables on PostgreSQL, read through psqlODBC as one poll reads what is new.

The baseline is the least that can be said to the same driver for the same rows in the same order: one
SELECT, and fetchmany until it is empty.  Both sides run with the garbage collector as the gateway sets it.
"""

from __future__ import annotations

import random
import resource
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.odbc import adapter
from adapters.odbc.connect import loaded, string
from adapters.odbc.settings import Settings
from bench import records
from bench.baselines import Cost, Watch
from bench.measure import ROOT, Row, throughput
from gateway import mapping as language
from gateway.adapter import RawRecord, Rejected
from gateway.cli.run import spare_the_collector
from gateway.testing import context

if TYPE_CHECKING:
    from tests.peers.postgres import Postgres

ROWS = 30_000
LIMIT = 500
FEW = 2_000
"""Of row `odbc-beside`."""
MANY, FIRST = 1_000_000, 100_000
"""Of row `odbc-memory`: the rows, and those after which memory must not grow."""


def odbc(folder: Path, _broker: object) -> Row:
    """Incremental read to canonical record; against a bare fetchmany loop on the same driver."""
    from tests.peers.postgres import Postgres

    postgres = Postgres()
    try:
        postgres.start()
        return _measured(folder, postgres)
    finally:
        postgres.close()


def beside(folder: Path, _broker: object) -> Row:
    """The same read while another thread of the process has work without end; against the read alone.  0.5 is its fair share."""
    from tests.peers.postgres import Postgres

    postgres = Postgres()
    try:
        postgres.start()
        settings, cursor = _filled(folder, postgres, FEW)
        return throughput("odbc-beside", lambda _turn: _beside(settings, cursor, folder), lambda _turn: _read(settings, cursor, folder, FEW), unit="records/s")
    finally:
        postgres.close()


def memory(folder: Path, _broker: object) -> Row:
    """A million rows that are new at once: the memory that all but the first hundred thousand of them add."""
    from tests.peers.postgres import Postgres

    postgres = Postgres()
    try:
        postgres.start()
        return _grown(folder, postgres)
    finally:
        postgres.close()


def _measured(folder: Path, postgres: Postgres) -> Row:
    settings, cursor = _filled(folder, postgres, ROWS)
    here = ROOT / "bench" / "site"
    compiled = language.compile(here / "systems" / "bulk" / "mappings" / "call.yaml", codes=(here / "codes",), zone="America/New_York")

    spare_the_collector()

    def translate(records: Sequence[RawRecord | Rejected]) -> None:
        for record in records:
            assert isinstance(record, RawRecord)
            compiled.translate(record.fields, key=record.key)

    def bare(_turn: int) -> Cost:
        connection = loaded().connect(string(settings.connection, settings.limits, _secret), autocommit=True)
        watch, found = Watch(), 0
        said = connection.execute("SELECT * FROM calls WHERE changed > ? ORDER BY changed, call_no", _moment(0))
        while rows := said.fetchmany(LIMIT):
            found += len(rows)
        cost = watch.cost(found)
        connection.close()
        if found != ROWS:
            raise SystemExit(f"row odbc: {found} of {ROWS} rows were fetched")
        return cost

    return throughput("odbc", lambda _turn: _read(settings, cursor, folder, ROWS, translate), bare, unit="records/s")


def _filled(folder: Path, postgres: Postgres, rows: int) -> tuple[Settings, str]:
    """The table with so many rows, and where a feed stood when there was one: all that follows is new."""
    settings = _settings(postgres)
    _create(postgres)
    _fill(postgres, 0, 1)
    cursor = _standing(settings, folder)
    _fill(postgres, 1, rows + 1)
    return settings, cursor


def _beside(settings: Settings, cursor: str, folder: Path) -> Cost:
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            pass

    other = threading.Thread(target=busy)
    other.start()
    try:
        return _read(settings, cursor, folder, FEW)
    finally:
        over.set()
        other.join()


def _read(settings: Settings, cursor: str, folder: Path, rows: int, take: Callable[[Sequence[RawRecord | Rejected]], None] = lambda _records: None) -> Cost:
    """So many rows that are new, and what is done with the records of each batch."""
    source = _opened(settings, folder)
    watch, found, more = Watch(), 0, True
    while more:
        batch = source.read(cursor, LIMIT)
        take(batch.records)
        found, cursor, more = found + len(batch.records), batch.cursor, batch.more
    cost = watch.cost(found)
    source.close()
    if found != rows:
        raise SystemExit(f"{found} of {rows} rows were read")
    return cost


def _settings(postgres: Postgres) -> Settings:
    (driver,) = sorted(Path("/").glob("usr/lib/*/odbc/psqlodbcw.so"))
    reach = {"driver": str(driver), "server": "127.0.0.1", "port": postgres.port, "database": "postgres", "user_from": "env:USER"}
    mark = {"by": "timestamp", "column": "changed"}
    return Settings.model_validate({"connection": reach, "kind": "call", "table": "calls", "key": "call_no", "watermark": mark})


def _create(postgres: Postgres) -> None:
    import psycopg

    columns = ", ".join(f"{name} text" for name in records.COLUMNS)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE calls ({columns}, changed timestamp NOT NULL)")
        connection.execute("ALTER TABLE calls ADD PRIMARY KEY (call_no)")
        connection.execute("CREATE INDEX ON calls (changed, call_no)")


def _fill(postgres: Postgres, first: int, end: int) -> None:
    import psycopg

    dice = random.Random(1)
    names = ", ".join((*records.COLUMNS, "changed"))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY calls ({names}) FROM STDIN") as copy:
            for number in range(first, end):
                copy.write_row((*records.record(number, dice), _moment(number)))
        connection.execute("ANALYZE calls")


def _moment(number: int) -> datetime:
    return datetime(2025, 3, 1) + timedelta(seconds=number)  # noqa: DTZ001 -- as such databases keep it


def _grown(folder: Path, postgres: Postgres) -> Row:
    import psycopg

    settings = _settings(postgres)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE UNLOGGED TABLE calls (call_no text PRIMARY KEY, place text, changed timestamp NOT NULL)")
        connection.execute("CREATE INDEX ON calls (changed, call_no)")
        more = "INSERT INTO calls SELECT 'C' || n, 'Elm St ' || n, timestamp '2025-03-01' + n * interval '1 s' FROM generate_series(%s::int, %s::int) n"
        connection.execute(more, (0, 0))
        cursor = _standing(settings, folder)
        connection.execute(more, (1, MANY))
        connection.execute("ANALYZE calls")
    source = _opened(settings, folder)
    watch, found, first_mb, most_mb = Watch(), 0, 0.0, 0.0
    more_to_come = True
    while more_to_come:
        batch = source.read(cursor, LIMIT)
        found, cursor, more_to_come = found + len(batch.records), batch.cursor, batch.more
        most_mb = max(most_mb, _resident_mb()) if first_mb else most_mb
        first_mb = first_mb or (_resident_mb() if found >= FIRST else 0.0)
    cost = watch.cost(found)
    source.close()
    if found != MANY:
        raise SystemExit(f"row odbc-memory: {found} of {MANY} rows were read")
    return Row("odbc-memory", None, most_mb - first_mb, None, "MB more", 1e6 * cost.cpu_s / found)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _standing(settings: Settings, folder: Path) -> str:
    source = _opened(settings, folder)
    cursor: str = source.read("", LIMIT).cursor
    source.close()
    return cursor


def _opened(settings: Settings, folder: Path) -> Any:
    assert adapter.source is not None
    return adapter.source(settings, replace(context(folder), secret=_secret))


def _secret(_reference: str) -> str:
    return "app"
