"""The way in over RabbitMQ: a feed for each publisher, with an exchange and a queue of its own.

A publisher may tell the gateway something; it cannot command.  What it says goes through the same
journal as a file does, and reaches a legacy system only through an agreement and that system's sink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.adapter import Adapter, Context
from gateway.inbound import answer
from gateway.inbound.decode import decode
from gateway.inbound.settings import Settings

if TYPE_CHECKING:
    from gateway.inbound.source import Queue

__all__ = ["KIND", "Settings", "adapter", "decode"]

KIND = "inbound"


def _source(settings: Settings, context: Context) -> Queue:
    from gateway.inbound.source import Queue  # pika: only a site that takes messages pays for it

    return Queue(settings, context)


adapter = Adapter(
    kind=KIND,
    settings=Settings,
    source=_source,
    decode=decode,
    summary="messages of one publisher over RabbitMQ: CloudEvents, CAP 1.2, NGSI-LD notifications, a consumer's answers",
    quiet=frozenset(answer.KINDS.values()),
)
