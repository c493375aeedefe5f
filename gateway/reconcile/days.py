"""Counts and digests of both sides, day by day.  The digest does not depend on the order, so no side has to sort."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_WHOLE = 1 << 128

SHOWN = 400
"""So many differing days are named; more are only counted."""


@dataclass(slots=True)
class Side:
    """How many records, and the sum over them of a hash of name and contents."""

    count: int = 0
    digest: int = 0

    def add(self, name: bytes, contents: bytes) -> None:
        self.count += 1
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(name + contents).digest()[:16])) % _WHOLE


@dataclass(slots=True)
class Day:
    """One day of both sides."""

    theirs: Side = field(default_factory=Side)
    ours: Side = field(default_factory=Side)


class Days:
    """Every day that a record of either side was counted under; "" for those without one."""

    def __init__(self) -> None:
        self._days: defaultdict[str, Day] = defaultdict(Day)

    def __getitem__(self, day: str) -> Day:
        return self._days[day]

    @property
    def ours(self) -> int:
        """Records of our side."""
        return sum(day.ours.count for day in self._days.values())

    def as_dict(self) -> dict[str, Any]:
        """Counts and digests of both sides, the number of days, and those that differ by name."""
        differing = [name for name, day in self._in_order() if day.ours != day.theirs]
        return {
            "theirs": sum(day.theirs.count for day in self._days.values()),
            "ours": self.ours,
            "days": len(self._days),
            "days_differing": len(differing),
            "digest_theirs": f"{sum(day.theirs.digest for day in self._days.values()) % _WHOLE:032x}",
            "digest_ours": f"{sum(day.ours.digest for day in self._days.values()) % _WHOLE:032x}",
            "unequal_days": [
                {"day": name, "theirs": self._days[name].theirs.count, "ours": self._days[name].ours.count}
                for name in differing[:SHOWN]
            ],
        }

    def _in_order(self) -> Iterator[tuple[str, Day]]:
        yield from sorted(self._days.items())
