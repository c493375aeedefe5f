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

from tests.campaigns import faults
from tests.campaigns.tally import Arrival

ROOT = Path(__file__).resolve().parents[2]
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
      folder: %s
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
agreement: %s
title: The agency's own services
parties: {provider: Trial, recipient: Trial}
contact: Trial
prepared_by: Trial
purpose: campaigns
legal_basis: Trial
law_enforcement: true
retention_days: 1
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.#"]
fields: all
backfill: false
destinations:
  services: {via: %s}
start: now
"""


class Rig:
    """One site in a folder of its own.  `name` is its only agreement, so that one broker can serve many; `to` is where it leads."""

    def __init__(
        self,
        folder: Path,
        *,
        broker_url: str = "",
        name: str = "internal",
        reserve: str = "1MB",
        inbox: Path | None = None,
        to: str = "log",
    ) -> None:
        self.root = folder / "site"
        self.inbox = inbox or folder / "inbox"
        self.queue = f"copperline.{name}.services"
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), "COPPERLINE_BROKER": broker_url}
        self._make(name, "bus" if broker_url else to, reserve=reserve)

    def command(self, *arguments: str, mutant: str = "") -> list[str]:
        """A command line of the gateway on this site; of a broken one where a mutant is named."""
        program = ["-m", "tests.campaigns.mutants", mutant] if mutant else ["-m", "gateway.cli"]
        return [sys.executable, *program, *arguments, "--site", str(self.root)]

    def once(self, *, mutant: str = "") -> list[str]:
        """Read what is there, deliver it, stop."""
        return self.command("run", "--once", "--json", "--timeout", "20s", mutant=mutant)

    def run(self, *arguments: str) -> faults.Ended:
        """One command to its end, without any fault."""
        return faults.run(self.command(*arguments), env=self.env)

    def drop(self, name: str, rows: Sequence[Sequence[str]]) -> list[str]:
        """A file arrives: written under another name, then renamed.  Returns what the source calls its records."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        unfinished = self.inbox / f"{name}.part"
        unfinished.write_text(text.getvalue())
        unfinished.rename(self.inbox / f"{name}.csv")
        return records(rows)

    def log(self) -> list[Arrival]:
        """What the site's own log gives a consumer, in order."""
        ended = self.run("tail", "--json", "--reveal", "--reason", "campaign")
        if ended.code:
            raise RuntimeError(ended.errors)
        return [Arrival.of(json.loads(line)) for line in ended.output.splitlines()]

    @property
    def left(self) -> int:
        """Files that were not finished with."""
        return len(list(self.inbox.glob("*.csv")))

    def _make(self, name: str, via: str, *, reserve: str) -> None:
        from gateway import agreed, site, store

        site.init(self.root, "trial", "ZZ0010000")
        trial = self.root / "systems" / "trial"
        trial.mkdir()
        self.inbox.mkdir(exist_ok=True)
        (trial / "system.yaml").write_text(_SYSTEM % self.inbox)
        (trial / "call.yaml").write_text(_MAPPING)
        (self.root / "agreements" / "internal.yaml").unlink()
        agreement = _AGREEMENT % (name, via)
        (self.root / "agreements" / f"{name}.yaml").write_text(agreement)
        with (self.root / "site.yaml").open("a") as settings:
            settings.write(f"free_space: {reserve}\n")
            if via == "bus":
                settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        here = site.open(self.root)
        with store.open(here.store_url(), site.keys(here)) as opened:
            agreed.approve(here, opened, name, "", by="Second trial", reason="campaign")


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
