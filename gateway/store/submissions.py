"""What callers send in: many documents of one feed share a commit, and each keeps a receipt of its own.

One plan holds them all in the order of their coming, so a document that speaks of a record after
another one follows it.  Whatever is wrong with one document harms no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from gateway.adapter import Batch
from gateway.errors import GatewayError, Problem
from gateway.event import Keys
from gateway.store.counts import Judged
from gateway.store.database import Database, Fatal, Transaction
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


class Submission(NamedTuple):
    """One document on its way in.  `id`: 32 hex digits, fresh; `key`: the caller's idempotency key, "" for none."""

    id: str
    caller: str
    key: str
    sha256: bytes
    """Of everything that the key stands for: the document and where it was sent."""
    batch: Batch
    guard: Guard | None = None


class SubmissionRow(NamedTuple):
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


class Submitted(NamedTuple):
    """What became of one document."""

    accepted: Accepted
    row: SubmissionRow
    problems: Mapping[int, Sequence[Mapping[str, str]]]
    """Of each quarantined record, by its position."""


class Submissions:
    """Takes documents in and answers for them."""

    def __init__(self, database: Database, keys: Keys, journal: Journal, clock: Clock) -> None:
        self._database, self._keys, self._journal, self._clock = database, keys, journal, clock

    def accept(self, feed_id: int, waiting: Sequence[Submission], intake: Intake) -> list[Submitted | GatewayError]:
        """Journal documents of one feed; what they say is durable when this returns.  One answer each, in order.

        The answer of a document of which nothing was kept is the error: Halt where its guard saw a flood,
        Retry where the store cannot take it now.  Raises Fatal alone.
        """
        answers: dict[str, Submitted | GatewayError] = {}
        with self._database.exclusive(intake.system):
            going, plan, judged = self._planned(feed_id, waiting, intake, answers)
            try:
                with self._journal.recent.unless_it_fails(feed_id):
                    done = self._database.write(lambda transaction: self._written(transaction, going, plan, judged))
            except Fatal:
                raise
            except GatewayError as e:
                return [answers.get(each.id, e) for each in waiting]
            self._journal.remember(plan, max((one.accepted for one in done), key=_position, default=Accepted()))
        answers.update({one.row.id: one for one in done})
        return [answers[each.id] for each in waiting]

    def _planned(
        self, feed_id: int, waiting: Sequence[Submission], intake: Intake, answers: dict[str, Submitted | GatewayError]
    ) -> tuple[list[Submission], Plan, list[Judged]]:
        """The documents that go in, and what becomes of them.  One that its guard refuses leaves no trace in the others."""
        asked: set[str] = set()
        while True:
            going = [each for each in waiting if each.id not in answers]
            plan, judged = self._journal.plan_together(feed_id, [each.batch for each in going], intake)
            for each, made in zip(going, judged, strict=True):
                if each.guard is not None and each.id not in asked:
                    asked.add(each.id)
                    try:
                        each.guard([outcome == QUARANTINED for outcome in made.outcomes])
                    except GatewayError as e:
                        answers[each.id] = e
            if all(each.id not in answers for each in going):
                return going, plan, judged

    def _written(
        self, transaction: Transaction, going: Sequence[Submission], plan: Plan, judged: Sequence[Judged]
    ) -> list[Submitted]:
        if not going:
            return []
        made = self._journal.commit_together(transaction, plan, [each.batch for each in going], judged)
        problems = iter(plan.quarantined)
        base = max((accepted.position - each.end for (accepted, _), each in zip(made, judged, strict=True) if accepted.position), default=0)
        done = [
            self._submitted(each, plan, of, accepted, receipt, _aside(each.batch, of, base, problems))
            for each, of, (accepted, receipt) in zip(going, judged, made, strict=True)
        ]
        keys = [(b"", each.caller, self._key(each.caller, each.key)) for each in going if each.key]
        if keys:  # one that has outlived its time gives way
            transaction.many("UPDATE submission SET key = ? WHERE caller = ? AND key = ?", keys)
        transaction.rows("submission", f"{ROW}, key", [
            (row.id, row.caller, row.feed, row.receipt, row.sha256, row.low, row.high, _written_down(row.aside), row.at, self._key(each.caller, each.key))
            for each, row in zip(going, (one.row for one in done), strict=True)
        ])  # fmt: skip
        return done

    def _submitted(
        self, each: Submission, plan: Plan, judged: Judged, accepted: Accepted, receipt: int,
        aside: Sequence[tuple[Aside, Sequence[Mapping[str, str]]]],
    ) -> Submitted:  # fmt: skip
        low = accepted.position - (judged.end - judged.first) + 1 if accepted.position else 0
        kept = [one for one, _ in aside]
        row = SubmissionRow(each.id, each.caller, plan.feed, receipt, each.sha256, low, accepted.position, kept, plan.now)
        return Submitted(accepted, row, {one.position: said for one, said in aside if one.position})

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


def _aside(
    batch: Batch, judged: Judged, base: int, quarantined: Iterator[tuple[int, Sequence[Problem]]]
) -> list[tuple[Aside, Sequence[Mapping[str, str]]]]:
    """Every record but the accepted ones with its problems, in order; the plan quarantined in the same order."""
    found: list[tuple[Aside, Sequence[Mapping[str, str]]]] = []
    for number, outcome in enumerate(judged.outcomes, 1):
        if outcome in {ACCEPTED, HELD}:
            continue
        position, problems = 0, list[Mapping[str, str]]()
        if outcome == QUARANTINED:
            here, said = next(quarantined)
            position, problems = base - here, [problem.as_dict() for problem in said]
        found.append((Aside(number, OUTCOMES[outcome], batch.records[number - 1].where, position), problems))
    return found


def _written_down(aside: Sequence[Aside]) -> str:
    return orjson.dumps([tuple(one) for one in aside]).decode() if aside else "[]"


def _position(accepted: Accepted) -> int:
    return accepted.position


def _row(row: Sequence[Any]) -> SubmissionRow:
    id, caller, feed, receipt, sha256, low, high, aside, at = row
    return SubmissionRow(id, caller, feed, receipt, sha256, low, high, [Aside(*one) for one in orjson.loads(aside)], at)
