"""Power cuts: the disk loses everything that was not synced, at a moment of its own choosing.

The site lies on a file system that keeps writes in memory until fsync, and that is killed at its
N-th operation; in half of the rounds some unsynced writes reach the disk all the same.  Half of the
cuts meet the journal alone, half the whole path: there the drop folder is another machine's, so a
file that was taken away too early is gone for good.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.campaigns import faults, journey, rig
from tests.campaigns.powerfs import PowerFs
from tests.campaigns.tally import Tally
from tests.campaigns.trial import ROOT, Tell, Trial, hunt, said

SYNCS, PATH_SYNCS, WRITES = range(6, 17), range(4, 12), range(60, 701)
"""At which sync or write the power goes: in a round to which nothing happens these meet the journal at work."""
MUTANTS = ("synchronous-normal", "lying-fsync", "say-before-accept", "answer-before-sync")
PATH_MUTANTS = ("lying-fsync", "acknowledge-before-accept")


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """`count` power cuts on the gateway as it is, then as many as it takes on each mutant."""
    random_ = random.Random(seed)
    tally = Tally("powercut")
    for what, round_, cuts in (("journal", once, count - count // 2), ("whole path", path_once, count // 2)):
        before = tally.fired
        for _ in range(2 * count):
            if tally.fired - before < cuts:
                round_(random_, tally)
        tell(f"{what}: {tally.fired - before} power cuts fired, {tally.lost} records lost")
    hunt(MUTANTS, tally, max(8, count // 2), random_, once, tell)
    hunt(PATH_MUTANTS, tally, max(8, count // 2), random_, path_once, tell)
    return tally


def once(random_: random.Random, tally: Tally, *, mutant: str = "") -> None:
    """One round: work, cut, work again on what the disk kept."""
    trial = Trial(random_.randrange(1 << 30))
    with tempfile.TemporaryDirectory() as folder:
        lying = mutant == "lying-fsync"
        with PowerFs(Path(folder), lying=lying, seed=trial.seed, **_cut(random_, SYNCS)) as disk:
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


def path_once(random_: random.Random, tally: Tally, *, mutant: str = "") -> None:
    """One round of the whole path: files come in, the power goes, and the gateway starts on what the disk kept."""
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder:
        parent = Path(folder)
        made = rig.Rig(parent / "disk", inbox=parent / "inbox")
        accepted = journey.fill(made, random_)
        lying = mutant == "lying-fsync"
        with PowerFs(parent, lying=lying, seed=random_.randrange(1 << 30), **_cut(random_, PATH_SYNCS)) as disk:
            made.root = disk.mount / "site"
            faults.run(made.once(mutant="" if lying else mutant), env=made.env)
            fired = disk.gone
        tally.attempted += 1
        if not fired:
            return
        tally.fired += 1
        made.root = disk.backing / "site"
        journey.finish(made, None, accepted, tally, 1)


def _cut(random_: random.Random, syncs: range) -> dict[str, Any]:
    """When the power goes, and how much of what was not synced is there all the same.

    A sync and a write are different moments: whoever syncs too seldom is met at a write only.
    """
    when = {"syncs": random_.choice(syncs)} if random_.random() < 0.5 else {"writes": random_.choice(WRITES)}
    return {"torn": random_.choice((0.0, 0.3)), **when}
