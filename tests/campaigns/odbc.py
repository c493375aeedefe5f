"""A database whose transactions overlap, read all the while: every committed state of every call arrives.

`count` interleavings of late commits, rollbacks, equal times, clocks that are set and details that move
alone; then a tenth as many batches into a sink whose commits get lost; then gateways that are killed
while they write.  A clock that is set back and
ahead again between two polls cannot be seen, so where it is set, rows may be missed until a
reconciliation; elsewhere none may.  The mutants read as everybody begins to (`changed > last`), without
the overlap, without a second look, and write without asking first.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from gateway.adapter import Batch, Context, RawRecord, Rejected
from gateway.testing import context
from tests import peers
from tests.campaigns.lost_commits import sink_faults
from tests.campaigns.police import OVERLAP, TABLES, Content, Police
from tests.campaigns.sink_kills import gateway_kills
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell, hunt

if TYPE_CHECKING:
    from tests.peers.postgres import Postgres

MUTANTS = ("naive", "no-overlap", "no-second-look", "blind-sink", "asks-nobody")
WORLD = 40
"""Interleavings of one database; then a new one begins."""
STEPS = 12


def main(count: int, seed: int, tell: Tell) -> Tally:
    """As a command: with a PostgreSQL of its own."""
    from tests.peers.postgres import Postgres

    with peers.started(Postgres, tell) as postgres:
        if postgres is None:
            raise SystemExit("the campaign needs PostgreSQL")
        return campaign(count, seed, tell, postgres=postgres)


def campaign(count: int, seed: int, tell: Tell, *, postgres: Postgres) -> Tally:
    """`count` interleavings; then the sink; then the mutants."""
    random_ = random.Random(seed)
    tally = Tally("odbc")
    tally.extra = {"missed_before_reconciliation": 0}
    url = postgres.database()
    for done in range(0, count, WORLD):
        world(random_, tally, url, min(WORLD, count - done))
    tell(f"{tally.attempted} interleavings, {tally.lost} calls lost")
    sink_faults(random_, tally, postgres, max(6, count // 10))
    tell(f"{tally.attempted - count} batches cut off or left by their sink, {tally.lost} records lost, {tally.duplicated} doubled so far")
    before = tally.fired
    gateway_kills(random_, tally, url, max(2, count // 400))
    tell(f"{tally.fired - before} gateways killed, {tally.lost} records lost, {tally.duplicated} doubled so far")

    def once(again: random.Random, account: Tally, *, mutant: str = "") -> None:
        if mutant == "asks-nobody":
            gateway_kills(again, account, url, 1, mutant=mutant)
        elif mutant == "blind-sink":
            sink_faults(again, account, postgres, 8, mutant=mutant)
        else:
            world(again, account, url, 12, mutant=mutant)

    hunt(MUTANTS, tally, 12, random_, once, tell)
    return tally


def world(random_: random.Random, tally: Tally, url: str, count: int, *, mutant: str = "") -> None:
    """So many interleavings of new tables, read by one feed; at the end both sides are compared."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    coarse = mutant == "no-second-look" or random_.random() < 0.3
    police = Police(url, random_, coarse=coarse, jumps=not mutant and random_.random() < 0.5)
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder, _clock_of_a_row():
        feed = Naive(url) if mutant == "naive" else Reads(url, Path(folder), police, coarse=coarse, mutant=mutant)
        try:
            for _ in range(count):
                _interleaved(random_, tally, police, feed)
            _compared(tally, police, feed)
        finally:
            feed.close()
            police.close()


def _interleaved(random_: random.Random, tally: Tally, police: Police, feed: Reads | Naive) -> None:
    before = police.fired
    for _ in range(STEPS):
        police.step()
        if random_.random() < 0.25:
            feed.poll()
        if random_.random() < 0.02:
            feed.restart()
    fired = int(police.fired > before)
    tally.attempted += 1
    tally.fired += fired
    tally.recovered += fired


def _compared(tally: Tally, police: Police, feed: Reads | Naive) -> None:
    """Once everybody is done: what the feed has seen of each call, against what the database holds."""
    police.finish()
    feed.poll()
    police.finish()
    feed.poll()
    held = police.content()
    missed = {callno for callno, content in held.items() if feed.seen.get(callno) != content}
    tally.records += len(held)
    if police.jumps:
        tally.extra["missed_before_reconciliation"] += len(missed)
        feed.reconcile()
        missed = {callno for callno in missed if feed.seen.get(callno) != held[callno]}
    tally.lost += len(missed)


