"""What is PostgreSQL's own: settings, lost connections, positions in the order of commits."""

from __future__ import annotations

import threading

import pytest

from gateway import store
from gateway.errors import Refused, Retry
from gateway.store.postgres import Postgres
from tests.gateway.store.scene import KEYS, Clock, Site, put


@pytest.fixture
def pg_url(postgres):
    return postgres.database()


def test_a_server_that_would_lose_a_commit_is_refused(pg_url):
    with pytest.raises(Refused, match=r"store\.unsafe.*\(fsync\)"):
        Postgres(pg_url, settings={"fsync": frozenset({"on, and twice"})})


def test_a_server_that_is_not_there_is_asked_again_later():
    with pytest.raises(Retry, match=r"store\.away"):
        Postgres("postgresql://app@127.0.0.1:1/none")


def test_a_lost_connection_passes_and_nothing_is_lost_or_doubled(pg_url):
    with store.open(pg_url, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        site.take(put("1", "v1", text="A"))
        pid = opened.database.read().one("SELECT pg_backend_pid()")[0]
        other = Postgres(pg_url, read_only=True)
        other.read().all("SELECT pg_terminate_backend(?)", [pid])
        other.close()
        with pytest.raises(Retry, match=r"store\.away"):
            site.take(put("2", "v1", text="B"))
        assert site.take(put("1", "v1", text="A"), put("2", "v1", text="B")).accepted == 1
        assert opened.ledger.verify() == []


def test_systems_that_write_at_once_get_positions_in_the_order_of_their_commits(pg_url):
    with store.open(pg_url, KEYS, clock=Clock()) as opened:
        sites = [Site(opened, Clock()) for _ in range(4)]
        for number, site in enumerate(sites):
            site.feed = opened.journal.feed(f"system{number}", "calls").id

        def work(number):
            from dataclasses import replace

            site = sites[number]
            site.intake = replace(site.intake, system=f"system{number}")
            for turn in range(10):
                site.take(put(f"{turn}", "v1", text="x"), put(f"{turn}b", "v1", text="x"))

        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert opened.database.read().one("SELECT MAX(position), COUNT(*) FROM record") == (80, 80)
        assert opened.ledger.verify() == []
