"""What an answer says became of a record, by the rules of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.soap import paths
from adapters.soap.codes import REFUSED, WARNED
from adapters.soap.settings import Exchange, Rule, Violations
from gateway.errors import Problem


def fitting(exchange: Exchange, body: Mapping[str, Any]) -> Rule | None:
    """The first rule that fits the body of an answer."""
    return next((rule for rule in exchange.answer if _fits(rule, body)), None)


def remote(exchange: Exchange, body: Mapping[str, Any]) -> str:
    """The service's own number of the record; "" where it says none."""
    return paths.text(body, exchange.remote) if exchange.remote else ""


def problems(exchange: Exchange, body: Mapping[str, Any]) -> tuple[Problem, ...]:
    """The violations that the service lists, each once.  Its words are taken from where the settings say that no value stands."""
    if exchange.violations is None:
        return ()
    return tuple(dict.fromkeys(_problems(exchange.violations, body)))


def _problems(said: Violations, body: Mapping[str, Any]) -> Iterator[Problem]:
    for violation in paths.each(body, said.each):
        named = [paths.text(violation, path) if path else "" for path in (said.code, said.text)]
        warned = bool(said.level) and paths.text(violation, said.level) in said.warnings
        yield Problem(
            WARNED if warned else REFUSED,
            path=paths.text(violation, said.path) if said.path else "",
            rule=" ".join(": ".join(filter(None, named)).split()),
        )


def _fits(rule: Rule, body: Mapping[str, Any]) -> bool:
    if not rule.at:
        return True
    found = [paths.plain(each) for each in paths.each(body, rule.at)]
    return any(each in rule.is_ for each in found) if rule.is_ else bool(found)
