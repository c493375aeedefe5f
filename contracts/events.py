"""What is published: each entity with the actions that can be said of it, in words for whoever receives them.

One table.  The AsyncAPI document, the pages in `docs/events/` and the contract package are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from contracts import MAJOR, schema


class Event(NamedTuple):
    """One kind of event: what is said of what."""

    entity: str
    action: str

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return f"police.{self.entity}.{self.action}.v{MAJOR}"

    @property
    def topic(self) -> str:
        """Its routing key, with the agency left open."""
        return f"police.{{agency}}.{self.entity}.{self.action}.v{MAJOR}"

    @property
    def body(self) -> str:
        """The contract that its data keeps."""
        return schema.contract(self.entity, self.action)


MEANINGS: Final[Mapping[str, str]] = {
    "incident": "A call for service, a live dispatch, a crime report or an arrest: what happened, where, and what became of it.",
    "unit": "One resource of the service, its status and its times on an incident, as dispatch sees it at one moment.",
    "recording": "The metadata of one recording of a body-worn or vehicle camera; the recording itself stays where it is.",
    "evidence": "One exhibit: what it is, where it is kept, and the incident it belongs to; never its content.",
    "custody-transfer": "One hand-over of an exhibit: from whom, to whom, when and why.",
    "alert": "A warning or a sensor's message in the terms of CAP 1.2.",
}
"""What each entity is."""

ACTIONS: Final[Mapping[str, str]] = {
    "created": "The gateway saw it for the first time. It replaces nothing.",
    "updated": "Its source says something newer. The data is the whole new state, not the difference.",
    "corrected": "What was sent before was wrong, or is now read better. The data is the whole right state; `causationid` is the id of the event that it corrects.",
    "withdrawn": "It is taken back by policy. Forget what you hold of this `subject`; no reason is given.",
    "removed": "It is gone at its source. Forget what you hold of this `subject`.",
    "acknowledged": "What became of an alert that came in from outside: taken, expired or refused.",
}
"""What each action says."""

_EVERYWHERE = ("created", "updated", "corrected", "withdrawn", "removed")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"alert": ("acknowledged",)}


def events() -> list[Event]:
    """Every kind of event that the gateway can publish, entity by entity."""
    return [Event(entity, action) for entity in MEANINGS for action in (*_EVERYWHERE, *_ALSO.get(entity, ()))]
