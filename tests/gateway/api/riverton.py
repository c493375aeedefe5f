"""An invented agency whose systems send documents: CSV, XML and JSON, one mapping for all three."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from gateway import acts, agreed, context, site, store
from gateway.access import Book, book, keyfile
from gateway.api.app import build
from gateway.api.server import Server
from gateway.runner import Runner
from gateway.settings import Api
from gateway.site import Site
from gateway.telemetry import Metrics

LOOK_S = 0.05
"""How often this gateway looks at its callers' files; a user's does so once a second."""

SYSTEM = """\
system: cad
title: Invented dispatch
agency: ZZ0010000
zone: America/New_York
feeds:
  calls:
    adapter: document
    settings: {charset: utf-8, layout: {form: delimited, header: true, kind: call, key: [number]}}
    hold: skip
    mappings: {call: call.yaml}
  latin:
    adapter: document
    settings: {charset: cp1252, layout: {form: delimited, header: true, kind: call, key: [number]}}
    mappings: {call: call.yaml}
  xml:
    adapter: document
    settings: {layout: {form: xml, records: /calls/call, kind: call, key: [number]}}
    mappings: {call: call.yaml}
  json:
    adapter: document
    settings: {layout: {form: json, records: "[]", kind: call, key: [number]}}
    mappings: {call: call.yaml}
"""

MAPPING = """\
kind: call
title: An invented call
entity: incident
subject: number
time: {from: opened, as: time}
optional: true
fields:
  incidentId: {from: number, optional: false}
  reportNumber: record
  locations:
    - fields: {city: city}
  narrative: remarks
"""

HEADER = "number,record,opened,city,remarks\n"


def row(number: int | str, record: str = "", *, city: str = "Sampleton", opened: str = "2026-03-01 12:15:00", remarks: str = "waits") -> str:
    return f"{number},{record or f'{number}/1'},{opened},{city},{remarks}\n"


def rows(count: int, first: int = 1) -> bytes:
    return (HEADER + "".join(row(f"C-{number:06d}") for number in range(first, first + count))).encode()


def made(folder: Path) -> Site:
    """The site on disk."""
    site.init(folder, "riverton", "ZZ0010000")
    with (folder / "site.yaml").open("a") as settings:
        settings.write("free_space: 0MB\n")
    cad = folder / "systems" / "cad"
    cad.mkdir()
    (cad / "system.yaml").write_text(SYSTEM)
    (cad / "call.yaml").write_text(MAPPING)
    (folder / "callers").mkdir()
    return site.open(folder)


@dataclass
class Riverton:
    """A running gateway whose facade listens, and its callers."""

    here: Site
    runner: Runner
    log: Heard
    base: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    def caller(self, name: str, *roles: str, systems: Mapping[str, Any] | None = None, **more: Any) -> str:
        """A new caller; returns its key."""
        granted = systems if systems is not None else {"cad": "all"}
        said = {"caller": name, "roles": list(roles), "systems": granted, **more}
        if "read" in roles:
            said.setdefault("agreement", "internal")
        (self.here.callers / f"{name}.yaml").write_text(json.dumps(said))  # JSON is YAML
        text, key = keyfile.made()
        keyfile.write(self.here.callers / f"{name}.keys", [key])
        self.keys[name] = text
        time.sleep(1.1 * LOOK_S)
        return text

    def approve(self, name: str) -> None:
        """A second person puts an agreement into force."""
        agreed.approve(self.here, self.runner.store, name, "", by="B. Sample", reason="a test")
        self.runner.outbound.look()

    def client(self, name: str = "", **headers: str) -> httpx.Client:
        """A client that sends a caller's key."""
        if name:
            headers["Authorization"] = f"Bearer {self.keys[name]}"
        return httpx.Client(base_url=self.base, headers=headers, timeout=30, trust_env=False)

    def send(self, body: bytes | str, feed: str = "calls", *, caller: str = "vendor", **headers: str) -> httpx.Response:
        """One document."""
        with self.client(caller) as client:
            return client.post(f"/v1/systems/cad/{feed}", content=body, headers={name.replace("_", "-"): said for name, said in headers.items()})

    def events(self) -> list[dict[str, Any]]:
        """What is in the journal, as canonical records, in order."""
        found = []
        for feed in self.runner.store.journal.feeds():
            destination = self.runner.store.deliveries.destinations()[0].id
            found += self.runner.store.deliveries.read(destination, feed.id, 0, 100_000)
        return [{"topic": one.topic, **json.loads(one.data)} for one in sorted(found, key=lambda one: one.position)]


class Heard:
    """A log that can be looked at."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(f"{event} {fields}")

    warning = error = info


@contextmanager
def running(here: Site, api: Api | None = None, tokens: Any = None) -> Iterator[Riverton]:
    """The gateway and its facade on a port of their own, in this process."""
    keys, log, stop = site.keys(here), Heard(), threading.Event()
    with patch.object(book, "LOOK_S", LOOK_S), store.open(here.store_url(), keys) as opened:
        agreed.approve(here, opened, "internal", "", by="B. Sample", reason="as init does")
        runner = Runner(here, opened, keys, log=log, metrics=Metrics(), stop=stop)
        runner.start()
        callers = Book(here.callers, context.now)
        server = Server(here, replace(api or Api(), port=0), build(runner, keys, callers, log, tokens))
        server.start()
        runner.outbound.open_mailboxes()
        world = acts.World(here, opened, keys, runner.refresh, runner.outbound.wake, runner.reconcile, runner.outbound.look)
        loops = threading.Thread(target=runner.run, args=(lambda: acts.pending(world), lambda: None))
        loops.start()
        scheme = "https" if api and api.certificate else "http"
        riverton = Riverton(here, runner, log, f"{scheme}://127.0.0.1:{server.port}")
        try:
            yield riverton
        finally:
            stop.set()
            server.stop()
            loops.join()
            runner.close()
            assert server.failed is None
