"""A site whose store is put back from a backup, and what its people do then.

The gateway finds that the store is older than the ledger already was, and stops.  Its people then go on as the
remedy says: every agreement is suspended, seals are entered again, the source is read again, whoever was given
something that the store no longer knows is told by hand, and the agreements are approved one by one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import mark
from gateway.errors import Refused
from gateway.mark import Mark

if TYPE_CHECKING:
    from tests.campaigns.withdraw import Evening


def backed_up(evening: Evening) -> None:
    """A copy of the store as it is; nothing writes to it meanwhile."""
    shutil.rmtree(evening.backup, ignore_errors=True)
    evening.backup.mkdir()
    for path in _files(evening.folder):
        shutil.copy(path, evening.backup)


def put_back(evening: Evening) -> None:
    """The backup takes the place of the store; then the gateway starts again, or stops and says so."""
    if not evening.backup.exists():
        return
    evening.before_restore()
    Mark(evening.folder).write(evening.store)  # as it does every two seconds
    evening.store.close()
    for path in _files(evening.folder):
        path.unlink()
    for path in evening.backup.iterdir():
        shutil.copy(path, evening.folder)
    evening.reopen()
    evening.tally.extra["restored"] += 1
    try:
        Mark(evening.folder).check(evening.store)
    except Refused:
        evening.tally.extra["stopped"] += 1
        _taken_as_it_is(evening)
    _forget_positions(evening)
    for name in evening.agreed:
        evening.open(name)


def _taken_as_it_is(evening: Evening) -> None:
    mark.accept(evening.folder, evening.store, by="campaign", reason="restored")
    evening.held = set(evening.agreed)
    _forget_positions(evening)
    for arrived in evening.arrived.values():
        arrived.append(False)  # told by hand
    for record in evening.records.values():
        evening.accept(record, change="remove" if record.removed else "put")
    _seals_again(evening)
    for name in evening.agreed:
        evening.open(name)
        evening.work(name)  # while it is suspended nothing may leave but what takes back
    evening.held = set()


def _forget_positions(evening: Evening) -> None:
    """What was journalled after the backup is no longer there."""
    head = evening.store.deliveries.head()
    for record in evening.records.values():
        record.positions = [position for position in record.positions if position <= head]
    evening.of_position = {position: record for position, record in evening.of_position.items() if position <= head}


def _seals_again(evening: Evening) -> None:
    """Seals and unseals that the store does not know are entered again."""
    known = {evening.of_position[row.position].key for row in evening.store.seals.all() if row.state in ("sealed", "unseal-asked")}
    for record in evening.records.values():
        if record.sealed != (record.key in known) and record.positions:
            evening.two("seal" if record.sealed else "unseal", record)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith("store.db")]


@contextmanager
def looks_at_no_mark() -> Iterator[None]:
    """The mutant: a store that came from a backup is taken for what it says."""
    broken: Any = Mark
    honest = broken.check
    broken.check = lambda *_: None
    try:
        yield
    finally:
        broken.check = honest
