"""The flood guard: when a stream of rejects stops a system, and when it does not."""

import pytest

from gateway.errors import Halt
from gateway.intake import IN_A_ROW, WINDOW, FloodGuard


def test_fifty_rejects_in_a_row_halt_even_across_batches() -> None:
    guard = FloodGuard()
    guard([False] * 10 + [True] * 30)
    guard([True] * 19)
    with pytest.raises(Halt) as halted:
        guard([True])
    assert halted.value.problem.code.id == "intake.flood"


def test_a_good_record_between_them_ends_the_row() -> None:
    guard = FloodGuard()
    for _ in range(10):
        guard([True] * 10 + [False] * 90)


def test_a_fifth_of_a_thousand_halts() -> None:
    guard = FloodGuard()
    batch = ([True] + [False] * 4) * 20
    for _ in range(9):
        guard(batch)
    with pytest.raises(Halt):
        guard(batch)


def test_just_under_a_fifth_passes_and_the_next_thousand_starts_afresh() -> None:
    guard = FloodGuard()
    for _ in range(5):
        guard(([True] + [False] * 4) * 199 + [False] * 5)


def test_a_batch_that_halted_leaves_no_trace() -> None:
    guard = FloodGuard()
    for _ in range(3):
        with pytest.raises(Halt):
            guard([True] * IN_A_ROW)
    guard([True] * (IN_A_ROW - 1))


def test_a_person_may_let_the_next_thousand_through() -> None:
    guard = FloodGuard()
    guard.let_through()
    for _ in range(WINDOW // 100):
        guard([True] * 100)
    with pytest.raises(Halt):
        guard([True] * 100)
