"""Conversions of places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gateway.convert.named import Convert, Unreadable, conversion, plain

_NUMBER = r"([+-]?[0-9]{1,3}(?:\.[0-9]+)?)"
_PAIR = re.compile(rf"(?:POINT\s*)?\(?\s*{_NUMBER}\s*[,\s]\s*{_NUMBER}\s*\)?", re.IGNORECASE)


@conversion("latlon", several=True)
def latlon() -> Convert:
    """A place in WGS 84 from "(lat, lon)" or from two sources, the source's pair kept.

    >>> latlon()("(29.9295, -89.9937)")
    {'lat': 29.9295, 'lon': -89.9937, 'text': '(29.9295, -89.9937)'}
    >>> latlon()("29.5", "-89.25")
    {'lat': 29.5, 'lon': -89.25, 'text': '29.5, -89.25'}
    """
    return lambda *values: _place(values, lat=0, lon=1)


@conversion("lonlat", several=True)
def lonlat() -> Convert:
    """The same where the longitude stands first, as in "POINT(lon lat)".

    >>> lonlat()("POINT(-89.25 29.5)")
    {'lat': 29.5, 'lon': -89.25, 'text': 'POINT(-89.25 29.5)'}
    """
    return lambda *values: _place(values, lat=1, lon=0)


def _place(values: tuple[Any, ...], *, lat: int, lon: int) -> dict[str, Any]:
    if None in values:
        raise Unreadable("is half a pair of coordinates")
    text = ", ".join([value if value.__class__ is str else plain(value) for value in values])
    pair: Sequence[Any] = values
    if len(values) == 1:
        found = _PAIR.fullmatch(text)
        pair = found.groups() if found else ()
    try:
        north, east = float(pair[lat]), float(pair[lon])
    except (ValueError, IndexError):
        raise Unreadable("is not a pair of coordinates in degrees") from None
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        raise Unreadable("is not on earth: latitude within 90, longitude within 180 degrees")
    return {"lat": north, "lon": east, "text": text}


@conversion("grid", several=True)
def grid(srid: str) -> Convert:
    """A place in another reference system, kept as the source wrote it.

    >>> grid("EPSG:3452")("3671806", "537333")
    {'text': '3671806, 537333', 'srid': 'EPSG:3452'}
    """

    def convert(*values: Any) -> dict[str, str]:
        if None in values:
            raise Unreadable("is half a pair of coordinates")
        return {"text": ", ".join(plain(value) for value in values), "srid": str(srid)}

    return convert


_HOUSE = re.compile(r"([0-9]*?)[0-9]{1,2}(?:[-/][0-9]+)?[A-Za-z]?(?:\s+1/[234])?(?=\s)")
_UNIT = re.compile(r"[\s,]+(?:(?:apt|unit|ste|suite|rm|room|lot)\b|#).*", re.IGNORECASE)


@conversion("hundred-block")
def hundred_block() -> Convert:
    """An address without its house number's last two digits, and without the flat.

    >>> [hundred_block()(t) for t in ("2424 Elm St Apt 5", "7 Elm St", "001XX Elm St", "Elm at Oak", "12 5th Ave")]
    ['24XX Elm St', 'XX Elm St', '001XX Elm St', 'Elm at Oak', 'XX 5th Ave']
    """

    def convert(value: Any) -> str:
        text = _UNIT.sub("", plain(value))
        found = _HOUSE.match(text)
        return f"{found[1]}XX{text[found.end():]}" if found else text

    return convert
