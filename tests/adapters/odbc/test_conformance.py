"""Every way of following a table, on every driver that has a database here, against the suite of all plugins."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from adapters.odbc import adapter
from gateway.testing import SinkConformance, SourceConformance, context
from tests.adapters.odbc import databases, targets
from tests.adapters.odbc.databases import Log, MariaDb, Postgresql, PostgresqlAnsi, Queued, Sqlite, Versions, WithUnits
from tests.adapters.odbc.scenes import Scene


class OnDatabase(Scene, SourceConformance):
    pass


class TestTimesOnPostgresql(OnDatabase):
    pass


class TestTimesOnPostgresqlAnsi(OnDatabase):
    database = PostgresqlAnsi


class TestTimesOnMariaDb(OnDatabase):
    database = MariaDb


class TestTimesOnSqlite(OnDatabase):
    database = Sqlite


class TestNumbersOnPostgresql(OnDatabase):
    system = Log


class TestNumbersOnMariaDb(OnDatabase):
    system = Log
    database = MariaDb


class TestVersionsOnSqlite(OnDatabase):
    system = Versions
    database = Sqlite


class TestQueueOnPostgresql(OnDatabase):
    system = Queued


class TestQueueOnSqlite(OnDatabase):
    system = Queued
    database = Sqlite


class TestDetailsOnPostgresql(OnDatabase):
    system = WithUnits


class TestDetailsOnMariaDb(OnDatabase):
    system = WithUnits
    database = MariaDb


del OnDatabase


class IntoDatabase(SinkConformance):
    adapter = adapter
    system: ClassVar = targets.Calls
    database: ClassVar = Postgresql

    @pytest.fixture
    def target(self, tmp_path, request):
        self.made = databases.made(self.database, request, tmp_path)
        self.calls = self.system(tmp_path, self.made)
        yield self.calls
        self.made.close()

    @pytest.fixture
    def given(self, tmp_path, target):
        return replace(context(tmp_path), secret=self.made.secret)

    def opened(self, given):
        return self.adapter.sink(self.adapter.settings.model_validate(self.calls.typed()), given)


class TestIntoPostgresql(IntoDatabase):
    pass


class TestIntoMariaDb(IntoDatabase):
    database = MariaDb


class TestIntoSqlite(IntoDatabase):
    database = Sqlite


class TestInsertedIntoPostgresql(IntoDatabase):
    system = targets.Inserted


class TestInsertedIntoMariaDb(IntoDatabase):
    system = targets.Inserted
    database = MariaDb


del IntoDatabase
