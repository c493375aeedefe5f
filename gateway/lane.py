"""Where delivery ends and the carrying begins: what a way out takes, and what it says became of it.

Delivery hands over batches and is called back; whatever carries them (RabbitMQ, or nothing at all
for the site's own log) never reads the journal and never decides what may leave.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol, TypeAlias

from gateway.agreement import Projected
from gateway.errors import Problem
from gateway.store.rows import Answer

Ticket: TypeAlias = int
"""What the sender calls a message: the event's position."""


class Verdict(NamedTuple):
    """What a careful lane says of one message."""

    ticket: Ticket
    state: Literal["delivered", "withheld", "pending", "parked", "retry", "unsent"]
    """`unsent`: it was not tried, and goes again as soon as the lane is ready."""
    code: str = ""
    after: timedelta | None = None
    """When to try again, or to ask what became of a pending one."""
    uncertain: bool = False
    """Parked, or to be tried again: it may have reached the target all the same."""
    answer: Answer | None = None


LAST_S = 2.0
"""How long what was handed over may take to be confirmed when a delivery ends."""


class Heard(NamedTuple):
    """What became of messages since the last time."""

    confirmed: Sequence[Ticket] = ()
    """The destination has them, durably."""
    unrouted: Sequence[Ticket] = ()
    """Returned although the destination exists: it is not bound for their topic."""
    refused: tuple[Ticket, str] | None = None
    """The one message that cannot be taken, and what the destination said."""
    verdicts: Sequence[Verdict] = ()
    """Of a careful lane: message by message."""
    lost: bool = False
    """Everything else that was handed over and not heard of: unknown, and to be sent again."""


Tell: TypeAlias = Callable[[Heard], None]
"""How a lane calls back: from any thread, briefly, never blocking it.  Calls come one at a time, in order."""


class Lane(Protocol):
    """The way to one destination."""

    ready: threading.Event
    """Set while messages are taken."""

    careful: bool
    """A message that may have arrived must not simply be sent again: each try is on disk before `send` is called."""

    last_s: float
    """How long a delivery that ends waits for what is under way: 0 where only somebody else could bring that about."""

    @property
    def problem(self) -> Problem | None:
        """Why none are, or why the last ones were not."""
        ...

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        """Hand over a batch, in order, without waiting.  False: nothing was taken.

        True is no promise: what is not confirmed is heard of as lost.
        """
        ...

    def close(self) -> None:
        """Hand over no more; what is unconfirmed may be heard of as lost."""
        ...


class Lanes(Protocol):
    """Makes lanes: `bus.Publisher` is one."""

    def lane(self, exchange: str, heard: Tell) -> Lane:
        """A way to one destination."""
        ...


class OwnLog:
    """The site's own log: what was projected is delivered, for whoever reads the log projects it again."""

    careful = False
    last_s = LAST_S
    problem: Problem | None = None

    def __init__(self, heard: Tell) -> None:
        self.ready = threading.Event()
        self.ready.set()
        self._heard = heard

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        """Confirm every message at once."""
        self._heard(Heard(confirmed=[ticket for ticket, _ in batch]))
        return True

    def close(self) -> None:
        """Nothing is held."""
