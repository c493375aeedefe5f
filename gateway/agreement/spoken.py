"""A projected event in another format: CloudEvents in binary mode, the attributes in the headers, the body in the format's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from gateway.agreement.envelope import Fixed, Projected
from gateway.format import FORMATS, Format, Said

Say: TypeAlias = Callable[[Projected], Projected | None]
"""Says an event in other words; None where there are none for it."""


def speaker(name: str) -> Say:
    """What a format makes of projected events.  `name`: one of gateway.format.FORMATS."""
    format = FORMATS[name]

    def say(event: Projected) -> Projected | None:
        written = format.write(_said(event))
        return None if written is None else event._replace(body=written, fixed=_fixed(event.fixed, format))

    return say


def _said(event: Projected) -> Said:
    own: dict[str, Any] = dict(event.varying)
    shared = dict(event.fixed.attributes)
    _, agency, entity, action, _ = event.topic.split(".")
    return Said(
        entity=entity,
        action=action,
        agency=agency,
        system=shared["source"].rpartition("/")[2],
        id=event.id,
        subject=own["subject"],
        partition=own["partitionkey"],
        recorded_us=event.recorded_us,
        time=own.get("time", ""),
        status=shared["status"],
        expires=own.get("expirytime", ""),
        data=orjson.loads(event.body)["data"],
    )


@lru_cache(maxsize=4096)
def _fixed(plain: Fixed, format: Format) -> Fixed:
    """The shared attributes with the format's own type and schema; they stand in the headers alone."""
    other = {"datacontenttype": format.content_type, "dataschema": format.schema}
    attributes = tuple((name, other.get(name, value)) for name, value in plain.attributes)
    return replace(plain, attributes=attributes, content_type=format.content_type)
