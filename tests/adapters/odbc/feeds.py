"""A feed that is polled by hand: each poll reads until there is nothing newer, as the gateway does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.odbc import adapter
from gateway.adapter import Batch, RawRecord, Rejected
from gateway.testing import Clock, Heard, context
from tests.adapters.odbc.databases import Database

TIMES = {"by": "timestamp", "column": "changed"}


class Feed:
    """One feed of a database."""

    def __init__(self, database: Database, settings: dict[str, Any], root: Path, clock: Clock) -> None:
        usual = {"connection": database.connection, "kind": "call", "table": "calls", "key": "callno"}
        self.settings = adapter.settings.model_validate({**usual, **settings})
        self.given = replace(context(root, clock), secret=database.secret)
        self.cursor = ""
        self.batches: list[Batch] = []
        self._open()

    def poll(self, limit: int = 100) -> list[RawRecord | Rejected]:
        """What one poll brings, batch after batch."""
        found: list[RawRecord | Rejected] = []
        while True:
            batch = self.source.read(self.cursor, limit)
            self.batches.append(batch)
            found += batch.records
            self.cursor = batch.cursor
            self.source.acknowledge(self.cursor)
            if not batch.more:
                return found

    def keys(self, limit: int = 100) -> list[str]:
        return [record.key for record in self.poll(limit)]

    def restart(self) -> None:
        """The process ends, and begins again with the cursor of its last commit."""
        self.source.close()
        self._open()

    def heard(self) -> Sequence[str]:
        log = self.given.log
        assert isinstance(log, Heard)
        return log.lines

    def close(self) -> None:
        self.source.close()

    def _open(self) -> None:
        assert adapter.source is not None
        self.source = adapter.source(self.settings, self.given)
