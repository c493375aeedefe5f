"""How far the ledger had come, written beside the store: a store that is older came from a backup.

Whoever was given something after the backup was made is unknown to it, and so are the seals, suspensions and
withdrawals since.  Nothing may leave on its word until people have looked: it could send again what was
sealed, and would never take back what it does not know that it gave.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import Problem, Refused, code
from gateway.store import Store

RESTORED = code(
    "store.restored",
    "the store is older than this site already was, or another one: it came from a backup, and does not know what was given, sealed "
    "or suspended since",
    "Put the newer store back if there is one. Else read `copperline docs agreements`, then: copperline restored --reason TEXT. It suspends "
    "every agreement until somebody has approved it again.",
)

EVERY_S = 2.0


class Mark:
    """The file of one site.  Used by one thread."""

    def __init__(self, var: Path) -> None:
        self._path = var / "ledger.mark"
        self._next = 0.0
        self._written = -1

    def check(self, store: Store) -> None:
        """Raises Refused where the store has not all that the mark says it had.  A site without a mark is new."""
        try:
            said: Mapping[str, Any] = orjson.loads(self._path.read_bytes())
            size, root = int(said["size"]), str(said["root"])
        except (FileNotFoundError, orjson.JSONDecodeError, KeyError, ValueError):
            return
        has = store.ledger.size()
        if has < size:
            raise Refused(Problem(RESTORED, rule=f"its ledger has {has} leaves, and had {size}"))
        if store.ledger.root(size).hex() != root:
            raise Refused(Problem(RESTORED, rule=f"the first {size} leaves of its ledger are others than those that were there"))

    def write_when_due(self, store: Store) -> None:
        """Write how far the store is, every two seconds at most."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_S
            self.write(store)

    def write(self, store: Store) -> None:
        """Write how far the store is.  Where the disk is full the mark only stays behind, which it always may."""
        size = store.ledger.size()
        if size == self._written:
            return
        into = self._path.with_suffix(".new")
        with suppress(OSError):
            into.unlink(missing_ok=True)
            with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(orjson.dumps({"size": size, "root": store.ledger.root(size).hex()}))
                file.flush()
                os.fsync(file.fileno())
            into.rename(self._path)
            self._written = size

    def forget(self) -> None:
        """People have looked: from now on the store counts as it is."""
        self._path.unlink(missing_ok=True)


def accept(var: Path, store: Store, *, by: str, reason: str) -> list[str]:
    """People take the store as it is: every agreement is suspended until it is approved again.  Returns their names.

    The mark goes last, so that a crash before it leaves the site as it was: stopped.
    """
    names = [row.name for row in store.agreements.all() if row.state == "approved"]
    store.ledger.note("store-restored", {"agreements": len(names), "leaves": store.ledger.size()}, by=by, reason=reason)
    for name in names:
        store.agreements.suspend(name, by=by, reason=reason)
    Mark(var).forget()
    return names
