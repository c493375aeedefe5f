"""What the overlap remembers: as a set would, in an eighth of its memory, and forgetting what no round shows again."""

import random
import tracemalloc

import pytest

from adapters.odbc import known as module
from adapters.odbc.known import Known, fingerprint


@pytest.fixture
def small(monkeypatch):
    """So that a few rows are as many as a million."""
    monkeypatch.setattr(module, "QUICK", 300)
    monkeypatch.setattr(module, "CARRIED", 128)


def rows(count, dice):
    marks = sorted(f"2026-03-01 12:{dice.randrange(60):02}:{dice.randrange(60):02}" for _ in range(count))
    return [(mark, fingerprint(mark, f"C{at}")) for at, mark in enumerate(marks)]


def test_what_was_read_is_known_and_nothing_else(small):
    dice = random.Random(7)
    here = rows(2000, dice)
    known = Known()
    for mark, one in here:
        known.add(mark, one)
    assert len(known) == len(here)
    assert all(known.holds(mark, one) for mark, one in here)
    assert not any(known.holds(mark, fingerprint(mark, "other")) for mark, _ in here)


def test_what_lies_below_the_window_is_forgotten_and_the_rest_is_not(small):
    here = rows(2000, random.Random(8))
    known = Known()
    for mark, one in here:
        known.add(mark, one)
    low = here[1500][0]
    known.forget_below(low)
    assert all(known.holds(mark, one) for mark, one in here if mark >= low)
    assert len(known) < 1000


def test_a_row_that_was_read_late_is_known_at_its_own_watermark(small):
    known = Known()
    here = rows(1000, random.Random(9))
    late = ("2026-03-01 11:00:00", fingerprint("late"))
    for mark, one in [*here[:500], late, *here[500:]]:
        known.add(mark, one)
    assert known.holds(*late)


def test_a_cursor_carries_the_newest_and_gives_them_back(small):
    known = Known()
    here = rows(1000, random.Random(10))
    for mark, one in here:
        known.add(mark, one)
    again = Known.unpacked(known.packed())
    carried = [(mark, one) for mark, one in here if again.holds(mark, one)]
    assert carried == here[-len(carried) :]
    assert 64 <= len(carried) <= 128


def test_what_is_not_among_the_newest_costs_eight_bytes_and_no_more(small):
    known = Known()
    tracemalloc.start()
    for at in range(50_000):
        known.add(f"2026-03-01 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}", at.to_bytes(8))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 50_000 < 11
