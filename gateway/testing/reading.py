"""Polling a source as the runner does: batch after batch, acknowledged after its commit, put off as long as it asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.adapter import Batch, RawRecord, Source
from gateway.errors import Retry
from gateway.testing.lent import Clock

PATIENCE = 50
"""So many empty or put-off polls in a row, and a suite gives up."""


def polled(source: Source, clock: Clock, after: str, limit: int) -> Batch:
    """One batch with something in it, or the last empty one; waits as long as the source asks, by the test's clock."""
    for _ in range(PATIENCE):
        try:
            batch = source.read(after, limit)
        except Retry as put_off:
            clock.move(put_off.after or timedelta(seconds=1))
            continue
        if batch.records or not batch.more or batch.complete:
            return batch
        after = batch.cursor
    raise AssertionError(f"the source put off {PATIENCE} polls in a row")


def drained(
    source: Source, clock: Clock, after: str = "", limit: int = 100, *, acknowledge: bool = True
) -> list[Batch]:
    """All batches until there is nothing newer, each acknowledged as after its commit."""
    batches: list[Batch] = []
    waits = 0
    while len(batches) < 10_000 and waits < PATIENCE:
        try:
            batch = source.read(after, limit)
        except Retry as put_off:
            waits += 1
            clock.move(put_off.after or timedelta(seconds=1))
            continue
        batches.append(batch)
        after, waits = batch.cursor, 0
        if acknowledge:
            source.acknowledge(after)
        if not batch.more:
            break
    return batches


def records_of(batches: Sequence[Batch]) -> list[RawRecord]:
    """The records that could be read."""
    return [record for batch in batches for record in batch.records if isinstance(record, RawRecord)]


def keys_of(batches: Sequence[Batch]) -> list[str]:
    """The keys of the records that could be read, in order."""
    return [record.key for record in records_of(batches)]


def names_of(batches: Sequence[Batch]) -> list[tuple[str, str, str, str]]:
    """What tells a record that was read before: kind, key, version, change."""
    return [(record.kind, record.key, record.version, record.change) for record in records_of(batches)]
