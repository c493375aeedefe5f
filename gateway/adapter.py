"""The plugin contract.  A plugin is a value, not a base class: a kind, typed settings, plain functions.

Life of a batch: the runner calls `read(after, limit)`; intake maps and journals what came; only
when that is durable does the runner call `acknowledge(cursor)`.  A crash between the two repeats
`acknowledge` at the next start, never `read` of something that was journalled.

What a person asks before and around that is optional: `discover` says what a system offers, `probe` whether it can be
reached, `parts` what is missing on this machine, `survey` what it holds now, for reconciliation.

`decode` and `encode` serve the adapter's own source and sink, and the reading of kept originals
again: whatever `original`, `preamble` and the settings give must equal `fields`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from gateway.errors import Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

S = TypeVar("S", bound="BaseModel")

Cursor: TypeAlias = str
"""Where to resume.  Opaque to the gateway; "" is the beginning."""

Change: TypeAlias = Literal["put", "remove"]

BATCH_BYTES = 8 * 1024 * 1024
"""A batch holds at most this many bytes of originals, or one larger record."""


@dataclass(frozen=True, slots=True)
class Document:
    """What arrived as one piece: a file, an answer, a request body, a message."""

    label: str
    """What to call it in a log: never a file name or a key; the adapter's own word, e.g. "file"."""
    sha256: bytes
    size: int
    """Bytes, as stored: of a compressed file, those of the file itself after it was opened."""
    preamble: bytes = b""
    """What its records cannot be read without: a header row, the namespaces of the root element."""
    body: bytes | None = None
    """None: too large to hold; the archive keeps it until it is decoded."""


class RawRecord(NamedTuple):
    """One record as the legacy system said it: decoded, not translated.  A tuple, as one is made for every record."""

    kind: str
    """Which record of the feed; picks the mapping: "incident", "unit-status"."""
    key: str
    """The legacy system's own number, unique within system and kind."""
    version: str
    """The origin's own: rowversion, message id, document digest and offset; "" if it keeps none."""
    change: Change
    fields: Mapping[str, Any]
    """Decoded, not translated; JSON values only; empty where a removal is known only by absence."""
    original: bytes
    """This record's own bytes; of a row, its columns as JSON, as the driver gave them."""
    where: str
    """Byte offset, table and row, response and index."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that should be a record and cannot be read as one; quarantined with their problems."""

    original: bytes
    where: str
    problems: tuple[Problem, ...]
    kind: str = ""
    key: str = ""
    version: str = ""
    """As of a RawRecord; "" lets the journal tell it by its document, place and digest."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one `read` gave.  A batch without records may still move the cursor."""

    cursor: Cursor
    """Resumes after the last of it, and carries all that `acknowledge` needs."""
    records: Sequence[RawRecord | Rejected] = ()
    """In source order."""
    document: Document | None = None
    skipped: Sequence[tuple[int, int, str]] = ()
    """Offset, length, what: bytes of the document that are no record."""
    more: bool = True
    """False: nothing newer for now; ask again at the next poll."""
    complete: bool = False
    """True: the document ends with this batch; every byte of it has been answered for."""
    backfill: bool = False
    """True: part of a database's first snapshot, which goes only where an agreement asks for it."""
    reconcile: bool = False
    """True: the source has lost track of something; the gateway begins a reconciliation where the adapter has a survey."""


class Source(Protocol):
    """Reads one feed.  Used by one worker at a time; `close` may come from another thread."""

    def read(self, after: Cursor, limit: int) -> Batch:
        """The next batch after a cursor: at most `limit` records and 8 MB, or one larger record.

        A source may look ahead: where reconciliation mends a record, it is closed first and opened anew.
        Raises Retry (ask again), Halt (a person must look).  A record that cannot be read is a
        `Rejected` in the batch, never an exception.
        """
        ...

    def acknowledge(self, cursor: Cursor) -> None:
        """Everything up to the cursor is durable.  Comes after the commit, and once more at start; idempotent."""
        ...

    def close(self) -> None:
        """Unblocks `read` and gives back what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One record for a legacy system, in its own terms."""

    id: str
    """The event id: the idempotency key."""
    key: str
    remote_id: str
    """What the target called it last time, "" if never."""
    change: Change
    fields: Mapping[str, Any]
    uncertain: bool = False
    """An earlier try may have reached the target: read back first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one OutRecord."""

    state: Literal["written", "pending", "refused", "ambiguous", "retry"]
    remote_id: str = ""
    problems: tuple[Problem, ...] = ()
    """The target's own violations, warnings included."""
    answer: bytes = b""
    """What it said; kept."""
    after: timedelta | None = None
    """When to try, or to ask, again."""
    uncertain: bool = False
    """With `retry`: it may have arrived all the same; it comes again as `uncertain`."""


class Sink(Protocol):
    """Writes records to one legacy system.  Used by one worker at a time."""

    def write(self, records: Sequence[OutRecord]) -> Sequence[Outcome]:
        """Write every record; return one outcome each, in order.

        A record may arrive twice; `id` tells.  Raise only if none was written.
        """
        ...

    def follow(self, remote_id: str) -> Outcome:
        """What became of one that was `pending`."""
        ...

    def close(self) -> None:
        """Give back what it holds; may come from another thread."""
        ...


