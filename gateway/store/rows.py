"""What the store takes and gives: plain values, no behaviour.

Times are integer microseconds since 1970, UTC.  Names, event ids, subjects and partitions are 16
bytes of keyed hash: they tell things apart and say nothing about them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem
from gateway.event import Draft

Clock: TypeAlias = Callable[[], int]
"""Now, in microseconds since 1970, UTC."""

Translate: TypeAlias = Callable[[RawRecord], Sequence[Draft]]
"""One raw record to its canonical ones.  Raises Reject with every problem it has."""

Decode: TypeAlias = Callable[[Document], "Sequence[RawRecord | Rejected] | Any"]
"""Reads a kept original again: an adapter's `decode` bound to its settings."""

FeedState = Literal["running", "paused", "halted", "tripped", "shadow", "retired"]
Outcome = Literal["accepted", "unchanged", "late", "quarantined", "held"]
ExceptionState = Literal["retry", "trying", "parked", "pending", "waiting"]

OUTCOMES: tuple[Outcome, ...] = ("accepted", "unchanged", "late", "quarantined", "held")
"""As stored: the index is the number in the row."""
ACCEPTED, UNCHANGED, LATE, QUARANTINED, HELD = range(5)


class Guard(Protocol):
    """Looks at a batch before it is journalled, so that a flood of rejects stops the system."""

    def __call__(self, rejected: Sequence[bool]) -> None:
        """One flag a record, in order: True where it would be quarantined.  Raises Halt; then nothing is journalled."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """All that `accept`, `release` and `remap` need to know of a feed besides its records."""

    system: str
    agency: str
    translate: Translate
    mapping: Callable[[str], str]
    """Kind to the digest of its mapping, up to 16 hexadecimal characters."""
    removes: Callable[[str], str]
    """Kind to the entity that a removal is about."""
    hold: bool = True
    """A quarantined record holds back later ones of its name."""
    ordered: bool = False
    """Versions are fixed-width text that sorts as the origin made them."""
    backfill: bool = False
    shadow: bool = False
    """Journalled and mapped, never delivered."""
    guard: Guard | None = None


class Accepted(NamedTuple):
    """What became of one batch: read = accepted + unchanged + late + quarantined.  A tuple, as one is made for every document."""

    read: int = 0
    accepted: int = 0
    unchanged: int = 0
    late: int = 0
    quarantined: int = 0
    held: int = 0
    """Of the accepted, those that wait behind a quarantined record of their name."""
    position: int = 0
    """The last position that was given out; 0 where the batch left no row."""
    uncovered: int = 0
    """Of a complete document: its size less the bytes of its records and named ranges.  Anything but 0 is a fault."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed as the store knows it."""

    id: int
    system: str
    feed: str
    cursor: str
    state: FeedState
    problem: Mapping[str, str] | None
    """Of a halted feed: code, path, where, rule, remedy."""
    reason: str
    read: int
    accepted: int
    unchanged: int
    late: int
    quarantined: int
    updated: int


