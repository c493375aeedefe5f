"""What one agreement says: who gives what to whom, why, on what authority, until when, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal, TypeAlias

from gateway.agreement.topics import matcher

DELIVERIES = 20
"""How often a broker hands one message to a consumer that does not take it, unless the agreement says."""

Epoch: TypeAlias = Literal["day", "month", "year", "never"]
"""How long the token of one value stays the same."""

Point: TypeAlias = tuple[float, float]
"""Latitude and longitude, WGS 84."""

Conditions: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Entity → dotted path → the values that are meant, as text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a destination's queue may hold.  0: no limit of its own."""

    length: int = 0
    """Messages; the broker refuses more, and they wait in the journal."""
    megabytes: int = 0
    """The same in megabytes of bodies."""
    hours: int = 0
    """How long a message waits for its consumer before the broker drops it."""
    deliveries: int = DELIVERIES


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that an agreement's events go to."""

    name: str
    via: Literal["bus", "log", "mailbox", "sink"]
    limits: Limits = field(default=Limits())
    system: str = ""
    """Of a sink or a mailbox: the legacy system, and its feed that is written to."""
    feed: str = ""
    logins: tuple[str, ...] = ()
    """The broker's users that may read the queue: two of them while one takes the place of the other."""
    format: str = ""
    """Another format than the plain event: one of gateway.format.FORMATS."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One file of `agreements/`.  Its name is part of every key and queue made under it: it never changes."""

    name: str
    title: str
    provider: str
    recipient: str
    purpose: str
    law_enforcement: bool
    """False: no special, officer or free-text field, no excluded record, no unclassified value is sent."""
    valid_from: date
    valid_to: date
    """The last day it holds."""
    topics: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]] | None
    """Entity to the paths that may leave, ("*",) for all of that entity; None: all of every entity."""
    backfill: bool
    destinations: tuple[Destination, ...]
    start: date | None
    """Where a new destination begins; None: with what is journalled from then on."""
    digest: str
    """Of the file and the map points it names: 16 hex digits, so that the ledger says under which wording something left."""
    treatments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entity to path to treatment, where it is not `plain`: "token", "snap districts", "floor hour"."""
    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """Name to the map points that a position may be moved to."""
    select: Conditions = field(default_factory=dict)
    """Only records that have one of the values at every path."""
    leave_out: Conditions = field(default_factory=dict)
    """No record that has one of the values at any path."""
    includes: frozenset[str] = frozenset()
    """The sensitive categories that a recipient outside law enforcement receives all the same."""
    epoch: Epoch = "year"
    legal_basis: str = ""
    authority: str = ""
    """What allows a recipient outside law enforcement to have it."""
    impact_assessment: str = ""
    contact: str = ""
    prepared_by: str = ""
    """Who wrote it, and so may not approve it."""
    retention_days: int = 0
    """How long the recipient may keep what it was given."""
    onward: str = "none"
    """To whom the recipient may pass it on."""
    obligations: tuple[str, ...] = ()

    def in_force(self, now: datetime) -> bool:
        """Whether its dates allow anything to leave at `now` (aware): from the first day's start to the last day's end, UTC."""
        return self.valid_from <= now.astimezone(UTC).date() <= self.valid_to

    def wants(self, topic: str) -> bool:
        """Whether the agreement asks for a topic.  For many topics keep `matcher(agreement.topics)`."""
        return matcher(self.topics)(topic)


def exchange(agreement: str, destination: str) -> str:
    """The name of a destination's exchange and of its queue."""
    return f"copperline.{agreement}.{destination}"
