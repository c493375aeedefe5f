"""A breaker opens after failures in a row, lets one call try, and obeys a person."""

from datetime import UTC, datetime, timedelta
from random import Random

from gateway.breaker import LONGEST, THRESHOLD, Breaker, full_jitter

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_it_opens_after_failures_in_a_row_and_an_answer_closes_it():
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        breaker.failed(NOW)
    assert breaker.state(NOW) == "closed"
    wait = breaker.failed(NOW)
    assert breaker.state(NOW) == "open"
    assert not breaker.admits(NOW)
    assert breaker.state(NOW + wait) == "half-open"
    breaker.succeeded()
    assert breaker.state(NOW) == "closed"


def test_only_one_call_tries_a_half_open_one():
    breaker = Breaker()
    for _ in range(THRESHOLD):
        wait = breaker.failed(NOW)
    later = NOW + wait
    assert breaker.admits(later)
    assert not breaker.admits(later)
    breaker.failed(later)
    assert breaker.state(later) == "open"


def test_what_a_person_tripped_only_a_person_resets():
    breaker = Breaker()
    breaker.trip()
    breaker.succeeded()
    assert not breaker.admits(NOW)
    breaker.reset()
    assert breaker.admits(NOW)


def test_waits_grow_and_stay_under_five_minutes():
    dice = Random(1)
    assert max(full_jitter(failures, dice=dice) for failures in range(60)) <= LONGEST
    assert full_jitter(1, dice=Random(2)) <= timedelta(seconds=2)
