"""What could not be mapped waits for a person, and later records of its name wait behind it.

A release reads the kept original again under the layout and mapping of now; what comes of it is
added at the head, linked to the row that holds the original.  Then those behind it follow in their
order, until one is rejected again and holds the name in its turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import orjson

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem, Refused, Reject, code
from gateway.event import Keys
from gateway.store import ledger
from gateway.store.crypto import Vault
from gateway.store.database import Database, Transaction
from gateway.store.journal import Journal
from gateway.store.ledger import Ledger
from gateway.store.plan import REMOVE, Plan, Said, State
from gateway.store.rows import (
    ACCEPTED,
    HELD,
    LATE,
    QUARANTINED,
    UNCHANGED,
    Clock,
    Decode,
    Intake,
    QuarantineRow,
    RecordRow,
    Released,
)
from gateway.store.writing import seal, write

NOT_OPEN = code(
    "quarantine.not-open",
    "nothing waits in quarantine at that position",
    "List what waits with `copperline quarantine list`.",
)
NOT_DECODED = code(
    "quarantine.not-decoded",
    "the kept original gives no record when it is read again",
    "Compare the original (`copperline quarantine show --reveal`) with the layout, mend the layout, release again.",
)

ENTRY = (
    "q.position, f.system, f.feed, r.kind, r.name, r.place, r.recorded, q.problems, q.state, q.who, q.reason, q.at, "
    "(SELECT COUNT(*) FROM held h JOIN name n ON n.name = h.name WHERE h.name = r.name AND n.holder = q.position)"
)
JOINED = "quarantine q JOIN record r ON r.position = q.position JOIN feed f ON f.id = q.feed"


class Quarantine:
    """Lists, releases and discards."""

    def __init__(
        self, database: Database, keys: Keys, vault: Vault, journal: Journal, ledger: Ledger, clock: Clock
    ) -> None:
        self._database, self._keys, self._vault = database, keys, vault
        self._journal, self._ledger, self._clock = journal, ledger, clock

    def entries(self, state: str = "open", limit: int = 100) -> list[QuarantineRow]:
        """Quarantined records in one state, oldest first."""
        sql = f"SELECT {ENTRY} FROM {JOINED} WHERE q.state = ? ORDER BY q.position LIMIT ?"
        return [_entry(row) for row in self._database.read().all(sql, [state, limit])]

    def entry(self, position: int) -> QuarantineRow | None:
        """One of them, whatever its state."""
        row = self._database.read().one(f"SELECT {ENTRY} FROM {JOINED} WHERE q.position = ?", [position])
        return _entry(row) if row else None

    def release(self, position: int, decode: Decode, intake: Intake, *, by: str, reason: str) -> Released:
        """Read, map and send a quarantined record, then those that wait behind it.

        Refused, with its problems, where it still cannot be read or mapped: then nothing has changed.
        """
        return self._decide("released", position, decode, intake, by, reason)

    def discard(self, position: int, decode: Decode, intake: Intake, *, by: str, reason: str) -> Released:
        """Give a quarantined record up for good; those that wait behind it follow.  Its original stays until it is erased."""
        return self._decide("discarded", position, decode, intake, by, reason)

    def _decide(
        self, act: Literal["released", "discarded"], position: int, decode: Decode, intake: Intake, by: str, reason: str
    ) -> Released:
        with self._database.exclusive(intake.system):
            row, feed = self._open(position)
            plan = Plan(
                self._database.read(),
                self._keys,
                self._vault,
                replace(intake, guard=None),
                feed=feed,
                now=self._clock(),
            )
            work = _Work(plan, row, decode, self._journal)
            if act == "released":
                work.release()
            work.follow()
            with self._journal.recent.set_aside(feed):
                return self._database.write(lambda transaction: self._commit(transaction, act, work, by, reason))

    def _open(self, position: int) -> tuple[RecordRow, int]:
        entry, row = self.entry(position), self._journal.record(position)
        if entry is None or row is None or entry.state != "open":
            raise Refused(Problem(NOT_OPEN, where=f"position {position}"))
        return row, row.feed

    def _commit(self, transaction: Transaction, act: str, work: _Work, by: str, reason: str) -> Released:
        position, plan = work.row.position, work.plan
        changed = transaction.run(
            "UPDATE quarantine SET state = ?, who = ?, reason = ?, at = ? WHERE position = ? AND state = 'open'",
            [act, by, reason, plan.now, position],
        )
        if not changed:
            raise Refused(Problem(NOT_OPEN, where=f"position {position}"))
        transaction.run(
            "UPDATE feed SET read = read + ?, accepted = accepted + ?, unchanged = unchanged + ?, late = late + ?, "
            "quarantined = quarantined + ? WHERE id = ?",
            [sum(work.moved.values()), *(work.moved[outcome] for outcome in (ACCEPTED, UNCHANGED, LATE, QUARANTINED)), plan.feed],
        )  # fmt: skip
        transaction.many("DELETE FROM held WHERE name = ? AND position = ?", work.done)
        head = ledger.lock(transaction)
        base = head.position
        span = write(transaction, head, plan, receipt=work.row.receipt)
        said = {"by": self._ledger.commitment(by), "feed": plan.feed, "position": position}
        seal(transaction, head, plan, act, {**said, "reason": self._ledger.commitment(reason)}, span)
        ledger.release(transaction, head)
        holder = plan.states[work.row.name].holder
        return Released(position, work.events(), work.passed, work.late, base - holder if holder < 0 else holder)


class _Work:
    """One decision being carried out on a plan."""

    def __init__(self, plan: Plan, row: RecordRow, decode: Decode, journal: Journal) -> None:
        self.plan, self.row, self._decode, self._journal = plan, row, decode, journal
        self.moved = {ACCEPTED: 0, UNCHANGED: 0, LATE: 0, QUARANTINED: 0}
        self.done: list[tuple[bytes, int]] = []
        self.late, self.passed = False, 0
        plan.load([row.name])
        state = plan.states[row.name]
        if state.holder == row.position:
            state.holder = 0
        plan.changed[row.name] = state
        self._version = journal.version(row.position)

    def events(self) -> int:
        """How many events the plan makes."""
        return sum(1 for row in self.plan.rows if row[10])

    def release(self) -> None:
        """The quarantined record itself."""
        records = self._read(self.row)
        self.moved[QUARANTINED] -= 1
        if len(records) == 1:
            self._count(self._one(records[0]))
            return
        # A document that was refused whole holds many: each becomes a record of its own, with its own original.
        for record in records:
            self._count(self.plan.judge(self._said(record)))

    def _one(self, record: RawRecord) -> int:
        said = self._said(record)
        if said.name == self.row.name:
            said.version = self._version
        else:
            self.plan.load([said.name])
        said.place = self.row.place
        state = self.plan.states.setdefault(said.name, State(said.name, fresh=True))
        if state.mapped > self.row.position:
            self.late = True
            self.plan.leave(said, LATE, origin=self.row.position)
            return LATE
        if state.fresh:
            return self._accepted(self.plan.take(said, state))
        if state.holder:
            self.plan.changed[said.name] = state
            self.plan.held.append((said.name, self.plan.leave(said, HELD, origin=self.row.position)))
            return HELD
        return self._accepted(self.plan.make(said, state, origin=self.row.position)[1])

    def _accepted(self, outcome: int) -> int:
        """Still rejected: the person is told why, and everything stays as it was."""
        if outcome == QUARANTINED:
            raise Refused(*self.plan.quarantined[-1][1])
        return outcome

    def follow(self) -> None:
        """Those that waited, in order, until one is rejected and holds the name."""
        state = self.plan.states[self.row.name]
        for position in self._journal.held(self.row.name):
            if state.holder:
                return
            self.done.append((self.row.name, position))
            if self._follow_one(position, state) == QUARANTINED:
                self.moved[ACCEPTED] -= 1
                self.moved[QUARANTINED] += 1
                state.holder = self.plan.quarantined[-1][0]
            else:
                self.passed += 1

    def _follow_one(self, position: int, state: State) -> int:
        row = self._journal.record(position)
        assert row is not None
        said = self._said(self._again(row))
        said.name, said.version, said.place = row.name, self._journal.version(position), row.place
        return self.plan.make(said, state, origin=position)[1]

    def _again(self, row: RecordRow) -> RawRecord | Rejected:
        if row.change == "remove":
            return RawRecord(row.kind, "", "", "remove", {}, b"", row.place)
        try:
            return self._read(row)[0]
        except Refused as e:
            return Rejected(b"", row.place, e.problems, row.kind)

    def _read(self, row: RecordRow) -> list[RawRecord]:
        """The records in a kept original.  Refused with every problem where one cannot be read."""
        document: Document = self._journal.document(row.position)
        try:
            records: Sequence[RawRecord | Rejected] = list(self._decode(document))
        except Reject as e:
            raise Refused(*e.problems) from e
        problems = [problem for record in records if isinstance(record, Rejected) for problem in record.problems]
        if problems or not records:
            raise Refused(*(problems or [Problem(NOT_DECODED, where=row.place)]))
        return [record for record in records if isinstance(record, RawRecord)]

    def _said(self, record: RawRecord | Rejected) -> Said:
        said = Said(self.plan.tokens, record, b"")
        if said.name not in self.plan.states:
            self.plan.load([said.name])
        if said.change == REMOVE:
            self.plan.load_parts([said])
        return said

    def _count(self, outcome: int) -> None:
        self.moved[ACCEPTED if outcome == HELD else outcome] += 1


def _entry(row: Sequence[Any]) -> QuarantineRow:
    problems: list[Mapping[str, str]] = orjson.loads(row[7])
    position, system, feed, kind, name, place, recorded, _, state, by, reason, at, held = row
    return QuarantineRow(position, system, feed, kind, name, place, recorded, problems, state, by, reason, at, held)
