"""Outcomes counted: of a whole plan, and of each batch that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from gateway.store.rows import ACCEPTED, HELD, LATE, OUTCOMES, QUARANTINED, UNCHANGED, Accepted


class Judged(NamedTuple):
    """What a plan makes of one of its batches: the outcome of each record, and which of the plan's rows are its."""

    outcomes: list[int]
    first: int
    end: int


def counted(outcomes: Sequence[int]) -> Accepted:
    """How often each outcome came about, as the counts that a feed and a receipt keep."""
    accepted = outcomes[ACCEPTED] + outcomes[HELD]
    return Accepted(sum(outcomes), accepted, outcomes[UNCHANGED], outcomes[LATE], outcomes[QUARANTINED], outcomes[HELD])


def accepted_of(judged: Judged, base: int) -> Accepted:
    """What became of one batch, given the position before the plan's first row."""
    counts = [judged.outcomes.count(outcome) for outcome in range(len(OUTCOMES))]
    return replace(counted(counts), position=base + judged.end if judged.end > judged.first else 0)


def counts_of(counts: Accepted) -> tuple[int, int, int, int, int, int]:
    """The six counts in their order."""
    return counts.read, counts.accepted, counts.unchanged, counts.late, counts.quarantined, counts.held
