"""A dispatch database as its own people use it: transactions that overlap, on a clock that jumps.

Only the clock is not real: it is a row of the database, so that hours pass in milliseconds and both
sides agree on when.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

OVERLAP = timedelta(seconds=60)
"""No transaction lasts longer, by a clock that does not jump."""

Content = tuple[str, tuple[tuple[str, str], ...]]
"""Place of a call, and its units with their states."""

TABLES = """
DROP TABLE IF EXISTS calls, units, clock;
CREATE TABLE calls (callno text PRIMARY KEY, place text NOT NULL, changed timestamp NOT NULL);
CREATE INDEX ON calls (changed, callno);
CREATE TABLE units (callno text, unit text, status text, changed timestamp NOT NULL, PRIMARY KEY (callno, unit));
CREATE INDEX ON units (changed, callno, unit);
CREATE TABLE clock (now timestamp NOT NULL);
INSERT INTO clock VALUES ('2026-03-01 12:00:00');
"""


@dataclass(slots=True)
class Open:
    """A transaction under way: since when, and which calls it holds."""

    connection: psycopg.Connection[Any]
    began: timedelta
    holds: set[str] = field(default_factory=set)


class Police:
    """Three people with a transaction each, at most."""

    def __init__(self, url: str, random_: random.Random, *, coarse: bool, jumps: bool) -> None:
        self._random, self._coarse, self.jumps = random_, coarse, jumps
        self._admin = psycopg.connect(url, autocommit=True)
        self._idle = [psycopg.connect(url) for _ in range(3)]
        self._open: list[Open] = []
        self._calls: list[str] = []
        self.passed = timedelta()
        """Real time, as a clock shows it that nobody sets."""
        self._clock = datetime(2026, 3, 1, 12)  # noqa: DTZ001 -- a local time, as such databases keep them
        self.fired = 0
        """Late commits, rollbacks and jumps of the clock so far."""

    def step(self) -> None:
        """One thing happens."""
        things = (self._begin, self._write, self._end, self._wait, self._jump)
        self._random.choices(things, weights=(3, 6, 3, 3, 0.4 if self.jumps else 0))[0]()

    def finish(self) -> None:
        """Everybody ends what they do, and some time goes by."""
        while self._open:
            self._end()
        self._move(OVERLAP / 10)

    def content(self) -> dict[str, Content]:
        """What the tables hold, for everybody to see."""
        units: dict[str, list[tuple[str, str]]] = {}
        for callno, unit, status in self._admin.execute("SELECT callno, unit, status FROM units ORDER BY callno, unit"):
            units.setdefault(callno, []).append((unit, status))
        calls = self._admin.execute("SELECT callno, place FROM calls").fetchall()
        return {callno: (place, tuple(units.get(callno, ()))) for callno, place in calls}

    def close(self) -> None:
        """Leave."""
        for connection in (self._admin, *self._idle, *(one.connection for one in self._open)):
            connection.close()

    def _begin(self) -> None:
        if self._idle:
            self._open.append(Open(self._idle.pop(), self.passed))
            self._write()

    def _write(self) -> None:
        """One statement: some new calls of one time, or a change of one call, or of a unit alone."""
        if not self._open:
            return
        one = self._random.choice(self._open)
        held = {callno for other in self._open if other is not one for callno in other.holds}
        free = [callno for callno in self._calls if callno not in held]
        if not free or self._random.random() < 0.4:
            self._add(one, self._random.randint(1, 3))
        else:
            self._change(one, self._random.choice(free))
        self._move(timedelta(microseconds=1))

    def _add(self, one: Open, count: int) -> None:
        for _ in range(count):
            callno = f"C{len(self._calls):05}"
            self._calls.append(callno)
            one.holds.add(callno)
            one.connection.execute("INSERT INTO calls VALUES (%s, %s, %s)", (callno, self._word(), self._now))

    def _change(self, one: Open, callno: str) -> None:
        one.holds.add(callno)
        if self._random.random() < 0.5:
            said = "UPDATE calls SET place = %s, changed = %s WHERE callno = %s"
            one.connection.execute(said, (self._word(), self._now, callno))
        else:
            said = (
                "INSERT INTO units VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (callno, unit) DO UPDATE SET status = excluded.status, changed = excluded.changed"
            )
            one.connection.execute(said, (callno, self._random.choice(("1A1", "1A2")), self._word(), self._now))

    def _end(self) -> None:
        if not self._open:
            return
        one = self._open.pop(self._random.randrange(len(self._open)))
        if self._random.random() < 0.2:
            one.connection.rollback()
        else:
            one.connection.commit()
        self.fired += 1
        self._idle.append(one.connection)

    def _wait(self) -> None:
        """Time passes, never so much that a transaction gets too old."""
        oldest = min((one.began for one in self._open), default=self.passed)
        room = OVERLAP - (self.passed - oldest) - timedelta(seconds=2)
        self._move(max(timedelta(0), min(room, timedelta(seconds=self._random.choice((0.001, 1, 5, 20))))))

    def _jump(self) -> None:
        """The database's clock is set: back, or ahead."""
        self._clock += timedelta(seconds=self._random.choice((-3600, -30, -5, 30, 3600)))
        self.fired += 1
        self._move(timedelta(0))

    def _move(self, by: timedelta) -> None:
        self.passed += by
        self._clock += by
        self._admin.execute("UPDATE clock SET now = %s", (self._clock,))

    @property
    def _now(self) -> datetime:
        """As the database writes it down."""
        return self._clock.replace(microsecond=0) if self._coarse else self._clock

    def _word(self) -> str:
        return f"w{self._random.randrange(1 << 30)}"
