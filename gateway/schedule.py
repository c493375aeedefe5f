"""When a feed is due: every so often or at times of day, never inside a pause, on the system's own clock.

Times of day are local times of the system's zone.  One that occurs twice (the clock goes back)
is taken once, as the first; one that never is (the clock goes forward) comes right after the gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DURATION = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def duration(text: str) -> timedelta:
    """"30s", "5m", "2h", "1d", "500ms" as a time span.  Raises ValueError for anything else, zero included."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError("is a number and one of ms, s, m, h, d, such as 30s")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def time_of_day(text: str) -> time:
    """"02:00" as a local time.  Raises ValueError for anything else."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError("is a time of day, such as 02:00")
    return time(int(found[1]), int(found[2]))


def window(text: str) -> tuple[time, time]:
    """"22:00-06:00" as a start and an end; one that ends before it starts runs over midnight."""
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError("is two times of day, such as 22:00-06:00")
    pair = time_of_day(start), time_of_day(end)
    if pair[0] == pair[1]:
        raise ValueError("starts and ends at the same time")
    return pair


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one feed is polled.  Exactly one of `every` and `at` is given."""

    zone: ZoneInfo
    every: timedelta | None = None
    at: tuple[time, ...] = ()
    pause: tuple[tuple[time, time], ...] = ()

    def due(self, last: datetime | None, now: datetime) -> datetime:
        """The moment of the next poll, never before `now`; `last` is the latest poll, None if there was none.

        A time of day that passed while nothing ran is made up for once, at once.
        """
        if self.every is not None:
            wanted = now if last is None else last + self.every
        else:
            wanted = self._next_at(now if last is None else last)
        return self.after_pause(max(wanted, now))

    def after_pause(self, moment: datetime) -> datetime:
        """`moment`, or the end of the pause that it falls into."""
        for _ in range(len(self.pause) + 1):  # one window may end inside another
            ends = [end for start, end in self.pause if _inside(_local(moment, self.zone), start, end)]
            if not ends:
                break
            moment = min(_next_time(moment, end, self.zone) for end in ends)
        return moment

    def paused(self, now: datetime) -> bool:
        """Whether a pause holds at this moment."""
        return self.after_pause(now) != now

    def _next_at(self, after: datetime) -> datetime:
        return min(_next_time(after, at, self.zone) for at in self.at)


def _local(moment: datetime, zone: ZoneInfo) -> time:
    return moment.astimezone(zone).time()


def _inside(now: time, start: time, end: time) -> bool:
    return start <= now < end if start < end else now >= start or now < end


def _next_time(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first moment later than `after` at which the zone's clocks show `at`."""
    day = after.astimezone(zone).date()
    for days in range(-1, 3):
        candidate = datetime.combine(day + timedelta(days=days), at, tzinfo=zone).astimezone(UTC)
        if candidate > after:
            return candidate
    raise AssertionError("a time of day comes round within two days")
