"""Every way in ends here, and here ends in `store.journal.accept()`.

The one decision that is made before the journal: a flood of rejects.  A changed layout must stop
the system with its cursor where it was, not empty a file into quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from gateway.adapter import Batch, RawRecord, Rejected
from gateway.errors import Halt, Problem, code
from gateway.event import Draft
from gateway.store.rows import Accepted
from gateway.store.rows import Intake as Terms

if TYPE_CHECKING:
    from gateway.store import Store

IN_A_ROW = 50
"""So many rejected records without a good one between them are a flood."""

WINDOW, SHARE = 1000, 0.20
"""So is this share of this many records."""

FLOOD = code(
    "intake.flood",
    "so many records in a row cannot be read that the layout or the mapping no longer fits what the system sends",
    "Compare a record with the layout (copperline preview), mend what has changed, then: copperline systems resume. "
    "If the records really are that bad: copperline systems resume --quarantine takes the next 1,000 as they are.",
)

UNCOVERED = code(
    "intake.uncovered",
    "a document has bytes that the adapter neither read as a record nor named as something else",
    "Everything that was read is in the journal, and the document stays where it is: keep a copy for the adapter's "
    "author. copperline receipts show names the ranges that were answered for.",
)


class Feed(Protocol):
    """What intake needs to know of a feed; `system.Feed` is one."""

    @property
    def system(self) -> str: ...
    @property
    def agency(self) -> str: ...
    @property
    def hold(self) -> bool: ...
    @property
    def ordered(self) -> bool: ...
    def translate(self, record: RawRecord) -> Sequence[Draft]: ...
    def mapping_digest(self, kind: str) -> str: ...
    def entity(self, kind: str) -> str: ...


class FloodGuard:
    """Watches the rejects of one feed from batch to batch.  A batch that halts leaves no trace in it."""

    def __init__(self) -> None:
        self._row = 0
        self._seen = 0
        self._rejected = 0
        self._let = 0

    def let_through(self, records: int = WINDOW) -> None:
        """A person has looked and wants the next records taken, however bad they are."""
        self._row = self._seen = self._rejected = 0
        self._let = records

    def __call__(self, rejected: Sequence[bool], records: Sequence[RawRecord | Rejected] = ()) -> None:
        """One flag a record.  Raises Halt where this batch shows a flood; nothing of it is then journalled.

        `records`: those that the flags speak of; the Halt names the place of the first in this batch that belongs to the flood.
        """
        if self._let > 0:
            self._let -= len(rejected)
        elif any(rejected):
            self._watch(rejected, records)
        else:
            self._row = 0
            self._count(len(rejected), 0)

    def _watch(self, rejected: Sequence[bool], records: Sequence[RawRecord | Rejected]) -> None:
        row = self._row
        for index, bad in enumerate(rejected):
            row = row + 1 if bad else 0
            if row >= IN_A_ROW:
                where = _place(records, max(0, index + 1 - IN_A_ROW))
                raise Halt(Problem(FLOOD, where=where, rule=f"{IN_A_ROW} records in a row were rejected"))
        bad_ones = self._rejected + sum(rejected)
        if self._seen + len(rejected) >= WINDOW and bad_ones >= SHARE * WINDOW:
            where = _place(records, list(rejected).index(True))
            raise Halt(Problem(FLOOD, where=where, rule=f"{bad_ones} of the last {self._seen + len(rejected)} records were rejected"))
        self._row = row
        self._count(len(rejected), sum(rejected))

    def _count(self, seen: int, rejected: int) -> None:
        self._seen += seen
        self._rejected += rejected
        if self._seen >= WINDOW:
            self._seen = self._rejected = 0


def _place(records: Sequence[RawRecord | Rejected], index: int) -> str:
    return records[index].where if index < len(records) else ""


class Intake:
    """The way in of one feed.  Used by one worker at a time."""

    def __init__(self, store: Store, feed: Feed, feed_id: int, *, shadow: bool = False, wake: Callable[[], None]) -> None:
        self.guard = FloodGuard()
        self._store = store
        self._id = feed_id
        self._wake = wake
        self._terms = terms(feed, shadow=shadow)

    def take(self, batch: Batch, *, backfill: bool = False) -> Accepted:
        """Journal a batch in one transaction; what it says is durable when this returns.

        Raises Halt where the batch shows a flood of rejects, Retry where the store is full or busy;
        then nothing of it was kept and the cursor is where it was.  Raises Halt, too, where a document
        ends with bytes that nobody answered for; that batch was kept.
        """
        these = replace(self._terms, backfill=backfill or batch.backfill, guard=lambda rejected: self.guard(rejected, batch.records))
        accepted = self._store.journal.accept(self._id, batch, these)
        if accepted.accepted:
            self._wake()
        if accepted.uncovered:
            raise Halt(Problem(UNCOVERED, rule=f"{accepted.uncovered} bytes of a document are not answered for"))
        return accepted


def terms(feed: Feed, *, shadow: bool = False) -> Terms:
    """What the journal must know of a feed besides its records; release and re-map need the same."""
    return Terms(
        system=feed.system,
        agency=feed.agency,
        translate=feed.translate,
        mapping=feed.mapping_digest,
        removes=feed.entity,
        hold=feed.hold,
        ordered=feed.ordered,
        shadow=shadow,
    )
