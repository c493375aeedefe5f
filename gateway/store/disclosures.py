"""Who was given what: one packed row for each settled batch that gave something, beside its leaf of the ledger.

The leaf states the root over what was given; the row keeps what the root was made of.  So for any
event the store can say which destination was given it, when and under which wording, and prove it.
Only a row a batch, not a row an event: most questions are never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, NamedTuple

from gateway.store import deletions
from gateway.store.database import Database, Reader, Transaction
from gateway.store.rows import BACK, MAYBE, Disclosed, Disclosure

ENTRY = Struct(">QB16s32s")
"""Position, kind, the id that the recipient knows, SHA-256 of the body."""


def pack(disclosed: Iterable[Disclosed]) -> bytes:
    """The entries of one batch, in the order in which the leaf's root has them."""
    return b"".join(ENTRY.pack(one.position, one.kind, one.id, one.body) for one in disclosed)


def unpack(given: bytes) -> Iterator[Disclosed]:
    """What `pack` made."""
    return (Disclosed(id, body, position, kind) for position, kind, id, body in ENTRY.iter_unpack(given))


def write(
    transaction: Transaction, dest: int, leaf: int, wording: str, at: int, disclosed: Sequence[Disclosed]
) -> None:
    """Keep one batch; `leaf`: its leaf's index, -1 where nothing of it is certain."""
    positions = [one.position for one in disclosed]
    transaction.run(
        "INSERT INTO disclosure (destination, leaf, wording, at, low, high, given) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [dest, leaf, wording, at, min(positions), max(positions), pack(disclosed)],
    )
    deletions.write(transaction, dest, at, disclosed)


class Version(NamedTuple):
    """One version of a record, and how a destination was last given it; ordered by when that was written down."""

    batch: int
    place: int
    position: int
    kind: int
    """0: never."""


class Disclosures:
    """Answers from the packed rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, dest: int, position: int, until: int) -> list[Version]:
        """The versions of the record whose event is at `position`, up to `until`, and how each was last given."""
        reader = self._database.read()
        return [_last_given(reader, dest, one) for one in _positions(reader, position, until)]

    def kind(self, dest: int, position: int) -> int:
        """How the event at a position was last given to a destination; 0: not at all."""
        return _last_given(self._database.read(), dest, position).kind

    def last_back(self, dest: int, messages: int) -> list[int]:
        """The events that took something back among the last so many that a destination was given."""
        found: list[int] = []
        before = 2**62
        while messages > 0:
            row = self._database.read().one(
                "SELECT id, given FROM disclosure WHERE destination = ? AND id < ? ORDER BY id DESC LIMIT 1", [dest, before]
            )
            if row is None:
                break
            before, given = row[0], [one for one in unpack(row[1]) if one.kind != MAYBE]
            found += [one.position for one in given if one.kind == BACK]
            messages -= len(given)
        return found

    def of_subject(self, subjects: Sequence[bytes]) -> list[int]:
        """The events about any of these subjects.  Looks at every row: for a question that is seldom asked."""
        rows = self._database.read().within("SELECT position FROM record WHERE subject IN (*) AND topic <> ''", subjects)
        return [row[0] for row in rows]

    def agencies(self) -> list[str]:
        """Every agency that an event names, as on the topics."""
        rows = self._database.read().all("SELECT DISTINCT topic FROM record WHERE topic <> ''")
        return sorted({row[0].split(".")[1] for row in rows})

    def given_to(self, dest: int, *, after: int, limit: int) -> list[Disclosure]:
        """Batches of one destination after number `after`, in order."""
        rows = self._database.read().all(f"{_SQL} WHERE d.destination = ? AND d.id > ? ORDER BY d.id LIMIT ?", [dest, after, limit])
        return [_batch(row) for row in rows]

    def batches(self, *, agreement: str = "", since: int = 0, until: int = 2**62, after: int = 0, limit: int = 500) -> list[Disclosure]:
        """Batches after number `after`, of one agreement or of all, that left within a time, in order."""
        only, values = ("AND t.agreement = ?", [agreement]) if agreement else ("", [])
        rows = self._database.read().all(
            f"{_SQL} WHERE d.id > ? AND d.at >= ? AND d.at < ? {only} ORDER BY d.id LIMIT ?", [after, since, until, *values, limit]
        )
        return [_batch(row) for row in rows]


_SQL = (
    "SELECT d.id, t.agreement, t.name, d.leaf, d.wording, d.at, d.given "
    "FROM disclosure d JOIN destination t ON t.id = d.destination"
)


def _batch(row: Sequence[Any]) -> Disclosure:
    id, agreement, destination, leaf, wording, at, given = row
    return Disclosure(id, agreement, destination, leaf, wording, at, tuple(one for one in unpack(given) if one.kind != MAYBE))


def _last_given(reader: Reader, dest: int, position: int) -> Version:
    rows = reader.all(
        "SELECT id, given FROM disclosure WHERE destination = ? AND high >= ? AND low <= ? ORDER BY id DESC",
        [dest, position, position],
    )
    found = (
        Version(row[0], place, position, one.kind)
        for row in rows
        for place, one in reversed(list(enumerate(unpack(row[1]))))
        if one.position == position
    )
    return next(found, Version(0, 0, position, 0))


def _positions(reader: Reader, position: int, until: int) -> list[int]:
    """Where the versions of a record are, up to `until`."""
    row = reader.one("SELECT name, partition FROM record WHERE position = ?", [position])
    if row is None:
        return []
    rows = reader.all(
        "SELECT position, partition FROM record WHERE position = (SELECT first FROM name WHERE name = ?) AND position <= ? "
        "UNION SELECT position, partition FROM record WHERE again = 1 AND name = ? AND position <= ?",
        [row[0], until, row[0], until],
    )
    return [one[0] for one in rows if one[1] == row[1]]
