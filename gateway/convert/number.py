"""Conversions to numbers, true and false, ranges, durations and sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.convert.named import Convert, Unreadable, conversion, plain

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+)")


@conversion("integer")
def integer() -> Convert:
    """A whole number.

    >>> integer()("0017"), integer()("-2")
    (17, -2)
    """

    def convert(value: Any) -> int:
        if value.__class__ is str and len(value) < 19 and value.isascii() and value.isdigit():
            return int(value)
        if _INTEGER.fullmatch(text := plain(value)):
            return int(text)
        raise Unreadable("is not a whole number")

    return convert


@conversion("decimal")
def decimal(whole: int | str = 0, fraction: int | str = 0) -> Convert:
    """A number; or digits without a point, so many before it and so many behind.

    >>> decimal()("290.25"), decimal(9, 3)("000000001500"), decimal(9, 3)("000000002")
    (290.25, 1.5, 2.0)
    """
    before, behind = int(whole), int(fraction)
    if not before:
        return _decimal

    def convert(value: Any) -> float:
        text = plain(value)
        if not (text.isascii() and text.isdigit() and before <= len(text) <= before + behind):
            raise Unreadable(f"is not {before} digits and {behind} behind the point")
        return float(f"{text[:before]}.{text[before:]}")

    return convert


def _decimal(value: Any) -> float:
    if _DECIMAL.fullmatch(text := plain(value)):
        return float(text)
    raise Unreadable("is not a number")


_YES = frozenset({"y", "yes", "t", "true", "1"})
_NO = frozenset({"n", "no", "f", "false", "0"})


@conversion("boolean")
def boolean(yes: str = "", no: str = "") -> Convert:
    """True or false from Y/N, YES/NO, TRUE/FALSE, T/F, 1/0, or from two words of the source's own.

    >>> boolean()("y"), boolean("C", "A")("A")
    (True, False)
    """
    true, false = (frozenset({plain(yes).lower()}), frozenset({plain(no).lower()})) if yes != "" else (_YES, _NO)

    def convert(value: Any) -> bool:
        word = plain(value).lower()
        if word in true:
            return True
        if word in false:
            return False
        raise Unreadable("is neither of the words for yes and no")

    return convert


_RANGE = re.compile(r"([0-9]{1,2})|([0-9]{2})-?([0-9]{2})")


@conversion("range")
def range_of(words: Mapping[str, Any] | None = None) -> Convert:
    """One or two digits as a number, four as a range, and words for what no number says.

    >>> [range_of({"NN": "NEONATAL", "00": "UNKNOWN"})(t) for t in ("25", "7", "2530", "NN", "00")]
    [{'value': 25}, {'value': 7}, {'low': 25, 'high': 30}, {'word': 'NEONATAL'}, {'word': 'UNKNOWN'}]
    """
    if words is not None and not isinstance(words, Mapping):
        raise ValueError("range takes words: {range: {NN: NEONATAL}}")
    known = words or {}

    def convert(value: Any) -> dict[str, Any]:
        text = plain(value)
        if text in known:
            return {"word": known[text]}
        found = _RANGE.fullmatch(text)
        if not found or (found[2] and found[2] > found[3]):
            raise Unreadable("is neither two digits, a range of two by two, nor one of the words under range")
        return {"value": int(found[1])} if found[1] else {"low": int(found[2]), "high": int(found[3])}

    return convert


_SECONDS = {"milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600}
_CLOCK = re.compile(r"([0-9]{1,4}):([0-5]?[0-9])(?::([0-5]?[0-9](?:\.[0-9]+)?))?")


@conversion("duration")
def duration(unit: str = "seconds") -> Convert:
    """Seconds, from milliseconds, seconds, minutes, hours, or a clock (HH:MM or HH:MM:SS).

    >>> duration()("633"), duration("minutes")("1.5"), duration("clock")("00:10:33")
    (633, 90, 633)
    """
    if unit == "clock":
        return _clock
    if unit not in _SECONDS:
        raise ValueError("duration takes milliseconds, seconds, minutes, hours or clock")
    return lambda value: _short(round(_positive(value) * _SECONDS[unit], 6))


def _clock(value: Any) -> float:
    found = _CLOCK.fullmatch(plain(value))
    if not found:
        raise Unreadable("is not HH:MM:SS")
    return _short(int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0))


def _positive(value: Any) -> float:
    number = _decimal(value)
    if number < 0:
        raise Unreadable("is less than nothing")
    return number


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@conversion("bytes")
def size(unit: str) -> Convert:
    """Bytes, from B, KB, MB, GB (thousands) or KiB, MiB, GiB (1024).

    >>> size("MB")("2.5"), size("KiB")("1")
    (2500000, 1024)
    """
    if unit not in _BYTES:
        raise ValueError("bytes takes " + ", ".join(_BYTES))
    return lambda value: round(_positive(value) * _BYTES[unit])
