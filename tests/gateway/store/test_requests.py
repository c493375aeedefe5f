"""What commands leave for the running process, and what was decided about systems."""

from __future__ import annotations

import pytest

from gateway import store
from gateway.errors import Refused
from tests.gateway.store.scene import KEYS


def test_requests_are_answered_in_their_order(site):
    requests = site.store.requests
    first = requests.add("pause", {"system": "cad"}, by="sergeant", reason="works")
    second = requests.add("resume", {"system": "cad"}, by="sergeant", reason="done")
    assert requests.pending().id == first
    requests.finish(first, {"done": 1})
    assert requests.pending().id == second
    requests.finish(second, {"problems": []}, failed=True)
    assert requests.pending() is None
    assert (requests.find(first).state, requests.find(first).result) == ("done", {"done": 1})
    assert requests.find(second).state == "failed"
    assert requests.find(99) is None


def test_a_command_beside_the_running_process_reads_and_asks_and_changes_nothing_else(site, url):
    with store.open(url, KEYS, read_only=True) as beside:
        number = beside.requests.add("pause", {"system": "cad"}, by="sergeant", reason="works")
        assert site.store.requests.pending().id == number
        site.store.requests.finish(number, {})
        assert beside.requests.find(number).state == "done"
        with pytest.raises(Refused, match=r"store\.read-only"):
            beside.journal.state(site.feed, "paused")


def test_a_second_gateway_is_refused(site, url):
    with pytest.raises(Refused, match=r"store\.locked"):
        store.open(url, KEYS)


def test_a_system_remembers_who_put_it_into_its_state_and_why(site):
    assert site.store.systems.get("cad") is None
    site.store.systems.set("cad", "running", digest="d1", by="gateway", reason="found")
    site.store.systems.set("cad", "paused", digest="d1", by="sergeant", reason="works")
    row = site.store.systems.get("cad")
    assert (row.state, row.by, row.reason, row.digest) == ("paused", "sergeant", "works", "d1")
    assert site.store.systems.all() == [row]
    assert site.store.ledger.leaf(1).kind == "system-changed"
