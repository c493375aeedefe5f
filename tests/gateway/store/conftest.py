"""Every story of the store is told on both databases."""

from __future__ import annotations

import pytest

from gateway import store
from tests.gateway.store.scene import KEYS, Clock, Site


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Where a new, empty store goes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/store.db"
    return request.getfixturevalue("postgres").database()


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
