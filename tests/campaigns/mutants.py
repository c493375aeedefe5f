"""Gateways with one rule of durability broken on purpose; a campaign that does not notice proves nothing.

    python -m tests.campaigns.mutants NAME <arguments of copperline>

Each breaks the rule from outside, in the process that it starts: the gateway has no switch for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


def synchronous_normal() -> None:
    """SQLite answers a commit before the disk has it."""
    from gateway.store import sqlite

    sqlite.PRAGMAS = {**sqlite.PRAGMAS, "synchronous": 1}  # type: ignore[misc]  # the rule that this mutant breaks


def answer_before_commit() -> None:
    """Whoever waits for a commit is answered while it is still under way."""
    from gateway.store import sqlite

    honest = sqlite.Sqlite.__init__

    def early(self: sqlite.Sqlite, *given: Any, **named: Any) -> None:
        honest(self, *given, **{**named, "early": True})

    sqlite.Sqlite.__init__ = early  # type: ignore[method-assign]  # the rule that this mutant breaks


def acknowledge_before_accept() -> None:
    """The source is told that a batch is safe before the journal has seen it."""
    from gateway import pull

    honest = pull.Pull.__init__

    def hasty(self: pull.Pull, *given: Any, **named: Any) -> None:
        honest(self, *given, **named)
        take = self._take

        def told_first(batch: Any, **how: Any) -> Any:
            self._source().acknowledge(batch.cursor)
            return take(batch, **how)

        self._take = told_first

    pull.Pull.__init__ = hasty  # type: ignore[method-assign]  # the rule that this mutant breaks


def settle_before_confirm() -> None:
    """A delivery counts as done when it was handed over, not when the broker confirmed it."""
    from gateway.bus import publisher
    from gateway.lane import Heard

    honest = publisher.Publisher.lane

    def lane(self: publisher.Publisher, exchange: str, heard: Any) -> Any:
        real = honest(self, exchange, lambda _: None)
        send = real.send

        def hasty(batch: Any) -> bool:
            taken: bool = send(batch)
            if taken:
                heard(Heard(confirmed=[ticket for ticket, _ in batch]))
            return taken

        real.send = hasty
        return real

    publisher.Publisher.lane = lane  # type: ignore[method-assign]  # the rule that this mutant breaks


def repeats_are_new() -> None:
    """A record that was journalled before is taken for a new one."""
    from gateway.store import plan

    honest = plan.Plan.judge

    def forgetful(self: plan.Plan, said: plan.Said) -> int:
        state = self.states.get(said.name)
        return honest(self, said) if state is None else self.take(said, state)

    plan.Plan.judge = forgetful  # type: ignore[method-assign]  # the rule that this mutant breaks


MUTANTS: Mapping[str, Callable[[], None]] = {
    "synchronous-normal": synchronous_normal,
    "answer-before-commit": answer_before_commit,
    "acknowledge-before-accept": acknowledge_before_accept,
    "settle-before-confirm": settle_before_confirm,
    "repeats-are-new": repeats_are_new,
}


def main(name: str, *arguments: str) -> None:
    """Break the rule, then run the gateway's own command."""
    from gateway import cli

    MUTANTS[name]()
    cli.main(list(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