@dataclass(frozen=True, slots=True)
class SystemRow:
    """One system as a whole: what state it is in, who put it there and why, and the digest of its folder."""

    system: str
    state: str
    reason: str
    digest: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """What became of one document."""

    id: int
    feed: int
    label: str
    sha256: bytes
    size: int
    state: Literal["reading", "complete"]
    read: int
    accepted: int
    unchanged: int
    late: int
    quarantined: int
    bytes_in_records: int
    bytes_skipped: int
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One row of the record log, without its contents."""

    position: int
    feed: int
    receipt: int
    kind: str
    name: bytes
    sequence: int
    index: int
    outcome: Outcome
    change: Literal["put", "remove"]
    topic: str
    event: bytes
    subject: bytes
    partition: bytes
    time: str
    recorded: int
    mapping: str
    origin: int
    """The position whose original this row was made from; its own where it was read."""
    place: str
    erased: bool


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One quarantined record: why, and what was decided."""

    position: int
    system: str
    feed: str
    kind: str
    name: bytes
    place: str
    recorded: int
    problems: Sequence[Mapping[str, str]]
    state: Literal["open", "released", "discarded", "erased"]
    by: str
    reason: str
    at: int
    held: int
    """How many later records of the name wait behind it."""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release or a discard brought about."""

    position: int
    events: int
    accepted: int
    """Held records that went through after it."""
    late: bool = False
    """Newer records of the name had gone out meanwhile, so this one changes nothing downstream."""
    quarantined: int = 0
    """The position that holds the name now; 0 where nothing does."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a re-map would change, or changed, of one event: paths, never values."""

    position: int
    entity: str
    action: Literal["corrected", "created", "removed", "rejected"]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took away, and what is left for others to delete."""

    names: int
    rows: int
    documents: tuple[bytes, ...]
    """SHA-256 of every document that held one of the records: the archive deletes them."""
    clean: bool
    """False: a reader kept the write-ahead log busy; `store.erase.scrub()` finishes the work."""


class Outgoing(NamedTuple):
    """One sealed event on its way to a destination, as stored: nothing projected, nothing withheld yet.

    A tuple, since one is made per event and destination: a fifth of a frozen dataclass's price.
    """

    position: int
    feed: int
    system: str
    topic: str
    event: bytes
    subject: bytes
    partition: bytes
    sequence: int
    time: str
    recorded: int
    mapping: str
    status: str
    expires: str
    extra: Mapping[str, Any] | None
    """`backfill`: true; `causationid`: the earlier event's id in hexadecimal; `replayof`: its own, where it is
    sent again because a person asked."""
    data: bytes
    name: bytes = b""


GIVEN, BACK, MAYBE = 1, 2, 3
"""What a recipient holds by a message: a version; nothing any more; perhaps a version, as nobody knows whether it arrived."""


class Disclosed(NamedTuple):
    """One event that was given to a destination."""

    id: bytes
    """As the recipient knows it."""
    body: bytes
    """SHA-256 of what it was given."""
    position: int
    kind: int = GIVEN


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One settled batch of a destination, or one answer that showed records to a caller."""

    id: int
    agreement: str
    destination: str
    """Its name; of an answer the way that the caller took, such as `REST incidents`."""
    leaf: int
    """Of the ledger: the root over ids and bodies stands in it."""
    wording: str
    """The digest of the agreement as it was approved then."""
    at: int
    given: Sequence[Disclosed]
    caller: str = ""
    purpose: str = ""
    """Why the caller looked, as it said."""


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One delivery that is not simply done: tried again, being tried, parked, pending at the target, or waiting behind another."""

    position: int
    feed: int
    state: ExceptionState
    subject: bytes
    attempts: int = 0
    next_at: int = 0
    code: str = ""
    uncertain: bool = False
    """An earlier try may have reached the destination."""
    replay: bool = False
    """Asked for by a person: it goes out again under the same id, marked as replayed."""


@dataclass(frozen=True, slots=True)
class FeedSettled:
    """How far one feed is settled at a destination: every event up to `position` is counted or an exception."""

    feed: int
    position: int
    delivered: int = 0
    withheld: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a legacy system said of one delivery, and what it calls the record from now on."""

    position: int
    partition: bytes
    written: bool
    remote_id: str = ""
    """Its own number of the record, or the one under which the delivery is pending."""
    key: str = ""
    names: Sequence[bytes] = ()
    """The names under which its own feeds would say the record."""
    digest: bytes = b""
    """Of the fields written: the same once more changes nothing there, and is read back by nobody."""
    gone: bool = False
    """The record was removed there."""
    problems: Sequence[Problem] = ()
    said: bytes = b""


@dataclass(frozen=True, slots=True)
class Aim:
    """One delivery that is about to be tried at a legacy system: what is known of the record there."""

    position: int
    event: bytes
    partition: bytes
    state: ExceptionState
    uncertain: bool
    remote_id: str
    """What the system called the record last time; "" if never."""
    key: str
    pending: str
    """The number under which this delivery is pending there; "" where it is not."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """One step of a destination, committed whole: positions, counters, exceptions and the ledger's leaf."""

    feeds: Sequence[FeedSettled] = ()
    exceptions: Sequence[Exceptional] = ()
    """New ones, or new states of old ones."""
    settled: Sequence[int] = ()
    """Positions whose exception is over (delivered, withheld or expired: say which in `feeds`)."""
    disclosed: Sequence[Disclosed] = ()
    """What the recipient was given, or may have been."""
    fields: Sequence[str] = ()
    """Names of the fields disclosed."""
    number: int = 0
    """Every message up to this number was confirmed."""
    wording: str = ""
    """The digest of the agreement under which it was given."""
    answers: Sequence[Answer] = ()
    """Of a legacy system."""


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """One destination of one agreement."""

    id: int
    agreement: str
    name: str
    state: Literal["running", "paused", "retired"]
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the (event, destination) pairs of one destination stand; their sum is all of them."""

    delivered: int = 0
    parked: int = 0
    withheld: int = 0
    expired: int = 0
    in_progress: int = 0


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Something a command asked the running process to do."""

    id: int
    kind: str
    body: Mapping[str, Any]
    by: str
    reason: str
    state: Literal["open", "done", "failed"]
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of the ledger: `body` is the JSON that `hash` is the RFC 6962 leaf hash of."""

    index: int
    kind: str
    body: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Proof that a journalled row is in the log: the path in its batch, then the leaf's path in the log."""

    position: int
    entry: bytes
    batch_index: int
    batch_size: int
    batch_path: tuple[bytes, ...]
    leaf: Leaf
    tree_size: int
    tree_path: tuple[bytes, ...]
    root: bytes