class Archive(Protocol):
    """Keeps whole documents, by digest, under the site's own protection."""

    def keep(self, sha256: bytes, document: Path, *, encrypt: bool) -> None:
        """Hold a copy of the document durably before returning; a second call with the same digest does nothing."""
        ...

    def open(self, sha256: bytes) -> BinaryIO:
        """The document's bytes again.  Raises FileNotFoundError where it was never kept or has been erased."""
        ...


class Log(Protocol):
    """A structured logger: facts in the past tense, with fields."""

    def info(self, event: str, **fields: Any) -> Any: ...
    def warning(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the gateway lends an adapter.  Nothing else of the gateway is reachable from one."""

    clock: Callable[[], datetime]
    """Now, aware, UTC."""
    stop: threading.Event
    """Set when the gateway stops: a `read` that waits returns."""
    log: Log
    secret: Callable[[str], str]
    """Resolves a reference ("env:NAME", "file:/path"); raises Refused where it leads nowhere."""
    archive: Archive
    root: Path
    """The site's folder: relative paths in settings start here."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the values of a column look like.  `gateway.profile` makes it; no value of a person can be read from it."""

    looked: int
    """Values looked at, blank ones among them."""
    blank: int
    """Of those: missing, or nothing but blanks, zeros of a date or the like."""
    distinct: int
    """Different values, blank ones aside."""
    patterns: Mapping[str, int] = field(default_factory=dict)
    """Shape → how often, the commonest first: A stands for a letter, 9 for a digit."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Of a likely code list: code → how often.  Empty where there is any sign of personal data."""
    personal: str = ""
    """Why it is likely personal data: "its name says so"; "" where nothing says so."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column or element of something that is offered."""

    name: str
    """As a mapping names it: a dot leads inward; one that belongs to the name has a backslash before it."""
    type: str
    profile: Profile | None = None
    """None where the system cannot be asked for values: a WSDL has none."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One table, operation or record type."""

    columns: Sequence[Column]
    rows: int | None = None
    """How many there are; None where the system does not say in time."""
    key: Sequence[str] = ()
    """The columns that tell its rows apart, as the system declares them or as their values suggest."""
    watermarks: Sequence[str] = ()
    """Columns that newer rows are likely to be found by, the likeliest first."""
    notes: Sequence[str] = ()
    """What a person must know of it: a view, no primary key, may not be read."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a system offers: tables, operations or record types, by name."""

    offers: Mapping[str, Offer]


class Survey(Protocol):
    """All that one feed's system holds now, to be compared with what was journalled.

    It looks on a connection of its own, beside the feed's Source, and changes nothing.  What it gives
    must equal what `Source.read` would give: same kind, key and fields.
    """

    def read(self, after: Cursor, limit: int) -> Batch:
        """The next records that exist now, in any order, each once; "" begins.  The cursor is the survey's own."""
        ...

    def find(self, kind: str, keys: Sequence[str]) -> Sequence[RawRecord | Rejected]:
        """Those of the keys that exist at this moment, as they are now.  A key that is not in the answer is gone."""
        ...

    def day(self, record: RawRecord) -> str:
        """The day that a record is counted under, YYYY-MM-DD by the system's own clock; "" where it has none."""
        ...

    def close(self) -> None:
        """Unblocks `read` and `find`, and gives back what it holds; may come from another thread."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that an adapter needs on this machine: a driver, a library."""

    name: str
    found: str = ""
    """Where, or which version; "" where it is missing."""
    problems: Sequence[Problem] = ()
    """What is amiss; the rule of each holds the exact line that mends it."""
    line: str = ""
    """The exact line that would bring it, where it is missing."""


@dataclass(frozen=True)
class Adapter(Generic[S]):
    """How to talk to one kind of system.  An entry point of the group `copperline.adapters` names one."""

    kind: str
    settings: type[S]
    """A pydantic model: docs, lint and the JSON Schema for editors come from it."""
    source: Callable[[S, Context], Source] | None = None
    sink: Callable[[S, Context], Sink] | None = None
    decode: Callable[[S, Document], Iterator[RawRecord | Rejected]] | None = None
    encode: Callable[[S, Sequence[OutRecord]], bytes] | None = None
    whole: Callable[[S, Document], Batch] | None = None
    """Reads a body that arrived whole, such as that of a request, as one complete batch; `sha256` goes into its versions.
    Raises Reject where the whole document has to be refused: then nothing of it is kept.  Of a small body it is called while callers
    wait for each other: it must compute, and never wait for anything."""
    discover: Callable[[Any, Context, Sequence[str]], Discovery] | None = None
    """What the system offers, before tables and keys are known; so it gets `reach` where there is one.  None named:
    everything by name, without profiles where these would take long.  Named: those, with profiles."""
    survey: Callable[[S, Context, str], Survey] | None = None
    """For reconciliation.  The text is the first day to look at, YYYY-MM-DD; "" for all there is."""
    probe: Callable[[S, Context], Sequence[Problem]] | None = None
    """Reach the system once; what is amiss though it can be reached.  Raises Retry, Halt or Refused where it cannot."""
    parts: Callable[[], Sequence[Part]] | None = None
    """What it needs on this machine, found or not."""
    reach: type[BaseModel] | None = None
    """The part of the settings that is enough to reach the system; anything else a feed says is passed over."""
    summary: str = ""
    quiet: frozenset[str] = frozenset()
    """Kinds of records that are journalled and make no event; they need no mapping."""
