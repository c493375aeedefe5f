"""Originals mapped again: only what differs becomes an event."""

from __future__ import annotations

from dataclasses import replace

from gateway.errors import Problem, Reject
from gateway.store.rows import Difference
from tests.gateway.store.scene import BAD, INTAKE, put, remove, translate


def shouting(record):
    fields = {name: value.upper() if name == "text" else value for name, value in record.fields.items()}
    return translate(record._replace(fields=fields))


SHOUTING = replace(INTAKE, translate=shouting, mapping=lambda _: "b" * 16)


def test_a_different_result_is_a_corrected_event_that_names_its_cause(site):
    site.take(put("1", "v1", text="fire"))
    assert site.remap(1, SHOUTING) == [Difference(1, "incident", "corrected", ("text",))]
    first, second = site.events()
    assert second.topic.endswith(".corrected.v1")
    assert (second.sequence, second.mapping, second.partition) == (2, "b" * 16, first.partition)
    assert second.extra == {"causationid": first.event.hex()}
    assert second.event != first.event


def test_the_same_result_is_no_event(site):
    site.take(put("1", "v1", text="FIRE"))
    assert site.remap(1, SHOUTING) == []
    assert len(site.events()) == 1


def test_a_dry_run_tells_paths_and_changes_nothing(site):
    site.take(put("1", "v1", text="fire"))
    size = site.store.ledger.size()
    assert site.remap(1, SHOUTING, dry_run=True)[0].paths == ("text",)
    assert (len(site.events()), site.store.ledger.size()) == (1, size)


def test_a_second_re_map_finds_nothing_left(site):
    site.take(put("1", "v1", text="fire"))
    site.remap(1, SHOUTING)
    assert site.remap(1, SHOUTING) == []
    assert site.remap(2, SHOUTING) == []


def test_only_the_part_that_differs_is_corrected(site):
    site.take(put("1", "v1", parts=["a", "b"]))

    def other(record):
        drafts = list(translate(record))
        return [drafts[0], drafts[1]._replace(data=b'{"id":"1","part":"b","more":1}')]

    made = site.remap(1, replace(INTAKE, translate=other))
    assert [(one.action, one.paths) for one in made] == [("corrected", ("more", "parts"))]
    site.take(remove("1", "v2"))
    assert [event.topic.split(".")[3] for event in site.events()] == [
        "created", "created", "corrected", "removed", "removed",
    ]  # fmt: skip


def test_parts_may_come_and_go(site):
    site.take(put("1", "v1", parts=["a"]))

    def other(record):
        return [draft._replace(part="z") for draft in translate(record)]

    assert [one.action for one in site.remap(1, replace(INTAKE, translate=other))] == ["created", "removed"]


def test_what_the_mapping_now_rejects_is_told_and_left_as_it_is(site):
    site.take(put("1", "v1", text="fire"))

    def reject(record):
        raise Reject(Problem(BAD, path="text"))

    assert site.remap(1, replace(INTAKE, translate=reject)) == [Difference(1, "call", "rejected", ("text",))]
    assert len(site.events()) == 1


def test_a_feed_is_visited_by_the_latest_of_each_name(site):
    site.take(put("1", "v1", text="a"), put("2", "v1", text="b"), put("1", "v2", text="c"), put("3", "v1", bad=True))
    site.take(remove("2", "v2"))
    assert site.store.remap.latest(site.feed) == [3]
    assert site.store.remap.latest(site.feed, after=3) == []


def test_a_record_that_follows_a_re_map_takes_the_next_number(site):
    site.take(put("1", "v1", text="fire"))
    site.remap(1, SHOUTING)
    site.take(put("1", "v2", text="out"))
    assert [event.sequence for event in site.events()] == [1, 2, 3]
    assert site.story()[-1] == ("updated", "out")


def test_nothing_is_re_mapped_where_nothing_is(site):
    assert site.remap(99, SHOUTING) == []
