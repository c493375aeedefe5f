"""Local time of a zone, with its two awkward nights a year.

Whether a day is one of them is asked once per day and zone; on all other days the offset is one look
into a dictionary.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.convert.named import Never


class Clock:
    """Local time of one IANA zone.  Raises ValueError where there is no such zone."""

    __slots__ = ("_days", "_info", "zone")

    def __init__(self, zone: str) -> None:
        try:
            self._info = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise ValueError("there is no such time zone; a name looks like America/New_York") from e
        self.zone = zone
        self._days: dict[int, str] = {}

    def offset(self, local: datetime) -> tuple[str, bool]:
        """The offset of a local time, "-05:00", and whether that time came twice: the first is taken.

        Raises Never for a time that was passed over.
        """
        day = local.toordinal()
        steady = self._days.get(day)
        if steady is None:
            steady = self._days[day] = self._steady(local)
        return (steady, False) if steady else self._exact(local)

    def local(self, at: datetime) -> datetime:
        """An instant as this zone's clock shows it."""
        return at.astimezone(self._info)

    def _steady(self, local: datetime) -> str:
        """The offset that holds the whole day; "" where it changes."""
        start = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._info)
        ends = (start, start.replace(hour=23, minute=59, second=59))
        offsets = {moment.replace(fold=fold).utcoffset() for moment in ends for fold in (0, 1)}
        return _text(offsets.pop()) if len(offsets) == 1 else ""

    def _exact(self, local: datetime) -> tuple[str, bool]:
        first = local.replace(tzinfo=self._info, fold=0).utcoffset()
        second = local.replace(tzinfo=self._info, fold=1).utcoffset()
        if first == second or first is None or second is None:
            return _text(first), False
        if first < second:
            raise Never(f"is a local time that never was in {self.zone}: the clock was put forward over it")
        return _text(first), True


def _text(offset: timedelta | None) -> str:
    """+HH:MM; the seconds that some zones had before 1972 are rounded away."""
    minutes = round((offset or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@cache
def clock(zone: str) -> Clock:
    """The clock of a zone, made once.  Raises ValueError for an unknown zone."""
    return Clock(zone)
