"""Derives everything the ledger says from what the store holds, and tells every difference.

Rows give entries, entries give the roots that leaves state, leaves give the tree, the tree gives
the head.  A row that was erased keeps its entry, which then stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from gateway.errors import Halt
from gateway.store import merkle
from gateway.store.crypto import BODY, ORIGINAL, Vault, entry
from gateway.store.database import Reader
from gateway.store.plan import stated_bytes

ROW = (
    "position, feed, kind, sequence, idx, outcome, change, topic, time, recorded, mapping, extra, place, name, event, subject, "
    "partition, version, salt, original, body, entry"
)
SLICE = 500
ERASED = bytes(16)


def findings(reader: Reader, vault: Vault) -> Iterator[str]:
    """What does not agree, in words that name positions and leaves; nothing where all is well."""
    yield from _rows(reader, vault)
    yield from _leaves(reader)


def _rows(reader: Reader, vault: Vault) -> Iterator[str]:
    after = 0
    sql = f"SELECT {ROW} FROM record WHERE position > ? ORDER BY position LIMIT {SLICE}"
    while rows := reader.all(sql, [after]):
        for row in rows:
            if row[18] != ERASED and row[21] != _derived(row, vault):
                yield f"the row at position {row[0]} is not what the ledger committed to"
        after = rows[-1][0]


def _derived(row: Sequence[Any], vault: Vault) -> bytes:
    salt, original, body, binds = row[18], row[19], row[20], row[13] + row[14]
    try:
        first = vault.open(salt, ORIGINAL, original, binds) if original else b""
        second = vault.open(salt, BODY, body, binds) if body else b""
    except Halt:
        return b""
    return entry(salt, stated_bytes(*row[1:18]), first, second)


def _leaves(reader: Reader) -> Iterator[str]:
    edge: tuple[bytes, ...] = ()
    size, expected = 0, 1
    while rows := reader.all(
        f"SELECT idx, body, hash, low, high FROM leaf WHERE idx >= ? ORDER BY idx LIMIT {SLICE}", [size]
    ):
        for index, body, hash, low, high in rows:
            if index != size:
                yield f"leaf {size} is missing"
                return
            yield from _leaf(reader, index, body, hash, low, high, expected)
            expected = high + 1 if low else expected
            edge, made = merkle.append(edge, size, hash)
            yield from _nodes(reader, made)
            size += 1
    head = reader.one("SELECT position, size, edge FROM head WHERE id = 1")
    last = reader.one("SELECT COALESCE(MAX(position), 0) FROM record")
    if head != (expected - 1, size, b"".join(edge)) or last != (expected - 1,):
        yield "the head does not agree with the leaves and rows"


def _leaf(reader: Reader, index: int, body: bytes, hash: bytes, low: int, high: int, expected: int) -> Iterator[str]:
    if merkle.leaf_hash(body) != hash:
        yield f"leaf {index} is not what its hash says"
    if not low:
        return
    stated = orjson.loads(body)
    entries = reader.all("SELECT entry FROM record WHERE position BETWEEN ? AND ? ORDER BY position", [low, high])
    if low != expected or (stated.get("first"), stated.get("last")) != (low, high) or len(entries) != high - low + 1:
        yield f"leaf {index} does not cover the rows from {expected} on"
    if merkle.root([row[0] for row in entries]).hex() != stated.get("batch"):
        yield f"the rows {low} to {high} do not give the root that leaf {index} states"


def _nodes(reader: Reader, made: Sequence[tuple[int, int, bytes]]) -> Iterator[str]:
    for level, index, hash in made:
        row = reader.one("SELECT hash FROM tree WHERE level = ? AND idx = ?", [level, index])
        if row is None or row[0] != hash:
            yield f"the tree's node {index} of level {level} is not what its leaves give"
