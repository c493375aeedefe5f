"""What may leave of an event now, given every later version of its record and all that was given before.

An event is judged at the moment it would be handed over, not when it was journalled: a version that
waited while a later one was sealed, reclassified or removed no longer leaves; and whoever was given
an earlier version of what may no longer be held is told to forget it, under the token it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.agreement import Projected, Projector, Withheld
from gateway.agreement.codes import NOT_ASKED, NOT_GIVEN, SEALED, SUPERSEDED
from gateway.agreement.projector import REMOVAL, WITHDRAWAL
from gateway.agreement.topics import TAKES_BACK
from gateway.store import Store
from gateway.store.disclosures import Version
from gateway.store.rows import BACK, GIVEN, Outgoing

KEPT = 20_000
"""Records of which it is remembered what the recipient holds: more than can be under way and unsettled."""

Span = tuple[int, int]


class Leaves(NamedTuple):
    """What leaves, and what the recipient holds by it: GIVEN, or BACK where it is told to forget."""

    event: Projected
    kind: int


class _Told(NamedTuple):
    """What a recipient was handed of a record: the last version, its turn, and the turn of the takeback confirmed last."""

    position: int
    given: int
    back: int


_NOTHING = _Told(0, 0, 0)
_NEVER = Version(0, 0, 0, 0)


class Gate:
    """Judges events for one destination.  Belongs to one thread.

    `dest`: whose disclosures count; 0 for somebody who only looks: what could have been seen before counts as given.
    `unknown`: of each feed the positions, after the first and up to the second, of which a process that ended without
    settling may have given some.  `reworded`: under another wording than the projector's.
    """

    def __init__(
        self,
        projector: Projector,
        store: Store,
        dest: int,
        unknown: Mapping[int, Span] | None = None,
        *,
        reworded: bool = False,
    ) -> None:
        self.concerns = projector.concerns
        self._projector = projector
        self._deliveries, self._disclosures, self._seals = store.deliveries, store.disclosures, store.seals
        self._dest = dest
        self.unknown = unknown or {}
        self._reworded = reworded
        self._began = self._deliveries.head()
        self._told: dict[bytes, _Told] = {}
        """What this process handed over, by record: that decides, as long as it is remembered."""
        self._later: dict[int, int] = {}
        self._refused: dict[int, bool] = {}
        self._generation = -1

    def look_up(self, rows: Sequence[Outgoing]) -> None:
        """Before many are judged: learn in one question which of them have later versions."""
        if self._generation != self._deliveries.generation or len(self._later) > KEPT:
            self._generation = self._deliveries.generation
            self._later.clear()
            self._refused.clear()
        unknown = [out for out in rows if self._deliveries.newest(out) is None and out.position not in self._later]
        if unknown:
            self._later.update(self._deliveries.latest(unknown))

    def events(self, positions: Iterable[int]) -> list[Outgoing]:
        """Events of the journal, to be judged again."""
        return self._deliveries.events(positions)

    def judge(self, out: Outgoing) -> Leaves | Withheld:
        """What leaves in the place of an event, now."""
        made = self._alone(out)
        if isinstance(made, Projected):
            if made.fields is WITHDRAWAL or made.fields is REMOVAL:
                return self._back(out, made)
            later = self._latest(out)
            return Withheld(SUPERSEDED) if later > out.position and self._is_refused(later) else Leaves(made, GIVEN)
        if made.takes_back and (self._may_hold(out) or self._was_told_here(out)):
            return self.withdrawal(out)
        return made

    def ends(self, out: Outgoing) -> Leaves | Withheld:
        """The same where nothing may leave any more: only what takes back does, and a correction takes back too."""
        made = self.judge(out)
        if isinstance(made, Withheld) or made.kind == BACK:
            return made
        if out.topic.split(".", 4)[3] == "corrected" and self.holds(out):
            return self.withdrawal(out)
        return Withheld(NOT_ASKED)

    def no_longer(self, given: Outgoing) -> tuple[Outgoing, Leaves] | None:
        """For an event that was given: the latest version of its record and what takes it back, where it may not be held now."""
        latest = self._deliveries.events([max(self._latest(given), given.position)])
        if not latest or not self._is_refused(latest[0].position) or not self._holds(latest[0], latest[0].position):
            return None
        return latest[0], self.withdrawal(latest[0])

    def withdrawal(self, out: Outgoing) -> Leaves:
        """What takes back the record that an event is about, in its place."""
        return Leaves(self._projector.withdrawal(out), BACK)

    def holds(self, out: Outgoing) -> bool:
        """Whether the recipient may hold an earlier version of the record."""
        return self._holds(out, out.position - 1)

    def handed_over(self, out: Outgoing, turn: int) -> None:
        """A version leaves: from now on it may have reached the recipient.  `turn`: grows with all that leaves."""
        told = self._told.pop(out.partition, _NOTHING)
        self._told[out.partition] = _Told(out.position, turn, told.back)
        if len(self._told) > KEPT:
            for partition in list(self._told)[: KEPT // 4]:
                del self._told[partition]

    def told(self, partition: bytes, turn: int) -> int:
        """The recipient was told in that turn to forget the record, and has confirmed it.

        Returns the position of the version that was handed over since, which it may hold; 0 where none was.
        """
        told = self._told.get(partition, _NOTHING)
        self._told[partition] = told._replace(back=max(told.back, turn))
        return told.position if told.given > turn else 0

    def in_doubt(self, feed: int, position: int) -> bool:
        """Whether a process that ended may have handed an event over, and nobody knows whether it arrived."""
        if not self._dest:
            return True
        after, until = self.unknown.get(feed, (0, 0))
        return after < position <= until

    def _may_hold(self, out: Outgoing) -> bool:
        """Whether the recipient may hold an earlier version or, if it was there before this gate, the event itself."""
        if self._dest and out.position <= self._began:
            if self._reworded and self.in_doubt(out.feed, out.position):
                return True
            return self._holds(out, out.position)
        return out.sequence > 1 and self.holds(out)

    def _was_told_here(self, out: Outgoing) -> bool:
        """Whether this event took the record back before, and a person wants that said once more."""
        return _replayed(out) and self._disclosures.kind(self._dest, out.position) == BACK

    def _alone(self, out: Outgoing) -> Projected | Withheld:
        """What would leave of an event if there were no other."""
        return Withheld(SEALED) if out.name in self._seals.names() and not _withdrawn(out) else self._projector.project(out)

    def _back(self, out: Outgoing, made: Projected) -> Leaves | Withheld:
        """A removal or a withdrawal of the journal's own: for those who hold something, or may from elsewhere."""
        if _replayed(out) or self.holds(out) or not (self._projector.selective or _withdrawn(out)):
            return Leaves(made, BACK)
        return Withheld(NOT_GIVEN)

    def _latest(self, out: Outgoing) -> int:
        """The position of the latest version of the record that was journalled."""
        newest = self._deliveries.newest(out)
        if newest is not None:
            return newest
        if self._generation != self._deliveries.generation or out.position not in self._later:
            self.look_up([out])
        return max(self._later.get(out.position, 0), self._deliveries.seen(out))

    def _is_refused(self, position: int) -> bool:
        """Whether an event lets nothing of its record be held any more."""
        known = self._refused.get(position)
        if known is None:
            made = [self._alone(one) for one in self._deliveries.events([position])]
            topics = [one.topic for one in made if isinstance(one, Projected)]
            known = not topics and not any(isinstance(one, Withheld) and not one.takes_back for one in made)
            known = known or any(topic.split(".", 4)[3] in TAKES_BACK for topic in topics)
            if len(self._refused) > KEPT:
                self._refused.clear()
            self._refused[position] = known
        return known

    def _holds(self, out: Outgoing, until: int) -> bool:
        """Whether the recipient may hold a version of the record whose position is not after `until`."""
        told = self._told.get(out.partition, _NOTHING)
        if told.back > told.given:
            return False
        return 0 < told.position <= until or self._was_given(out, until)

    def _was_given(self, out: Outgoing, until: int) -> bool:
        """The same, by what was written down: what was said last counts, and what nobody knows counts as given."""
        versions = self._disclosures.versions(self._dest, out.position, until)
        if max(versions, default=_NEVER).kind not in (0, BACK):
            return True
        return any(
            not one.kind and self.in_doubt(out.feed, one.position) and (self._reworded or self._would_have_left(one.position))
            for one in versions
        )

    def _would_have_left(self, position: int) -> bool:
        return any(isinstance(self._projector.project(one), Projected) for one in self._deliveries.events([position]))


def _replayed(out: Outgoing) -> bool:
    return out.extra is not None and "replayof" in out.extra


def _withdrawn(out: Outgoing) -> bool:
    return out.topic.split(".", 4)[3] == "withdrawn"
