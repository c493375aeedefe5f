"""Erasing: the salt is destroyed, so nothing that was sealed under it can be read or guessed again.

Every row of a name goes at once.  Salt and contents are overwritten in place, byte for byte, so
no copy is left in a freed part of a page; then the write-ahead log is moved into the file and cut
to nothing.  The ledger's entries stay, so every proof stays valid.  Versions stay as keyed hashes,
so what was erased is not brought back by reading the same version again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from gateway.errors import Problem, Refused, code
from gateway.store import ledger
from gateway.store.database import Database, Transaction
from gateway.store.journal import NO_RECORD
from gateway.store.ledger import Ledger
from gateway.store.recent import Recent
from gateway.store.rows import Erased

LEGAL_HOLD = code(
    "erase.legal-hold",
    "a legal hold forbids erasing this record",
    "Ask whoever placed the hold; once it is lifted, erase again.",
)


class Erase:
    """Erases names, holds them against erasing, and finishes what a reader kept from being wiped."""

    def __init__(self, database: Database, ledger: Ledger, recent: Recent) -> None:
        self._database, self._ledger, self._recent = database, ledger, recent

    def erase(self, positions: Sequence[int], *, by: str, reason: str, authority: str = "") -> Erased:
        """Erase every row of the names at these positions.  Refused where none exists or one is held by law.

        The caller deletes the returned documents from the archive.
        """
        with ExitStack() as held:
            for system in self._systems(positions):
                held.enter_context(self._database.exclusive(system))
            held.enter_context(self._recent.set_aside())
            names, rows, documents = self._database.write(
                lambda transaction: self._erase(transaction, positions, by, reason, authority)
            )
        return Erased(names, rows, documents, self.scrub())

    def scrub(self) -> bool:
        """Drive what was overwritten out of the write-ahead log too; False where a reader stood in the way."""
        return self._database.scrub()

    def legal_hold(self, position: int, on: bool, *, by: str, reason: str) -> None:
        """Forbid, or allow again, to erase the name of the record at a position."""

        def piece(transaction: Transaction) -> None:
            rows = _rows(transaction, _names(transaction, [position]))
            transaction.many("UPDATE record SET legal_hold = ? WHERE position = ?", [(int(on), row) for row in rows])
            head = ledger.lock(transaction)
            body = {"on": int(on), "position": position}
            self._ledger.noted(transaction, head, "legal-hold", body, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)

    def _systems(self, positions: Sequence[int]) -> list[str]:
        sql = "SELECT DISTINCT f.system FROM record r JOIN feed f ON f.id = r.feed WHERE r.position IN (*)"
        return sorted({row[0] for row in self._database.read().within(sql, positions)})

    def _erase(
        self, transaction: Transaction, positions: Sequence[int], by: str, reason: str, authority: str
    ) -> tuple[int, int, tuple[bytes, ...]]:
        names = _names(transaction, positions)
        rows = _rows(transaction, names)
        if any(row[0] for row in transaction.within("SELECT MAX(legal_hold) FROM record WHERE position IN (*)", rows)):
            raise Refused(Problem(LEGAL_HOLD))
        documents = _documents(transaction, rows)
        self._overwrite(transaction, rows)
        _forget(transaction, names)
        head = ledger.lock(transaction)
        body = {"authority": self._ledger.commitment(authority), "names": len(names), "rows": len(rows)}
        self._ledger.noted(transaction, head, "erased", body, by=by, reason=reason)
        ledger.release(transaction, head)
        return len(names), len(rows), documents

    def _overwrite(self, transaction: Transaction, rows: Iterable[int]) -> None:
        """In place, at the same length: a row that moved would leave its old bytes behind."""
        blank = self._database.blank
        sql = (
            f"UPDATE record SET salt = ?, original = {blank('original')}, body = {blank('body')}, outgoing = 0 "
            "WHERE position = ?"
        )
        transaction.many(sql, [(bytes(16), row) for row in rows])
        transaction.many(
            "UPDATE quarantine SET problems = '[]', state = CASE WHEN state = 'open' THEN 'erased' ELSE state END "
            "WHERE position = ?",
            [(row,) for row in rows],
        )
        transaction.many("DELETE FROM exception WHERE position = ?", [(row,) for row in rows])
        transaction.many("DELETE FROM answer WHERE position = ?", [(row,) for row in rows])
        partitions = transaction.within("SELECT DISTINCT partition FROM record WHERE outgoing = 0 AND position IN (*)", rows)
        transaction.many("DELETE FROM remote WHERE partition = ?", partitions)


def _names(transaction: Transaction, positions: Iterable[int]) -> list[bytes]:
    rows = transaction.within("SELECT DISTINCT name FROM record WHERE position IN (*)", positions)
    if not rows:
        raise Refused(Problem(NO_RECORD))
    return sorted({row[0] for row in rows})


def _rows(transaction: Transaction, names: Iterable[bytes]) -> list[int]:
    """Every row of the names: the first of each, and all that came after."""
    wanted = list(names)
    found = transaction.within("SELECT first FROM name WHERE name IN (*)", wanted)
    found += transaction.within("SELECT position FROM record WHERE again = 1 AND name IN (*)", wanted)
    return sorted({row[0] for row in found})


def _documents(transaction: Transaction, rows: Iterable[int]) -> tuple[bytes, ...]:
    sql = "SELECT DISTINCT d.sha256 FROM record r JOIN receipt d ON d.id = r.receipt WHERE r.position IN (*)"
    return tuple(sorted({row[0] for row in transaction.within(sql, rows)}))


def _forget(transaction: Transaction, names: Sequence[bytes]) -> None:
    """What the latest of a name said; that it and its versions were there stays known."""
    values = [(b"", name) for name in names]
    transaction.many(
        "UPDATE name SET digest = ?, mapped = 0, parts = '', sole = '', holder = 0, highest = '' WHERE name = ?", values
    )
    transaction.many("DELETE FROM held WHERE name = ?", [(name,) for name in names])
