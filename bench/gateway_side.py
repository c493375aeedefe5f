"""The gateway's side of a row: a site of its own in a temporary folder, and the real command on it.

The whole process counts, start and end included.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.baselines import Cost
from bench.measure import ROOT

AGREEMENT = """\
agreement: bench
title: A benchmark's own consumer
parties: {{provider: bench, recipient: bench}}
contact: bench
prepared_by: bench
purpose: Measuring
legal_basis: bench
law_enforcement: true
retention_days: 1
valid: {{from: 2020-01-01, to: 2035-12-31}}
topics: ["police.#"]
fields: all
start: now
destinations:
  events: {{via: {via}}}
"""

QUEUE = "copperline.bench.events"

INBOX = {"bulk": "inbox/calls", "trickle": "inbox/trickle", "nibrs": "inbox/nibrs"}
"""Where each system of the benchmarks picks its files up."""


@dataclass(frozen=True, slots=True)
class Site:
    """One benchmark site.  `broker` is the address of a RabbitMQ, "" for none."""

    folder: Path
    broker: str = ""

    def copperline(self, *arguments: str) -> str:
        """Run a command on the site to its end; returns what it printed."""
        return subprocess.run(
            self._command(*arguments), env=self.environment(), check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def run_once(self) -> tuple[Cost, dict[str, Any]]:
        """Read and deliver everything there is: what it cost, and the totals it printed."""
        started = time.perf_counter()
        with subprocess.Popen(
            self._command("run", "--once", "--json"), env=self.environment(), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            said = process.stdout.read()
            _pid, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"run --once ended with {process.returncode}")
        totals = json.loads(said.splitlines()[-1])
        return Cost(totals["read"], time.perf_counter() - started, used.ru_utime + used.ru_stime), totals

    def start(self) -> subprocess.Popen[bytes]:
        """The gateway as it runs for good; end it with `terminate`."""
        return subprocess.Popen(self._command("run"), env=self.environment(), stdout=subprocess.DEVNULL)

    def environment(self) -> dict[str, str]:
        """The caller's environment, with the site and the broker named and nothing heard of the log."""
        return {**os.environ, "COPPERLINE_SITE": str(self.folder), "COPPERLINE_BROKER": self.broker, "PYTHONPATH": str(ROOT)}

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gateway.cli", *arguments]


def make(folder: Path, *systems: str, broker: str = "", via: str = "") -> Site:
    """A new site with these systems of `bench/site` or of `mappings` and, where `via` is given, one agreement for everything."""
    site = Site(folder, broker)
    site.copperline("init", str(folder))
    (folder / "agreements" / "internal.yaml").unlink()
    for file in (folder / "var").glob("store.db*"):  # which knows that agreement: one that is gone is waited for
        file.unlink()
    site.copperline("run", "--once")
    if via:
        (folder / "agreements" / "bench.yaml").write_text(AGREEMENT.format(via=via))
        site.copperline("agreements", "approve", "bench", "--as", "who measures", "--reason", "benchmark")
    if broker:
        with (folder / "site.yaml").open("a") as settings:
            settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
    for system in systems:
        _add(site, system)
    if broker:
        site.copperline("topology", "apply", "--reason", "benchmark")
    return site


def _add(site: Site, system: str) -> None:
    here = ROOT / "bench" / "site"
    own = here / "systems" / system
    shipped = ROOT / "mappings" / "systems" / system
    shutil.copytree(own if own.is_dir() else shipped, site.folder / "systems" / system)
    shutil.copytree(here / "codes", site.folder / "codes", dirs_exist_ok=True)
    (site.folder / INBOX[system]).mkdir(parents=True)
    site.copperline("systems", "add", system, "--reason", "benchmark")


def drop(site: Site, folder: str, name: str, source: Path) -> None:
    """Put a copy of a file into a drop folder under its final name, at once."""
    inbox = site.folder / folder
    inbox.mkdir(parents=True, exist_ok=True)
    part = inbox / f".{name}.part"
    shutil.copyfile(source, part)
    part.rename(inbox / name)
