"""Outcomes counted: of a whole plan, and of each batch that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.rows import ACCEPTED, HELD, LATE, OUTCOMES, QUARANTINED, UNCHANGED, Accepted


class Judged(NamedTuple):
    """What a plan makes of one of its batches: the outcome of each record, and which of the plan's rows are its."""

    outcomes: list[int]
    first: int
    end: int


def counted(outcomes: Sequence[int], position: int = 0) -> Accepted:
    """How often each outcome came about, as the counts that a feed and a receipt keep."""
    accepted = outcomes[ACCEPTED] + outcomes[HELD]
    return Accepted(sum(outcomes), accepted, outcomes[UNCHANGED], outcomes[LATE], outcomes[QUARANTINED], outcomes[HELD], position)


def counted_of(judged: Judged, base: int = 0) -> Accepted:
    """What became of one batch, given the position before the plan's first row."""
    position = base + judged.end if judged.end > judged.first else 0
    if judged.outcomes == _ONE:
        return Accepted(1, 1, position=position)
    return counted([judged.outcomes.count(outcome) for outcome in range(len(OUTCOMES))], position)


_ONE = [ACCEPTED]
"""What most documents of callers are."""


def counts_of(counts: Accepted) -> tuple[int, int, int, int, int, int]:
    """The six counts in their order."""
    return counts.read, counts.accepted, counts.unchanged, counts.late, counts.quarantined, counts.held
