"""Looks ahead of a destination's deliveries for what takes something back: that waits behind nothing.

A destination that lags, or whose agreement has ended or is suspended, still tells its recipient what
to forget.  And when another wording is approved, everything that was given under earlier ones is
looked at once: what the new one would not have given is taken back.
"""

from __future__ import annotations

from gateway.delivery.flow import Flow
from gateway.delivery.gate import Gate, Leaves
from gateway.store import Store
from gateway.store.rows import BACK, GIVEN, Outgoing

SPAN = 10_000
"""Positions that are looked at in one go."""


class Lookout:
    """For one destination; used by its thread only."""

    def __init__(self, store: Store, gate: Gate, flow: Flow, dest: int, wording: str) -> None:
        self._deliveries, self._disclosures = store.deliveries, store.disclosures
        self._gate, self._flow, self._dest, self._wording = gate, flow, dest, wording
        self._seen: dict[int, int] = {}
        self._batch = 0
        self.looks = self._deliveries.wording(dest) != wording
        """Whether something that was given under another wording is still to be looked at."""

    def again(self) -> None:
        """What was under way is unknown: look from the positions again."""
        self._seen.clear()
        self._batch = 0

    def ahead(self, feed: int, now_us: int) -> bool:
        """Look at what lies beyond what was read of a feed.  False: there was nothing."""
        track = self._flow.tracks[feed]
        return self._look(feed, max(self._seen.get(feed, 0), track.read_to), now_us, ended=False)

    def after_the_end(self, feed: int, now_us: int) -> bool:
        """The same where nothing else may leave: from where deliveries stand.  False: there was nothing."""
        return self._look(feed, max(self._seen.get(feed, 0), self._flow.tracks[feed].position), now_us, ended=True)

    def wording(self, now_us: int) -> bool:
        """After another wording was approved: look at the next batch of what was given.  False: all was looked at."""
        if not self.looks:
            return False
        batches = self._disclosures.given_to(self._dest, after=self._batch, limit=1)
        if not batches:
            self.looks = bool(self._flow.under_way)  # once all of it is confirmed it need not be looked at again
            if not self.looks:
                self._deliveries.looked_at(self._dest, self._wording)
            return False
        self._batch = batches[0].id
        for out in self._deliveries.events({one.position for one in batches[0].given if one.kind == GIVEN}):
            self._no_longer(out, now_us)
        return True

    def _look(self, feed: int, after: int, now_us: int, *, ended: bool) -> bool:
        head = self._deliveries.head()
        if after >= head:
            return False
        until = min(head, after + SPAN)
        changes = [out for out in self._deliveries.changes(feed, after, until) if self._gate.concerns(out.topic)]
        self._gate.look_up(changes)
        for out in changes:
            made = self._gate.ends(out) if ended else self._gate.judge(out)
            if isinstance(made, Leaves) and made.kind == BACK:
                self._flow.take_back(out, made.event, now_us)
        self._seen[feed] = until
        return True

    def _no_longer(self, given: Outgoing, now_us: int) -> None:
        """Take back a record that was given and whose latest version would not be given now."""
        found = self._gate.no_longer(given)
        if found is not None:
            self._flow.take_back(found[0], found[1].event, now_us)
