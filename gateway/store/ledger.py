"""The tamper-evident log: one leaf a committed batch, appended in the transaction that commits it.

A leaf of an accepted batch holds the root over the batch's entries, so the proof for one record is
its path in the batch and then the leaf's path in the log.  Leaves hold ASCII keys, integers,
strings, lists and objects only: sorted orjson output is then RFC 8785's own form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.store import fsck, merkle
from gateway.store.crypto import Vault
from gateway.store.database import Database, Reader, Transaction
from gateway.store.rows import Clock, Inclusion, Leaf

NO_ENTRY = code(
    "ledger.no-entry",
    "the ledger has no such leaf or record",
    "Look the number up again with `copperline status` or `quarantine list`; a record is named by its journal position.",
)

LARGEST = 2**53 - 1
"""RFC 8785 writes numbers as doubles: beyond this an integer would not be exact."""


class Head:
    """The end of the record log and of the ledger, held by one transaction at a time."""

    __slots__ = ("edge", "position", "size")

    def __init__(self, position: int, size: int, edge: Sequence[bytes]) -> None:
        self.position, self.size, self.edge = position, size, edge


def lock(transaction: Transaction) -> Head:
    """Take the head.  Last lock of every transaction: so positions, leaves and commits have one order."""
    row = transaction.one("UPDATE head SET position = position WHERE id = 1 RETURNING position, size, edge")
    assert row is not None
    return Head(row[0], row[1], _edge(row[2]))


def release(transaction: Transaction, head: Head) -> None:
    """Write the head back; it becomes visible with the commit."""
    transaction.run(
        "UPDATE head SET position = ?, size = ?, edge = ? WHERE id = 1", [head.position, head.size, b"".join(head.edge)]
    )


def append(
    transaction: Transaction, head: Head, kind: str, body: Mapping[str, Any], *, low: int = 0, high: int = 0
) -> int:
    """Add a leaf; `low` to `high` are the positions of the batch it covers.  Returns its index."""
    index, text = head.size, canonical({"kind": kind, **body})
    hash = merkle.leaf_hash(text)
    head.edge, made = merkle.append(head.edge, index, hash)
    head.size = index + 1
    transaction.run(
        "INSERT INTO leaf (idx, kind, body, hash, low, high) VALUES (?, ?, ?, ?, ?, ?)",
        [index, kind, text, hash, low, high],
    )
    if made:
        transaction.many("INSERT INTO tree (level, idx, hash) VALUES (?, ?, ?)", made)
    return index


def canonical(body: Mapping[str, Any]) -> bytes:
    """The body as RFC 8785 JSON.  Raises ValueError for anything outside the subset where that is certain."""
    _check(body)
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _check(value: Any) -> None:
    match value:
        case bool() | float() | None:
            raise ValueError("a leaf holds integers and strings only")
        case int() if abs(value) > LARGEST:
            raise ValueError("an integer of a leaf is at most 2**53 - 1")
        case dict():
            for key, inner in value.items():
                if not key.isascii():
                    raise ValueError("the keys of a leaf are ASCII")
                _check(inner)
        case list() | tuple():
            for inner in value:
                _check(inner)
        case int() | str():
            pass
        case _:
            raise ValueError(f"a leaf holds no {type(value).__name__}")


class Ledger:
    """Reads, proves and checks the log; writes the leaves of rare acts."""

    def __init__(self, database: Database, keys: Keys, vault: Vault, clock: Clock) -> None:
        self._database, self._keys, self._vault, self._clock = database, keys, vault, clock

    def commitment(self, text: str) -> str:
        """Stands for a text in a leaf: the site can show that it was this text, nobody can guess it."""
        return self._keys.token("commitment", text.encode()).hex() if text else ""

    def note(self, kind: str, body: Mapping[str, Any], *, by: str = "", reason: str = "") -> int:
        """A leaf of its own for a rare act; durable on return.  Who and why are kept as commitments."""

        def piece(transaction: Transaction) -> int:
            head = lock(transaction)
            index = self.noted(transaction, head, kind, body, by=by, reason=reason)
            release(transaction, head)
            return index

        return self._database.write(piece)

    def noted(
        self,
        transaction: Transaction,
        head: Head,
        kind: str,
        body: Mapping[str, Any],
        *,
        by: str = "",
        reason: str = "",
    ) -> int:
        """As `note`, as part of a transaction that holds the head."""
        said = {"by": self.commitment(by), "reason": self.commitment(reason)}
        told = {key: text for key, text in said.items() if text}
        return append(transaction, head, kind, {"at": self._clock(), **told, **body})

    def size(self) -> int:
        """How many leaves the log has."""
        return _head(self._database.read()).size

    def root(self, size: int | None = None) -> bytes:
        """The root of the log, or of its first `size` leaves."""
        reader = self._database.read()
        head = _head(reader)
        if size is None or size == head.size:
            return merkle.edge_root(head.edge)
        _within(size, head.size)
        return merkle.subroot(0, size, _node(reader))

    def leaf(self, index: int) -> Leaf:
        """One leaf.  Refused where there is none."""
        row = self._database.read().one("SELECT idx, kind, body, hash FROM leaf WHERE idx = ?", [index])
        if row is None:
            raise Refused(Problem(NO_ENTRY))
        return Leaf(*row)

    def inclusion(self, position: int) -> Inclusion:
        """The proof for one row of the record log, against the root as it is now."""
        reader = self._database.read()
        row = reader.one(
            "SELECT idx, kind, body, hash, low, high FROM leaf WHERE low > 0 AND low <= ? ORDER BY low DESC LIMIT 1",
            [position],
        )
        if row is None or position > row[5]:
            raise Refused(Problem(NO_ENTRY))
        leaf, low, high = Leaf(*row[:4]), row[4], row[5]
        entries = _entries(reader, low, high)
        head = _head(reader)
        return Inclusion(
            position=position,
            entry=entries[position - low],
            batch_index=position - low,
            batch_size=len(entries),
            batch_path=tuple(merkle.inclusion(position - low, len(entries), _built(entries))),
            leaf=leaf,
            tree_size=head.size,
            tree_path=tuple(merkle.inclusion(leaf.index, head.size, _node(reader))),
            root=merkle.edge_root(head.edge),
        )

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """The proof that the log of `size2` leaves begins with that of `size1`."""
        reader = self._database.read()
        _within(size2, _head(reader).size)
        if size1 > size2:
            raise Refused(Problem(NO_ENTRY, rule="the older size comes first, and is not the larger one"))
        return merkle.consistency(size1, size2, _node(reader))

    def verify(self) -> list[str]:
        """Everything derived again from the raw store; each difference in words, none where all is well."""
        return list(fsck.findings(self._database.read(), self._vault))


def verify_inclusion(proof: Inclusion) -> bool:
    """Whether a proof holds: the entry in the batch whose root the leaf names, the leaf under the root."""
    body = orjson.loads(proof.leaf.body)
    batch_root = bytes.fromhex(body["batch"])
    return (
        merkle.leaf_hash(proof.leaf.body) == proof.leaf.hash
        and merkle.verify_inclusion(proof.entry, proof.batch_index, proof.batch_size, proof.batch_path, batch_root)
        and merkle.verify_inclusion(proof.leaf.hash, proof.leaf.index, proof.tree_size, proof.tree_path, proof.root)
    )


def _head(reader: Reader) -> Head:
    row = reader.one("SELECT position, size, edge FROM head WHERE id = 1")
    assert row is not None
    return Head(row[0], row[1], _edge(row[2]))


def _edge(stored: bytes) -> tuple[bytes, ...]:
    return tuple(stored[at : at + 32] for at in range(0, len(stored), 32))


def _entries(reader: Reader, low: int, high: int) -> list[bytes]:
    rows = reader.all("SELECT entry FROM record WHERE position BETWEEN ? AND ? ORDER BY position", [low, high])
    return [row[0] for row in rows]


def _node(reader: Reader) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        if level:
            row = reader.one("SELECT hash FROM tree WHERE level = ? AND idx = ?", [level, index])
        else:
            row = reader.one("SELECT hash FROM leaf WHERE idx = ?", [index])
        if row is None:
            raise Refused(Problem(NO_ENTRY))
        hash: bytes = row[0]
        return hash

    return node


def _built(hashes: Sequence[bytes]) -> Callable[[int, int], bytes]:
    """Nodes of a tree whose leaves are at hand."""
    return lambda level, index: merkle.root(hashes[index << level : (index + 1) << level])


def _within(size: int, whole: int) -> None:
    if not 0 <= size <= whole:
        raise Refused(Problem(NO_ENTRY, rule=f"the log has {whole} leaves"))
