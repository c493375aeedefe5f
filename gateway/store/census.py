"""What the journal holds of a feed, beside what its system holds now; and what each such comparison found.

A name is a keyed hash, so the journal cannot list what it holds in the system's own words.  The other
way works: each record that exists is looked up by its name and digest, and what nobody looked up
is missing at the source.  Names are walked by their first byte, so that memory stays flat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from gateway.adapter import RawRecord, Rejected
from gateway.event import Keys
from gateway.store import ledger
from gateway.store.database import Database, Transaction
from gateway.store.ledger import Ledger
from gateway.store.plan import PUT
from gateway.store.rows import Clock
from gateway.store.tokens import Tokens

PREFIXES = 256
"""Names are walked in so many pieces."""

LATEST = "feed, started, finished, state, result"


class Compared(NamedTuple):
    """One record that exists at its source, beside the latest of its name here."""

    name: bytes
    theirs: bytes
    """Digest of the fields that the source says now."""
    ours: bytes
    """Digest of the fields that were journalled last; empty where the name is not known, or known as removed."""


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """What one reconciliation of a feed found, and what became of it."""

    feed: int
    started: int
    finished: int
    state: str
    """agreed, mended, differs or failed."""
    result: Mapping[str, Any]
    """Counts and days, never a key or a value."""


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    change: int


class Census:
    """Compares records with the latest of their names, and keeps what reconciliations found."""

    def __init__(self, database: Database, keys: Keys, ledger: Ledger, clock: Clock) -> None:
        self._database, self._keys, self._ledger, self._clock = database, keys, ledger, clock

    def now(self) -> tuple[int, int]:
        """The last position that was given out, and the time."""
        row = self._database.read().one("SELECT position FROM head")
        return int(row[0]) if row else 0, self._clock()

    def compare(self, system: str, records: Sequence[RawRecord | Rejected]) -> list[Compared | None]:
        """Each record beside the latest of its name; None where its key could not be read or it was erased here."""
        tokens = Tokens(self._keys, system)
        names = [tokens.name(record.kind, record.key) if record.key else b"" for record in records]
        rows = self._database.read().within(
            "SELECT name, digest, change FROM name WHERE name IN (*)", [name for name in names if name]
        )
        known = {bytes(row[0]): _Known(bytes(row[1]), row[2]) for row in rows}
        return [
            _compared(tokens, record, name, known.get(name)) if name else None
            for record, name in zip(records, names, strict=True)
        ]

    def unseen(self, feed_id: int, prefix: int, seen: set[bytes], *, until: int, since: int = 0) -> list[int]:
        """Positions of the latest record of every name that begins with a byte, exists, and is not among those seen.

        Only what was journalled up to `until`, and not before `since`.
        """
        low, high = bytes([prefix]), bytes([prefix + 1]) if prefix < PREFIXES - 1 else b"\xff" * 17
        rows = self._database.read().all(
            "SELECT n.name, n.position FROM name n JOIN record r ON r.position = n.position WHERE n.name >= ? AND n.name < ? "
            "AND n.change = ? AND n.digest <> ? AND n.position <= ? AND r.feed = ? AND r.recorded >= ?",
            [low, high, PUT, b"", until, feed_id, since],
        )
        return [int(row[1]) for row in rows if bytes(row[0]) not in seen]

    def finish(self, feed_id: int, started: int, state: str, result: Mapping[str, Any], *, by: str, reason: str) -> None:
        """Keep what a reconciliation found: one row, and one leaf of the ledger; durable on return."""
        text = orjson.dumps(result)
        figures = {name: value for name, value in result.items() if isinstance(value, int)}
        body = {"feed": feed_id, "result": hashlib.sha256(text).hexdigest(), "started": started, "state": state, **figures}

        def piece(transaction: Transaction) -> None:
            transaction.run(
                "INSERT INTO reconciliation (feed, started, finished, state, result) VALUES (?, ?, ?, ?, ?)",
                [feed_id, started, self._clock(), state, text.decode()],
            )
            head = ledger.lock(transaction)
            self._ledger.noted(transaction, head, "reconciled", body, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)

    def last(self, feed_id: int) -> ReconciliationRow | None:
        """The latest reconciliation of a feed; None where there was none."""
        sql = f"SELECT {LATEST} FROM reconciliation WHERE feed = ? ORDER BY started DESC LIMIT 1"
        row = self._database.read().one(sql, [feed_id])
        return ReconciliationRow(row[0], row[1], row[2], row[3], orjson.loads(row[4])) if row else None


def _compared(tokens: Tokens, record: RawRecord | Rejected, name: bytes, known: _Known | None) -> Compared | None:
    if known is not None and not known.digest:
        return None  # erased: what it said must not come back, and is not to be compared
    theirs = tokens.fields(record.fields) if isinstance(record, RawRecord) else tokens.rejected(record.original)
    ours = known.digest if known is not None and known.change == PUT else b""
    return Compared(name, theirs, ours)
