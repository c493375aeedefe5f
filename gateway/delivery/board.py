"""The deliveries of one destination that are not simply done, each with a row of its own.

A delivery that failed is tried again later (`retry`) until a person must look (`parked`); later
events of its subject wait behind it (`waiting`), so that order holds.  What takes something back
is the exception to that: a withdrawal or a removal waits for no parked delivery.

At a careful destination, a legacy system, each delivery has a row before it is tried (`trying`):
whoever finds that row after a crash knows that it may have arrived.  What the system took and has
not decided on is `pending`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeAlias

from gateway.agreement.topics import TAKES_BACK
from gateway.backoff import bound_s
from gateway.store.rows import Exceptional, ExceptionState

TRIES = 8
"""After so many the delivery is parked: with waits that double, some two to four minutes."""

ROWS_MOST = 1000
"""Failed, parked and waiting deliveries of one destination, before it takes no new events."""

Key: TypeAlias = tuple[int, bytes]
"""Feed and subject: the unit of order."""

Draw: TypeAlias = Callable[[float, float], float]


_GOES = frozenset({"retry", "trying", "pending"})
"""States that end by themselves, sooner or later."""


def takes_back(topic: str) -> bool:
    """Whether events of this topic take back what was sent before."""
    return topic.split(".", 4)[3] in TAKES_BACK


class Board:
    """The rows as stored, and the changes that the next settlement will store."""

    def __init__(self, rows: Iterable[Exceptional], draw: Draw) -> None:
        self._draw = draw
        self._rows: dict[int, Exceptional] = {}
        self._keys: dict[Key, list[int]] = {}
        self._changed: dict[int, Exceptional] = {}
        self._over: list[int] = []
        self._parked: set[Key] = set()
        self._failing = 0
        for row in rows:
            self._put(_found(row))
            if row.state == "parked":
                self._parked.add((row.feed, row.subject))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def full(self) -> bool:
        """Whether so many failed or wait behind such that new events should not be read; replays do not count."""
        return self._failing >= ROWS_MOST

    def __contains__(self, position: object) -> bool:
        return position in self._rows

    @property
    def dirty(self) -> bool:
        """Whether a settlement has something to store."""
        return bool(self._changed or self._over)

    def holds(self, key: Key) -> bool:
        """Must an event of this subject wait here, unless it takes something back?"""
        return key in self._keys

    def positions(self, key: Key) -> list[int]:
        """The rows of a subject, in order."""
        return list(self._keys.get(key, ()))

    def going(self, key: Key) -> bool:
        """Whether an event of this subject is tried, or will be without anybody's doing."""
        return any(self._rows[one].state in _GOES for one in self._keys.get(key, ()))

    def wait(self, key: Key, position: int) -> None:
        """An event waits behind an earlier one of its subject."""
        self._change(Exceptional(position, key[0], "waiting", key[1]))

    def trying(self, key: Key, position: int, now_us: int) -> None:
        """It is about to be tried, and may have arrived from then on; one that is pending is only asked about."""
        row = self._rows.get(position) or Exceptional(position, key[0], "trying", key[1])
        if row.state != "pending":
            self._change(replace(row, state="trying", next_at=now_us))

    def in_doubt(self, position: int) -> None:
        """Nobody knows what became of a try."""
        row = self._rows.get(position)
        if row is not None and row.state == "trying":
            self._change(replace(row, state="retry", uncertain=True))

    def park(self, position: int, code: str, *, uncertain: bool) -> None:
        """A person must look."""
        row = self._rows[position]
        self._parked.add((row.feed, row.subject))
        self._change(replace(row, state="parked", attempts=row.attempts + 1, next_at=0, code=code, uncertain=uncertain))

    def unsent(self, position: int, now_us: int) -> None:
        """It was not tried after all: it is as it was before."""
        row = self._rows[position]
        self._change(replace(row, state="pending" if row.state == "pending" else "retry", next_at=now_us))

    def in_question(self, position: int) -> bool:
        """Whether an earlier try may have arrived."""
        row = self._rows.get(position)
        return row is not None and row.uncertain

    def pending(self, position: int) -> bool:
        """Whether the target has it and has not decided."""
        row = self._rows.get(position)
        return row is not None and row.state == "pending"

    def put_off(self, position: int, state: ExceptionState, next_at: int, code: str = "", *, uncertain: bool = False) -> None:
        """It did not arrive and is tried again, or it is pending and is asked about again; the try does not count."""
        row = self._rows[position]
        self._change(replace(row, state=state, next_at=next_at, code=code, uncertain=uncertain))

    def failed(self, key: Key, position: int, code: str, now_us: int, *, uncertain: bool = False) -> None:
        """One try failed: the next is some time later, or the delivery is parked."""
        row = replace(self._rows.get(position) or Exceptional(position, key[0], "retry", key[1]), uncertain=uncertain)
        tries = row.attempts + 1
        if tries >= TRIES:
            self._parked.add(key)
            self._change(replace(row, state="parked", attempts=tries, next_at=0, code=code))
            return
        wait_s = self._draw(0.0, bound_s(tries))
        next_at = now_us + int(wait_s * 1_000_000)
        self._change(replace(row, state="retry", attempts=tries, next_at=next_at, code=code))

    def over(self, position: int) -> None:
        """It is delivered, withheld or expired: the row goes."""
        self._drop(position)
        self._changed.pop(position, None)
        self._over.append(position)

    def refresh(self, stored: Iterable[Exceptional], under_way: Collection[int]) -> None:
        """Take over what others changed in the store (a replay, a retry of what was parked, an erasure), but for what is not settled yet."""
        ours = {*self._changed, *self._over, *under_way}
        found = {row.position: _found(row) for row in stored if row.position not in ours}
        for position in [one for one in self._rows if one not in ours and one not in found]:
            self._drop(position)
        for row in found.values():
            self._put(row)

    def replayed(self, positions: Iterable[int]) -> set[int]:
        """Those that are sent once more although they were delivered."""
        return {position for position in positions if self._rows[position].replay}

    def due(self, now_us: int, busy: Collection[Key], behind: Callable[[int, int], bool]) -> list[int]:
        """The rows to try now, at most one of a subject, in order of position.

        `behind(feed, position)`: the stored position is past it, so that an end is counted once only.
        """
        found: list[int] = []
        for key, positions in self._keys.items():
            if key not in busy and (first := self._first(positions, now_us)) is not None and behind(key[0], first):
                found.append(first)
        return sorted(found)

    def goes_before(self, until_us: int) -> bool:
        """Whether a row goes by itself before then."""
        return any(self._first(positions, until_us) is not None for positions in self._keys.values())

    def take_newly_behind(self) -> list[int]:
        """The rows that wait behind one that has just been parked: among them may be what takes something back."""
        keys, self._parked = self._parked, set()
        found = (one for key in keys for one in self._keys.get(key, ()))
        return sorted(one for one in found if self._rows[one].state == "waiting")

    def let_pass(self, position: int) -> None:
        """A waiting row takes something back: it waits for nobody."""
        self._change(replace(self._rows[position], state="retry", next_at=0))

    def parked(self) -> int:
        """How many wait for a person."""
        return sum(row.state == "parked" for row in self._rows.values())

    def take_changes(self) -> tuple[list[Exceptional], list[int]]:
        """What to store: new states, and the positions whose rows go.  They are no longer dirty."""
        changed, self._changed = list(self._changed.values()), {}
        over, self._over = self._over, []
        return changed, over

    def _first(self, positions: list[int], now_us: int) -> int | None:
        """The first row of a subject that may go: a retry that is due, or one that waits for nobody any more."""
        for position in positions:
            row = self._rows[position]
            if row.state in _GOES:
                return position if row.next_at <= now_us else None
            if row.state == "waiting" and position == positions[0]:
                return position
        return None

    def _change(self, row: Exceptional) -> None:
        self._put(row)
        self._changed[row.position] = row

    def _put(self, row: Exceptional) -> None:
        old = self._rows.get(row.position)
        if old is None:
            insort(self._keys.setdefault((row.feed, row.subject), []), row.position)
        self._failing += _fails(row) - (old is not None and _fails(old))
        self._rows[row.position] = row

    def _drop(self, position: int) -> None:
        row = self._rows.pop(position)
        self._failing -= _fails(row)
        positions = self._keys[row.feed, row.subject]
        positions.remove(position)
        if not positions:
            del self._keys[row.feed, row.subject]


def _found(row: Exceptional) -> Exceptional:
    """A row as the store has it: a try that is not under way here was cut off, and may have arrived."""
    return replace(row, state="retry", uncertain=True) if row.state == "trying" else row


def _fails(row: Exceptional) -> bool:
    """Whether it counts among those that fill the board: not what a person replays, nor what is tried for the first time."""
    return not row.replay and row.state != "trying"
