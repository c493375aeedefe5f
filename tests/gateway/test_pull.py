"""Read, journal, acknowledge: in this order, and from the cursor that was committed."""

import threading
from datetime import timedelta

import pytest

from gateway import context, pull, site, system
from gateway.adapter import Batch
from gateway.attempt import Attempt
from gateway.errors import Code, Halt, Problem, Retry
from gateway.event import Keys
from gateway.pull import Pull
from gateway.store.rows import Accepted
from gateway.workers import Job, WrittenOff
from tests.gateway import scripted
from tests.gateway.scripted import record

FULL = Code("test.full", "the store is full", "Wait.")


@pytest.fixture
def feed(tmp_path, monkeypatch):
    scripted.install(monkeypatch)
    here = scripted.new_site(tmp_path / "riverton")
    scripted.system(here.root, "cad", [record(1)], [record(2)], [record(3)])
    return system.load(here, "cad").feeds["calls"]


def pull_of(feed, tmp_path, take, *, cursor="", proceed=lambda: True):
    here = site.open(tmp_path / "riverton")
    around = context.build(here, Keys(bytes(32)), context.Quiet(), threading.Event())
    return Pull(feed, around, cursor=cursor, take=take, counted=lambda *_: None, attempt=Attempt(here.var / "attempt" / "1"), proceed=proceed)


def job():
    return Job("cad", "calls", lambda _: None, lambda: None)


def test_nothing_is_acknowledged_that_was_not_journalled(feed, tmp_path):
    script, order = scripted.SCRIPTS["cad"], []

    def take(batch):
        order.append((batch.cursor, list(script.acknowledged)))
        return Accepted()

    ended = pull_of(feed, tmp_path, take).run(job())
    assert ended.state == "idle"
    assert order[:3] == [("1", []), ("2", ["1"]), ("3", ["1", "2"])]


def test_a_batch_counts_once_it_is_committed_even_where_it_cannot_be_acknowledged(feed, tmp_path, monkeypatch):
    counted = []
    pulled = pull_of(feed, tmp_path, lambda _: Accepted(1, 1))
    pulled._counted = lambda _feed, accepted, _seconds: counted.append(accepted.read)

    def refuse(_self, _cursor):
        raise Retry(Problem(FULL))

    monkeypatch.setattr(feed.adapter.source, "acknowledge", refuse)
    assert pulled.run(job()).state == "retry"
    assert counted == [1]


def test_what_was_committed_last_is_acknowledged_once_more_at_start(feed, tmp_path):
    pull_of(feed, tmp_path, lambda _: Accepted(), cursor="2").run(job())
    assert scripted.SCRIPTS["cad"].acknowledged[:2] == ["2", "3"]


def test_a_store_that_cannot_take_a_batch_is_no_fault_of_the_system_and_loses_nothing(feed, tmp_path):
    taken = []

    def take(batch):
        if not taken:
            taken.append("refused once")
            raise Retry(Problem(FULL))
        taken.append(batch.cursor)
        return Accepted()

    pulled = pull_of(feed, tmp_path, take)
    first = pulled.run(job())
    assert (first.state, first.ours) == ("retry", True)
    assert scripted.SCRIPTS["cad"].acknowledged == []
    assert pulled.run(job()).state == "idle"
    assert taken[1:4] == ["1", "2", "3"]


def test_a_flood_halts_before_anything_of_the_batch_is_acknowledged(feed, tmp_path):
    def take(batch):
        raise Halt(Problem(FULL))

    assert pull_of(feed, tmp_path, take).run(job()).state == "halt"
    assert scripted.SCRIPTS["cad"].acknowledged == []


def test_a_long_pull_makes_room_for_others_and_goes_on_where_it_was(feed, tmp_path, monkeypatch):
    monkeypatch.setattr(pull, "SLICE_S", -1)
    taken = []
    pulled = pull_of(feed, tmp_path, lambda batch: taken.append(batch.cursor) or Accepted())
    assert pulled.run(job()).state == "more"
    assert taken == ["1"]
    pulled.run(job())
    assert taken == ["1", "2"]


def test_a_worker_that_was_written_off_journals_nothing(feed, tmp_path):
    taken, late = [], job()
    scripted.SCRIPTS["cad"].steps[0] = lambda _: (late.overdue(1e12, timedelta(0)), late.overdue(1e12, timedelta(0))) and [record(9)]
    with pytest.raises(WrittenOff):
        pull_of(feed, tmp_path, taken.append).run(late)
    assert taken == []


def test_what_is_mended_waits_until_what_is_being_read_is_journalled(feed, tmp_path, monkeypatch):
    """Else an old state that was read before would be journalled after the new one, and stay."""
    order, reading, go_on = [], threading.Event(), threading.Event()
    read = feed.adapter.source.read

    def slow(self, after, limit):
        batch = read(self, after, limit)
        reading.set()
        assert go_on.wait(10)
        order.append("read")
        return batch

    def take(batch):
        order.append("mended" if batch.records and batch.records[0].key == "99" else "journalled")
        return Accepted()

    monkeypatch.setattr(feed.adapter.source, "read", slow)
    pulled = pull_of(feed, tmp_path, take, cursor="2")
    puller = threading.Thread(target=pulled.run, args=(job(),))
    mender = threading.Thread(target=pulled.mend, args=(lambda: (order.append("found"), [record(99)])[1],))
    puller.start()
    assert reading.wait(10)
    mender.start()
    mender.join(0.2)
    assert order == []
    go_on.set()
    puller.join(10)
    mender.join(10)
    assert order[:2] == ["read", "journalled"]
    found = order.index("found")
    assert order[found + 1] == "mended"
    assert pulled.cursor == "3"


def test_what_a_source_has_read_ahead_is_given_up_when_something_is_mended(feed, tmp_path):
    """It may be older than what was mended, and would be journalled after it."""
    script = scripted.SCRIPTS["cad"]
    pulled = pull_of(feed, tmp_path, lambda _: Accepted(), cursor="1")
    pulled.run(job())
    assert script.closed == 0
    pulled.mend(lambda: [record(99)])
    assert script.closed == 1
    script.steps.append([record(4)])
    assert pulled.run(job()).state == "idle"
    assert pulled.cursor == "4"


def test_what_is_mended_gives_way_where_a_read_does_not_end(feed, tmp_path, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(feed.adapter.source, "read", lambda *_: go_on.wait(10) and Batch("3", more=False))
    pulled = pull_of(feed, tmp_path, lambda _: Accepted(), cursor="3")
    puller = threading.Thread(target=pulled.run, args=(job(),))
    puller.start()
    while not pulled._turn.locked():
        pass
    with pytest.raises(Retry, match=r"system\.turn"):
        pulled.mend(list)
    go_on.set()
    puller.join(10)