class Reads:
    """The adapter's source, polled by hand."""

    def __init__(self, url: str, folder: Path, police: Police, *, coarse: bool, mutant: str) -> None:
        from adapters.odbc import adapter

        overlap = 0 if mutant == "no-overlap" else OVERLAP.total_seconds()
        tick = 0 if mutant in {"no-overlap", "no-second-look"} else overlap if coarse else 0
        mark = {"by": "timestamp", "column": "changed", "overlap_s": int(overlap), "tick_s": tick}
        units = {"table": "units", "key": "callno", "row": "unit", "watermark": mark}
        (driver,) = sorted(Path("/").glob("usr/lib/*/odbc/psqlodbcw.so")) or [Path("psqlodbcw.so")]
        port, _, name = url.rpartition(":")[2].partition("/")
        reach = {"server": "127.0.0.1", "port": int(port), "database": name, "user_from": "env:USER"}
        said = {"kind": "call", "table": "calls", "key": "callno", "watermark": mark, "details": {"units": units}}
        if adapter.source is None or adapter.survey is None:
            raise TypeError("the adapter reads and surveys")
        self._source_of, self._survey_of = adapter.source, adapter.survey
        self._settings = adapter.settings.model_validate({"connection": {"driver": str(driver), **reach}, **said})
        began = datetime(2026, 3, 1, 12, tzinfo=UTC)
        given = replace(context(folder), secret=lambda _: "app", clock=lambda: began + police.passed)
        self._given: Context = given
        self._source = self._source_of(self._settings, given)
        self._cursor = ""
        self.seen: dict[str, Content] = {}

    def poll(self) -> None:
        """Until there is nothing newer."""
        batch = Batch("", more=True)
        while batch.more:
            batch = self._source.read(self._cursor, 5)
            self._take(batch.records)
            self._cursor = batch.cursor

    def restart(self) -> None:
        """A new process, with the cursor of the last commit."""
        self._source.close()
        self._source = self._source_of(self._settings, self._given)

    def reconcile(self) -> None:
        """Read everything that is there, as a reconciliation does."""
        survey = self._survey_of(self._settings, self._given, "")
        batch = survey.read("", 500)
        while batch.records:
            self._take(batch.records)
            batch = survey.read(batch.cursor, 500)
        survey.close()

    def close(self) -> None:
        """Leave."""
        self._source.close()

    def _take(self, records: Sequence[RawRecord | Rejected]) -> None:
        for record in records:
            if not isinstance(record, RawRecord):
                raise TypeError(f"a record was rejected: {record.problems}")
            units = tuple((unit["unit"], unit["status"]) for unit in record.fields["units"])
            content = (record.fields["place"], units)
            self.seen[record.key] = content


class Naive:
    """How everybody begins: what is newer than the newest that was seen."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._last: Any = datetime.min  # noqa: DTZ901 -- a local time, as the database keeps it
        self.seen: dict[str, Content] = {}

    def poll(self) -> None:
        """`changed > last`, of the calls and of their units."""
        last = self._last
        for table in ("calls", "units"):
            for callno, changed in self._connection.execute(f"SELECT callno, changed FROM {table} WHERE changed > %s", (last,)).fetchall():
                self._last = max(self._last, changed)
                self._look(callno)

    def restart(self) -> None:
        """Its last time would have been kept."""

    def reconcile(self) -> None:
        """It knows of no such thing."""

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def _look(self, callno: str) -> None:
        place = self._connection.execute("SELECT place FROM calls WHERE callno = %s", (callno,)).fetchone()
        units = self._connection.execute("SELECT unit, status FROM units WHERE callno = %s ORDER BY unit", (callno,)).fetchall()
        if place is not None:
            self.seen[callno] = (place[0], tuple((unit, status) for unit, status in units))


@contextmanager
def _clock_of_a_row() -> Iterator[None]:
    """For the time of a world the adapter takes the database's time from its table."""
    from adapters.odbc import connect
    from adapters.odbc.profile import POSTGRESQL

    honest: Callable[..., Any] = connect.profile_of
    row = "(SELECT CAST(now AS text) FROM clock)"
    module: Any = connect
    module.profile_of = lambda _connection: replace(POSTGRESQL, clocks={"local": row, "utc": row})
    try:
        yield
    finally:
        module.profile_of = honest
