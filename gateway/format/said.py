"""What one event says to one recipient, and the questions that every format asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Said(NamedTuple):
    """A projected event.  Ids are the recipient's own tokens."""

    entity: str
    action: str
    agency: str
    system: str
    id: str
    subject: str
    partition: str
    recorded_us: int
    """Microseconds UTC."""
    time: str
    """When it happened, RFC 3339; "" where nobody says."""
    status: str
    expires: str
    data: Mapping[str, Any]

    @property
    def gone(self) -> bool:
        """Taken back: nothing is to be held of it."""
        return self.action in {"removed", "withdrawn"}

    @property
    def recorded(self) -> datetime:
        """When the gateway made it durable, UTC, to the second."""
        return datetime.fromtimestamp(self.recorded_us // 1_000_000, UTC)

    @property
    def over(self) -> bool:
        """Nobody is at work any more."""
        statuses = {code for code, _ in codes(self.data.get("statuses"))}
        return self.gone or bool(statuses & {"Closed", "Cancelled"})


def codes(values: Any) -> Iterator[tuple[str, str]]:
    """(code, text) of coded values, alone or in a list, the common one where there is one."""
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, dict):
            common, internal = value.get("common") or {}, value.get("internal") or {}
            known = common if common.get("code", "unmapped") != "unmapped" else internal
            if known.get("code"):
                yield known["code"], known.get("text") or internal.get("text") or known["code"]


def instant(value: Any) -> datetime | None:
    """The moment of a `Time` of the contracts, or of its text; None where there is none."""
    text = value.get("at") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else None


def point(place: Mapping[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude of a place, WGS 84."""
    geo = place.get("geo") or {}
    if "lat" in geo and "lon" in geo:
        return float(geo["lat"]), float(geo["lon"])
    return None
