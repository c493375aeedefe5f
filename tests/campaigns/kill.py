"""Kills: the process ends at its N-th system call of a kind; on the journal alone, on the whole path, and with a broker."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from tests import peers
from tests.campaigns import faults
from tests.campaigns.journey import KILLS, Kills
from tests.campaigns.tally import Tally
from tests.campaigns.trial import ROOT, Tell, Trial, hunt, said
from tests.peers.rabbitmq import RabbitMQ

MUTANTS = {"say-before-accept": "pwrite64", "repeats-are-new": "write"}
PATH_MUTANTS = {"acknowledge-before-accept": "pwrite64"}
"""Mutant → the call at which it shows: while a commit is being written, or when it is over and nobody was told."""
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def campaign(count: int, seed: int, tell: Tell, *, broker: RabbitMQ | None = None) -> Tally:
    """`count` kills: a third each on the journal, on the path to the own log, and on the path to a broker."""
    random_ = random.Random(seed)
    tally = Tally("kill")
    strike = Strike()
    for _ in range(count // 3):
        strike.once(random_, tally)
    tell(f"journal: {tally.fired} kills fired, {tally.lost} records lost")
    kills = KILLS if count >= 3 * KILLS * 3 else 1
    own_log = Kills(None, kills=kills)
    paths = {"own log": own_log, **({"broker": Kills(broker, kills=kills)} if broker else {})}
    for name, path in paths.items():
        before = tally.fired
        for _ in range(count // 3 // kills):
            path.once(random_, tally)
        tell(f"path to the {name}: {tally.fired - before} kills fired, {tally.lost} records lost so far")
    for mutants, once in ((MUTANTS, strike.once), (PATH_MUTANTS, own_log.once)):
        for mutant, where in mutants.items():
            hunt([mutant], tally, 8, random_, partial(once, where=where), tell)
    return tally


class Strike:
    """Kills workers that write to the journal, at places that one run without faults has shown to exist."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def once(self, random_: random.Random, tally: Tally, *, mutant: str = "", where: str = "") -> None:
        """One round: work, be killed, work again on what is there; `where` names the call at which to strike."""
        trial = Trial(random_.randrange(1 << 30))
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder)
            call, nth = self._point(trial, random_, where)
            tally.attempted += 1
            ended = faults.killed_at_call(trial.command(store, mutant=mutant), call, nth, env=ENV)
            if not ended.fired:
                return
            tally.fired += 1
            trial.recover(store, said(ended.output), tally, mutant=mutant)

    def _point(self, trial: Trial, random_: random.Random, where: str) -> tuple[str, int]:
        if not self._calls:
            with tempfile.TemporaryDirectory() as folder:
                self._calls = faults.calls(trial.command(Path(folder)), env=ENV)
        call = where or random_.choice(sorted(self._calls))
        return call, random_.randint(1, self._calls[call])


def main(count: int, seed: int, tell: Tell) -> Tally:
    """As started by a person: with a broker of its own, where one can run."""
    with peers.started(RabbitMQ, tell) as broker:
        return campaign(count, seed, tell, broker=broker)
