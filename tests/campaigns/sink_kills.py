"""A gateway that writes into a database is killed: amid its transaction, before the remote commit, and after it.

    python -m tests.campaigns.sink_kills POINT N MUTANT <arguments of copperline>

runs the gateway and kills its process, by a signal that it cannot hear, at the N-th time it comes to that
point.  After two such deaths it runs to its end; then every record must be in the target, and once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from tests.campaigns import faults, rig
from tests.campaigns.tally import Tally

POINTS = ("amid", "before", "after")
"""A statement of the transaction; its commit; its answer."""
DEATHS = 2
FILES, ROWS = 2, 8
COLUMNS = "n bigserial PRIMARY KEY, callno text NOT NULL, said text, event_id text"
KEYED: tuple[dict[str, Any], ...] = (
    {"by": "upsert", "table": "written", "key": "callno"},
    {"by": "upsert", "table": "written", "id": "event_id", "returns": "n"},
)
MAPPING = """\
to: call
entity: incident
subject: incidentId
fields:
  callno: incidentId
  said: reportNumber
"""


def gateway_kills(random_: random.Random, tally: Tally, url: str, count: int, *, mutant: str = "") -> None:
    """`count` gateways, each killed twice on its way into the database at `url`."""
    for _ in range(count):
        with tempfile.TemporaryDirectory(prefix="copperline-") as folder:
            _killed(random_, tally, url, Path(folder), mutant)


def _killed(random_: random.Random, tally: Tally, url: str, folder: Path, mutant: str) -> None:
    with psycopg.connect(url, autocommit=True) as target:
        target.execute(f"DROP TABLE IF EXISTS written; CREATE TABLE written ({COLUMNS})")
        write = KEYED[0] if mutant else random_.choice(KEYED)
        made = _site(folder, url, write)
        sent = _records(made, random_)
        fired = 0
        for _ in range(DEATHS):
            point = "after" if mutant else random_.choice(POINTS)
            nth = str(random_.randint(1, 3 if point == "amid" else 2))
            ended = faults.run(_command(made, point, nth, mutant), env=made.env)
            tally.attempted += 1
            fired += ended.code == -signal.SIGKILL
        _ended(made, tally, fired, mutant)
        _compare(tally, sent, target.execute("SELECT callno, said FROM written").fetchall())


def _ended(made: rig.Rig, tally: Tally, fired: int, mutant: str) -> None:
    """To its end without a fault."""
    tally.fired += fired
    ended = faults.run(_command(made, "never", "0", mutant), env=made.env)
    if ended.code:
        tally.extra["failed"] = ended.errors[-2000:]
    else:
        tally.recovered += fired


def _compare(tally: Tally, sent: dict[str, list[str]], found: list[Any]) -> None:
    """The target holds each call once, as it was said last."""
    rows = Counter(callno for callno, _ in found)
    last = dict(found)
    tally.records += len(sent)
    tally.lost += sum(last.get(callno) != said[-1] for callno, said in sent.items())
    tally.duplicated += sum(count - 1 for count in rows.values())


def _records(made: rig.Rig, random_: random.Random) -> dict[str, list[str]]:
    """Files lie in the inbox; call → what is said of it, in order."""
    said: dict[str, list[str]] = {}
    for name, lines in rig.documents(random_, files=FILES, rows=ROWS):
        for record in made.drop(name, lines):
            said.setdefault(record.partition("/")[0], []).append(record)
    return said


def _command(made: rig.Rig, point: str, nth: str, mutant: str) -> list[str]:
    return [sys.executable, "-m", "tests.campaigns.sink_kills", point, nth, mutant or "-", *made.once()[3:]]


def _site(folder: Path, url: str, write: dict[str, Any]) -> rig.Rig:
    """Files on the one side, the database on the other."""
    (driver,) = sorted(Path("/").glob("usr/lib/*/odbc/psqlodbcw.so")) or [Path("psqlodbcw.so")]
    port, _, name = url.rpartition(":")[2].partition("/")
    reach = {"driver": str(driver), "server": "127.0.0.1", "port": int(port), "database": name, "user_from": "env:COPPERLINE_TRIAL_USER"}
    made = rig.Rig(folder, to="sink, system: target, feed: calls")
    made.env["COPPERLINE_TRIAL_USER"] = "app"
    there = made.root / "systems" / "target"
    there.mkdir()
    feed = {"adapter": "odbc", "settings": {"connection": reach, "write": write}, "mappings": {"call": "call.yaml"}}
    (there / "system.yaml").write_text(json.dumps({"system": "target", "zone": "America/New_York", "feeds": {"calls": feed}}))
    (there / "call.yaml").write_text(MAPPING)
    return made


def _dies(point: str, nth: int) -> None:
    """From now on the process ends where it comes to that point for the n-th time."""
    from adapters.odbc.connect import Link

    link: Any = Link
    left = [nth]

    def counted() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    commit, run = link.commit, link.run

    def commits(self: Any) -> None:
        wrote = self.__dict__.pop("wrote", False)  # the first commit of a link writes nothing
        if point == "before" and wrote:
            counted()
        commit(self)
        if point == "after" and wrote:
            counted()

    def runs(self: Any, sql: str, parameters: Any = ()) -> int:
        done: int = run(self, sql, parameters)
        self.wrote = sql.startswith(("INSERT", "UPDATE")) or self.__dict__.get("wrote", False)
        if point == "amid" and sql.startswith(("INSERT", "UPDATE")):
            counted()
        return done

    link.commit, link.run = commits, runs


def _asks_nobody() -> None:
    """The mutant: what arrives is written, whether it is there or not."""
    from adapters.odbc.sink import OdbcSink
    from gateway.adapter import Outcome

    broken: Any = OdbcSink

    def put(self: Any, link: Any, record: Any, values: Any) -> Outcome:
        link.run(*self._target.insert(values))
        return Outcome("written", record.key)

    broken._put = put


if __name__ == "__main__":
    _point, _nth, _mutant, *_rest = sys.argv[1:]
    _dies(_point, int(_nth))
    if _mutant == "asks-nobody":
        _asks_nobody()
    from gateway.cli import main

    sys.argv[1:] = _rest
    main()
