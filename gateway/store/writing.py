"""Writes a plan: positions are given out, rows inserted, names moved on, one leaf appended.

This runs inside the transaction, the head locked last and for as short as may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import orjson

from gateway.store import ledger, merkle, remotes
from gateway.store.database import Transaction
from gateway.store.ledger import Head
from gateway.store.plan import NAME, Plan, State

RECORD = (
    "position, feed, receipt, origin, kind, name, sequence, idx, outcome, change, version, again, outgoing, topic, event, "
    "subject, partition, time, recorded, mapping, extra, place, salt, original, body, entry"
)
"""In the order of Plan.rows, after position, feed and receipt."""

UPDATE_NAME = (
    "UPDATE name SET position = ?, version = ?, change = ?, digest = ?, sequence = ?, mapped = ?, parts = ?, sole = ?, "
    "holder = ?, highest = ? WHERE name = ?"
)


def write(transaction: Transaction, head: Head, plan: Plan, *, receipt: int | Sequence[int]) -> tuple[int, int]:
    """Give the plan's rows their positions and insert everything.  Returns the first and last position.

    `receipt`: that of every row, or one for each.  Where there is no row both positions are 0.
    """
    base = head.position
    place = _placed(base)
    receipts = repeat(receipt, len(plan.rows)) if isinstance(receipt, int) else receipt
    rows = [
        (position, plan.feed, of, base - row[0] if row[0] < 0 else row[0], *row[1:])
        for position, (row, of) in enumerate(zip(plan.rows, receipts, strict=True), base + 1)
    ]
    transaction.rows("record", RECORD, rows)
    _names(transaction, plan, base)
    _aside(transaction, plan, place)
    head.position = base + len(rows)
    return (base + 1, head.position) if rows else (0, 0)


def seal(
    transaction: Transaction, head: Head, plan: Plan, kind: str, body: Mapping[str, Any], span: tuple[int, int]
) -> int:
    """The leaf over what `write` inserted: the root over its entries beside what the caller says."""
    low, high = span
    stated = {"at": plan.now, "batch": merkle.root(plan.entries).hex(), "first": low, "last": high, **body}
    return ledger.append(transaction, head, kind, stated, low=low, high=high)


def _placed(base: int) -> Callable[[int], int]:
    return lambda position: base - position if position < 0 else position


def _names(transaction: Transaction, plan: Plan, base: int) -> None:
    """New names and changed ones, in the order of the key: neighbours share pages."""
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for name in sorted(plan.changed):
        state = plan.changed[name]
        (new if state.fresh else changed).append(_moved(state, base))
    if new:
        transaction.rows("name", NAME, new)
    if changed:
        transaction.many(UPDATE_NAME, [(*row[3:], row[0]) for row in changed])


def _moved(state: State, base: int) -> tuple[Any, ...]:
    """As a row of `name`.  Once a record: what `_placed` does is written out."""
    first, position, mapped, holder, parts = state.first, state.position, state.mapped, state.holder, state.parts
    if "-" in parts:
        parts = " ".join([str(base - int(part)) if part[0] == "-" else part for part in parts.split()])
    return (
        state.name, base - first if first < 0 else first, state.born, base - position if position < 0 else position,
        state.version, state.change, state.digest, state.sequence, base - mapped if mapped < 0 else mapped, parts,
        state.sole, base - holder if holder < 0 else holder, state.highest,
    )  # fmt: skip


def _aside(transaction: Transaction, plan: Plan, place: Callable[[int], int]) -> None:
    """What waits for a person, and what waits behind that; and what was read back."""
    if plan.linked:
        remotes.linked(transaction, plan.linked)
    if plan.quarantined:
        transaction.many(
            "INSERT INTO quarantine (position, feed, problems, state, who, reason, at) VALUES (?, ?, ?, 'open', '', '', ?)",
            [
                (place(here), plan.feed, orjson.dumps([problem.as_dict() for problem in problems]).decode(), plan.now)
                for here, problems in plan.quarantined
            ],
        )
    if plan.held:
        transaction.many(
            "INSERT INTO held (name, position) VALUES (?, ?)", [(name, place(here)) for name, here in plan.held]
        )
