"""Kills: the process ends at its N-th system call of a kind, or at a random moment."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.campaigns import faults
from tests.campaigns.tally import Tally
from tests.campaigns.trial import ROOT, Tell, Trial, hunt, said

MUTANTS = ("say-before-accept", "repeats-are-new")
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """`count` kills of the gateway as it is, then as many as it takes of each mutant."""
    random_ = random.Random(seed)
    tally = Tally("kill")
    strike = Strike()
    for _ in range(count):
        strike.once(random_, tally)
    tell(f"{tally.fired} kills fired, {tally.lost} records lost")
    hunt(MUTANTS, tally, max(5, count // 2), random_, strike.once, tell)
    return tally


class Strike:
    """Kills workers at places that one run without faults has shown to exist."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def once(self, random_: random.Random, tally: Tally, *, mutant: str = "") -> None:
        """One round: work, be killed, work again on what is there."""
        trial = Trial(random_.randrange(1 << 30))
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder)
            call, nth = self._point(trial, random_)
            ended = faults.killed_at_call(trial.command(store, mutant=mutant), call, nth, env=ENV)
            if not ended.fired:
                return
            tally.fired += 1
            trial.recover(store, said(ended.output), tally, mutant=mutant)

    def _point(self, trial: Trial, random_: random.Random) -> tuple[str, int]:
        if not self._calls:
            with tempfile.TemporaryDirectory() as folder:
                self._calls = faults.calls(trial.command(Path(folder)), env=ENV)
        call = random_.choice([call for call in faults.CALLS if self._calls[call]])
        return call, random_.randint(1, self._calls[call])
