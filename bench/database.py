"""Row `odbc`: a table of forty columns on PostgreSQL, read through psqlODBC as one poll reads what is new, and translated.

The baseline is the least that can be said on the same connection: SELECT, and fetchmany until it is empty.
"""

from __future__ import annotations

import random
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
from gateway.adapter import RawRecord
from gateway.testing import context

if TYPE_CHECKING:
    from tests.peers.postgres import Postgres

ROWS = 30_000
LIMIT = 500


def odbc(folder: Path, _broker: object) -> Row:
    """Incremental read to canonical record; against a bare fetchmany loop on the same driver."""
    from tests.peers.postgres import Postgres

    postgres = Postgres()
    try:
        postgres.start()
        return _measured(folder, postgres)
    finally:
        postgres.close()


def _measured(folder: Path, postgres: Postgres) -> Row:
    settings = _settings(postgres)
    _create(postgres)
    _fill(postgres, 0, 1)
    cursor = _standing(settings, folder)  # when there was one row: all that follows is new
    _fill(postgres, 1, ROWS + 1)
    here = ROOT / "bench" / "site"
    compiled = language.compile(here / "systems" / "bulk" / "mappings" / "call.yaml", codes=(here / "codes",), zone="America/New_York")

    def ours(_turn: int) -> Cost:
        source = _opened(settings, folder)
        watch, found, after = Watch(), 0, cursor
        more = True
        while more:
            batch = source.read(after, LIMIT)
            for record in batch.records:
                assert isinstance(record, RawRecord)
                compiled.translate(record.fields, key=record.key)
            found, after, more = found + len(batch.records), batch.cursor, batch.more
        cost = watch.cost(found)
        source.close()
        if found != ROWS:
            raise SystemExit(f"row odbc: {found} of {ROWS} rows were read")
        return cost

    def bare(_turn: int) -> Cost:
        connection = loaded().connect(string(settings.connection, settings.limits, _secret), autocommit=True)
        watch, found = Watch(), 0
        said = connection.execute("SELECT * FROM calls")
        while rows := said.fetchmany(LIMIT):
            found += len(rows)
        cost = watch.cost(found)
        connection.close()
        return cost

    return throughput("odbc", ours, bare, unit="records/s")


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
                changed = datetime(2025, 3, 1) + timedelta(seconds=number)  # noqa: DTZ001 -- as such databases keep it
                copy.write_row((*records.record(number, dice), changed))
        connection.execute("ANALYZE calls")


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
