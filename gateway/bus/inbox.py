"""One publisher's queue, read message by message; what is not acknowledged goes back to it.

Used by one thread at a time; `close` may come from another.  The broker vouches for `user_id`: it
refuses a message that carries another than the log-in of the connection it came over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from gateway.bus.address import parameters
from gateway.bus.codes import PERMISSION, TOPOLOGY, of_channel, of_connection
from gateway.errors import Halt, Problem, Refused, Retry
from gateway.inbound.message import Message

Taken = tuple[int, Message]
"""A delivery tag and what came."""


class Inbox:
    """Connects at the first `take`, and again after a fault."""

    def __init__(self, url: Callable[[], str], queue: str, *, prefetch: int) -> None:
        self._url, self._queue, self._prefetch = url, queue, prefetch
        self._connection: pika.BlockingConnection | None = None
        self._channel: Any = None
        self._came: deque[Taken] = deque()

    def take(self, wait_s: float) -> Taken | None:
        """The next message; None where none came in time.  Raises Retry where the broker is away, Halt where it refuses us."""
        try:
            if self._channel is None:
                self._open()
            if not self._came and self._connection is not None:
                self._connection.process_data_events(time_limit=wait_s)
        except (AMQPError, OSError, Refused) as e:
            self.close()
            raise _meant(e, self._queue) from e
        return self._came.popleft() if self._came else None

    def acknowledge(self, tag: int) -> None:
        """It is durable here.  A connection that broke meanwhile hands it out again."""
        try:
            if self._channel is not None:
                self._channel.basic_ack(tag)
        except AMQPError:
            self.close()

    def close(self) -> None:
        """Everything unacknowledged goes back to the queue."""
        connection, self._connection, self._channel = self._connection, None, None
        self._came.clear()
        if connection is not None:
            with suppress(AMQPError, OSError):
                connection.close()

    def _open(self) -> None:
        self._connection = pika.BlockingConnection(parameters(self._url()))
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=self._prefetch)
        self._channel.basic_consume(self._queue, self._arrived)

    def _arrived(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        headers = {str(name): _text(value) for name, value in (properties.headers or {}).items() if isinstance(value, str | bytes | int | bool)}
        said = Message(body, properties.user_id or "", properties.content_type or "", headers)
        self._came.append((method.delivery_tag, said))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _meant(error: BaseException, queue: str) -> Retry | Halt:
    match error:
        case ChannelClosedByBroker() if of_channel(error) is PERMISSION:
            return Halt(Problem(PERMISSION, where=queue, rule="the gateway's user may not read this queue"))
        case ChannelClosedByBroker() if of_channel(error) is TOPOLOGY:
            return Retry(Problem(TOPOLOGY, where=queue))
        case Refused():
            return Halt(error.problems[0])
        case _:
            return Retry(of_connection(error))
