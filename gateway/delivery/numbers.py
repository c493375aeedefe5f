"""`agreementseq`: every message to one destination has a number, and no number is left out.

A consumer that has waited a while for a missing number has lost a message.  A number whose message
did not leave after all is given to the next one; after a crash the numbers go on where everything
lower was confirmed, so that one may come twice and none is skipped.
"""

from __future__ import annotations

from heapq import heappop, heappush

from gateway.lane import Ticket


class Numbers:
    """The numbers of one destination.  `low`: every number up to it was confirmed."""

    def __init__(self, low: int) -> None:
        self.low = low
        self._next = low + 1
        self._of: dict[Ticket, int] = {}
        self._free: list[int] = []
        self._done: list[int] = []

    def take(self, ticket: Ticket) -> int:
        """The number of a message: the one it had, if it was under way before."""
        number = self._of.get(ticket)
        if number is None:
            number = self._of[ticket] = heappop(self._free) if self._free else self._next
            self._next = max(self._next, number + 1)
        return number

    def confirmed(self, ticket: Ticket) -> None:
        """The destination has it."""
        number = self._of.pop(ticket, 0)
        if number > self.low:
            heappush(self._done, number)
        while self._done and self._done[0] == self.low + 1:
            self.low = heappop(self._done)

    def unused(self, ticket: Ticket) -> None:
        """The message does not leave: its number goes to another."""
        number = self._of.pop(ticket, None)
        if number is not None:
            heappush(self._free, number)
