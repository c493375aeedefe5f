"""The latest original of a name under the mapping now in force: what differs becomes a new event.

A corrected event takes the name's next sequence and names the earlier event as its cause.  What
comes out the same stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from gateway.adapter import RawRecord
from gateway.errors import Problem, Reject
from gateway.event import Draft, Keys
from gateway.store import ledger
from gateway.store.crypto import Vault
from gateway.store.database import Database, Transaction
from gateway.store.journal import Journal
from gateway.store.ledger import Ledger
from gateway.store.plan import Part, Plan, Said, State
from gateway.store.quarantine import NOT_DECODED
from gateway.store.rows import Clock, Decode, Difference, Intake, RecordRow
from gateway.store.writing import seal, write


class Remap:
    """Maps kept originals again."""

    def __init__(
        self, database: Database, keys: Keys, vault: Vault, journal: Journal, ledger: Ledger, clock: Clock
    ) -> None:
        self._database, self._keys, self._vault = database, keys, vault
        self._journal, self._ledger, self._clock = journal, ledger, clock

    def latest(self, feed_id: int, after: int = 0, limit: int = 1000) -> list[int]:
        """The positions that a re-map of a feed visits: of each name the record that was mapped last."""
        rows = self._database.read().all(
            "SELECT r.position FROM record r WHERE r.feed = ? AND r.position > ? AND r.idx = 0 AND r.change = 0 AND EXISTS "
            "(SELECT 1 FROM name n WHERE n.name = r.name AND n.mapped = r.position) ORDER BY r.position LIMIT ?",
            [feed_id, after, limit],
        )
        return [row[0] for row in rows]

    def remap(
        self, position: int, decode: Decode, intake: Intake, *, by: str, reason: str, dry_run: bool = False
    ) -> list[Difference]:
        """Map the latest original of the name at a position again.  Empty where nothing differs.

        One that the mapping now rejects is a difference "rejected" with the paths of its problems, and changes nothing.
        """
        with self._database.exclusive(intake.system):
            row = self._journal.record(position)
            plan = Plan(
                self._database.read(), self._keys, self._vault, intake, feed=row.feed if row else 0, now=self._clock()
            )
            state = self._state(plan, row)
            if row is None or state is None:
                return []
            try:
                made = self._differences(plan, state, decode)
            except Reject as e:
                paths = tuple(problem.path or problem.code.id for problem in e.problems)
                return [Difference(position, row.kind, "rejected", paths)]
            if made and not dry_run:
                with self._journal.recent.set_aside(row.feed):
                    self._database.write(lambda transaction: self._commit(transaction, plan, row, by, reason))
            return made

    def _state(self, plan: Plan, row: RecordRow | None) -> State | None:
        """The name's latest, where its last mapping can be repeated."""
        if row is None:
            return None
        plan.load([row.name])
        state = plan.states.get(row.name)
        mapped = self._journal.record(state.mapped) if state and state.mapped else None
        return state if mapped and mapped.change == "put" and not mapped.erased else None

    def _differences(self, plan: Plan, state: State, decode: Decode) -> list[Difference]:
        mapped = self._journal.record(state.mapped)
        assert mapped is not None
        record = self._decode(state.mapped, decode)
        drafts = plan.intake.translate(record)
        said = Said(plan.tokens, record, b"")
        said.name, said.version, said.place = state.name, b"", mapped.place
        return list(self._apply(plan, state, said, drafts, mapped.origin))

    def _apply(self, plan: Plan, state: State, said: Said, drafts: Any, origin: int) -> Iterator[Difference]:
        former, living = plan.parts(state), {}
        state.sequence += 1
        plan.changed[state.name] = state
        for index, draft in enumerate(drafts):
            partition = plan.partition(state.name, draft)
            living[partition], difference = self._one(plan, state, said, index, draft, former.get(partition), origin)
            if difference:
                yield difference
        gone = [part for partition, part in former.items() if partition not in living]
        for index, part in enumerate(gone, len(drafts)):
            plan.remove(said, state, index, part, origin, "part")
            yield Difference(part[0], part[1].split(".")[2], "removed", ())
        state.parts = " ".join(map(str, living.values()))
        state.sole = drafts[0].entity if len(drafts) == 1 and not drafts[0].part else ""

    def _one(
        self, plan: Plan, state: State, said: Said, index: int, draft: Draft, former: Part | None, origin: int
    ) -> tuple[int, Difference | None]:
        partition = plan.partition(state.name, draft)
        if former is None:
            here = plan.event(said, state, index, draft, "created", partition, origin)
            return here, Difference(0, draft.entity, "created", ())
        paths = tuple(differing(orjson.loads(self._journal.body(former[0])), orjson.loads(draft.data)))
        if not paths:
            return former[0], None
        here = plan.event(said, state, index, draft, "corrected", partition, origin, causation=former[2])
        return here, Difference(former[0], draft.entity, "corrected", paths)

    def _decode(self, position: int, decode: Decode) -> RawRecord:
        records = list(decode(self._journal.document(position)))
        if len(records) == 1 and isinstance(records[0], RawRecord):
            return records[0]
        problems = [problem for record in records if not isinstance(record, RawRecord) for problem in record.problems]
        raise Reject(*(problems or [Problem(NOT_DECODED)]))

    def _commit(self, transaction: Transaction, plan: Plan, row: RecordRow, by: str, reason: str) -> None:
        head = ledger.lock(transaction)
        span = write(transaction, head, plan, receipt=row.receipt)
        said = {"by": self._ledger.commitment(by), "feed": plan.feed, "mappings": plan.mappings()}
        seal(transaction, head, plan, "remapped", {**said, "reason": self._ledger.commitment(reason)}, span)
        ledger.release(transaction, head)


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths at which two JSON values differ, never the values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differing(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differing(old, new, f"{path}[{index}]")
    elif before != after:
        yield path
