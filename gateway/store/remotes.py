"""What legacy systems call the records that were written to them, and how a record read back is known.

A name that is written to a system is an *echo* when one of that system's own feeds says it next:
it is linked, counted unchanged, and no event is made of it.  While nobody knows whether a write
reached the system, its feeds wait with what they have not seen before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import orjson

from gateway.errors import Problem, Refused, Retry, code
from gateway.store import ledger
from gateway.store.crypto import BODY, Vault
from gateway.store.database import Database, Reader, Transaction
from gateway.store.ledger import Ledger
from gateway.store.rows import Aim, Answer, Clock

DOUBT = code(
    "sink.doubt",
    "nobody knows yet whether the last write to this system reached it, so what its feeds say for the first time waits",
    "Nothing to do: the gateway reads back what it wrote and goes on, at the latest after ten minutes.",
)
NOT_PARKED = code(
    "sink.not-parked",
    "no delivery to a legacy system is parked at that position",
    "List what is parked with `copperline deliveries list`.",
)

DOUBT_US = int(timedelta(minutes=10).total_seconds()) * 1_000_000
"""How long a write of unknown outcome keeps the feeds of its system waiting."""


class Remotes:
    """Safe from any thread."""

    def __init__(self, database: Database, vault: Vault, ledger: Ledger, clock: Clock) -> None:
        self._database, self._vault, self._ledger, self._clock = database, vault, ledger, clock

    def open(self, sinks: Iterable[tuple[int, str]]) -> None:
        """Which destinations write to which systems; those that are not named do so no longer."""
        wanted = sorted(sinks)
        if wanted != sorted(self._database.read().all("SELECT destination, system FROM sink")):
            self._database.write(lambda transaction: _open(transaction, wanted))

    def aims(self, dest: int, positions: Iterable[int]) -> list[Aim]:
        """What is known of the records of these deliveries at their target, in order of position."""
        rows = self._database.read().within(
            "SELECT r.position, r.event, r.partition, e.state, e.uncertain, m.called, a.pending FROM record r "
            f"JOIN exception e ON e.destination = {dest:d} AND e.position = r.position "
            f"LEFT JOIN remote m ON m.destination = {dest:d} AND m.partition = r.partition "
            f"LEFT JOIN answer a ON a.destination = {dest:d} AND a.position = r.position WHERE r.position IN (*)",
            positions,
        )
        return [self._aim(row) for row in sorted(rows, key=lambda row: row[0])]

    def _aim(self, row: Sequence[Any]) -> Aim:
        position, event, partition, state, uncertain, called, pending = row
        remote_id, key, _ = self._called(called)
        waits = self._vault.unseal(BODY, pending, b"pending").decode() if pending and state == "pending" else ""
        return Aim(position, event, partition, state, bool(uncertain), remote_id, key, waits)

    def answer(self, dest: int, position: int) -> tuple[list[dict[str, str]], bytes] | None:
        """What a system said of one delivery: its problems and its own words; None where it said nothing that was kept."""
        sql = "SELECT problems, said FROM answer WHERE destination = ? AND position = ?"
        row = self._database.read().one(sql, [dest, position])
        if row is None:
            return None
        return orjson.loads(row[0]), self._vault.unseal(BODY, row[1], b"said") if row[1] else b""

    def keep(self, transaction: Transaction, dest: int, answers: Iterable[Answer]) -> None:
        """Part of a settlement: what the system said, and what it calls the records now."""
        for answer in answers:
            if answer.written:
                self._written(transaction, dest, answer)
            self._said(transaction, dest, answer)

    def _written(self, transaction: Transaction, dest: int, answer: Answer) -> None:
        sql = "SELECT called FROM remote WHERE destination = ? AND partition = ?"
        row = transaction.one(sql, [dest, answer.partition])
        before, _, digest = self._called(row[0] if row else None)
        if answer.gone:
            transaction.run("DELETE FROM remote WHERE destination = ? AND partition = ?", [dest, answer.partition])
        else:
            called = [answer.remote_id or before, answer.key, answer.digest.hex()]
            transaction.run(
                "INSERT INTO remote (destination, partition, called) VALUES (?, ?, ?) "
                "ON CONFLICT (destination, partition) DO UPDATE SET called = excluded.called",
                [dest, answer.partition, self._vault.seal(BODY, orjson.dumps(called), b"called")],
            )
        if answer.gone or answer.digest.hex() != digest:
            transaction.many(
                "INSERT INTO echo (name, awaited) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET awaited = 1",
                [(name,) for name in answer.names],
            )

    def _said(self, transaction: Transaction, dest: int, answer: Answer) -> None:
        transaction.run("DELETE FROM answer WHERE destination = ? AND position = ?", [dest, answer.position])
        if answer.written and not answer.problems:
            return
        problems = orjson.dumps([problem.as_dict() for problem in answer.problems]).decode()
        pending = "" if answer.written else answer.remote_id
        transaction.run(
            "INSERT INTO answer (destination, position, problems, pending, said) VALUES (?, ?, ?, ?, ?)",
            [dest, answer.position, problems, self._sealed(pending.encode(), b"pending"), self._sealed(answer.said, b"said")],
        )

    def _sealed(self, data: bytes, binds: bytes) -> bytes:
        return self._vault.seal(BODY, data, binds) if data else b""

    def _called(self, sealed: bytes | None) -> tuple[str, str, str]:
        """Remote id, key and digest of the last write."""
        if not sealed:
            return "", "", ""
        remote_id, key, digest = orjson.loads(self._vault.unseal(BODY, sealed, b"called"))
        return remote_id, key, digest

    def decide(self, dest: int, position: int, answer: Answer, *, by: str, reason: str) -> None:
        """A person has looked at the legacy system: a parked delivery was written there, or it was not and is tried again.

        Raises Refused where none is parked at that position of a legacy system.  Durable on return.
        """
        written = answer.written

        def piece(transaction: Transaction) -> None:
            sql = (
                "SELECT e.feed FROM exception e JOIN sink s ON s.destination = e.destination "
                "WHERE e.destination = ? AND e.position = ? AND e.state = 'parked'"
            )
            row = transaction.one(sql, [dest, position])
            if row is None:
                raise Refused(Problem(NOT_PARKED, where=f"position {position}"))
            _settled(transaction, dest, position, row[0], written=written)
            if answer.remote_id:
                self.keep(transaction, dest, [answer])
            head = ledger.lock(transaction)
            body = {"destination": dest, "position": position, "written": int(written)}
            self._ledger.noted(transaction, head, "settled", body, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)


def _open(transaction: Transaction, wanted: Sequence[tuple[int, str]]) -> None:
    transaction.run("DELETE FROM sink")
    transaction.many("INSERT INTO sink (destination, system) VALUES (?, ?)", wanted)


def _settled(transaction: Transaction, dest: int, position: int, feed: int, *, written: bool) -> None:
    if written:
        transaction.run("DELETE FROM exception WHERE destination = ? AND position = ?", [dest, position])
        transaction.run("UPDATE position SET delivered = delivered + 1 WHERE destination = ? AND feed = ?", [dest, feed])
        return
    transaction.run(
        "UPDATE exception SET state = 'retry', attempts = 0, next_at = 0, uncertain = 0 WHERE destination = ? AND position = ?",
        [dest, position],
    )


def echoes(reader: Reader, system: str, names: set[bytes], known: Iterable[bytes], *, now: int) -> set[bytes]:
    """Of these names, those that the gateway wrote to this system and that none of its feeds has said since.

    Raises Retry where a write to the system is in doubt and one of the names may be its.
    """
    if not reader.one("SELECT 1 FROM sink WHERE system = ? LIMIT 1", [system]):
        return set()
    found: dict[bytes, int] = dict(reader.within("SELECT name, awaited FROM echo WHERE name IN (*)", names))
    if (names - set(known) or found) and _doubtful(reader, system, now):
        raise Retry(Problem(DOUBT), after=timedelta(milliseconds=500))
    return {name for name, awaited in found.items() if awaited}


def linked(transaction: Transaction, names: Iterable[bytes]) -> None:
    """A feed has said what was written."""
    transaction.many("UPDATE echo SET awaited = 0 WHERE name = ?", [(name,) for name in names])


def _doubtful(reader: Reader, system: str, now: int) -> bool:
    sql = (
        "SELECT 1 FROM sink s JOIN exception e ON e.destination = s.destination WHERE s.system = ? "
        "AND (e.state = 'trying' OR (e.state = 'retry' AND e.uncertain = 1)) AND e.next_at > ? LIMIT 1"
    )
    return reader.one(sql, [system, now - DOUBT_US]) is not None
