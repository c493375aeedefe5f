"""Sealing: what a court or the law has sealed leaves through no agreement, and is taken back where it was given.

Two people are needed, for sealing and for unsealing: the first asks, the second, another one,
carries it out.  Sealing journals a withdrawal of every canonical record of the name, unsealing the
latest of each again; both take the name's next sequence.  The source may speak of a sealed record
as before: that is journalled, and stays here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import orjson

from gateway.adapter import RawRecord
from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.store import ledger
from gateway.store.crypto import Vault
from gateway.store.database import Database, Transaction
from gateway.store.journal import NO_RECORD, Journal
from gateway.store.ledger import Ledger
from gateway.store.plan import Part, Plan, Said, State
from gateway.store.recent import Recent
from gateway.store.rows import Clock, Intake, RecordRow
from gateway.store.writing import seal, write

SEAL = "name, position, state, authority, asked, who, at"

SAME_PERSON = code(
    "seal.same-person",
    "Sealing and unsealing need two people, and the first of them cannot be the second.",
    "Have somebody else give the same command: copperline seal|unseal RECORD --authority TEXT --as WHO.",
)
NOT_SEALED = code(
    "seal.not-sealed", "This record is not sealed.", "See copperline seals; nothing was changed."
)
ALREADY = code("seal.already", "This record is sealed already.", "See copperline seals; nothing was changed.")

Act = Literal["seal", "unseal"]


@dataclass(frozen=True, slots=True)
class SealRow:
    """One record that is sealed, or waits for the second person to say so."""

    name: bytes
    position: int
    state: Literal["asked", "sealed", "unseal-asked"]
    authority: str
    asked_by: str
    by: str
    at: int


class Seals:
    """The records that are sealed, or that one person wants to be."""

    def __init__(
        self, database: Database, keys: Keys, vault: Vault, journal: Journal, ledger: Ledger, recent: Recent, clock: Clock
    ) -> None:
        self._database, self._keys, self._vault = database, keys, vault
        self._journal, self._ledger, self._recent, self._clock = journal, ledger, recent, clock
        self._names: frozenset[bytes] | None = None

    def names(self) -> frozenset[bytes]:
        """The names that are sealed now; of a running process always as it left them."""
        if self._names is None:
            rows = self._database.read().all("SELECT name FROM seal WHERE state IN ('sealed', 'unseal-asked')")
            self._names = frozenset(bytes(row[0]) for row in rows)
        return self._names

    def all(self) -> list[SealRow]:
        """Every record that is sealed or waits for the second person."""
        rows = self._database.read().all(f"SELECT {SEAL} FROM seal ORDER BY at")
        return [SealRow(*row) for row in rows]

    def act(self, act: Act, position: int, intake: Intake, *, authority: str, by: str, same: Callable[[str, str], bool]) -> SealRow | None:
        """The first person's wish or, where another one had it before, the second's act; None once it is unsealed.

        `same`: whether two names are of one person.  Raises Refused where the record does not exist, where it is
        (or is not) sealed already, or where one person asks twice.
        """
        with self._database.exclusive(intake.system):
            row = self._journal.record(position)
            if row is None or row.erased:
                raise Refused(Problem(NO_RECORD))
            before = self._row(row.name)
            _check(act, before)
            waits = "asked" if act == "seal" else "unseal-asked"
            if before is None or before.state != waits:
                self._database.write(lambda transaction: self._ask(transaction, row, waits, authority, by))
            elif same(before.asked_by, by):
                raise Refused(Problem(SAME_PERSON))
            else:
                self._carry_out(act, row, intake, authority, by)
        return self._row(row.name)

    def _row(self, name: bytes) -> SealRow | None:
        row = self._database.read().one(f"SELECT {SEAL} FROM seal WHERE name = ?", [name])
        return SealRow(*row) if row else None

    def _ask(self, transaction: Transaction, row: RecordRow, state: str, authority: str, by: str) -> None:
        transaction.run(
            "INSERT INTO seal (name, position, state, authority, asked, who, at) VALUES (?, ?, ?, ?, ?, '', ?) "
            "ON CONFLICT (name) DO UPDATE SET state = excluded.state, authority = excluded.authority, asked = excluded.asked, "
            "who = '', at = excluded.at",
            [row.name, row.position, state, authority, by, self._clock()],
        )
        head = ledger.lock(transaction)
        body = {"authority": self._ledger.commitment(authority), "position": row.position, "state": state}
        self._ledger.noted(transaction, head, "seal-asked", body, by=by)
        ledger.release(transaction, head)

    def _carry_out(self, act: Act, row: RecordRow, intake: Intake, authority: str, by: str) -> None:
        plan = Plan(self._database.read(), self._keys, self._vault, intake, feed=row.feed, now=self._clock())
        plan.load([row.name])
        state = plan.states[row.name]
        self._emit(act, plan, state, row)
        with self._recent.set_aside(row.feed):
            self._names = None  # before the commit, so that nobody sees the withdrawal and yet sends the record
            self._database.write(lambda transaction: self._commit(transaction, act, plan, row, authority, by))
            self._names = None

    def _emit(self, act: Act, plan: Plan, state: State, row: RecordRow) -> None:
        """One event for each canonical record that stands for the name now."""
        said = Said(plan.tokens, RawRecord(row.kind, "", "", "put", {}, b"", row.place), b"")
        said.name, said.version, said.digest = row.name, b"", state.digest
        parts = list(plan.parts(state).values())
        state.sequence += 1
        plan.changed[state.name] = state
        here = [self._one(act, plan, said, state, index, part) for index, part in enumerate(parts)]
        if act == "unseal" and here:
            state.parts = " ".join(map(str, here))

    def _one(self, act: Act, plan: Plan, said: Said, state: State, index: int, part: Part) -> int:
        former = self._journal.record(part[0])
        assert former is not None
        if act == "seal":
            body = orjson.dumps({"entity": part[1].split(".")[2]})
            return plan.again(said, state, index, part, "withdrawn", body, origin=former.origin)
        body = self._journal.body(part[0])
        return plan.again(said, state, index, part, "updated", body, origin=former.origin, time=former.time)

    def _commit(self, transaction: Transaction, act: Act, plan: Plan, row: RecordRow, authority: str, by: str) -> None:
        if act == "seal":
            sql = "UPDATE seal SET state = 'sealed', who = ?, at = ? WHERE name = ?"
            transaction.run(sql, [by, self._clock(), row.name])
        else:
            transaction.run("DELETE FROM seal WHERE name = ?", [row.name])
        head = ledger.lock(transaction)
        span = write(transaction, head, plan, receipt=row.receipt)
        said = {"authority": self._ledger.commitment(authority), "by": self._ledger.commitment(by), "feed": plan.feed}
        if plan.rows:
            seal(transaction, head, plan, f"{act}ed", said, span)
        else:
            self._ledger.noted(transaction, head, f"{act}ed", said)
        ledger.release(transaction, head)


def _check(act: Act, before: SealRow | None) -> None:
    sealed = before is not None and before.state != "asked"
    if act == "seal" and sealed:
        raise Refused(Problem(ALREADY))
    if act == "unseal" and not sealed:
        raise Refused(Problem(NOT_SEALED))
