"""Real databases behind real drivers: how each is reached, and how its own people write into it."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.testing import LegacySystem

FOLDER = "/usr/lib/*/odbc"
PASSWORD_FROM, USER_FROM = "env:PASSWORD", "env:USER"


def library(name: str) -> str:
    """The path of a driver; the test is not run where it is not installed."""
    found = sorted(Path("/").glob(f"{FOLDER}/{name}".lstrip("/")))
    if not found:
        pytest.skip(f"{name} is not installed (python3 dev.py test installs it as root or through sudo)")
    return str(found[0])


class Database:
    """A database of one test.  `now` is the expression of its own clock, `stamp` its type of a time."""

    now: ClassVar[str]
    stamp: ClassVar[str]
    text: ClassVar[str] = "varchar(200)"
    user: ClassVar[str] = "app"
    password: ClassVar[str] = "invented-password"

    def __init__(self, connection: dict[str, Any]) -> None:
        self.connection = connection
        self._own = self.session(autocommit=True)

    def secret(self, reference: str) -> str:
        return {PASSWORD_FROM: self.password, USER_FROM: self.user}[reference]

    def session(self, *, autocommit: bool = False) -> Any:
        """One more connection of the system's own people; they have a better driver than the ANSI one."""
        from adapters.odbc.connect import loaded, string
        from adapters.odbc.settings import Connection, Limits

        better = self.connection["driver"].replace("psqlodbca", "psqlodbcw")
        typed = Connection.model_validate({**self.connection, "driver": better})
        return loaded().connect(string(typed, Limits(), self.secret), autocommit=autocommit)

    def until(self, sql: str) -> None:
        """Wait until a query finds something."""
        until = time.monotonic() + 20
        while not self.ask(sql):
            assert time.monotonic() < until, sql
            time.sleep(0.05)

    def run(self, sql: str, *bound: Any) -> None:
        self._own.execute(sql, *bound)

    def ask(self, sql: str, *bound: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._own.execute(sql, *bound).fetchall()]

    def close(self) -> None:
        self._own.close()


SPARE: dict[int, list[str]] = {}
"""By a server's port: the names of databases that a test has left empty.  To make one takes longer than most tests."""


def _lent(peer: Any) -> str:
    """A database without a table."""
    spare = SPARE.setdefault(peer.port, [])
    return spare.pop() if spare else str(peer.database()).rpartition("/")[2]


class Postgresql(Database):
    now, stamp = "CAST(clock_timestamp() AS timestamp)", "timestamp"
    driver = "psqlodbcw.so"

    def __init__(self, peer: Any, tmp_path: Path) -> None:
        name = _lent(peer)
        place = {"server": "127.0.0.1", "port": peer.port, "database": name, "user_from": USER_FROM}
        super().__init__({"driver": library(self.driver), **place})

    def close(self) -> None:
        """What a test made is taken away; where somebody still holds it, the database is not lent again."""
        with suppress(Exception):
            self.run("SET lock_timeout = '1s'")
            for (schema,) in self.ask("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"):
                self.run(f'DROP SCHEMA "{schema}" CASCADE')
            self.run("CREATE SCHEMA public")
            self.run("GRANT USAGE ON SCHEMA public TO PUBLIC")
            SPARE[self.connection["port"]].append(self.connection["database"])
        super().close()


class PostgresqlAnsi(Postgresql):
    driver = "psqlodbca.so"


class MariaDb(Database):
    now, stamp = "CURRENT_TIMESTAMP(6)", "datetime(6)"

    def __init__(self, peer: Any, tmp_path: Path) -> None:
        place = {"server": "127.0.0.1", "port": peer.port, "database": _lent(peer)}
        secrets = {"user_from": USER_FROM, "password_from": PASSWORD_FROM}
        super().__init__({"driver": library("libmaodbc.so"), **place, **secrets})

    def close(self) -> None:
        """As PostgreSQL's; the application's user may do all of it to its own database."""
        name = self.connection["database"]
        with suppress(Exception):
            self.run("SET SESSION lock_wait_timeout = 1")
            self.run(f"DROP DATABASE {name}")
            self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            SPARE[self.connection["port"]].append(name)
        super().close()


