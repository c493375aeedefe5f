"""What is kept in memory says exactly what the store says, or nothing."""

from __future__ import annotations

import pytest

from gateway.errors import Problem, Retry
from gateway.store.recent import Recent
from tests.gateway.store.scene import BAD, put


def stored(site):
    """What the store itself says."""
    site.store.deliveries._recent, kept = Recent(), site.store.deliveries._recent
    try:
        return site.events()
    finally:
        site.store.deliveries._recent = kept


@pytest.fixture
def asked(site, monkeypatch):
    """How often the store was asked for events."""
    times = []
    real = type(site.store.deliveries)._outgoing

    def counting(self, row, **more):
        times.append(row[0])
        return real(self, row, **more)

    monkeypatch.setattr(type(site.store.deliveries), "_outgoing", counting)
    return times


def test_a_destination_that_keeps_pace_reads_the_same_without_asking_the_store(site, asked):
    site.take(put("1", "v1", text="A"), put("2", bad=True), put("3", parts=["a", "b"]), backfill=True)
    site.take(put("1", "v2", text="B"))
    site.take(put("4", text="in the shadow"), shadow=True)
    site.take(put("3", parts=["b"]))
    newest = site.events()
    assert not asked
    assert newest == stored(site)
    for after in range(9):
        assert site.events(after) == [event for event in newest if event.position > after]


def test_a_destination_that_lags_asks_the_store(site, asked):
    site.store.journal.recent._most = 500
    for number in range(20):
        site.take(put(str(number), text="x" * 50))
    assert [event.position for event in site.events()] == list(range(1, 21))
    assert asked
    asked.clear()
    assert [event.position for event in site.events(18)] == [19, 20]
    assert not asked


def test_what_others_write_is_never_missed(site):
    site.take(put("1", "v1", text="A", bad=True), put("2", text="x"))
    site.release(1)
    site.take(put("3", text="y"))
    assert site.events() == stored(site)
    site.erase(1)
    site.take(put("4", text="z"))
    assert site.story() == [("created", "x"), ("created", "y"), ("created", "z")]
    assert site.events() == stored(site)


def test_a_commit_without_an_answer_leaves_no_hole(site, monkeypatch):
    site.take(put("1", text="A"))
    database = site.store.database
    honest = database.write

    def cut_off(piece):
        honest(piece)
        raise Retry(Problem(BAD))

    monkeypatch.setattr(database, "write", cut_off)
    with pytest.raises(Retry):
        site.take(put("2", text="B"))
    monkeypatch.undo()
    site.take(put("2", text="B"), put("3", text="C"))
    assert site.story() == [("created", "A"), ("created", "B"), ("created", "C")]
