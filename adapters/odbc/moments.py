"""Times as a database writes them: ISO text that sorts as the time does, and is only parsed to be moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def parsed(text: Any) -> datetime | None:
    """The time, without zone; None where it is none that a calendar of four-digit years has.

    >>> parsed("2026-03-01 12:00:00.5"), parsed("infinity"), parsed(None)
    (datetime.datetime(2026, 3, 1, 12, 0, 0, 500000), None, None)
    """
    try:
        return datetime.fromisoformat(str(text).strip()).replace(tzinfo=None)
    except ValueError:
        return None


def earlier(text: str, by: timedelta) -> str:
    """A time so much earlier, in the same form, to the second below; the text itself where it is no time.

    >>> earlier("2026-03-01 00:00:10.75", timedelta(seconds=11)), earlier("2026-03-01T12:00:00", timedelta(hours=1))
    ('2026-02-28 23:59:59', '2026-03-01T11:00:00')
    """
    moment = parsed(text)
    if moment is None:
        return text
    try:
        moved = moment - by
    except OverflowError:
        moved = moment.replace(year=1, month=1, day=1)
    return moved.replace(microsecond=0).isoformat(sep="T" if "T" in text else " ")


def as_utc(text: Any) -> datetime | None:
    """A time that is known to be UTC."""
    moment = parsed(text)
    return None if moment is None else moment.replace(tzinfo=UTC)
