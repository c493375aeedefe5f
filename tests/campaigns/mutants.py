"""Gateways with one rule of durability broken on purpose; a campaign that does not notice proves nothing.

    python -m tests.campaigns.mutants NAME <arguments of copperline>

Each breaks the rule from outside, in the process that it starts: the gateway has no switch for it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from typing import Any


def synchronous_normal() -> None:
    """SQLite answers a commit before the disk has it."""
    from gateway.store import sqlite

    store: Any = sqlite
    store.PRAGMAS = {**sqlite.PRAGMAS, "synchronous": 1}


def answer_before_sync() -> None:
    """Whoever waits for a commit is answered when it is written, and only then is it synced."""
    from gateway.store import sqlite, writer

    store: Any = sqlite
    store.PRAGMAS = {**sqlite.PRAGMAS, "synchronous": 0}
    broken: Any = writer.Writer
    honest = broken._commit

    def hasty(self: Any, group: Any) -> None:
        honest(self, group)
        try:
            (_, _, path) = self._connection.execute("PRAGMA database_list").fetchone()
            log = os.open(f"{path}-wal", os.O_RDWR)
            os.fsync(log)
            os.close(log)
        except (OSError, sqlite3.Error):
            os._exit(1)  # the power is gone, and nobody must wait for this thread

    broken._commit = hasty


def acknowledge_before_accept() -> None:
    """The source is told that a batch is safe before the journal has seen it."""
    from gateway import pull

    broken: Any = pull.Pull
    honest = broken.__init__

    def hasty(self: Any, *given: Any, **named: Any) -> None:
        honest(self, *given, **named)
        take = self._take

        def told_first(batch: Any, **how: Any) -> Any:
            self._source.acknowledge(batch.cursor)
            return take(batch, **how)

        self._take = told_first

    broken.__init__ = hasty


def settle_before_confirm() -> None:
    """A delivery counts as done when it was handed over, not when the broker confirmed it."""
    from gateway.bus import publisher
    from gateway.lane import Heard

    broken: Any = publisher.Publisher
    honest = broken.lane

    def lane(self: Any, exchange: str, heard: Any) -> Any:
        real = honest(self, exchange, lambda _: None)
        send = real.send

        def hasty(batch: Any) -> bool:
            taken: bool = send(batch)
            if taken:
                heard(Heard(confirmed=[ticket for ticket, _ in batch]))
            return taken

        real.send = hasty
        return real

    broken.lane = lane


def repeats_are_new() -> None:
    """A record that was journalled before is taken for a new one."""
    from gateway.store import plan

    broken: Any = plan.Plan
    honest = broken.judge

    def forgetful(self: Any, said: Any) -> Any:
        state = self.states.get(said.name)
        return honest(self, said) if state is None else self.take(said, state)

    broken.judge = forgetful


def full_is_fine() -> None:
    """A store that says it is full is taken for one that has taken the batch."""
    from gateway import intake
    from gateway.errors import Retry
    from gateway.store.rows import Accepted

    broken: Any = intake.Intake
    honest = broken.take

    def hopeful(self: Any, batch: Any, **how: Any) -> Any:
        try:
            return honest(self, batch, **how)
        except Retry:
            return Accepted(len(batch.records), len(batch.records))

    broken.take = hopeful


MUTANTS: Mapping[str, Callable[[], None]] = {
    "synchronous-normal": synchronous_normal,
    "answer-before-sync": answer_before_sync,
    "acknowledge-before-accept": acknowledge_before_accept,
    "settle-before-confirm": settle_before_confirm,
    "full-is-fine": full_is_fine,
    "repeats-are-new": repeats_are_new,
}


def main(name: str, *arguments: str) -> None:
    """Break the rule, then run the gateway's own command."""
    from gateway import cli

    MUTANTS[name]()
    cli.main(list(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
