"""More gaps in the numbers than are kept: the source says that only reconciliation can tell, and says it once."""

from __future__ import annotations

from dataclasses import replace

from adapters.odbc import adapter
from adapters.odbc.gaps import MOST
from gateway.testing import context
from tests.adapters.odbc.databases import Sqlite, made


def test_a_source_that_gave_up_gaps_asks_for_reconciliation_once(request, tmp_path):
    database = made(Sqlite, request, tmp_path)
    database.run("CREATE TABLE calls (n integer PRIMARY KEY, place varchar(20))")
    database.run("INSERT INTO calls VALUES (0, 'here')")
    settings = {"connection": database.connection, "kind": "call", "table": "calls", "key": "n", "watermark": {"by": "id", "column": "n"}}
    source = adapter.source(adapter.settings.model_validate(settings), replace(context(tmp_path), secret=database.secret))
    asked, cursor = [], ""

    def drain():
        nonlocal cursor
        more = True
        while more:
            batch = source.read(cursor, 500)
            asked.append(batch.reconcile)
            cursor, more = batch.cursor, batch.more

    drain()
    database.run(f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST + 10}) INSERT INTO calls SELECT i * 2, 'there' FROM n")
    drain()
    drain()
    source.close()
    database.close()
    assert sum(asked) == 1
