"""A sink whose commits get lost: killed before and after the commit, and cut off while it waits for the answer.

Each batch meets a fault and is handed over again until it is written, as the gateway does: then every
record is there once.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from gateway.adapter import OutRecord
from gateway.errors import Retry
from gateway.testing import context
from tests.campaigns.faults import Proxy
from tests.campaigns.tally import Tally

if TYPE_CHECKING:
    from tests.peers.postgres import Postgres

FAULTS = ("killed-before", "killed-after", "cut-before", "cut-after")
KEYED: tuple[dict[str, Any], ...] = (
    {"by": "upsert", "table": "calls", "key": "callno"},
    {"by": "insert", "table": "calls", "id": "event_id", "returns": "n"},
    {"by": "upsert", "table": "calls", "id": "event_id", "returns": "n"},
)
BLIND = {"by": "insert", "table": "calls"}
TRIES = 8


class Killed(BaseException):
    """The process is gone."""


def sink_faults(random_: random.Random, tally: Tally, postgres: Postgres, count: int, *, mutant: str = "") -> None:
    """`count` batches, each with a fault; at the end every record must be there, and once."""
    url = postgres.database()
    columns = "n bigserial PRIMARY KEY, callno text NOT NULL, place text, event_id text"
    proxy = Proxy(postgres.port)
    with psycopg.connect(url, autocommit=True) as connection, tempfile.TemporaryDirectory(prefix="copperline-") as folder:
        connection.execute(f"CREATE TABLE calls ({columns})")
        sent: list[str] = []
        for batch in range(count):
            write = BLIND if mutant else random_.choice(KEYED)
            made = _maker(proxy, url, Path(folder), write)
            records = [_record(f"B{batch}-{at}") for at in range(random_.randint(1, 5))]
            sent += [record.key for record in records]
            _written(made, proxy, records, random_.choice(FAULTS), blind=bool(mutant))
            tally.attempted += 1
            tally.fired += 1
            tally.recovered += 1
        found = [callno for (callno,) in connection.execute("SELECT callno FROM calls")]
    proxy.close()
    tally.records += len(sent)
    tally.lost += len(set(sent) - set(found))
    tally.duplicated += len(found) - len(set(found))


def _written(make: Callable[[], Any], proxy: Proxy, records: Sequence[OutRecord], fault: str, *, blind: bool) -> None:
    """Hand them over until all are written; the first time the fault strikes."""
    sink = make()
    _strikes(sink, proxy, fault)
    left: Sequence[OutRecord] = records
    for _ in range(TRIES):
        try:
            outcomes = sink.write(left)
        except (Killed, Retry):
            sink.close()
            sink = make()
            left = left if blind else [replace(record, uncertain=True) for record in left]
            continue
        left = [record for record, outcome in zip(left, outcomes, strict=True) if outcome.state != "written"]
        if not left or (blind and all(outcome.state == "ambiguous" for outcome in outcomes)):
            break
    sink.close()


def _strikes(sink: Any, proxy: Proxy, fault: str) -> None:
    """The next commit meets the fault."""
    link = sink._opened()
    commit = link.commit

    def struck() -> None:
        if fault == "killed-before":
            proxy.drop()
            raise Killed
        if fault == "cut-before":
            proxy.drop()
            commit()
        commit()
        proxy.drop()
        raise Killed if fault == "killed-after" else Retry(_lost())

    link.commit = struck


def _lost() -> Any:
    from adapters.odbc import codes
    from gateway.errors import Problem

    return Problem(codes.UNREACHABLE)


def _maker(proxy: Proxy, url: str, folder: Path, write: dict[str, Any]) -> Callable[[], Any]:
    from adapters.odbc import adapter

    (driver,) = sorted(Path("/").glob("usr/lib/*/odbc/psqlodbcw.so")) or [Path("psqlodbcw.so")]
    reach = {"server": "127.0.0.1", "port": proxy.port, "database": url.rpartition("/")[2], "user_from": "env:USER"}
    settings = adapter.settings.model_validate({"connection": {"driver": str(driver), **reach}, "write": write})
    given = replace(context(folder), secret=lambda _: "app")
    make: Any = adapter.sink
    return lambda: make(settings, given)


def _record(key: str) -> OutRecord:
    return OutRecord(f"event-{key}", key, "", "put", {"callno": key, "place": "Elm St"})
