"""Whether a recipient holds something goes by what it was told last, not by the age of the version it was given."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.agreement import Projected
from gateway.delivery import Delivery
from gateway.lane import Heard, Ticket
from tests.campaigns import withdraw
from tests.campaigns.withdraw import Evening, Record

ONCE = "once"
"""An agreement that asks for the first version of accidents and burglaries only."""


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    one = Evening(random.Random(7), withdraw.account(), tmp_path)
    one.faults = False
    yield one
    one.close()


def says(evening: Evening, record: Record, kind: str) -> int:
    """The source says what kind a record is; returns the event's position."""
    record.kind = kind
    evening.records[record.key] = record
    evening.accept(record)
    works(evening)
    return record.positions[-1]


def works(evening: Evening) -> None:
    """Longer than anything here takes."""
    delivery = evening.deliveries[ONCE]
    for _ in range(20):
        delivery._looked = float("-inf")
        delivery.step()
        delivery._settling.settle(now=True)


def arrived(evening: Evening, record: Record) -> list[bool]:
    """True for each version that came, False for each time it was to be forgotten."""
    return evening.arrived[ONCE, record.key]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_old_version_that_was_given_again_after_a_newer_one_was_taken_back_is_taken_back_too(evening: Evening, restarts: bool) -> None:
    record = Record("C-0")
    first = says(evening, record, "MVA")
    says(evening, record, "LARCENY")
    says(evening, record, "MVA")
    evening.store.deliveries.replay(evening.deliveries[ONCE].id, [first], by="A. Sample", reason="asked for")
    works(evening)
    assert arrived(evening, record) == [True, False, True]
    if restarts:
        evening.open(ONCE)
    says(evening, record, "LARCENY")
    assert arrived(evening, record) == [True, False, True, False]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_takeback_confirmed_only_after_a_later_version_went_out_does_not_count(evening: Evening, restarts: bool) -> None:
    """A broker confirms in any order: what went out last is what the recipient holds."""
    record = Record("C-0")
    first = says(evening, record, "MVA")
    delivery = evening.deliveries[ONCE]
    unconfirmed = holding_back(evening, delivery)
    takeback = says(evening, record, "LARCENY")
    says(evening, record, "MVA")
    evening.store.deliveries.replay(delivery.id, [first], by="A. Sample", reason="asked for")
    works(evening)
    assert (arrived(evening, record), unconfirmed) == ([True, False, True], [takeback, first])
    for ticket in (first, takeback):
        delivery._hear_later(Heard(confirmed=[ticket]))
        works(evening)
    if restarts:
        evening.open(ONCE)
    says(evening, record, "LARCENY")
    assert arrived(evening, record) == [True, False, True, False]


def test_what_an_ended_process_was_trying_again_counts_as_given_from_the_start(evening: Evening) -> None:
    record = Record("C-0")
    delivery = evening.deliveries[ONCE]
    unconfirmed = holding_back(evening, delivery)
    first = says(evening, record, "MVA")
    delivery._hear_later(Heard(unrouted=[first]))
    works(evening)
    evening.now += timedelta(minutes=30)
    works(evening)
    assert unconfirmed == [first, first]
    record.kind = "LARCENY"
    evening.accept(record)
    evening.open(ONCE)
    works(evening)
    assert arrived(evening, record)[-1] is False


def holding_back(evening: Evening, delivery: Delivery) -> list[int]:
    """From now on what leaves arrives, and its confirmation is a matter of the test; returns what is under way."""
    under_way: list[int] = []

    def send(batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        for ticket, event in batch:
            evening.left(ONCE, ticket, event)
            under_way.append(ticket)
        return True

    delivery._lane.send = send  # type: ignore[method-assign]  # a lane whose confirmations come when the test says so
    return under_way
