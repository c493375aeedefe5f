"""Surveys of every kind of table, on every driver that has a database here, against the suite of all plugins."""

from __future__ import annotations

from gateway.testing import SurveyConformance
from tests.adapters.odbc.databases import Log, MariaDb, PostgresqlAnsi, Queued, Sqlite, WithUnits
from tests.adapters.odbc.scenes import Scene


class OnDatabase(Scene, SurveyConformance):
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


class TestQueueOnSqlite(OnDatabase):
    system = Queued
    database = Sqlite


class TestDetailsOnMariaDb(OnDatabase):
    system = WithUnits
    database = MariaDb


del OnDatabase
