"""Acts of two people: the second confirms exactly what the first one asked for, within a week."""

from __future__ import annotations

from gateway.store.seconds import LASTS_US


def test_only_exactly_what_was_asked_for_is_known(site):
    seconds = site.store.seconds
    seconds.ask("erase", {"positions": [1], "authority": "order"}, by="A. Sample", reason="why")
    found = seconds.asked("erase", {"authority": "order", "positions": [1]})
    assert (found.by, found.reason) == ("A. Sample", "why")
    assert seconds.asked("erase", {"positions": [1, 2], "authority": "order"}) is None
    assert seconds.asked("discard", {"positions": [1], "authority": "order"}) is None
    seconds.done("erase", {"positions": [1], "authority": "order"})
    assert seconds.asked("erase", {"positions": [1], "authority": "order"}) is None


def test_what_nobody_confirmed_in_time_is_asked_for_anew(site):
    seconds = site.store.seconds
    seconds.ask("erase", {"positions": [1]}, by="A. Sample", reason="why")
    site.clock.now += LASTS_US
    assert seconds.asked("erase", {"positions": [1]}) is None
    seconds.ask("erase", {"positions": [1]}, by="B. Sample", reason="why")
    assert seconds.asked("erase", {"positions": [1]}).by == "B. Sample"
    assert [site.store.ledger.leaf(index).kind for index in range(site.store.ledger.size())][-2:] == ["asked", "asked"]


def test_what_waits_is_shown_whole_until_it_is_done(site):
    first, second = {"position": 7}, {"positions": [1, 2], "authority": "order 12"}
    site.store.seconds.ask("discard", first, by="@sergeant", reason="a test row")
    site.store.seconds.ask("erase", second, by="@captain", reason="a request")
    one, two = site.store.seconds.waiting()
    assert (one.kind, one.body, one.asked.by, one.asked.reason) == ("discard", first, "@sergeant", "a test row")
    assert (two.kind, two.body) == ("erase", second)
    site.store.seconds.done("discard", first)
    assert site.store.seconds.waiting() == [two]
    site.clock.now += LASTS_US
    assert site.store.seconds.waiting() == []
