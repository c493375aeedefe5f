"""The way out to legacy systems: an agreement's destination that is a system's own sink feed.

What leaves has passed the agreement like anything else; the feed's mapping says it in the system's
terms, and the system's answer is kept until the delivery is done.
"""

from __future__ import annotations

from gateway.sink.gate import Doors, Gate
from gateway.sink.lane import SinkLane, SinkLanes
from gateway.sink.mailbox import Mailbox, Mailboxes

__all__ = ["Doors", "Gate", "Mailbox", "Mailboxes", "SinkLane", "SinkLanes"]
