"""Databases of one test each, and feeds that are polled by hand."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from gateway.testing import Clock
from tests.adapters.odbc import databases
from tests.adapters.odbc.databases import Database, MariaDb, Postgresql, Sqlite
from tests.adapters.odbc.feeds import Feed


@pytest.fixture
def opened(request, tmp_path):
    """Opens databases by their kind; all are closed in the end."""
    with ExitStack() as stack:

        def one(kind: type[Database]) -> Database:
            made = databases.made(kind, request, tmp_path)
            stack.callback(made.close)
            return made

        yield one


@pytest.fixture
def postgresql(opened) -> Postgresql:
    return opened(Postgresql)


@pytest.fixture
def maria(opened) -> MariaDb:
    return opened(MariaDb)


@pytest.fixture
def sqlite(opened) -> Sqlite:
    return opened(Sqlite)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed(tmp_path, clock):
    """Makes feeds; all are closed in the end."""
    with ExitStack() as stack:

        def one(database: Database, **settings: Any) -> Feed:
            made = Feed(database, settings, tmp_path, clock)
            stack.callback(made.close)
            return made

        yield one
