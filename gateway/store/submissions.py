"""What callers send in: many documents of one feed share a commit, and each keeps a receipt of its own.

No two plans of one commit speak of one name, since a plan is made against what is committed; the
document that would be second waits for the next commit.  Whatever is wrong with one document
harms no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from gateway.adapter import Batch
from gateway.errors import GatewayError
from gateway.event import Keys
from gateway.store.database import Database, Transaction
from gateway.store.journal import Journal
from gateway.store.plan import Plan
from gateway.store.rows import ACCEPTED, HELD, OUTCOMES, QUARANTINED, Accepted, Clock, Guard, Intake, Outcome

KEY_LASTS_US = 35 * 24 * 3600 * 1_000_000
"""How long an idempotency key is remembered: the replay horizon, in microseconds."""

ROW = "id, caller, feed, receipt, sha256, low, high, aside, at"


class Aside(NamedTuple):
    """A record that was not simply accepted."""

    number: int
    """Of the record in its document, from 1."""
    outcome: Outcome
    where: str
    position: int
    """Where it is quarantined; 0 where it is not."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One document on its way in.  `id`: 32 hex digits, fresh; `key`: the caller's idempotency key, "" for none."""

    id: str
    caller: str
    key: str
    sha256: bytes
    """Of everything that the key stands for: the document and where it was sent."""
    batch: Batch
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """One document that is journalled."""

    id: str
    caller: str
    feed: int
    receipt: int
    sha256: bytes
    low: int
    """The first of the positions that it left; 0 where it left none."""
    high: int
    aside: Sequence[Aside]
    at: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of one document."""

    accepted: Accepted
    row: SubmissionRow
    problems: Mapping[int, Sequence[Mapping[str, str]]]
    """Of each quarantined record, by its position."""


class Submissions:
    """Takes documents in and answers for them."""

    def __init__(self, database: Database, keys: Keys, journal: Journal, clock: Clock) -> None:
        self._database, self._keys, self._journal, self._clock = database, keys, journal, clock

    def accept(
        self, feed_id: int, waiting: Sequence[Submission], intake: Intake
    ) -> list[Submitted | GatewayError]:
        """Journal documents of one feed; what they say is durable when this returns.  One answer each, in order.

        The answer of a document of which nothing was kept is the error: Halt where its guard saw a flood,
        Retry where the store cannot take it now.  Raises Fatal alone.
        """
        answers: dict[str, Submitted | GatewayError] = {}
        with self._database.exclusive(intake.system):
            left = list(waiting)
            while left:
                left = self._round(feed_id, left, intake, answers)
        return [answers[each.id] for each in waiting]

    def _round(
        self, feed_id: int, waiting: Sequence[Submission], intake: Intake, answers: dict[str, Submitted | GatewayError]
    ) -> list[Submission]:
        """One commit; returns the documents that speak of a name that another one of it does."""
        plans: list[tuple[Submission, Plan]] = []
        names: set[bytes] = set()
        later: list[Submission] = []
        for each in waiting:
            try:
                plan = self._journal.plan(feed_id, each.batch, replace(intake, guard=each.guard))
            except GatewayError as e:
                answers[each.id] = e
                continue
            if names.isdisjoint(plan.states):
                names.update(plan.states)
                plans.append((each, plan))
            else:
                later.append(each)
        self._write(feed_id, plans, answers)
        return later

    def _write(
        self, feed_id: int, plans: Sequence[tuple[Submission, Plan]], answers: dict[str, Submitted | GatewayError]
    ) -> None:
        if not plans:
            return

        def piece(transaction: Transaction) -> list[Submitted]:
            return [self._one(transaction, each, plan) for each, plan in plans]

        try:
            with self._journal.recent.unless_it_fails(feed_id):
                done = self._database.write(piece)
        except GatewayError as e:
            answers.update({each.id: e for each, _ in plans})
            return
        for (each, plan), submitted in zip(plans, done, strict=True):
            self._journal.remember(plan, submitted.accepted)
            answers[each.id] = submitted

    def _one(self, transaction: Transaction, each: Submission, plan: Plan) -> Submitted:
        accepted, receipt = self._journal.commit(transaction, plan, each.batch)
        base = accepted.position - len(plan.rows)
        low = base + 1 if plan.rows else 0
        aside = _aside(plan, each.batch, base)
        row = SubmissionRow(each.id, each.caller, plan.feed, receipt, each.sha256, low, accepted.position, aside, plan.now)
        key = self._key(each.caller, each.key)
        if key:  # one that has outlived its time gives way
            transaction.run("UPDATE submission SET key = ? WHERE caller = ? AND key = ?", [b"", each.caller, key])
        transaction.run(
            f"INSERT INTO submission ({ROW}, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [row.id, row.caller, row.feed, row.receipt, row.sha256, row.low, row.high, orjson.dumps([tuple(one) for one in row.aside]).decode(), row.at, key],
        )  # fmt: skip
        problems = {base - here: [problem.as_dict() for problem in said] for here, said in plan.quarantined}
        return Submitted(accepted, row, problems)

    def _key(self, caller: str, key: str) -> bytes:
        return self._keys.token("idempotency", caller.encode(), key.encode()) if key else b""

    # Looking

    def find(self, id: str) -> SubmissionRow | None:
        """One document by its id."""
        row = self._database.read().one(f"SELECT {ROW} FROM submission WHERE id = ?", [id])
        return _row(row) if row else None

    def by_key(self, caller: str, key: str) -> SubmissionRow | None:
        """What a caller sent under an idempotency key that is still remembered."""
        sql = f"SELECT {ROW} FROM submission WHERE caller = ? AND key = ? AND at > ?"
        row = self._database.read().one(sql, [caller, self._key(caller, key), self._clock() - KEY_LASTS_US])
        return _row(row) if row else None

    def of_receipts(self, caller: str, receipts: Sequence[int]) -> list[SubmissionRow]:
        """What a caller sent, by the number of its receipts; the latest first."""
        rows = self._database.read().within(f"SELECT {ROW} FROM submission WHERE receipt IN (*)", receipts)
        mine = [_row(row) for row in rows if row[1] == caller]
        return sorted(mine, key=lambda row: -row.receipt)


def _aside(plan: Plan, batch: Batch, base: int) -> list[Aside]:
    """Every record but the accepted ones, in order; the plan quarantined in the same order."""
    quarantined = iter(plan.quarantined)
    return [
        Aside(
            number,
            OUTCOMES[outcome],
            batch.records[number - 1].where,
            base - next(quarantined)[0] if outcome == QUARANTINED else 0,
        )
        for number, outcome in enumerate(plan.outcomes, 1)
        if outcome not in {ACCEPTED, HELD}
    ]


def _row(row: Sequence[Any]) -> SubmissionRow:
    id, caller, feed, receipt, sha256, low, high, aside, at = row
    return SubmissionRow(id, caller, feed, receipt, sha256, low, high, [Aside(*one) for one in orjson.loads(aside)], at)
