"""The account itself is held to account: each kind of fault moves its own figure and no other."""

from __future__ import annotations

import pytest

from tests.campaigns.tally import Arrival, Tally

A1 = Arrival("A/1", "id-a1", "a", 1)
A2 = Arrival("A/2", "id-a2", "a", 2)
B1 = Arrival("B/1", "id-b1", "b", 1)


@pytest.mark.parametrize(
    "arrivals, wrong",
    [
        ([A1, B1, A2], {}),
        ([A1, A2, A1, B1], {"resent": 1}),
        ([A2, A1, B1], {"reordered": 1}),
        ([A1, B1], {"lost": 1}),
        ([A1, A2, Arrival("A/2", "id-other", "a", 3), B1], {"duplicated": 1}),
    ],
)
def test_each_fault_moves_its_own_figure(arrivals, wrong):
    tally = Tally("test")
    tally.add(["A/1", "A/2", "B/1"], arrivals)
    figures = {name: getattr(tally, name) for name in ("lost", "duplicated", "resent", "reordered")}
    assert {name: value for name, value in figures.items() if value} == wrong


def test_a_campaign_in_which_nothing_fired_is_not_clean():
    tally = Tally("test")
    tally.add(["A/1"], [A1])
    assert not tally.broken
    assert not tally.clean
