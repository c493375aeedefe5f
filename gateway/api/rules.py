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


_DIRECT = "copperline_direct"


def direct(answer: Callable[..., Any]) -> Callable[[F], F]:
    """States what answers a route in place of its function, which then only says what the document says of it.

    For the one route whose every microsecond counts: reading its few parameters costs more than its key.
    """

    def state(function: F) -> F:
        setattr(function, _DIRECT, answer)
        return function

    return state


def direct_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What answers in its place; None where the function itself does."""
    found: Callable[..., Any] | None = getattr(function, _DIRECT, None)
    return found
