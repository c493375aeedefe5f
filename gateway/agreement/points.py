"""Map points: a position is moved to the nearest of a few that were chosen beforehand.

The recipient learns which part of the town it was, never which house: whatever the record says,
only one of the listed positions can leave.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import cos, radians
from typing import Any

from gateway.agreement.values import Point

COLUMNS = ("lat", "lon")


def read(text: str) -> tuple[Point, ...]:
    """The points of a CSV file with the columns lat and lon.  Raises ValueError with the line that is wrong."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise ValueError("line 1: the columns lat and lon must be there")
    found = [_point(row, number) for number, row in enumerate(rows, 2)]
    if not found:
        raise ValueError("holds no point")
    return tuple(sorted(found))


def _point(row: dict[str, str], number: int) -> Point:
    try:
        lat, lon = float(row["lat"]), float(row["lon"])
    except (TypeError, ValueError) as e:
        raise ValueError(f"line {number}: lat and lon are degrees, such as 44.26 and -72.57") from e
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(f"line {number}: lat is within 90 and lon within 180 degrees of zero")
    return lat, lon


def snap(points: Sequence[Point]) -> Callable[[Any], Any]:
    """A function from a position to the nearest point, with nothing else of it; None where it has no coordinates."""
    nearest = Nearest(points)

    def snapped(geo: Any) -> Any:
        lat, lon = (geo.get("lat"), geo.get("lon")) if type(geo) is dict else (None, None)
        if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
            return None
        found = nearest(lat, lon)
        return {"lat": found[0], "lon": found[1]}

    return snapped


class Nearest:
    """Which of some points is nearest, by the flat distance at that latitude; of equal ones the first."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = sorted(points)
        self._lats = [lat for lat, _ in self._points]

    def __call__(self, lat: float, lon: float) -> Point:
        """Looks outward from the latitude, as long as the difference of latitude alone can still be the least."""
        east = cos(radians(lat))
        middle = bisect_left(self._lats, lat)
        best: tuple[float, Point] | None = None
        for way in (range(middle, len(self._points)), range(middle - 1, -1, -1)):
            for index in way:
                point = self._points[index]
                if best is not None and (point[0] - lat) ** 2 > best[0]:
                    break
                apart = abs(point[1] - lon)
                far = (point[0] - lat) ** 2 + (min(apart, 360 - apart) * east) ** 2
                if best is None or (far, point) < best:
                    best = far, point
        assert best is not None
        return best[1]
