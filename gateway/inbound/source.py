"""Reads one publisher's queue.  A message is acknowledged when it is in the journal, and not before.

What a crash leaves unacknowledged the broker hands out again, and the journal knows it by its id.
A publisher that sends more than it may is left waiting in its own queue.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway import site
from gateway.adapter import Batch, Context, Cursor
from gateway.bus.inbox import Inbox
from gateway.errors import Halt, Problem, Retry
from gateway.inbound.codes import NO_BROKER, RATE
from gateway.inbound.decode import decode, skipped
from gateway.inbound.settings import Settings

WAIT_S = 0.1
"""How long a read waits for a message."""


class Rate:
    """So many a minute, and as many at once after a quiet minute."""

    def __init__(self, per_minute: int, clock: Callable[[], datetime]) -> None:
        self._most, self._clock = float(per_minute), clock
        self._left, self._looked = self._most, clock()

    def wait(self) -> timedelta | None:
        """How long until the next one may be taken; None: now."""
        now = self._clock()
        passed = (now - self._looked).total_seconds()
        self._left, self._looked = min(self._most, self._left + max(0.0, passed) * self._most / 60), now
        return None if self._left >= 1 else timedelta(seconds=(1 - self._left) * 60 / self._most)

    def taken(self) -> None:
        """One was taken."""
        self._left -= 1


class Queue:
    """One publisher's queue as a source."""

    def __init__(self, settings: Settings, context: Context) -> None:
        broker = site.open(context.root).settings.broker
        if broker is None:
            raise Halt(Problem(NO_BROKER))
        self._settings = settings
        self._rate = Rate(settings.per_minute, context.clock)
        self._inbox = Inbox(broker.resolve, settings.queue, prefetch=settings.prefetch)
        self._session = secrets.token_hex(8)

    def read(self, after: Cursor, limit: int) -> Batch:
        """The next message, as a document of its own."""
        wait = self._rate.wait()
        if wait is not None:
            raise Retry(Problem(RATE), after=max(wait, timedelta(milliseconds=100)))
        taken = self._inbox.take(WAIT_S)
        if taken is None:
            return Batch(after, more=False)
        self._rate.taken()
        tag, message = taken
        document = message.document()
        records = tuple(decode(self._settings, document))
        whole = len(records) == 1 and len(records[0].original) == document.size
        return Batch(f"{self._session}:{tag}", records, document, () if whole else skipped(document), complete=True)

    def acknowledge(self, cursor: Cursor) -> None:
        """The message of this cursor is journalled; one of an earlier connection is handed out again, and known."""
        session, _, tag = cursor.partition(":")
        if session == self._session:
            self._inbox.acknowledge(int(tag))

    def close(self) -> None:
        """What is unacknowledged goes back to the queue."""
        self._inbox.close()
