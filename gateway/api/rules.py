"""The rule of each route, beside the route; what has none admits nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

from gateway.access import Role

F = TypeVar("F", bound=Callable[..., Any])

Rule: TypeAlias = Role | Literal["open", "anyone"]
"""A role that the caller must have; `anyone`: every caller that is known; `open`: no caller is asked for."""

_RULE = "copperline_rule"


def rule(said: Rule) -> Callable[[F], F]:
    """States who may use the route of a function."""

    def state(function: F) -> F:
        setattr(function, _RULE, said)
        return function

    return state


def rule_of(function: Callable[..., Any]) -> Rule | None:
    """What was stated; None where nothing was."""
    found: Rule | None = getattr(function, _RULE, None)
    return found
