"""Conversions of dates and times.

A time is {at, text, zone}: RFC 3339 with its offset, the source's text where it differs, and the zone
that was assumed where the text had no offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.convert.clock import Clock, clock
from gateway.convert.formats import Read, alternatives, iso, reader
from gateway.convert.named import Convert, Unreadable, conversion, plain


@conversion("time", several=True, zoned=True)
def time(*formats: str, zone: str, sources: int = 1) -> Convert:
    """A time with its zone, from ISO 8601 or from formats; of several sources one format each.

    >>> time(zone="America/Chicago")("2026-01-01T00:00:14")
    {'at': '2026-01-01T00:00:14-06:00', 'text': '2026-01-01T00:00:14', 'zone': 'America/Chicago'}
    >>> time(zone="UTC")("2026-11-01T07:08:53.549-05:00")
    {'at': '2026-11-01T07:08:53.549-05:00'}
    >>> time("%Y%m%d", "%H", zone="America/New_York", sources=2)("20260704", None)["precision"]
    'day'
    >>> time("%m/%d/%Y", "%H%M", zone="America/New_York", sources=2)("07/04/2026", "0152")["at"]
    '2026-07-04T01:52:00-04:00'
    >>> time(zone="America/New_York")("2026-11-01T01:30:00")["ambiguous"]
    True
    """
    here = clock(zone)
    reads = _reads(tuple(str(format) for format in formats), sources)
    if sources == 1:
        return _of_one(reads[0], here) if formats else _iso_of_one(here)

    def convert(*values: Any) -> dict[str, Any] | None:
        if len(values) == 1 and values[0].__class__ is str:
            text, read = values[0], reads[0]
        else:
            said = values[: values.index(None)] if None in values else values
            if not said:
                return None
            text, read = " ".join(map(plain, said)), reads[len(said) - 1]
        return _made(text, *read(text), here)

    return convert


def _of_one(read: Read, here: Clock) -> Convert:
    """From one source."""

    def convert(value: Any) -> dict[str, Any]:
        text = value if value.__class__ is str else plain(value)
        return _made(text, *read(text), here)

    return convert


def _iso_of_one(here: Clock) -> Convert:
    """From one source in ISO 8601.  Two forms, which most are in, are only looked at: RFC 3339, and the same without an offset."""
    other: Callable[[Any], dict[str, Any]] = _of_one(iso, here)
    parsed, zone = datetime.fromisoformat, here.zone

    def convert(value: Any) -> dict[str, Any]:
        if value.__class__ is str and value[4:17:3] == "--T::":
            try:
                when = parsed(value)
            except ValueError:
                return other(value)  # which says what is wrong with it
            if len(value) == 19:
                offset, ambiguous = here.offset(when)
                if not ambiguous:
                    return {"at": value + offset, "text": value, "zone": zone}
            elif (value[-3] == ":" or value[-1] == "Z") and when.tzinfo is not None:
                return {"at": value}
        return other(value)

    return convert


def _made(text: str, when: datetime, precision: str, here: Clock) -> dict[str, Any]:
    if when.tzinfo is None:
        offset, ambiguous = here.offset(when)
        made: dict[str, Any] = {"at": _iso(when) + offset, "text": text, "zone": here.zone}
        if ambiguous:
            made["ambiguous"] = True
    else:
        at = text if _is_rfc3339(text) else _iso(when)
        made = {"at": at} if at == text else {"at": at, "text": text}
    if precision:
        made["precision"] = precision
    return made


def _iso(when: datetime) -> str:
    if when.microsecond and not when.microsecond % 1000:
        return when.isoformat(timespec="milliseconds")
    return when.isoformat()


def _is_rfc3339(text: str) -> bool:
    """Of a text that was read with an offset: it is RFC 3339 as it stands, and kept to the letter."""
    return text[10:17:6] == "T:" and len(text) >= 20 and (text[-1] == "Z" or text[-3] == ":")


def _reads(formats: tuple[str, ...], sources: int) -> tuple[Read, ...]:
    """How the text of the first source is read, of the first two joined, and so on.  Raises ValueError."""
    if sources == 1:
        return (alternatives(formats),)
    if not formats and sources == 2:
        return (iso, _date_and_time)
    if len(formats) != sources:
        raise ValueError(f"{sources} sources need {sources} formats, one each")
    return tuple(reader(" ".join(formats[:count])) for count in range(1, sources + 1))


def _date_and_time(text: str) -> tuple[datetime, str]:
    """Two ISO sources; a date column often carries an idle midnight.

    >>> _date_and_time("2026-02-12T00:00:00 18:11:47")[0].isoformat()
    '2026-02-12T18:11:47'
    """
    day, _, rest = text.partition(" ")
    if day[10:] not in {"", "T00:00:00", "T00:00:00.000"}:
        raise Unreadable("is not a date and a time of day")
    return iso(f"{day[:10]}T{rest}")


@conversion("instant", several=True, zoned=True)
def instant(*formats: str, zone: str, sources: int = 1) -> Convert:
    """As `time`, and only its RFC 3339 text.

    >>> instant(zone="America/Chicago")("2026-01-01 00:00")
    '2026-01-01T00:00:00-06:00'
    """
    inner = time(*formats, zone=zone, sources=sources)

    def convert(*values: Any) -> str | None:
        made = inner(*values)
        return None if made is None else made["at"]

    return convert


@conversion("date")
def date(*formats: str) -> Convert:
    """A calendar day, YYYY-MM-DD; several formats are alternatives.

    >>> date("%Y%m%d")("20260308"), date()("2026-03-08")
    ('2026-03-08', '2026-03-08')
    """
    read = alternatives(tuple(str(format) for format in formats))

    def convert(value: Any) -> str:
        return read(plain(value))[0].date().isoformat()

    return convert


_START = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "ms": 1000, "us": 1_000_000}


@conversion("epoch")
def epoch(unit: str = "s") -> Convert:
    """A time from seconds (s), milliseconds (ms) or microseconds (us) since 1970.

    >>> epoch("ms")("1772953729000")
    {'at': '2026-03-08T07:08:49Z', 'text': '1772953729000'}
    """
    if unit not in _UNITS:
        raise ValueError("epoch takes s, ms or us")

    def convert(value: Any) -> dict[str, str]:
        text = plain(value)
        try:
            at = _START + timedelta(microseconds=round(float(text) * 1_000_000 / _UNITS[unit]))
        except (ValueError, OverflowError):
            raise Unreadable("is not a number of seconds since 1970") from None
        return {"at": _iso(at).replace("+00:00", "Z"), "text": text}

    return convert


@conversion("write-time", zoned=True)
def write_time(format: str, *, zone: str) -> Convert:
    """For sinks: a canonical time as the target's text, in the zone's local time.

    >>> write_time("%m/%d/%Y %H:%M", zone="America/Chicago")({"at": "2026-01-01T06:30:00Z"})
    '01/01/2026 00:30'
    """
    here = clock(zone)
    return lambda value: here.local(_instant(value)).strftime(format)


@conversion("write-date")
def write_date(format: str) -> Convert:
    """For sinks: a calendar day, or the day a canonical time names, as the target's text.

    >>> write_date("%Y%m%d")("2026-03-08"), write_date("%Y%m%d")({"at": "2026-03-08T23:30:00-05:00"})
    ('20260308', '20260308')
    """
    return lambda value: _instant(value).strftime(format)


def _instant(value: Any) -> datetime:
    text = value.get("at") if isinstance(value, Mapping) else value
    try:
        return datetime.fromisoformat(plain(text))
    except ValueError:
        raise Unreadable("is not a canonical time") from None
