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
        self._doubted: dict[int, int] = {}
        self.looks = self._deliveries.wording(dest) != wording
        """Whether something that was given under another wording is still to be looked at."""

    def again(self) -> None:
        """What was under way is unknown: look from the positions again."""
        self._seen.clear()
        self._doubted.clear()
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
            if self._doubts(now_us):
                return True
            self.looks = bool(self._flow.under_way)
            if not self.looks and self._settled():  # only then it need not be looked at again
                self._deliveries.looked_at(self._dest, self._wording)
            return False
        self._batch = batches[0].id
        for out in self._deliveries.events({one.position for one in batches[0].given if one.kind == GIVEN}):
            self._no_longer(out, now_us)
        return True

    def _doubts(self, now_us: int) -> bool:
        """Look at the next of what an ended process may have given under the earlier wording.  False: all was looked at."""
        for feed, (_, until) in self._gate.unknown.items():
            after = max(self._doubted.get(feed, 0), self._flow.tracks[feed].read_to)
            if after < until:
                rows = [out for out in self._deliveries.read(self._dest, feed, after) if out.position <= until]
                self._doubted[feed] = rows[-1].position if rows else until
                self._gate.look_up(rows)
                for out in rows:
                    if self._gate.concerns(out.topic):
                        self._told_back(out, now_us)
                return True
        return False

    def _told_back(self, out: Outgoing, now_us: int) -> None:
        made = self._gate.judge(out)
        if isinstance(made, Leaves) and made.kind == BACK:
            self._flow.take_back(out, made.event, now_us)

    def _settled(self) -> bool:
        """Whether nothing is left of what an ended process may have given: neither unread nor waiting to be tried again."""
        return not len(self._flow.board) and not any(self._unread(feed, until) for feed, (_, until) in self._gate.unknown.items())

    def _unread(self, feed: int, until: int) -> bool:
        first = self._deliveries.read(self._dest, feed, self._flow.tracks[feed].position, 1)
        return bool(first) and first[0].position <= until

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
