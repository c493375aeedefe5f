"""Power cuts: the disk loses everything that was not synced, at a moment of its own choosing.

The journal works on a file system that keeps writes in memory until fsync, and that is killed at
its N-th operation; in half of the rounds some unsynced writes reach the disk all the same.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from pathlib import Path

from tests.campaigns.powerfs import PowerFs
from tests.campaigns.tally import Tally
from tests.campaigns.trial import ROOT, Tell, Trial, hunt, said

MUTANTS = ("synchronous-normal", "lying-fsync", "say-before-accept")


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """`count` power cuts on the gateway as it is, then as many as it takes on each mutant."""
    random_ = random.Random(seed)
    tally = Tally("powercut")
    for _ in range(count):
        once(random_, tally)
    tell(f"{tally.fired} power cuts fired, {tally.lost} records lost")
    hunt(MUTANTS, tally, max(3, count // 2), random_, once, tell)
    return tally


def once(random_: random.Random, tally: Tally, *, mutant: str = "") -> None:
    """One round: work, cut, work again on what the disk kept."""
    trial = Trial(random_.randrange(1 << 30))
    torn = random_.choice((0.0, 0.3))
    with tempfile.TemporaryDirectory() as folder:
        # How far it may get: every document syncs once or more, the start of a store some more.
        syncs = random_.randint(8, 2 * trial.documents)
        lying, writes = mutant == "lying-fsync", random_.randint(0, 6)
        with PowerFs(Path(folder), lying=lying, torn=torn, seed=trial.seed, syncs=syncs, writes=writes) as disk:
            command = trial.command(disk.mount, mutant="" if lying else mutant)
            done = subprocess.run(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
            )
            fired = disk.gone
        if not fired:
            return
        tally.fired += 1
        trial.recover(disk.backing, said(done.stdout), tally)
