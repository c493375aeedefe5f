"""Large files: memory stays where it was, however large the input.  `--count` is the largest size in megabytes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.campaigns import rig
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell

SIZES_MB = (16, 64)
MEASURED = """\
import resource, subprocess, sys
subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command and prints its peak in KB.  A process of its own, as a child's peak begins with the size of its parent."""
REMARKS = 100
"""Words of remarks a row, which make it about 600 bytes."""


def campaign(count: int, seed: int, tell: Tell) -> Tally:
    """One file of each size, and one of `count` megabytes; `rss_mb` is the peak of the largest."""
    tally = Tally("large", needs_faults=False)
    for megabytes in sorted({*(size for size in SIZES_MB if size < count), count}):
        peak = once(megabytes, seed, tally)
        tally.extra |= {"rss_mb": peak, f"rss_mb_at_{megabytes}": peak}
        tell(f"{megabytes} MB of input: {peak} MB at the peak, {tally.lost} records lost so far")
    return tally


def once(megabytes: int, seed: int, tally: Tally) -> float:
    """One file of so many megabytes through the whole path; returns the peak memory of the process in MB."""
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder:
        made = rig.Rig(Path(folder))
        rows = _write(made.inbox, megabytes, random.Random(seed))
        command = made.command("run", "--once", "--json", "--timeout", "60s")
        measured = [sys.executable, "-c", MEASURED, *command]
        done = subprocess.run(measured, env=made.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        *said, peak_kb = done.stdout.splitlines()
        figures = json.loads(said[-1]) if said else {"accepted": 0, "delivered": 0}
        tally.attempted += 1
        tally.records += rows
        tally.lost += rows - min(figures["accepted"], figures["delivered"])
        return round(int(peak_kb) / 1024, 1)


def _write(inbox: Path, megabytes: int, random_: random.Random) -> int:
    """One file of invented calls; returns how many."""
    rows = 0
    remarks = [
        " ".join(random_.choice(("caller", "waits", "near", "the", "bridge")) for _ in range(REMARKS))
        for _ in range(50)
    ]
    unfinished = inbox / "large.part"
    with unfinished.open("w") as file:
        file.write(",".join(rig.COLUMNS) + "\n")
        while file.tell() < megabytes << 20:
            for _ in range(1000):
                number = f"C-{rows:08d}"
                file.write(f"{number},1,{number}/1,2026-03-01 12:15:00,Sampleton,{random_.choice(remarks)}\n")
                rows += 1
    unfinished.rename(inbox / "large.csv")
    return rows
