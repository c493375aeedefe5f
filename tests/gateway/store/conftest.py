"""Every story of the store is told on both databases."""

from __future__ import annotations

import itertools

import pytest

from gateway import store
from tests.gateway.store.scene import KEYS, Clock, Site


@pytest.fixture(scope="session")
def schema(postgres):
    """Makes empty schemas in one database, each the address of a store: far cheaper than databases."""
    import psycopg

    url, numbers = postgres.database(), itertools.count(1)

    def make():
        name = f"site{next(numbers)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{url}?options=-csearch_path%3D{name}"

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Where a new, empty store goes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/store.db"
    return request.getfixturevalue("schema")()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/var/store.db"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def site(url, clock):
    """A site with one feed, whose own log has been there from the start.  Whatever a story does, its ledger holds."""
    with store.open(url, KEYS, clock=clock) as opened:
        site = Site(opened, clock)
        yield site
        assert opened.ledger.verify() == []
        assert site.adds_up()
