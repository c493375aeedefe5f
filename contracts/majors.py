"""Older major versions that are still served: an older record is a function of the newer one.

When a contract breaks, its new major version is published beside the old one, for as long as `until`
says.  Nothing is kept twice: what is journalled is the newer record, and whoever asks for the older
topics receives what `translate` makes of it, valid against the schema that was published then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

Translate: TypeAlias = Callable[[Mapping[str, Any]], "Mapping[str, Any] | None"]
"""The older record as a function of the newer; None: the older version has no words for it."""


class Older(NamedTuple):
    """One older major version; its schemas and samples stay in `published/` and `samples/`."""

    major: int
    until: date
    """The last day it is served, UTC."""
    translate: Mapping[str, Translate]
    """Entity → function; an entity that is not named is the same in both versions."""


SERVED: Final[tuple[Older, ...]] = ()
"""The newest first.  Empty: version 1 is the first."""
