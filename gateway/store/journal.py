"""The record log: everything that comes in ends in `accept`, everything that goes out starts from here.

A batch is one transaction: its records and events, what was quarantined, the receipt of its
document, the feed's cursor and the ledger's leaf.  A crash before the commit loses nothing, since
the source still has it; a crash after it repeats nothing, since every version is known by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson

from gateway.adapter import Batch, Document
from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.store import ledger
from gateway.store.counts import Judged, counted, counted_of, counts_of
from gateway.store.crypto import BODY, ORIGINAL, Vault
from gateway.store.database import Database, Transaction
from gateway.store.plan import Plan, Said, State
from gateway.store.receipts import opened_and_closed
from gateway.store.recent import Recent
from gateway.store.remotes import echoes
from gateway.store.rows import (
    OUTCOMES,
    QUARANTINED,
    UNCHANGED,
    Accepted,
    Clock,
    FeedRow,
    FeedState,
    Intake,
    ReceiptRow,
    RecordRow,
)
from gateway.store.tokens import Tokens
from gateway.store.writing import seal, write

NO_RECORD = code(
    "journal.no-record",
    "the journal has no record at that position, or its contents were erased",
    "Look the position up with `copperline quarantine list` or `copperline tail`.",
)
NO_FEED = code(
    "journal.no-feed",
    "the journal knows no such feed",
    "List the feeds with `copperline systems list`; a feed is known once it has been polled.",
)

FEED = "id, system, feed, cursor, state, problem, reason, read, accepted, unchanged, late, quarantined, updated"
RECEIPT = (
    "id, feed, label, sha256, size, state, read, accepted, unchanged, late, quarantined, bytes_in_records, bytes_skipped, "
    "opened, closed"
)
ROW = (
    "position, feed, receipt, kind, name, sequence, idx, outcome, change, topic, event, subject, partition, time, recorded, "
    "mapping, origin, place, salt"
)
ERASED = bytes(16)
"""The salt of an erased row."""


class Journal:
    """Accepts batches and answers for them."""

    def __init__(self, database: Database, keys: Keys, vault: Vault, recent: Recent, clock: Clock) -> None:
        self.recent = recent
        self._database, self.keys, self._vault, self._clock = database, keys, vault, clock

    # Feeds

    def feed(self, system: str, feed: str) -> FeedRow:
        """One feed of a system, made at first use."""
        sql = f"SELECT {FEED} FROM feed WHERE system = ? AND feed = ?"
        row = self._database.read().one(sql, [system, feed])
        return self._feed(row or self._database.write(lambda transaction: self._new_feed(transaction, system, feed)))

    def _new_feed(self, transaction: Transaction, system: str, feed: str) -> Any:
        transaction.run(
            "INSERT INTO feed (system, feed, cursor, state, problem, reason, read, accepted, unchanged, late, quarantined, "
            "updated) VALUES (?, ?, ?, 'running', NULL, '', 0, 0, 0, 0, 0, ?) ON CONFLICT (system, feed) DO NOTHING",
            [system, feed, b"", self._clock()],
        )
        return transaction.one(f"SELECT {FEED} FROM feed WHERE system = ? AND feed = ?", [system, feed])

    def feeds(self) -> list[FeedRow]:
        """Every feed, by system and name."""
        rows = self._database.read().all(f"SELECT {FEED} FROM feed ORDER BY system, feed")
        return [self._feed(row) for row in rows]

    def _feed(self, row: Sequence[Any]) -> FeedRow:
        cursor = self._vault.unseal(BODY, row[3], b"cursor").decode() if row[3] else ""
        problem = orjson.loads(row[5]) if row[5] else None
        return FeedRow(row[0], row[1], row[2], cursor, row[4], problem, *row[6:])

    def halt(self, feed_id: int, problem: Problem) -> None:
        """Stop a feed until a person has looked; the cursor stays."""
        self._set_state(feed_id, "halted", orjson.dumps(problem.as_dict()).decode(), problem.code.meaning)

    def state(self, feed_id: int, state: FeedState, *, by: str = "", reason: str = "") -> None:
        """Put a feed into a state; "running" also clears its problem.  Who and why go to the ledger with the act itself."""
        self._set_state(feed_id, state, None, reason)

    def _set_state(self, feed_id: int, state: str, problem: str | None, reason: str) -> None:
        sql = "UPDATE feed SET state = ?, problem = ?, reason = ?, updated = ? WHERE id = ?"
        values = [state, problem, reason, self._clock(), feed_id]
        if not self._database.write(lambda transaction: transaction.run(sql, values)):
            raise Refused(Problem(NO_FEED))

    def totals(self) -> dict[str, Accepted]:
        """Records of each system since the store was made."""
        rows = self._database.read().all(
            "SELECT system, SUM(read), SUM(accepted), SUM(unchanged), SUM(late), SUM(quarantined) FROM feed GROUP BY system"
        )
        return {row[0]: Accepted(*(int(number) for number in row[1:])) for row in rows}

    # Accepting

    def accept(self, feed_id: int, batch: Batch, intake: Intake) -> Accepted:
        """Journal a batch; when this returns it is durable, and the source may be told.

        Raises Halt from the guard, Retry where disk or database cannot take it now: then nothing of the
        batch was kept and the cursor is as before.
        """
        with self._database.exclusive(intake.system):
            plan = self.plan(feed_id, batch, intake)
            with self.recent.unless_it_fails(feed_id):
                accepted, _ = self._database.write(lambda transaction: self.commit(transaction, plan, batch))
            self.remember(plan, accepted)
            return accepted

    def plan(self, feed_id: int, batch: Batch, intake: Intake) -> Plan:
        """What a batch will become.  For whoever holds the system alone; raises Halt from the guard."""
        plan, (judged,) = self.plan_together(feed_id, [batch], intake)
        if intake.guard is not None:
            intake.guard([outcome == QUARANTINED for outcome in judged.outcomes])
        return plan

    def plan_together(self, feed_id: int, batches: Sequence[Batch], intake: Intake) -> tuple[Plan, list[Judged]]:
        """What several batches will become, one after the other.  For whoever holds the system alone; asks no guard."""
        plan = Plan(self._database.read(), self.keys, self._vault, intake, feed=feed_id, now=self._clock())
        said = [[Said(plan.tokens, record, _document(batch)) for record in batch.records] for batch in batches]
        flat = [one for each in said for one in each]
        names = {one.name for one in flat}
        plan.load(names)
        plan.echoes = echoes(self._database.read(), intake.system, names, plan.states, now=plan.now)
        if plan.states:
            plan.load_versions(flat)
            plan.load_parts(flat)
        plan.prepare(len(flat) + 1)
        return plan, [self._judged(plan, _document(batch), each) for batch, each in zip(batches, said, strict=True)]

    def _judged(self, plan: Plan, document: bytes, said: Sequence[Said]) -> Judged:
        """What becomes of one batch's records, in order."""
        first = len(plan.rows)
        before = _Before(self._database, document)
        outcomes = [self._judge(plan, one, before) for one in said]
        for outcome in outcomes:
            plan.counts[outcome] += 1
        return Judged(outcomes, first, len(plan.rows))

    def _judge(self, plan: Plan, said: Said, before: _Before) -> int:
        """Judge one record; of an unchanged one, remember the new version, and the document that held it too."""
        outcome = plan.judge(said)
        if outcome == UNCHANGED and said.name not in plan.linked:
            new = bool(said.version) and not plan.knows(said)
            if new or not before.read(plan.states[said.name]):
                plan.leave(said, UNCHANGED, original=new and self._differs(plan, said))
        return outcome

    def _differs(self, plan: Plan, said: Said) -> bool:
        """Whether the bytes of an unchanged record are others than those kept of the latest."""
        position = plan.states[said.name].position
        if position < 0:
            return True
        return self.original(position) != said.original

    def remember(self, plan: Plan, accepted: Accepted) -> None:
        """Keep the events of a committed plan at hand for destinations that keep pace."""
        if plan.sent:
            base = accepted.position - len(plan.rows)
            self.recent.add(plan.feed, base + 1, plan.outgoing(base))

    def commit(self, transaction: Transaction, plan: Plan, batch: Batch) -> tuple[Accepted, int]:
        """Write a plan: what became of the batch, and the number of its document's receipt; 0 where it has none."""
        receipt, uncovered = self._receipt(transaction, plan, batch) if batch.document else (0, 0)
        cursor = self._vault.seal(BODY, batch.cursor.encode(), b"cursor") if batch.cursor else b""
        counts = counted(plan.counts)
        self._count(transaction, plan, counts, cursor)
        if not plan.rows and not batch.records and not batch.complete:
            return counts, receipt
        span = self._sealed(transaction, plan, receipt, counts)
        return Accepted(*counts_of(counts), position=span[1], uncovered=uncovered), receipt

    def commit_together(
        self, transaction: Transaction, plan: Plan, batches: Sequence[Batch], judged: Sequence[Judged]
    ) -> list[tuple[Accepted, int]]:
        """Write a plan of several whole documents: what became of each, and its receipt.  They share a leaf of the ledger."""
        receipts = opened_and_closed(transaction, self._vault, batches, judged, feed=plan.feed, now=plan.now)
        of_rows = [receipt for receipt, each in zip(receipts, judged, strict=True) for _ in range(each.first, each.end)]
        _skip(transaction, [(receipt, *gap) for receipt, batch in zip(receipts, batches, strict=True) for gap in batch.skipped])
        counts = counted(plan.counts)
        self._count(transaction, plan, counts, b"")
        base = self._sealed(transaction, plan, of_rows, counts)[1] - len(plan.rows)
        return [(counted_of(each, base), receipt) for receipt, each in zip(receipts, judged, strict=True)]

    def _sealed(self, transaction: Transaction, plan: Plan, receipt: int | Sequence[int], counts: Accepted) -> tuple[int, int]:
        head = ledger.lock(transaction)
        span = write(transaction, head, plan, receipt=receipt)
        seal(transaction, head, plan, "accepted", self._stated(plan, counts, receipt), span)
        ledger.release(transaction, head)
        return span

    def _stated(self, plan: Plan, counts: Accepted, receipt: int | Sequence[int]) -> dict[str, Any]:
        names = ("read", "accepted", "unchanged", "late", "quarantined", "held")
        return {
            "counts": dict(zip(names, counts_of(counts), strict=True)),
            "feed": plan.feed,
            "mappings": plan.mappings(),
            "receipt": receipt if isinstance(receipt, int) else sorted(set(receipt)),
        }

    def _count(self, transaction: Transaction, plan: Plan, counts: Accepted, cursor: bytes) -> None:
        changed = transaction.run(
            "UPDATE feed SET cursor = ?, read = read + ?, accepted = accepted + ?, unchanged = unchanged + ?, "
            "late = late + ?, quarantined = quarantined + ?, updated = ? WHERE id = ?",
            [cursor, *counts_of(counts)[:5], plan.now, plan.feed],
        )
        if not changed:
            raise Refused(Problem(NO_FEED))

    def _receipt(self, transaction: Transaction, plan: Plan, batch: Batch) -> tuple[int, int]:
        """The document's receipt, opened by its first batch and closed by its last: its id, and what is uncovered."""
        document = cast("Document", batch.document)
        number = self._open_receipt(transaction, plan, document)
        counts = counted(plan.counts)
        held = sum(len(record.original) for record in batch.records)
        skipped = sum(length for _, length, _ in batch.skipped)
        state, closed = ("complete", plan.now) if batch.complete else ("reading", 0)
        _skip(transaction, [(number, *gap) for gap in batch.skipped])
        row = transaction.one(
            "UPDATE receipt SET read = read + ?, accepted = accepted + ?, unchanged = unchanged + ?, late = late + ?, "
            "quarantined = quarantined + ?, bytes_in_records = bytes_in_records + ?, bytes_skipped = bytes_skipped + ?, "
            "state = ?, closed = ? WHERE id = ? RETURNING size - bytes_in_records - bytes_skipped",
            [*counts_of(counts)[:5], held, skipped, state, closed, number],
        )
        return number, int(row[0]) if row and batch.complete else 0

    def _open_receipt(self, transaction: Transaction, plan: Plan, document: Document) -> int:
        sql = "SELECT id FROM receipt WHERE feed = ? AND sha256 = ? AND state = 'reading' ORDER BY id DESC LIMIT 1"
        row = transaction.one(sql, [plan.feed, document.sha256])
        if row is None:
            preamble = self._vault.seal(ORIGINAL, document.preamble, b"preamble") if document.preamble else b""
            row = transaction.one(
                "INSERT INTO receipt (feed, label, sha256, size, preamble, state, read, accepted, unchanged, late, "
                "quarantined, bytes_in_records, bytes_skipped, opened, closed) "
                "VALUES (?, ?, ?, ?, ?, 'reading', 0, 0, 0, 0, 0, 0, 0, ?, 0) RETURNING id",
                [plan.feed, document.label, document.sha256, document.size, preamble, plan.now],
            )
        assert row is not None
        return int(row[0])

    # Looking

    def receipts(self, feed_id: int | None = None, limit: int = 50) -> list[ReceiptRow]:
        """The latest receipts, newest first."""
        where, values = ("WHERE feed = ?", [feed_id]) if feed_id is not None else ("", [])
        rows = self._database.read().all(
            f"SELECT {RECEIPT} FROM receipt {where} ORDER BY id DESC LIMIT ?", [*values, limit]
        )
        return [ReceiptRow(*row) for row in rows]

    def receipt(self, number: int) -> ReceiptRow | None:
        """One receipt; None where there is none."""
        row = self._database.read().one(f"SELECT {RECEIPT} FROM receipt WHERE id = ?", [number])
        return ReceiptRow(*row) if row else None

    def skipped(self, receipt: int) -> list[tuple[int, int, str]]:
        """The ranges of a document that are no record: offset, length, what."""
        sql = "SELECT start, length, what FROM skipped WHERE receipt = ? ORDER BY start"
        return [(row[0], row[1], row[2]) for row in self._database.read().all(sql, [receipt])]

    def record(self, position: int) -> RecordRow | None:
        """One row of the log; None where there is none."""
        row = self._database.read().one(f"SELECT {ROW} FROM record WHERE position = ?", [position])
        return _record(row) if row else None

    def history(self, position: int) -> list[RecordRow]:
        """Every row of the name of the record at a position, oldest first."""
        row = self._database.read().one("SELECT name FROM record WHERE position = ?", [position])
        return [_record(one) for one in rows_of_name(self._database, row[0])] if row else []

    def locate(self, system: str, kind: str, key: str) -> int:
        """The position of the latest record of a name; 0 where none was seen."""
        name = Tokens(self.keys, system).name(kind, key)
        row = self._database.read().one("SELECT position FROM name WHERE name = ?", [name])
        return int(row[0]) if row else 0

    def held(self, name: bytes) -> list[int]:
        """The positions that wait behind a quarantined record of a name, in order."""
        sql = "SELECT position FROM held WHERE name = ? ORDER BY position"
        return [row[0] for row in self._database.read().all(sql, [name])]

    def version(self, position: int) -> bytes:
        """What stands for the version of a row."""
        row = self._database.read().one("SELECT version FROM record WHERE position = ?", [position])
        return bytes(row[0]) if row else b""

    def original(self, position: int) -> bytes:
        """The original bytes behind a row.  Refused where there is none or it was erased."""
        reader = self._database.read()
        sql = "SELECT o.salt, o.original, o.name, o.event FROM record r JOIN record o ON o.position = r.origin WHERE r.position = ?"
        row = reader.one(sql, [position])
        if row is None or row[0] == ERASED:
            raise Refused(Problem(NO_RECORD))
        salt, sealed, name, event = row
        return self._vault.open(salt, ORIGINAL, sealed, name + event) if sealed else b""

    def body(self, position: int) -> bytes:
        """The canonical record of the event at a position, as JSON; empty where the row is no event."""
        row = self._database.read().one("SELECT salt, body, name, event FROM record WHERE position = ?", [position])
        if row is None or row[0] == ERASED:
            raise Refused(Problem(NO_RECORD))
        salt, sealed, name, event = row
        return self._vault.open(salt, BODY, sealed, name + event) if sealed else b""

    def document(self, position: int) -> Document:
        """The original of a record with its document's preamble: all that an adapter needs to decode it again."""
        original = self.original(position)
        row = self._database.read().one(
            "SELECT d.label, d.sha256, d.preamble FROM record r JOIN record o ON o.position = r.origin "
            "JOIN receipt d ON d.id = o.receipt WHERE r.position = ?",
            [position],
        )
        label, sha256, sealed = row or ("record", b"", b"")
        preamble = self._vault.unseal(ORIGINAL, sealed, b"preamble") if sealed else b""
        return Document(label, sha256, len(original), preamble, original)


