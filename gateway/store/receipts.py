"""Receipts of documents that came whole: opened and closed at once, many in one statement.

Every statement lets other threads run and gets its turn back late, so many small documents that
share a commit share their statements too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from gateway.adapter import Batch, Document
from gateway.store.counts import Judged, counted_of, counts_of
from gateway.store.crypto import ORIGINAL, Vault
from gateway.store.database import Transaction

_COLUMNS = (
    "feed, label, sha256, size, preamble, state, read, accepted, unchanged, late, quarantined, bytes_in_records, "
    "bytes_skipped, opened, closed"
)
_ROW = f"({', '.join('?' * (_COLUMNS.count(',') + 1))})"
_TOGETHER = 64


def opened_and_closed(
    transaction: Transaction, vault: Vault, batches: Sequence[Batch], judged: Sequence[Judged], *, feed: int, now: int
) -> list[int]:
    """The receipt of each document, in order."""
    preambles = {document.preamble for document in map(_document, batches)}
    sealed = {preamble: vault.seal(ORIGINAL, preamble, b"preamble") if preamble else b"" for preamble in preambles}
    rows = [_row(batch, each, sealed, feed, now) for batch, each in zip(batches, judged, strict=True)]
    numbers: list[int] = []
    for start in range(0, len(rows), _TOGETHER):
        numbers += _inserted(transaction, rows[start : start + _TOGETHER])
    return numbers


def _inserted(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """A database may tell the numbers in any order, so each document takes the next one of its digest."""
    sql = f"INSERT INTO receipt ({_COLUMNS}) VALUES {', '.join([_ROW] * len(rows))} RETURNING id, sha256"
    told = sorted(transaction.all(sql, [value for row in rows for value in row]))
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, sha256 in told:
        found[bytes(sha256)].append(number)
    numbers = {sha256: iter(each) for sha256, each in found.items()}
    return [next(numbers[row[2]]) for row in rows]


def _row(batch: Batch, judged: Judged, sealed: dict[bytes, bytes], feed: int, now: int) -> tuple[Any, ...]:
    document = _document(batch)
    held, skipped = sum(len(record.original) for record in batch.records), sum(gap[1] for gap in batch.skipped)
    return (
        feed, document.label, document.sha256, document.size, sealed[document.preamble], "complete",
        *counts_of(counted_of(judged))[:5], held, skipped, now, now,
    )  # fmt: skip


def _document(batch: Batch) -> Document:
    return cast("Document", batch.document)
