"""Looks at, and declares, exchanges, queues and bindings over AMQP: for a person's commands, never for the running gateway.

AMQP tells whether a thing exists, and whether it is as we would declare it.  It cannot list what
else there is; for that `topology` reads RabbitMQ's own definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, UnroutableError

from gateway.agreement import Projected
from gateway.bus.address import parameters
from gateway.bus.codes import of_channel, of_connection
from gateway.bus.wire import plain
from gateway.errors import Problem, Refused

Found = Literal["same", "different", "missing"]

_NOT_FOUND, _PRECONDITION, _IN_USE = 404, 406, 405


class Admin:
    """One connection of a person's command."""

    def __init__(self, connection: pika.BlockingConnection) -> None:
        self._connection = connection

    def exchange(self, name: str) -> Found:
        """How the topic exchange of this name is."""
        with self._asking() as found, self._channel() as channel:
            channel.exchange_declare(name, passive=True)
            channel.exchange_declare(name, exchange_type="topic", durable=True)
        return found[0]

    def queue(self, name: str, arguments: Mapping[str, Any]) -> Found:
        """How the durable queue of this name is, compared with these arguments."""
        with self._asking() as found, self._channel() as channel:
            channel.queue_declare(name, passive=True)
            channel.queue_declare(name, durable=True, arguments=dict(arguments))
        return found[0]

    def declare_exchange(self, name: str) -> None:
        """Make it; raises Refused where another kind of that name exists."""
        with self._doing(), self._channel() as channel:
            channel.exchange_declare(name, exchange_type="topic", durable=True)

    def declare_queue(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Make it; raises Refused where one with other arguments exists."""
        with self._doing(), self._channel() as channel:
            channel.queue_declare(name, durable=True, arguments=dict(arguments))

    def bind(self, exchange: str, queue: str, topic: str) -> None:
        """Bind; once more changes nothing."""
        with self._doing(), self._channel() as channel:
            channel.queue_bind(queue, exchange, topic)

    def publish(self, exchange: str, events: Iterable[Projected]) -> Iterator[bool]:
        """Publish one by one, each confirmed before the next.  False: no queue is bound for its topic."""
        with self._doing(), self._channel() as channel:
            channel.confirm_delivery()
            for event in events:
                try:
                    channel.basic_publish(exchange, event.topic, event.body, plain(event), mandatory=True)
                except UnroutableError:
                    yield False
                else:
                    yield True

    def empty(self, queue: str) -> int:
        """Take away every message that waits in a queue; returns how many.  Raises Refused where that is not allowed."""
        with self._doing(), self._channel() as channel:
            return int(channel.queue_purge(queue).method.message_count)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        channel = self._connection.channel()
        try:
            yield channel
        finally:
            if channel.is_open:
                channel.close()

    @contextmanager
    def _asking(self) -> Iterator[list[Found]]:
        found: list[Found] = ["same"]
        try:
            yield found
        except ChannelClosedByBroker as e:
            if e.reply_code not in (_NOT_FOUND, _PRECONDITION, _IN_USE):
                raise Refused(Problem(of_channel(e), rule=e.reply_text)) from e
            found[0] = "missing" if e.reply_code == _NOT_FOUND else "different"

    @contextmanager
    def _doing(self) -> Iterator[None]:
        try:
            yield
        except ChannelClosedByBroker as e:
            raise Refused(Problem(of_channel(e), rule=e.reply_text)) from e


@contextmanager
def connect(url: str) -> Iterator[Admin]:
    """Connect for a command.  Raises Refused with the reason where that fails."""
    try:
        connection = pika.BlockingConnection(parameters(url))
    except (AMQPError, OSError) as e:  # pika lets through what TLS and the resolver of names say
        raise Refused(of_connection(e)) from e
    try:
        yield Admin(connection)
    except AMQPError as e:
        raise Refused(of_connection(e)) from e
    finally:
        if connection.is_open:
            connection.close()
