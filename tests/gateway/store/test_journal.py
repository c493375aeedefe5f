"""New or not, and what a batch leaves behind."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from gateway import store
from gateway.adapter import Batch
from gateway.errors import Halt, Problem, Refused
from gateway.store.rows import Accepted
from gateway.store.tokens import Tokens
from tests.gateway.store.scene import BAD, INTAKE, KEYS, document, put, rejected, remove

TOKENS = Tokens(KEYS, "cad")


def test_a_new_record_becomes_one_event_with_everything_a_consumer_needs(site):
    accepted = site.take(put("1", "v1", text="fire"))
    assert accepted == Accepted(read=1, accepted=1, position=1)
    (event,) = site.events()
    assert event.topic == "police.vt0040100.incident.created.v1"
    assert (event.system, event.sequence, event.status, event.extra) == ("cad", 1, "Actual", None)
    assert event.subject == event.partition == TOKENS.name("call", "1")
    assert event.event == TOKENS.event(event.subject, 1, "incident", 0, TOKENS.fields({"text": "fire"}))
    assert orjson.loads(event.data) == {"id": "1", "part": "", "text": "fire"}
    assert site.store.journal.original(1) == b'{"key":"1","text":"fire"}'


def test_the_same_version_again_is_unchanged_and_leaves_no_row(site):
    site.take(put("1", "v1", text="fire"))
    assert site.take(put("1", "v1", text="fire")) == Accepted(read=1, unchanged=1)
    assert len(site.events()) == 1


def test_a_b_a_said_by_the_source_is_three_events(site):
    site.take(put("1", "v1", text="A"))
    site.take(put("1", "v2", text="B"))
    site.take(put("1", "v3", text="A"))
    assert site.story() == [("created", "A"), ("updated", "B"), ("updated", "A")]
    assert [event.sequence for event in site.events()] == [1, 2, 3]
    assert len({event.event for event in site.events()}) == 3


def test_a_b_a_read_again_from_the_start_brings_nothing_back(site):
    versions = [put("1", "v1", text="A"), put("1", "v2", text="B"), put("1", "v3", text="A")]
    site.take(*versions)
    assert site.take(*versions) == Accepted(read=3, unchanged=3)
    assert site.take(put("1", "v1", text="A")).unchanged == 1


def test_an_unchanged_version_is_remembered_so_that_it_never_comes_back(site):
    site.take(put("1", "v1", text="A"))
    site.take(put("1", "v2", text="A"))  # says nothing new
    site.take(put("1", "v3", text="B"))
    assert site.take(put("1", "v2", text="A")).unchanged == 1
    assert site.story() == [("created", "A"), ("updated", "B")]


def test_without_versions_only_what_is_said_counts(site):
    site.take(put("1", text="A"))
    assert site.take(put("1", text="A")).unchanged == 1
    assert site.take(put("1", text="B")).accepted == 1
    assert site.take(put("1", text="A")).accepted == 1


def test_fields_are_compared_as_decoded_not_as_mapped(site):
    site.take(put("1", text="A"))
    other = replace(INTAKE, mapping=lambda _: "b" * 16)
    assert site.store.journal.accept(site.feed, Batch("", [put("1", text="A")]), other).unchanged == 1


def test_several_records_of_one_name_in_a_batch_are_judged_in_their_order(site):
    accepted = site.take(
        put("1", "v1", text="A"), put("2", "w1", text="X"), put("1", "v2", text="B"), put("1", "v1", text="A"), put("1", "v3", text="B")
    )  # fmt: skip
    assert (accepted.accepted, accepted.unchanged) == (3, 2)
    assert site.story() == [("created", "A"), ("created", "X"), ("updated", "B")]


def test_an_older_version_is_late_where_versions_are_ordered(site):
    site.take(put("1", "0002", text="B"), ordered=True)
    assert site.take(put("1", "0001", text="A"), ordered=True) == Accepted(read=1, late=1, position=2)
    assert site.take(put("1", "0001", text="A"), ordered=True).unchanged == 1
    assert site.take(put("1", "0003", text="C"), ordered=True).accepted == 1
    assert site.story() == [("created", "B"), ("updated", "C")]
    assert site.store.journal.original(2) == b'{"key":"1","text":"A"}'


def test_late_is_judged_inside_a_batch_too(site):
    assert site.take(put("1", "0002", text="B"), put("1", "0001", text="A"), ordered=True).late == 1


def test_where_versions_are_not_ordered_nothing_is_late(site):
    site.take(put("1", "9", text="B"))
    assert site.take(put("1", "1", text="A")).accepted == 1


def test_a_removal_of_what_was_sent_names_it(site):
    site.take(put("1", "v1", text="A"))
    site.take(remove("1", "v2"))
    created, removed = site.events()
    assert removed.topic.endswith(".incident.removed.v1")
    assert orjson.loads(removed.data) == {"entity": "incident", "reason": "source"}
    assert (removed.subject, removed.partition, removed.sequence) == (created.subject, created.partition, 2)


def test_a_removal_of_what_was_never_seen_is_one_event_for_its_entity(site):
    assert site.take(remove("7")).accepted == 1
    assert [event.topic.split(".")[2:4] for event in site.events()] == [["incident", "removed"]]
    assert site.take(remove("7")).unchanged == 1


def test_a_delete_and_the_insert_that_follows_it_arrive_in_that_order(site):
    site.take(put("1", "v1", text="A"))
    site.take(remove("1", "v2"), put("1", "v2", text="A"))
    assert site.story() == [("created", "A"), ("removed", None), ("created", "A")]
    assert [event.sequence for event in site.events()] == [1, 2, 3]


def test_each_part_is_an_event_and_a_part_that_is_gone_is_removed(site):
    site.take(put("1", "v1", parts=["a", "b"]))
    site.take(put("1", "v2", parts=["b", "c"]))
    assert [(event.topic.split(".")[3], event.sequence) for event in site.events()] == [
        ("created", 1), ("created", 1), ("updated", 2), ("created", 2), ("removed", 2),
    ]  # fmt: skip
    a, b, b2, _, gone = site.events()
    assert gone.partition == a.partition
    assert b.partition == b2.partition != a.partition
    assert orjson.loads(gone.data)["reason"] == "part"
    site.take(remove("1", "v3"))
    assert [event.topic.split(".")[3] for event in site.events(5)] == ["removed", "removed"]


def test_parts_follow_each_other_inside_one_batch(site):
    site.take(put("1", "v1", parts=["a", "b"]), put("1", "v2", parts=["b"]), put("1", "v3", text="whole"))
    assert [event.topic.split(".")[3] for event in site.events()] == [
        "created", "created", "updated", "removed", "created", "removed",
    ]  # fmt: skip
    assert site.take(put("1", "v4", text="still whole")).accepted == 1
    assert site.events()[-1].topic.split(".")[3] == "updated"


def test_a_record_that_maps_to_nothing_is_accepted_and_kept(site):
    assert site.take(put("1", "v1", parts=[])).accepted == 1
    assert site.events() == []
    assert site.store.journal.original(1) == b'{"key":"1","parts":[]}'


def test_what_cannot_be_mapped_is_quarantined_with_its_problems_and_its_bytes(site):
    assert site.take(put("1", "v1", bad=True), put("2", "v1", text="fine")) == Accepted(
        read=2, accepted=1, quarantined=1, position=2
    )
    (entry,) = site.store.quarantine.entries()
    assert (entry.position, entry.system, entry.feed, entry.kind, entry.place) == (1, "cad", "calls", "call", "row 1")
    assert entry.problems[0]["code"] == "test.bad"
    assert site.store.journal.original(1) == b'{"key":"1","bad":true}'
    assert site.story() == [("created", "fine")]


def test_a_broken_row_without_a_key_is_known_by_its_document_place_and_bytes(site):
    text = b"garbage\ngarbage\n"
    rows = [rejected(b"garbage\n", where="line 1"), rejected(b"garbage\n", where="line 2")]
    assert site.take(*rows, document=document(text)).quarantined == 2
    assert site.take(*rows, document=document(text)).unchanged == 2
    assert site.take(rows[0], document=document(b"garbage\n")).quarantined == 1


def test_a_broken_row_with_a_key_is_not_quarantined_again_while_it_stays_the_same(site):
    site.take(rejected(b"garbage", key="5"), document=document(b"garbage"))
    assert site.take(rejected(b"garbage", key="5"), document=document(b"garbage and more")).unchanged == 1


def test_a_flood_stops_everything_before_it_is_journalled(site):
    def guard(flags):
        assert list(flags) == [True, False]
        raise Halt(Problem(BAD))

    with pytest.raises(Halt):
        site.take(put("1", bad=True), put("2", text="x"), cursor="after", guard=guard)
    assert site.totals() == Accepted()
    assert site.store.journal.feed("cad", "calls").cursor == ""


def test_a_mistake_in_a_mapping_leaves_nothing_behind_and_the_store_goes_on(site):
    def broken(record):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        site.take(put("1", text="x"), cursor="after", translate=broken)
    assert site.store.journal.feed("cad", "calls").cursor == ""
    assert site.take(put("1", text="x"), cursor="after").accepted == 1


def test_the_cursor_moves_with_the_batch_even_an_empty_one(site):
    size = site.store.ledger.size()
    site.take(cursor="file 1, byte 10")
    assert site.store.journal.feed("cad", "calls").cursor == "file 1, byte 10"
    assert site.store.ledger.size() == size


def test_shadow_maps_and_journals_and_delivers_nothing(site):
    assert site.take(put("1", "v1", text="A"), shadow=True).accepted == 1
    assert site.events() == []
    site.take(put("1", "v2", text="B"))
    assert site.story() == [("updated", "B")]


def test_a_back_fill_is_marked(site):
    site.take(put("1", text="A"), backfill=True)
    assert site.events()[0].extra == {"backfill": True}


def test_a_receipt_answers_for_every_byte_of_a_document(site):
    body = b"header\n" + put("1", text="A").original + b"\n" + put("2", bad=True).original
    whole = document(body, preamble=b"header\n")
    first = Batch("1", [put("1", text="A")], whole, skipped=[(0, 7, "header")])
    site.store.journal.accept(site.feed, first, INTAKE)
    assert site.store.journal.receipts()[0].state == "reading"
    last = Batch(
        "2", [put("2", bad=True)], whole, skipped=[(7 + len(first.records[0].original), 1, "line end")], complete=True
    )
    assert site.store.journal.accept(site.feed, last, INTAKE).uncovered == 0
    (receipt,) = site.store.journal.receipts()
    assert (receipt.state, receipt.read, receipt.accepted, receipt.quarantined) == ("complete", 2, 1, 1)
    assert receipt.bytes_in_records + receipt.bytes_skipped == receipt.size
    assert site.store.journal.skipped(receipt.id)[0] == (0, 7, "header")
    assert site.store.journal.document(1).preamble == b"header\n"


def test_a_byte_that_nobody_answers_for_is_told(site):
    assert site.take(put("1", text="A"), document=document(b"x" * 100)).uncovered == 100 - len(
        put("1", text="A").original
    )


def test_a_document_read_twice_brings_nothing_back_and_leaves_no_second_rows(site):
    rows = [put(str(number), f"doc:{number}", text="x") for number in range(5)]
    whole = document(b"five rows")
    site.take(*rows, document=whole)
    assert site.take(*rows, document=whole) == Accepted(
        read=5, unchanged=5, uncovered=whole.size - sum(len(row.original) for row in rows)
    )
    assert site.store.journal.history(1) == [site.store.journal.record(1)]


def test_another_document_with_the_same_record_leaves_a_trace_that_leads_to_it(site):
    site.take(put("1", "a:0", text="x"), document=document(b"monday"))
    site.take(put("1", "b:0", text="x"), document=document(b"tuesday"))
    first, second = site.store.journal.history(1)
    assert (first.outcome, second.outcome) == ("accepted", "unchanged")
    assert first.receipt != second.receipt


def test_where_the_system_keeps_versions_each_document_leaves_one_trace_of_what_it_says_again(site):
    for day in (b"monday", b"tuesday", b"tuesday", b"wednesday", b"monday"):
        site.take(put("1", "7", text="x"), document=document(day))
    assert len({each.receipt for each in site.store.journal.history(1)}) == len(site.store.journal.history(1)) == 3


def test_a_document_that_was_not_read_to_its_end_is_not_taken_for_one_that_was(site):
    site.take(put("1", "7", text="x"), document=document(b"monday"))
    half = Batch("", (put("1", "7", text="x"),), document(b"tuesday"))
    for _ in range(2):
        site.store.journal.accept(site.feed, half, INTAKE)
    assert len(site.store.journal.history(1)) == 3


def test_a_halt_keeps_the_cursor_and_says_what_to_do(site):
    site.take(put("1", text="A"), cursor="here")
    site.store.journal.halt(site.feed, Problem(BAD, where="line 3"))
    row = site.store.journal.feed("cad", "calls")
    assert (row.state, row.cursor) == ("halted", "here")
    assert row.problem is not None
    assert row.problem["remedy"] == BAD.remedy
    site.store.journal.state(site.feed, "running", by="sergeant", reason="looked")
    assert site.store.journal.feeds()[0].problem is None


def test_a_feed_that_nobody_made_is_refused(site):
    with pytest.raises(Refused, match=r"journal\.no-feed"):
        site.store.journal.accept(99, Batch("x", [put("1")]), INTAKE)


def test_what_was_accepted_is_there_after_a_restart(url, clock):
    with store.open(url, KEYS, clock=clock) as first:
        feed = first.journal.feed("cad", "calls").id
        first.journal.accept(feed, Batch("c1", [put("1", "v1", text="A")]), INTAKE)
    with store.open(url, KEYS, clock=clock) as second:
        assert second.journal.feed("cad", "calls").cursor == "c1"
        assert second.journal.accept(feed, Batch("c1", [put("1", "v1", text="A")]), INTAKE).unchanged == 1
        assert second.journal.locate("cad", "call", "1") == 1
        assert second.ledger.verify() == []


def test_another_key_is_refused(url):
    store.open(url, KEYS).close()
    with pytest.raises(Refused, match=r"store\.other-key"):
        store.open(url, type(KEYS)(b"x" * 32))
