"""When a feed is due, on clocks that jump."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.schedule import Schedule, duration, time_of_day, window

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_feed_that_was_never_polled_is_due_at_once():
    now = at("2026-06-01T12:00:00-04:00")
    assert Schedule(NEW_YORK, every=duration("30s")).due(None, now) == now


def test_every_counts_from_the_last_poll_and_is_never_in_the_past():
    plan = Schedule(NEW_YORK, every=duration("5m"))
    now = at("2026-06-01T12:00:00-04:00")
    assert plan.due(now - timedelta(minutes=1), now) == now + timedelta(minutes=4)
    assert plan.due(now - timedelta(days=1), now) == now


def test_a_time_of_day_is_local_to_the_system():
    plan = Schedule(NEW_YORK, at=(time_of_day("02:00"), time_of_day("14:30")))
    assert plan.due(None, at("2026-06-01T12:00:00-04:00")) == at("2026-06-01T14:30:00-04:00")
    assert plan.due(None, at("2026-06-01T15:00:00-04:00")) == at("2026-06-02T02:00:00-04:00")


def test_a_time_of_day_missed_while_nothing_ran_is_made_up_for_once():
    plan = Schedule(NEW_YORK, at=(time_of_day("02:00"),))
    now = at("2026-06-03T09:00:00-04:00")
    assert plan.due(at("2026-06-01T02:00:05-04:00"), now) == now
    assert plan.due(now, now) == at("2026-06-04T02:00:00-04:00")


def test_a_local_time_that_never_is_comes_right_after_the_gap():
    plan = Schedule(NEW_YORK, at=(time_of_day("02:30"),))
    assert plan.due(None, at("2026-03-08T01:00:00-05:00")) == at("2026-03-08T03:30:00-04:00")


def test_a_local_time_that_occurs_twice_is_taken_once():
    plan = Schedule(NEW_YORK, at=(time_of_day("01:30"),))
    first = at("2026-11-01T01:30:00-04:00")
    assert plan.due(None, at("2026-11-01T00:00:00-04:00")) == first
    assert plan.due(first, first) == at("2026-11-02T01:30:00-05:00")


def test_nothing_is_due_inside_a_pause_even_over_midnight():
    plan = Schedule(NEW_YORK, every=duration("30s"), pause=(window("22:00-06:00"), window("05:30-07:00")))
    assert plan.due(None, at("2026-06-01T23:00:00-04:00")) == at("2026-06-02T07:00:00-04:00")
    assert plan.paused(at("2026-06-02T06:59:00-04:00"))
    assert not plan.paused(at("2026-06-02T07:00:00-04:00"))


@pytest.mark.parametrize("text", ["", "0s", "5", "five minutes", "-3s"])
def test_a_span_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="such as 30s"):
        duration(text)


@pytest.mark.parametrize("text", ["24:00", "7:00", "22:00", "06:00-06:00", "22:00-6"])
def test_a_window_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        window(text)
