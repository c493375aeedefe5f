"""A small site on real files, and a source whose every record can be told apart at the other end.

The gateway runs as it does for a user: `copperline run --once`, in a process of its own.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.campaigns.tally import Arrival

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "copperline.internal.services"
COLUMNS = ("number", "revision", "record", "opened", "city", "remarks")

_SYSTEM = """\
system: trial
title: Invented calls, for campaigns
agency: ZZ0010000
zone: America/New_York
feeds:
  calls:
    adapter: flatfile
    settings:
      folder: inbox
      match: "*.csv"
      ready: {by: rename}
      charset: ascii
      layout: {form: delimited, header: true, kind: call, key: [number]}
    every: 1s
    mappings: {call: call.yaml}
"""

_MAPPING = """\
kind: call
title: An invented call
entity: incident
subject: number
time: {from: opened, as: time}
fields:
  incidentId: number
  reportNumber: record
  locations:
    - fields: {city: city}
  narrative: remarks
ignored: [revision]
"""

_AGREEMENT = """\
agreement: internal
title: The agency's own services
parties: {provider: Trial, recipient: Trial}
purpose: campaigns
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.#"]
fields: all
backfill: false
destinations:
  %s
start: now
"""


class Rig:
    """One site in a folder of its own."""

    def __init__(self, folder: Path, *, broker_url: str = "") -> None:
        self.root = folder
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_BROKER": broker_url}
        self._make(broker_url)

    def command(self, *arguments: str, mutant: str = "") -> list[str]:
        """A command line of the gateway on this site; of a broken one where a mutant is named."""
        program = ["-m", "tests.campaigns.mutants", mutant] if mutant else ["-m", "gateway.cli"]
        return [sys.executable, *program, *arguments, "--site", str(self.root)]

    def once(self, *, mutant: str = "") -> list[str]:
        """Read what is there, deliver it, stop."""
        return self.command("run", "--once", "--json", mutant=mutant)

    def drop(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        """A file arrives: written under another name, then renamed."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        unfinished = self.inbox / f"{name}.part"
        unfinished.write_text(text.getvalue())
        unfinished.rename(self.inbox / f"{name}.csv")

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def left(self) -> int:
        """Files that were not finished with."""
        return len(list(self.inbox.glob("*.csv")))

    def _make(self, broker_url: str) -> None:
        from gateway import site

        site.init(self.root, "trial", "ZZ0010000")
        trial = self.root / "systems" / "trial"
        trial.mkdir()
        self.inbox.mkdir()
        (trial / "system.yaml").write_text(_SYSTEM)
        (trial / "call.yaml").write_text(_MAPPING)
        destination = "services: {via: bus}" if broker_url else "log: {via: log}"
        (self.root / "agreements" / "internal.yaml").write_text(_AGREEMENT % destination)
        if broker_url:
            with (self.root / "site.yaml").open("a") as settings:
                settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")


def documents(random_: random.Random, *, files: int, rows: int) -> Iterator[tuple[str, list[list[str]]]]:
    """Invented files of invented calls: new ones, and every third row a later revision of an earlier one."""
    revisions: dict[str, int] = {}
    for number in range(files):
        lines = []
        for _ in range(rows):
            again = revisions and random_.random() < 0.3
            call = random_.choice(sorted(revisions)) if again else f"C-{len(revisions):06d}"
            revisions[call] = revisions.get(call, 0) + 1
            lines.append(_row(call, revisions[call], random_))
        yield f"{number:05d}", lines


def records(lines: Sequence[Sequence[str]]) -> list[str]:
    """What the source calls each of these rows: number and revision."""
    return [line[2] for line in lines]


def from_bodies(bodies: Sequence[bytes]) -> list[Arrival]:
    """The arrivals of structured events, as a queue gave them."""
    return [Arrival.of(json.loads(body)) for body in bodies]


def _row(call: str, revision: int, random_: random.Random) -> list[str]:
    opened = f"2026-0{random_.randint(1, 9)}-{random_.randint(1, 28):02d} {random_.randint(10, 23)}:15:00"
    remarks = " ".join(random_.choice(("caller", "waits", "outside", "near", "the", "bridge")) for _ in range(12))
    return [call, str(revision), f"{call}/{revision}", opened, "Sampleton", remarks]
