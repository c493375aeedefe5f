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

SYNCS, WRITES = 16, 700
"""What a round takes, more or less, when nothing happens to it."""
MUTANTS = ("synchronous-normal", "lying-fsync", "say-before-accept")


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """`count` power cuts on the gateway as it is, then as many as it takes on each mutant."""
    random_ = random.Random(seed)
    tally = Tally("powercut")
    for _ in range(2 * count):
        if tally.fired < count:
            once(random_, tally)
    tell(f"{tally.fired} power cuts fired, {tally.lost} records lost")
    hunt(MUTANTS, tally, max(8, count // 2), random_, once, tell)
    return tally


def once(random_: random.Random, tally: Tally, *, mutant: str = "") -> None:
    """One round: work, cut, work again on what the disk kept."""
    trial = Trial(random_.randrange(1 << 30))
    torn = random_.choice((0.0, 0.3))
    with tempfile.TemporaryDirectory() as folder:
        # A sync and a write are different moments; whoever syncs too seldom is met at a write only.
        cut = (
            {"syncs": random_.randint(6, SYNCS)} if random_.random() < 0.5 else {"writes": random_.randint(60, WRITES)}
        )
        lying = mutant == "lying-fsync"
        with PowerFs(Path(folder), lying=lying, torn=torn, seed=trial.seed, **cut) as disk:
            command = trial.command(disk.mount, mutant="" if lying else mutant)
            done = subprocess.run(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
            )
            fired = disk.gone
        tally.attempted += 1
        if not fired:
            return
        tally.fired += 1
        trial.recover(disk.backing, said(done.stdout), tally)
