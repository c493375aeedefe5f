"""Which records an agreement is about: `select` names values that must be there, `leave_out` such that must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from gateway.agreement.values import Conditions

Chosen: TypeAlias = Callable[[Mapping[str, Any]], bool]


def compile(entity: str, select: Conditions, leave_out: Conditions) -> Chosen | None:
    """A function that says whether a record of the entity is meant; None where every one is."""
    wanted = _compiled(select.get(entity, {}))
    unwanted = _compiled(leave_out.get(entity, {}))
    if not wanted and not unwanted:
        return None

    def chosen(record: Mapping[str, Any]) -> bool:
        return all(_any(record, steps, values) for steps, values in wanted) and not any(
            _any(record, steps, values) for steps, values in unwanted
        )

    return chosen


def as_text(value: Any) -> str:
    """A value as a person writes it in an agreement."""
    if value is True or value is False:
        return str(value).lower()
    return str(value)


def _compiled(conditions: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    return [(tuple(path.split(".")), frozenset(values)) for path, values in conditions.items()]


def _any(record: Mapping[str, Any], steps: tuple[str, ...], values: frozenset[str]) -> bool:
    return any(as_text(value) in values for value in _at(record, steps))


def _at(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    """Every plain value at a path; lists are walked without being named."""
    if type(value) is list:
        for item in value:
            yield from _at(item, steps)
    elif not steps:
        if value is not None and type(value) is not dict:
            yield value
    elif type(value) is dict:
        yield from _at(value.get(steps[0]), steps[1:])
