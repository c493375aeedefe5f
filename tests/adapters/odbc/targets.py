"""Databases that are written to: a records system's table of calls, which numbers its rows itself."""

from __future__ import annotations

from typing import Any, ClassVar

from gateway.adapter import OutRecord
from gateway.testing import LegacyTarget
from tests.adapters.odbc.databases import Database, MariaDb, Postgresql, Sqlite

NUMBER = {
    Postgresql: "bigserial PRIMARY KEY",
    MariaDb: "bigint AUTO_INCREMENT PRIMARY KEY",
    Sqlite: "INTEGER PRIMARY KEY AUTOINCREMENT",
}


class Calls(LegacyTarget):
    """Found again by the event's id, and by the key."""

    write: ClassVar[dict[str, Any]] = {"by": "upsert", "table": "calls", "key": "callno", "id": "event_id", "returns": "n"}

    def __init__(self, root: Any, database: Database) -> None:
        super().__init__(root)
        self.database = database
        number = next(text for kind, text in NUMBER.items() if isinstance(database, kind))
        columns = "callno varchar(8) NOT NULL UNIQUE, place varchar(40) NOT NULL, event_id varchar(40)"
        short = "CHECK (length(place) < 40)"  # SQLite keeps to no length
        database.run(f"CREATE TABLE calls (n {number}, {columns}, {short})")

    def typed(self) -> dict[str, Any]:
        return {"connection": self.database.connection, "write": self.write}

    def records(self, count: int) -> list[OutRecord]:
        return [record(f"{at:08}", f"{at} Elm Ünited St") for at in range(count)]

    def misfit(self) -> OutRecord:
        return record("99999999", "ALDERGATE7 " * 10)

    def holds(self) -> list[dict[str, Any]]:
        return [{"callno": callno, "place": place} for callno, place in self.database.ask("SELECT callno, place FROM calls ORDER BY n")]

    def dies_after_commit(self, sink: Any) -> None:
        """The commit arrives, and then the process is gone."""
        link = sink._opened()
        commit = link.commit

        def dies() -> None:
            commit()
            raise KeyboardInterrupt

        link.commit = dies


class Inserted(Calls):
    """Rows are only added; the key alone tells."""

    write: ClassVar[dict[str, Any]] = {"by": "insert", "table": "calls", "key": "callno"}


def record(callno: str, place: str, **more: Any) -> OutRecord:
    return OutRecord(**{"id": f"event-{callno}", "key": callno, "remote_id": "", "change": "put", "fields": {"callno": callno, "place": place}, **more})
