"""RabbitMQ, and the only place that knows it.

A destination is one queue with a topic exchange of its own.  Its lane is a channel with a window
of confirms; a confirm of a quorum queue means that this consumer's copy is synced.  So what is
confirmed is delivered, and whatever is not is sent again from the journal.
"""

from __future__ import annotations

import logging

from gateway.bus.channel import WINDOW, ChannelLane
from gateway.bus.publisher import Publisher, Status

__all__ = ["WINDOW", "ChannelLane", "Publisher", "Status"]

# pika logs addresses and its own view of every fault; ours is in `Status`, with a code and a remedy.
logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
