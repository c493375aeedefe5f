"""The register of conversions, and what they have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Convert: TypeAlias = Callable[..., Any]
"""From the values of the sources to the result.  Raises ValueError."""


class Unreadable(ValueError):
    """A value is not in the form that was expected.  The message says which form, never the value."""


class Never(Unreadable):
    """A local time that the clock passed over when it was put forward."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One named conversion."""

    name: str
    factory: Callable[..., Convert]
    several: bool
    """Takes several sources at once; a blank one is None, but not all are."""
    zoned: bool
    """Needs the IANA zone of local times."""
    says: str
    """The first line of its description."""


CONVERSIONS: dict[str, Conversion] = {}


def conversion(
    name: str, *, several: bool = False, zoned: bool = False
) -> Callable[[Callable[..., Convert]], Callable[..., Convert]]:
    """Register the factory of a conversion under its name in mappings."""

    def register(factory: Callable[..., Convert]) -> Callable[..., Convert]:
        says = (factory.__doc__ or "").strip().partition("\n")[0]
        CONVERSIONS[name] = Conversion(name, factory, several, zoned, says)
        return factory

    return register


def build(name: str, *arguments: Any, zone: str = "UTC", sources: int = 1) -> Convert:
    """The conversion with its arguments, for so many sources.  Raises KeyError for an unknown name, ValueError for wrong arguments.

    >>> build("upper")("abc")
    'ABC'
    """
    said = CONVERSIONS[name]
    takes = inspect.signature(said.factory)
    named = {name: value for name, value in (("zone", zone), ("sources", sources)) if name in takes.parameters}
    try:
        takes.bind(*arguments, **named)
    except TypeError as e:
        raise ValueError(f"{name} does not take these arguments ({e})") from e
    return said.factory(*arguments, **named)


def plain(value: Any) -> str:
    """One value as text, as a source would write it.  Raises Unreadable for an object or a list.

    >>> plain(7), plain(True)
    ('7', 'true')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Unreadable("is not one plain value")
