"""A full disk: nothing is half-accepted, the gateway says what a person must do, and then everything arrives."""

from __future__ import annotations

import random
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from tests.campaigns import faults, journey, rig
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell, hunt

MUTANTS = ("full-is-fine",)
FILES, ROWS = 30, 100


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """`count` disks of different sizes, each too small; then the mutants."""
    random_ = random.Random(seed)
    tally = Tally("disk")
    for number in range(count):
        # With a reserve the gateway stops before the disk is full; without one it runs into the wall.
        once(random_, tally, reserve="1MB" if number % 3 == 2 else "0MB")
    tell(f"{tally.fired} disks were full, {tally.lost} records lost")
    hunt(MUTANTS, tally, 4, random_, once, tell)
    return tally


def once(random_: random.Random, tally: Tally, *, mutant: str = "", reserve: str = "0MB") -> None:
    """One disk: work until it is full, make it larger, work on."""
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder, _disk(Path(folder), random_) as disk:
        made = rig.Rig(disk, reserve=reserve, inbox=Path(folder) / "inbox")
        accepted = journey.fill(made, random_, files=FILES, rows=ROWS)
        ended = faults.run(made.once(mutant=mutant), env=made.env)
        fired = int(ended.code != 0 and "store.full" in ended.errors)
        tally.attempted += 1
        tally.fired += fired or int(bool(mutant))
        faults.enlarge(disk, kilobytes=64_000)
        journey.finish(made, None, accepted, tally, fired, mutant)


def _disk(folder: Path, random_: random.Random) -> AbstractContextManager[Path]:
    return faults.small_disk(folder / "disk", kilobytes=random_.randint(900, 3500))
