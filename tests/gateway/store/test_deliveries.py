"""Positions, exceptions and counts of a destination."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import Refused
from gateway.store import merkle
from gateway.store.rows import BACK, MAYBE, Counts, Disclosed, Exceptional, FeedSettled, Settlement
from tests.gateway.store.scene import put


def everything(topic):
    return True


def calls(site, count, **more):
    site.take(*(put(str(number), "v1", text=str(number), **more) for number in range(count)))


def test_a_destination_reads_from_where_it_is_settled(site):
    calls(site, 5)
    assert site.store.deliveries.positions(site.dest) == {site.feed: 0}
    assert [event.position for event in site.store.deliveries.read(site.dest, site.feed, 2, 2)] == [3, 4]
    site.settle(3, delivered=3)
    assert site.store.deliveries.positions(site.dest) == {site.feed: 3}
    assert site.store.deliveries.counts(site.dest, everything) == Counts(delivered=3, in_progress=2)


def test_a_new_destination_starts_now_or_at_a_date(site, clock):
    calls(site, 2)
    began = clock.now = clock.now + 1_000_000
    site.take(put("x", text="later"))
    now = site.store.deliveries.destination("other", "now")
    since = site.store.deliveries.destination("other", "since", start=began)
    assert site.store.deliveries.positions(now) == {site.feed: 3}
    assert site.store.deliveries.positions(since) == {site.feed: 2}
    assert site.store.deliveries.destination("other", "now") == now


def test_a_feed_that_comes_later_is_read_from_its_beginning(site):
    dest = site.store.deliveries.destination("other", "now")
    feed = site.store.journal.feed("cad", "units").id
    assert site.store.deliveries.positions(dest)[feed] == 0


def test_a_million_rows_of_one_feed_are_not_in_the_way_of_another(site):
    calls(site, 50)
    units = site.store.journal.feed("cad", "units").id
    before, site.feed = site.feed, units
    site.take(put("u1", kind="unit", text="en route"))
    assert [event.feed for event in site.events()] == [units]
    site.feed = before


def test_a_settled_position_never_goes_back(site):
    calls(site, 3)
    site.settle(3, delivered=3)
    site.settle(1)
    assert site.store.deliveries.positions(site.dest) == {site.feed: 3}


def test_every_pair_is_in_exactly_one_count(site):
    calls(site, 10)
    site.store.deliveries.settle(
        site.dest,
        Settlement(
            feeds=[FeedSettled(site.feed, 6, delivered=2, withheld=1, expired=1)],
            exceptions=[
                Exceptional(5, site.feed, "parked", b"s" * 16, 3, 0, "bus.full", True),
                Exceptional(6, site.feed, "retry", b"t" * 16, 1, 77),
                Exceptional(8, site.feed, "waiting", b"t" * 16),  # ahead of the position
            ],
        ),
    )
    counts = site.store.deliveries.counts(site.dest, everything)
    assert counts == Counts(delivered=2, parked=1, withheld=1, expired=1, in_progress=5)
    assert site.store.deliveries.counts(site.dest, everything, feed=site.feed) == counts


def test_only_wanted_topics_count(site):
    calls(site, 3)
    assert site.store.deliveries.counts(site.dest, lambda topic: ".unit." in topic) == Counts()


def test_exceptions_come_back_as_they_were_put_and_go_when_settled(site):
    calls(site, 3)
    parked = Exceptional(1, site.feed, "parked", b"s" * 16, 3, 0, "bus.full", True)
    retry = Exceptional(2, site.feed, "retry", b"t" * 16, 1, 77)
    deliveries = site.store.deliveries
    deliveries.settle(site.dest, Settlement(exceptions=[parked, retry]))
    assert deliveries.exceptions(site.dest) == [parked, retry]
    assert deliveries.exceptions(site.dest, due_before=78, state="retry") == [retry]
    assert deliveries.exceptions(site.dest, due_before=77, state="retry") == []
    deliveries.settle(site.dest, Settlement(feeds=[FeedSettled(site.feed, 2, delivered=1)], settled=[2]))
    assert deliveries.exceptions(site.dest) == [parked]
    assert [event.position for event in deliveries.events([1, 3, 99])] == [1, 3]


def test_what_was_disclosed_stands_in_the_ledger(site):
    calls(site, 2)
    given = [Disclosed(b"i" * 16, b"b" * 32, 1), Disclosed(b"j" * 16, b"c" * 32, 2, BACK), Disclosed(bytes(16), bytes(32), 2, MAYBE)]
    site.store.deliveries.settle(site.dest, Settlement(disclosed=given, fields=["type", "location"], wording="ab" * 8))
    leaf = orjson.loads(site.store.ledger.leaf(site.store.ledger.size() - 1).body)
    assert (leaf["kind"], leaf["agreement"], leaf["destination"], leaf["count"]) == ("delivered", "internal", "log", 2)
    assert leaf["fields"] == ["location", "type"]
    assert leaf["batch"] == merkle.root([merkle.leaf_hash(one.id + one.body) for one in given[:2]]).hex()
    (batch,) = site.store.disclosures.batches()
    assert (batch.agreement, batch.destination, batch.wording) == ("internal", "log", "ab" * 8)
    assert batch.given == tuple(given[:2])
    assert site.store.ledger.leaf(batch.leaf).kind == "delivered"
    assert site.store.ledger.verify() == []


def test_what_a_caller_was_shown_is_kept_with_why_beside_the_leaf_that_commits_to_it(site):
    calls(site, 2)
    shown = [Disclosed(b"i" * 16, b"b" * 32, 2), Disclosed(b"j" * 16, b"c" * 32, 1, BACK)]
    said = {"agreement": "narrow", "wording": "ab" * 8, "caller": "desk"}
    site.store.looks.note("incidents", shown, ["incident.incidentId"], why="case 12", **said)
    site.store.looks.note("stream", shown[:1], ["incident.incidentId"], why="dispatch", **{**said, "agreement": "internal"})
    one, two = site.store.looks.batches()
    assert (one.agreement, one.destination, one.wording, one.caller, one.purpose) == ("narrow", "REST incidents", "ab" * 8, "desk", "case 12")
    assert one.given == tuple(shown)
    leaf = orjson.loads(site.store.ledger.leaf(one.leaf).body)
    assert leaf["batch"] == merkle.root([merkle.leaf_hash(each.id + each.body) for each in shown]).hex()
    assert leaf["reason"] == site.store.ledger.commitment("case 12")
    assert site.store.looks.batches(agreement="internal") == site.store.looks.batches(after=one.id) == [two]
    assert site.store.looks.batches(since=two.at + 1) == site.store.looks.batches(until=one.at) == []


def test_a_replay_sends_the_same_events_again_and_counts_no_pair_twice(site):
    calls(site, 3)
    site.settle(3, delivered=3)
    deliveries = site.store.deliveries
    assert deliveries.replay(site.dest, [1, 2, 99], by="sergeant", reason="lost at the consumer") == 2
    assert deliveries.counts(site.dest, everything) == Counts(delivered=1, in_progress=2)
    due = deliveries.exceptions(site.dest)
    assert [(row.position, row.state, row.replay) for row in due] == [(1, "retry", True), (2, "retry", True)]
    once, again = deliveries.events([1]), deliveries.events([1], replayed={1})
    assert again[0].event == once[0].event
    assert again[0].extra == {"replayof": once[0].event.hex()}
    deliveries.settle(site.dest, Settlement(feeds=[FeedSettled(site.feed, 3, delivered=2)], settled=[1, 2]))
    assert deliveries.counts(site.dest, everything) == Counts(delivered=3)


def test_a_replay_of_what_is_not_sent_yet_changes_no_count(site):
    calls(site, 2)
    site.store.deliveries.replay(site.dest, [1], by="sergeant", reason="now")
    assert site.store.deliveries.counts(site.dest, everything) == Counts(in_progress=2)


def test_what_is_parked_is_tried_again_with_a_reason_and_nothing_else_is(site):
    calls(site, 3)
    parked = Exceptional(1, site.feed, "parked", b"a" * 16, attempts=8, code="delivery.unrouted")
    waits = Exceptional(2, site.feed, "waiting", b"a" * 16)
    deliveries = site.store.deliveries
    deliveries.settle(site.dest, Settlement(exceptions=[parked, waits]))
    assert deliveries.retry(site.dest, by="sergeant", reason="bound again") == 1
    assert [(row.position, row.state, row.attempts) for row in deliveries.exceptions(site.dest)] == [
        (1, "retry", 0),
        (2, "waiting", 0),
    ]
    noted = site.store.ledger.size()
    assert orjson.loads(site.store.ledger.leaf(noted - 1).body)["kind"] == "retried"
    assert deliveries.retry(site.dest, by="sergeant", reason="again") == 0
    assert site.store.ledger.size() == noted


def test_a_destination_is_paused_and_resumed_with_a_reason(site):
    site.store.deliveries.state(site.dest, "paused", by="sergeant", reason="consumer moves")
    (row,) = site.store.deliveries.destinations()
    assert (row.agreement, row.name, row.state, row.reason) == ("internal", "log", "paused", "consumer moves")
    with pytest.raises(Refused, match=r"delivery\.no-destination"):
        site.store.deliveries.state(99, "running", by="x", reason="y")


def test_status_and_expiry_travel_with_the_event(site):

    from tests.gateway.store.scene import translate

    def exercise(record):
        return [draft._replace(status="Exercise", expires="2026-01-03T00:00:00Z") for draft in translate(record)]

    site.take(put("1", text="A"), translate=exercise)
    (event,) = site.events()
    assert (event.status, event.expires, event.extra) == ("Exercise", "2026-01-03T00:00:00Z", None)
