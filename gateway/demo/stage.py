"""The stage: a site of its own, its two city services, the broker where one is named, and the narrator."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from gateway.demo.relay import Relay
from gateway.figures import PAIRS, RECORDS, Figures
from gateway.site import shipped

AGREEMENT = """\
agreement: {name}
title: {title}
parties: {{provider: Copperton police, recipient: {recipient}}}
contact: {recipient}
prepared_by: Chief clerk
purpose: {purpose}
legal_basis: Copperton city code, section 7
law_enforcement: false
authority: Council resolution 12
impact_assessment: Assessment 3 of the city
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 7
topics: {topics}
fields:
{fields}
start: now
destinations:
  service: {{via: {via}}}
"""

SERVICES: Mapping[str, Mapping[str, Any]] = {
    "street-light": {
        "title": "Light where there was a collision",
        "recipient": "Street lighting",
        "purpose": "Raising the light of a district while people work in the road",
        "topics": ["police.*.incident.#"],
        "fields": {"incident": ("types", "statuses", "locations.district")},
    },
    "city-map": {
        "title": "Where the city's roads are busy",
        "recipient": "Traffic office",
        "purpose": "Showing road users where to go slowly",
        "topics": ["police.*.incident.#", "police.*.unit.#"],
        "fields": {
            "incident": ("types", "statuses", "reportedAt", "locations.block", "locations.district"),
            "unit": ("type", "primaryStatus", "location.district"),
        },
    },
}
"""Two city services, and the fields that each may have."""

SOURCE = "/city/traffic-control"
"""What the traffic office speaks for when it tells the police something."""

RUNS = {"PYTHONUNBUFFERED": "1"}


class Stage:
    """Where the evening plays.  Use it as a context; it gives back what it started."""

    def __init__(self, folder: Path, *, pause_s: float, aside: bool) -> None:
        self.folder = folder
        self._pause_s = pause_s
        self._out = sys.stderr if aside else sys.stdout
        self._figures: list[Mapping[str, Any]] = []
        self._broker = os.environ.get("COPPERLINE_BROKER", "")
        self._relay: Relay | None = None
        self._received: dict[str, list[dict[str, Any]]] = {name: [] for name in SERVICES}

    def __enter__(self) -> Self:
        if self._broker:
            at = urlsplit(self._broker)
            self._relay = Relay((at.hostname or "127.0.0.1", at.port or 5672))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._relay is not None:
            self._relay.close()

    @property
    def _user(self) -> str:
        """The log-in that this evening's services share; in a city each has its own."""
        return unquote(urlsplit(self._broker).username or "guest")

    @property
    def relay(self) -> Relay | None:
        """The cable to the broker; None where the evening plays without one."""
        return self._relay

    def act(self, title: str, story: str) -> None:
        """Begin an act."""
        time.sleep(self._pause_s)
        self.say(f"\n── {title} " + "─" * max(4, 92 - len(title)) + f"\n{story}")

    def say(self, text: str) -> None:
        """The narrator."""
        print(text, file=self._out, flush=True)

    def build(self) -> None:
        """Make the site, its three systems and its agreements, as an engineer would."""
        self.copperline("init", str(self.folder), "--name", "copperton", "--agency", "XX0000000", site=False)
        via = "bus" if self._broker else "log"
        if self._broker:
            with (self.folder / "site.yaml").open("a") as settings:
                settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        for name, service in SERVICES.items():
            (self.folder / "agreements" / f"{name}.yaml").write_text(_agreement(name, service, via))
        for system, template in (("cad", "cad-export"), ("bodycam", "bodycam-export"), ("rms", "nibrs")):
            self.copperline("new", system, "--from", template)
            said = self.folder / "systems" / system / "system.yaml"
            said.write_text(re.sub(r"ready: \{.*\}.*", "ready: {by: rename}", said.read_text()))
        self.copperline("check")
        for name in SERVICES:
            self.copperline("agreements", "approve", name, "--as", "Chief of police", "--reason", "read and agreed")
        if self._broker:
            self.copperline("topology", "apply", "--reason", "the evening begins", "--yes")

    def arrives(self, folder: str, name: str, content: bytes) -> None:
        """A legacy system drops a file: written aside, then renamed."""
        inbox = self.folder / folder
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / f"{name}.part").write_bytes(content)
        (inbox / f"{name}.part").rename(inbox / name)
        self.say(f"  a file arrives: {folder}/{name} ({len(content)} bytes)")

    def run(self, *, timeout: str = "20s") -> Mapping[str, Any]:
        """`copperline run --once`: its figures, which count for the evening."""
        said = self.copperline("run", "--once", "--json", "--timeout", timeout, accept=(0, 3, 4))
        figures: Mapping[str, Any] = json.loads(said.splitlines()[-1])
        self.say("  " + ", ".join(f"{figures[key]} {key.replace('_', ' ')}" for key in (*RECORDS, *PAIRS) if figures[key]))
        return figures

    def kill_in_midst(self, after: int) -> int:
        """Start the gateway and kill it, without a word, when it has read so many records; returns how many it had."""
        command = self._command("run")
        self.say("  $ copperline run        … and its plug is pulled")
        process = subprocess.Popen(command, env=self._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while (read := self.status_read()) < after and process.poll() is None:
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        return read

    def status_read(self) -> int:
        """How many records the journal has answered for."""
        said = json.loads(self.copperline("status", "--json", aloud=False))
        return sum(row["read"] for row in said["systems"])

    def received(self, service: str) -> list[dict[str, Any]]:
        """What a city service was newly given, read the way it reads."""
        if self._broker:
            command = [sys.executable, "-m", "gateway.demo.consumer", f"copperline.{service}.service"]
            said = subprocess.run(command, env={**os.environ}, check=True, stdout=subprocess.PIPE, text=True).stdout
            new = [json.loads(line) for line in said.splitlines()]
        else:
            said = self.copperline("tail", "--agreement", service, "--json", "--reveal", "--reason", "the service reads", aloud=False)
            new = [json.loads(line) for line in said.splitlines()][len(self._received[service]) :]
        self._received[service] += new
        return new

    def connect(self, services: Sequence[str]) -> None:
        """Give the city's own services their agreements, approved by somebody else than who wrote them, and their queues."""
        for name in services:
            shutil.copy(shipped("examples") / name / f"{name}.yaml", self.folder / "agreements")
            self.copperline("agreements", "approve", name, "--as", "Chief of police", "--reason", "read and agreed")
        self.copperline("new", "city-alerts", "--from", "city-alerts")
        said = self.folder / "systems" / "city-alerts" / "system.yaml"
        said.write_text(said.read_text().replace("user: city-desk", f"user: {self._user}").replace("/city/desk", f"{SOURCE}\n      answers_for: [{', '.join(services)}]"))
        self.copperline("topology", "apply", "--reason", "four services more, and a way in", "--yes")

    def serve(self, service: str, *arguments: str) -> list[str]:
        """Let a service run until its queue is empty, or give it one command; returns the lines it printed."""
        folder = self.folder / "var" / "city"
        folder.mkdir(parents=True, exist_ok=True)
        own = {"INBOUND": f"copperline.inbound.{self._user}", "SOURCE": SOURCE, "BROKER": self._broker, "QUEUE": f"copperline.{service}.service", "IDLE_S": "1", "STATE": str(folder / f"{service}.db"), "FEED": str(folder / "feed.json")}
        command = [sys.executable, str(shipped("examples") / service / "consumer.py"), *arguments]
        said = subprocess.run(command, env={**os.environ, **own}, check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in said.splitlines():
            self.say(f"  {service} → {line}")
        return said.splitlines()

    def feed(self) -> list[str]:
        """What the neighbourhood reads."""
        held = json.loads((self.folder / "var" / "city" / "feed.json").read_bytes())
        return [item["content_text"] for item in held["items"]]

    def copperline(self, *arguments: str, accept: tuple[int, ...] = (0,), aloud: bool = True, site: bool = True) -> str:
        """Run one command to its end and return what it printed."""
        if aloud:
            self.say("  $ copperline " + " ".join(f'"{word}"' if " " in word else word for word in arguments))
        environment = self._environment() if site else {**self._environment(), "COPPERLINE_SITE": "."}
        done = subprocess.run(self._command(*arguments), env=environment, check=False, capture_output=True, text=True)
        if done.returncode not in accept:
            raise RuntimeError(f"copperline {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def figures(self) -> dict[str, Any]:
        """The figures of the whole evening, in the shape of one run's: what the journal holds, since it began empty."""
        from gateway import site, store
        from gateway.outbound import standing_by_system

        here = site.open(self.folder)
        opened = store.open(here.store_url(), site.keys(here), read_only=True)
        try:
            records = opened.journal.totals()
            pairs = standing_by_system(here, opened)
        finally:
            opened.close()
        return Figures(
            {
                name: {
                    **{key: getattr(records[name], key) if name in records else 0 for key in RECORDS},
                    **{key: getattr(pairs[name], key) if name in pairs else 0 for key in PAIRS},
                }
                for name in {*records, *pairs}
            }
        ).as_dict()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gateway.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        named = {"COPPERLINE_SITE": str(self.folder)}
        if self._relay is not None:
            at = urlsplit(self._broker)
            named["COPPERLINE_BROKER"] = at._replace(netloc=f"{at.username}:{at.password}@127.0.0.1:{self._relay.port}").geturl()
        return {**os.environ, **RUNS, **named}


def _agreement(name: str, service: Mapping[str, Any], via: str) -> str:
    fields = "\n".join(
        f"  {entity}: {{{', '.join(f'{path}: plain' for path in paths)}}}" for entity, paths in service["fields"].items()
    )
    said = {key: service[key] for key in ("title", "recipient", "purpose")}
    return AGREEMENT.format(name=name, via=via, fields=fields, topics=json.dumps(service["topics"]), **said)
