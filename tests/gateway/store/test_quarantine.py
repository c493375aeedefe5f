"""A quarantined record holds its name; a release sends it and what waited behind it, in order."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from gateway.errors import Refused
from gateway.store.rows import Accepted
from tests.gateway.store.scene import MENDED, document, put, rejected, remove, translate


def test_later_records_of_a_held_name_are_accepted_and_wait(site):
    site.take(put("1", "v1", text="A", bad=True))
    accepted = site.take(put("1", "v2", text="B"), put("2", "v1", text="other"))
    assert (accepted.accepted, accepted.held) == (2, 1)
    assert site.story() == [("created", "other")]
    assert site.store.quarantine.entry(1).held == 1
    assert [row.outcome for row in site.store.journal.history(1)] == ["quarantined", "held"]


def test_a_release_sends_it_and_then_those_behind_it_in_order(site):
    site.take(put("1", "v1", text="A", bad=True), put("1", "v2", text="B"), put("1", "v3", text="C"))
    released = site.release(1)
    assert (released.events, released.accepted, released.quarantined) == (3, 2, 0)
    assert site.story() == [("created", "A"), ("updated", "B"), ("updated", "C")]
    assert [event.sequence for event in site.events()] == [1, 2, 3]
    assert site.totals() == Accepted(read=3, accepted=3)
    entry = site.store.quarantine.entry(1)
    assert (entry.state, entry.by, entry.reason, entry.held) == ("released", "sergeant", "mapping mended", 0)
    assert site.take(put("1", "v4", text="D")).held == 0


def test_released_rows_share_the_original_they_came_from(site):
    site.take(put("1", "v1", text="A", bad=True))
    site.release(1)
    row = site.store.journal.record(2)
    assert (row.origin, row.outcome) == (1, "accepted")
    assert site.store.journal.original(2) == site.store.journal.original(1)


def test_a_release_that_still_fails_changes_nothing_and_says_why(site):
    site.take(put("1", "v1", bad=True), put("1", "v2", text="B"))
    with pytest.raises(Refused, match=r"test\.bad"):
        site.release(1, site.intake)
    assert site.store.quarantine.entry(1).state == "open"
    assert site.totals() == Accepted(read=2, accepted=1, quarantined=1)
    assert site.story() == []


def test_one_that_fails_behind_it_holds_the_name_in_its_turn(site):
    site.take(put("1", "v1", text="A", bad=True), put("1", "v2", text="B", bad="still"), put("1", "v3", text="C"))

    def half_mended(record):
        return translate(
            record._replace(fields={"text": record.fields["text"], "bad": record.fields.get("bad") == "still"})
        )

    released = site.release(1, replace(MENDED, translate=half_mended))
    assert (released.events, released.accepted, released.quarantined) == (1, 0, 5)
    assert site.story() == [("created", "A")]
    (entry,) = site.store.quarantine.entries()
    assert (entry.position, entry.held) == (5, 1)
    assert site.totals() == Accepted(read=3, accepted=2, quarantined=1)
    assert site.release(5).accepted == 1
    assert site.story() == [("created", "A"), ("updated", "B"), ("updated", "C")]


def test_a_discard_lets_the_others_through_and_keeps_the_account(site):
    site.take(put("1", "v1", text="A", bad=True), put("1", "v2", text="B"), remove("1", "v3"))
    discarded = site.discard(1)
    assert (discarded.events, discarded.accepted) == (2, 2)
    assert site.story() == [("created", "B"), ("removed", None)]
    assert site.store.quarantine.entry(1).state == "discarded"
    assert site.totals() == Accepted(read=3, accepted=2, quarantined=1)


def test_a_decision_is_made_once(site):
    site.take(put("1", bad=True))
    site.discard(1)
    for decide in (site.release, site.discard):
        with pytest.raises(Refused, match=r"quarantine\.not-open"):
            decide(1)


def test_a_feed_that_skips_goes_on_and_a_release_comes_too_late(site):
    site.take(put("1", "v1", text="A", bad=True), put("1", "v2", text="B"), hold=False)
    assert site.story() == [("created", "B")]
    released = site.release(1)
    assert (released.late, released.events) == (True, 0)
    assert site.story() == [("created", "B")]
    assert site.totals() == Accepted(read=2, accepted=1, late=1)


def test_the_same_version_again_stays_in_quarantine(site):
    site.take(put("1", "v1", bad=True))
    assert site.take(put("1", "v1", bad=True)).unchanged == 1
    assert len(site.store.quarantine.entries()) == 1


def test_a_row_that_could_not_be_read_gets_its_own_name_when_it_can(site):
    line = orjson.dumps({"key": "9", "text": "found"})
    site.take(rejected(line), document=document(line))
    released = site.release(1)
    assert (released.events, released.late) == (1, False)
    assert site.story() == [("created", "found")]
    assert site.store.journal.locate("cad", "call", "9") == 2
    assert site.take(put("9", text="found")).unchanged == 1


def test_a_row_found_late_is_late_when_its_name_has_moved_on(site):
    line = orjson.dumps({"key": "9", "text": "old"})
    site.take(rejected(line), document=document(line))
    site.take(put("9", text="new"))
    assert site.release(1).late
    assert site.story() == [("created", "new")]


def test_a_document_refused_whole_gives_its_records_when_the_layout_is_mended(site):
    body = b"\n".join(put(str(number), text=str(number)).original for number in range(3))
    site.take(rejected(body), document=document(body))
    released = site.release(1)
    assert released.events == 3
    assert site.story() == [("created", "0"), ("created", "1"), ("created", "2")]
    assert site.totals() == Accepted(read=3, accepted=3)


def test_a_release_of_shadow_delivers_nothing(site):
    site.take(put("1", bad=True), shadow=True)
    site.release(1, replace(MENDED, shadow=True))
    assert site.events() == []


def test_who_decided_and_why_stand_in_the_ledger_as_commitments(site):
    site.take(put("1", bad=True))
    site.release(1)
    leaf = orjson.loads(site.store.ledger.leaf(site.store.ledger.size() - 1).body)
    assert leaf["kind"] == "released"
    assert leaf["by"] == site.store.ledger.commitment("sergeant")
    assert "sergeant" not in str(leaf)