class Sqlite(Database):
    now, stamp = "strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime')", "datetime"

    def __init__(self, peer: Any, tmp_path: Path) -> None:
        path = tmp_path / "legacy.db"
        path.touch()
        super().__init__({"driver": library("libsqlite3odbc.so"), "database": str(path)})


PEERS = {Postgresql: "postgres", PostgresqlAnsi: "postgres", MariaDb: "mariadb", Sqlite: ""}


def made(kind: type[Database], request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of that kind, for one test."""
    peer = request.getfixturevalue(PEERS[kind]) if PEERS[kind] else None
    return kind(peer, tmp_path)


class Calls(LegacySystem):
    """A CAD's table of calls, each with the time of its last change."""

    watermark: ClassVar[dict[str, Any]] = {"by": "timestamp", "column": "changed"}

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root)
        self.database = database
        self._numbers = itertools.count(1)
        self.create()

    def typed(self) -> dict[str, Any]:
        said = {"connection": self.database.connection, "kind": "call", "table": "calls", "key": "callno"}
        return {**said, "watermark": self.watermark}

    def create(self) -> None:
        time, text = self.database.stamp, self.database.text
        self.database.run(f"CREATE TABLE calls (callno char(8) PRIMARY KEY, place {text}, changed {time})")

    def insert(self, place: str, changed: str = "") -> str:
        key = f"C{next(self._numbers):07}"
        self.database.run(f"INSERT INTO calls VALUES (?, ?, {changed or self.database.now})", key, place)
        return key

    def add(self, count: int) -> list[str]:
        return [self.insert(f"{at} Elm Ünited St") for at in range(count)]

    def one_instant(self, count: int) -> list[str]:
        return [self.insert("Main St", "'2026-03-01 12:00:00.123'") for _ in range(count)]


class Log(Calls):
    """A table to which rows are only added, by number."""

    watermark: ClassVar[dict[str, Any]] = {"by": "id", "column": "n"}

    def create(self) -> None:
        text = self.database.text
        self.database.run(f"CREATE TABLE calls (n bigint PRIMARY KEY, callno char(8), place {text})")

    def insert(self, place: str, changed: str = "") -> str:
        number = next(self._numbers)
        key = f"C{number:07}"
        self.database.run("INSERT INTO calls VALUES (?, ?, ?)", 5_000_000_000 + number, key, place)
        return key

    def one_instant(self, count: int) -> list[str]:
        return LegacySystem.one_instant(self, count)


class Versions(Log):
    """A table whose rows get a new number at each change."""

    watermark: ClassVar[dict[str, Any]] = {"by": "rowversion", "column": "n"}


class Queued(Calls):
    """A table with a queue beside it, as triggers would fill it."""

    watermark: ClassVar[dict[str, Any]] = {"by": "queue", "table": "queue", "id": "n", "key": "callno", "delete": True}

    def create(self) -> None:
        super().create()
        self.database.run("CREATE TABLE queue (n bigint PRIMARY KEY, callno char(8))")

    def insert(self, place: str, changed: str = "") -> str:
        key = super().insert(place, changed)
        self.database.run("INSERT INTO queue VALUES (?, ?)", int(key[1:]), key)
        return key


class WithUnits(Calls):
    """Calls with a table of units; the units have times of their own."""

    def typed(self) -> dict[str, Any]:
        mark = {"by": "timestamp", "column": "changed"}
        units = {"table": "units", "key": "call_number", "row": "unit", "watermark": mark}
        return {**super().typed(), "details": {"units": units}}

    def create(self) -> None:
        super().create()
        time, text = self.database.stamp, self.database.text
        self.database.run(
            f"CREATE TABLE units (call_number varchar(8), unit varchar(8), status {text}, changed {time}, "
            "PRIMARY KEY (call_number, unit))"
        )

    def insert(self, place: str, changed: str = "") -> str:
        key = super().insert(place, changed)
        for unit in ("1A1", "1A2"):
            self.status(key, unit, "dispatched")
        return key

    def status(self, key: str, unit: str, status: str) -> None:
        self.database.run("DELETE FROM units WHERE call_number = ? AND unit = ?", key, unit)
        self.database.run(f"INSERT INTO units VALUES (?, ?, ?, {self.database.now})", key, unit, status)
