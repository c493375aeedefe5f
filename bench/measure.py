"""Runs both sides of a row in turn, three times, and gives the median ratio.

`Row.ratio` is this side's rate over the baseline's for throughput rows (1.0: as fast as the bare job);
None where a row has no baseline.  `cpu_us` is the gateway process's own user and system time per piece.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.baselines import Cost

ROUNDS = 3
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result: `value` and `baseline` in `unit`."""

    row: str
    ratio: float | None
    value: float
    baseline: float | None
    unit: str
    cpu_us: float | None

    def as_json(self) -> dict[str, object]:
        """The row with three significant decimals."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def worker(module: str, *arguments: object) -> Cost:
    """Run one side in a process of its own; its last line of output is its cost as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def throughput(row: str, ours: Callable[[int], Cost], baseline: Callable[[int], Cost], *, unit: str) -> Row:
    """Pieces a second on both sides, interleaved; the ratio is the median of the pairs' ratios."""
    pairs = [(ours(turn), baseline(turn)) for turn in range(ROUNDS)]
    rates = [(mine.count / mine.wall_s, bare.count / bare.wall_s) for mine, bare in pairs]
    return Row(
        row=row,
        ratio=median(mine / bare for mine, bare in rates),
        value=median(mine for mine, _ in rates),
        baseline=median(bare for _, bare in rates),
        unit=unit,
        cpu_us=median(1e6 * mine.cpu_s / mine.count for mine, _ in pairs),
    )
