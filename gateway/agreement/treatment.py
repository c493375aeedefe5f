"""How a field leaves: plain, as a token, moved to a map point, or floored in time.

A treatment is a function from one value of a field to what leaves in its place; None means that
nothing does.  A list is treated item by item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, cast

import orjson

from gateway.agreement.values import Epoch
from gateway.event import keyed

Treat: TypeAlias = Callable[[Any], Any]
Unit: TypeAlias = Literal["minute", "hour", "day"]

WORDS = ("plain", "absent", "token", "snap", "floor")
UNITS: tuple[Unit, ...] = ("minute", "hour", "day")
"""From fine to coarse."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: Any) -> tuple[str, str]:
    """A treatment as its word and what belongs to it: "floor hour" is ("floor", "hour").  Raises ValueError."""
    words = text.split() if isinstance(text, str) else []
    match words:
        case ["plain" | "absent" | "token"]:
            return words[0], ""
        case ["snap", name]:
            return "snap", name
        case ["floor", ("minute" | "hour" | "day") as unit]:
            return "floor", unit
    raise ValueError("is treated in an unknown way; known: plain, absent, token, snap POINTS, floor minute|hour|day")


def unit(text: str) -> Unit:
    """The unit of a floor.  Raises ValueError for any other word."""
    return UNITS[UNITS.index(cast("Unit", text))]


def each(treat: Treat) -> Treat:
    """The same for a list, item by item; what is left of it, or None."""

    def treated(value: Any) -> Any:
        if type(value) is list:
            return [kept for item in value if (kept := treat(item)) is not None] or None
        return treat(value)

    return treated


def floor(unit: Unit) -> Treat:
    """A time without what is finer than `unit`, by the clock of its own zone; its text and zone stay here."""

    def floored(value: Any) -> Any:
        at = value.get("at") if type(value) is dict else None
        text = floored_text(at, unit) if type(at) is str else ""
        return {"at": text, "precision": unit} if text else None

    return floored


def floored_text(at: str, unit: Unit) -> str:
    """An RFC 3339 time, floored; empty where it cannot be read."""
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        return ""
    if time.tzinfo is None:
        return ""
    match unit:
        case "minute":
            return time.replace(second=0, microsecond=0).isoformat()
        case "hour":
            return time.replace(minute=0, second=0, microsecond=0).isoformat()
        case "day":
            return time.replace(hour=0, minute=0, second=0, microsecond=0).isoformat()


def floored_us(recorded_us: int, unit: Unit) -> int:
    """Microseconds since 1970, floored in UTC."""
    return recorded_us - recorded_us % {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}[unit]


def coarsest(treatments: Mapping[str, str]) -> Unit | None:
    """The coarsest unit to which any time of these fields is floored: the envelope says no finer one."""
    units = [unit(how.split()[1]) for how in treatments.values() if how.startswith("floor ")]
    return max(units, key=UNITS.index, default=None)


class Token:
    """A value's stand-in: equal values have equal tokens within one agreement, purpose and epoch, and nowhere else.

    `derive` gives the key of an epoch.  `at` must have been called with an event's time before its values are treated.
    """

    def __init__(self, derive: Callable[[str], Callable[[bytes], str]], epoch: Epoch) -> None:
        self._derive, self._length = derive, epoch
        self._day, self._name = -1, ""
        self._made: Callable[[bytes], str] = lambda _value: ""

    def at(self, recorded_us: int) -> None:
        """The values to come are of an event that was recorded then."""
        day = recorded_us // 86_400_000_000
        if day == self._day:
            return
        self._day = day
        name = epoch_name(recorded_us, self._length)
        if name != self._name or name == "":
            self._name, self._made = name, self._derive(name)

    def __call__(self, value: Any) -> Any:
        """The token of a text or a number: 32 hex digits."""
        if type(value) is str:
            return self._made(value.encode()) if value else None
        return self._made(orjson.dumps(value)) if isinstance(value, (int, float)) else None


def epoch_name(recorded_us: int, epoch: Epoch) -> str:
    """What the epoch of a time is called: 2026, 2026-11, 2026-11-03, or nothing where it never ends."""
    length = {"never": 0, "year": 4, "month": 7, "day": 10}[epoch]
    return (_EPOCH + timedelta(microseconds=recorded_us)).date().isoformat()[:length]


def tokens(key: bytes) -> Callable[[bytes], str]:
    """HMAC-SHA-256 under `key`, its first 128 bits as hex."""
    digest = keyed(key)
    return lambda message: digest(message)[:16].hex()
