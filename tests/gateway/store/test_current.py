"""The records as they stand now, found without a table of their own."""

from __future__ import annotations

import orjson

from tests.gateway.store.scene import put, remove


def standing(site, entity="incident", limit=100):
    """What stands now, page by page: what each event says."""
    after, found, more = 0, [], True
    while more:
        page = site.store.current.page(entity, after, limit)
        found += [orjson.loads(out.data) for out in site.store.deliveries.events(page.positions)]
        after, more = page.seen, page.more
    return [(one["id"], one.get("text", one["part"])) for one in found]


def test_each_record_stands_once_as_it_was_said_last(site):
    site.take(put("1", text="a"), put("2", text="b"), put("3", text="c"))
    site.take(put("2", text="b2"), remove("3"))
    for limit in (1, 2, 100):
        assert standing(site, limit=limit) == [("1", "a"), ("2", "b2")]
    assert standing(site, "unit") == []


def test_each_part_of_a_record_stands_by_itself(site):
    site.take(put("1", parts=["a", "b"]))
    site.take(put("1", parts=["b", "c"]))
    assert standing(site) == [("1", "b"), ("1", "c")]


def test_a_record_is_found_by_what_its_events_have_in_common(site):
    site.take(put("1", text="a"), put("2", parts=["a", "b"]))
    site.take(put("1", text="a2"), put("2", parts=["b"]))
    latest = {}
    for out in site.events():
        latest[out.partition] = out
    for partition, out in latest.items():
        gone = out.topic.split(".")[3] == "removed"
        assert site.store.current.position(partition) == (0 if gone else out.position)
    assert site.store.current.position(bytes(16)) == 0


def test_a_time_leads_to_the_last_position_before_it(site):
    site.take(put("1"))
    site.clock.now += 1000
    site.take(put("2"))
    assert site.store.current.before(site.clock.now) == 1
    assert site.store.current.before(site.clock.now + 1) == 2
    assert site.store.current.before(0) == 0
    assert site.store.current.head() == 2
