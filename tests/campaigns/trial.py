"""One round of a campaign against the journal: work, a fault, recovery, and what came of it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns import worker
from tests.campaigns.tally import Tally

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS, ROWS = 12, 20

Tell = Callable[[str], None]
"""Says a line to a person."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A seeded source; `said` is how many documents it was told are safe."""

    seed: int
    documents: int = DOCUMENTS
    rows: int = ROWS

    def command(self, store: Path, *, first: int = 0, mutant: str = "") -> list[str]:
        """The worker, as a process to be killed."""
        given = [str(store), str(self.seed), str(self.documents), str(self.rows), str(first)]
        return [sys.executable, "-m", "tests.campaigns.worker", *given, *([mutant] if mutant else [])]

    def recover(self, store: Path, said: int, tally: Tally, *, mutant: str = "") -> None:
        """Start again as the source would: with what it was not told is safe; then lay everything side by side."""
        done = subprocess.run(
            self.command(store, first=said, mutant=mutant), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            tally.extra["failed"] = done.stderr[-2000:]
            tally.lost += self.documents * self.rows
            return
        tally.recovered += 1
        tally.add(worker.expected(self.seed, self.documents, self.rows), worker.arrivals(store))


def said(output: str) -> int:
    """How many documents a worker's output says are safe."""
    return len([line for line in output.splitlines() if line.strip().isdigit()])


def hunt(
    mutants: Sequence[str], tally: Tally, tries: int, random_: random.Random, once: Callable[..., None], tell: Tell
) -> None:
    """Run each mutant through the same faults until it breaks a promise; one that never does was not caught."""
    for mutant in mutants:
        tally.mutants += 1
        broken = Tally(tally.campaign)
        for _ in range(tries):
            once(random_, broken, mutant=mutant)
            if broken.broken:
                tally.mutants_caught += 1
                break
        tell(
            f"mutant {mutant}: {'caught' if broken.broken else 'NOT caught'} after {broken.fired} faults, {broken.lost} lost"
        )