class _Before:
    """Whether one document, "" for none, was read to its end before: then every record of it has left a row that leads to it."""

    __slots__ = ("_database", "_document", "_found")

    def __init__(self, database: Database, document: bytes) -> None:
        self._database, self._document = database, document
        self._found: bool | None = None if document else True

    def read(self, state: State) -> bool:
        """Found by the rows of one of its records; asked once, and only where some record says nothing new."""
        if self._found is None:
            sql = (
                "SELECT 1 FROM record r JOIN receipt d ON d.id = r.receipt WHERE (r.position = ? OR (r.again = 1 AND r.name = ?)) "
                "AND d.sha256 = ? AND d.state = 'complete' LIMIT 1"
            )
            self._found = self._database.read().one(sql, [state.first, state.name, self._document]) is not None
        return self._found


def _skip(transaction: Transaction, gaps: Sequence[tuple[int, int, int, str]]) -> None:
    """Keep which bytes of a document are no record, and what they are."""
    if gaps:
        transaction.rows("skipped", "receipt, start, length, what", gaps)


def _document(batch: Batch) -> bytes:
    return batch.document.sha256 if batch.document else b""


def rows_of_name(database: Database, name: bytes) -> list[tuple[Any, ...]]:
    """Every row of a name in order: its first, and those that came after."""
    return database.read().all(
        f"SELECT {ROW} FROM record WHERE position = (SELECT first FROM name WHERE name = ?) "
        f"UNION SELECT {ROW} FROM record WHERE again = 1 AND name = ? ORDER BY position",
        [name, name],
    )


def _record(row: Sequence[Any]) -> RecordRow:
    return RecordRow(
        position=row[0], feed=row[1], receipt=row[2], kind=row[3], name=row[4], sequence=row[5], index=row[6],
        outcome=OUTCOMES[row[7]], change="remove" if row[8] else "put", topic=row[9], event=row[10], subject=row[11],
        partition=row[12], time=row[13], recorded=row[14], mapping=row[15], origin=row[16], place=row[17],
        erased=row[18] == ERASED,
    )  # fmt: skip
