"""Which records an agreement is about: `select` names values that must be there, `leave_out` such that must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        for steps, values in wanted:
            if not _any(record, steps, values):
                return False
        return all(not _any(record, steps, values) for steps, values in unwanted)

    return chosen


def as_text(value: Any) -> str:
    """A value as a person writes it in an agreement."""
    if type(value) is str:
        return value
    return str(value).lower() if type(value) is bool else str(value)


def _compiled(conditions: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    return [(tuple(path.split(".")), frozenset(values)) for path, values in conditions.items()]


def _any(value: Any, steps: tuple[str, ...], values: frozenset[str]) -> bool:
    """Whether any plain value at a path is one of these; lists are walked without being named."""
    for index, step in enumerate(steps):
        if type(value) is list:
            rest = steps[index:]
            return any(_any(item, rest, values) for item in value)
        if type(value) is not dict:
            return False
        value = value.get(step)
    if type(value) is list:
        return any(_any(item, (), values) for item in value)
    return value is not None and type(value) is not dict and as_text(value) in values
