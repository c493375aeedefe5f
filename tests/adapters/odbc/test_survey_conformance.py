"""Surveys of every kind of table, on every driver that has a database here, against the suite of all plugins."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from adapters.odbc import adapter
from gateway.testing import SurveyConformance, context
from tests.adapters.odbc import databases
from tests.adapters.odbc.databases import Calls, Log, MariaDb, Postgresql, PostgresqlAnsi, Queued, Sqlite, WithUnits


class OnDatabase(SurveyConformance):
    adapter = adapter
    system: ClassVar = Calls
    database: ClassVar = Postgresql

    @pytest.fixture
    def legacy(self, tmp_path, request):
        self.made = databases.made(self.database, request, tmp_path)
        self.calls = self.system(tmp_path, self.made)
        yield self.calls
        self.made.close()

    @pytest.fixture
    def given(self, tmp_path, clock, legacy):
        return replace(context(tmp_path, clock), secret=self.made.secret)

    def typed(self):
        return self.adapter.settings.model_validate(self.calls.typed())


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


class TestQueueOnSqlite(OnDatabase):
    system = Queued
    database = Sqlite


class TestDetailsOnMariaDb(OnDatabase):
    system = WithUnits
    database = MariaDb


del OnDatabase
