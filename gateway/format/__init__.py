"""The same event in words that other systems speak already: CAP 1.2 for public warning, NGSI-LD for a context broker.

A format is a pure function of what an agreement lets its recipient see: it gets the projected data, never the kept
record, so it cannot tell more than the plain event does.  What it has no words for is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gateway.format import cap, ngsi
from gateway.format.said import Said

__all__ = ["FORMATS", "Format", "Said"]


class Format(NamedTuple):
    """One way to say an event."""

    content_type: str
    schema: str
    """What stands in `dataschema`."""
    write: Callable[[Said], bytes | None]
    """The event's data in this format; None: it has no words for it."""
    entities: tuple[str, ...]
    """What it has words for."""


FORMATS: Final[Mapping[str, Format]] = {
    "cap": Format("application/cap+xml", cap.NAMESPACE, cap.write, ("incident", "alert")),
    "ngsi-ld-alert": Format("application/ld+json", ngsi.ALERT, ngsi.alert, ("incident", "alert")),
    "ngsi-ld-streetlight": Format("application/ld+json", ngsi.STREETLIGHT, ngsi.streetlight, ("incident",)),
}
"""The formats that a destination may ask for."""
