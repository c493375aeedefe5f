"""What one agreement says: who gives what to whom, for what purpose, until when, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

from gateway.agreement.topics import matcher

DELIVERIES = 20
"""How often a broker hands one message to a consumer that does not take it, unless the agreement says."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a destination's queue may hold.  0: no limit of its own."""

    length: int = 0
    """Messages; the broker refuses more, and they wait in the journal."""
    hours: int = 0
    """How long a message waits for its consumer before the broker drops it."""
    deliveries: int = DELIVERIES


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that an agreement's events go to."""

    name: str
    via: Literal["bus", "log", "sink"]
    limits: Limits = field(default=Limits())
    system: str = ""
    """Of a sink: the legacy system, and its feed that is written to."""
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One file of `agreements/`.  Its name is part of every key and queue made under it: it never changes."""

    name: str
    title: str
    provider: str
    recipient: str
    purpose: str
    law_enforcement: bool
    """False: coded values that nobody has classified are not sent."""
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
    """Of the file: 16 hex digits, so that the ledger says under which wording something left."""

    def in_force(self, now: datetime) -> bool:
        """Whether anything may leave at `now` (aware): from the first day's start to the last day's end, UTC."""
        return self.valid_from <= now.astimezone(UTC).date() <= self.valid_to

    def wants(self, topic: str) -> bool:
        """Whether the agreement asks for a topic.  For many topics keep `matcher(agreement.topics)`."""
        return matcher(self.topics)(topic)


def exchange(agreement: str, destination: str) -> str:
    """The name of a destination's exchange and of its queue."""
    return f"copperline.{agreement}.{destination}"
