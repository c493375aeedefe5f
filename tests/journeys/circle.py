"""A site between a city's RabbitMQ and one legacy system that it writes to; its gateway dies at a step that a test names.

What the legacy system is, a subclass says: its folder, and the steps inside its adapter at which the gateway may die.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pika

from gateway import agreed, agreement, site, store, topology
from tests.gateway import scripted

ROOT = Path(__file__).resolve().parents[2]

CITY = """\
system: city
zone: America/Chicago
feeds:
  alerts:
    adapter: inbound
    settings: {{user: {user}, source: /city/desk, sender: desk@example.invalid}}
    every: 1h
    hold: skip
    mappings: {{alert: mappings/alert.yaml, cap: mappings/cap.yaml, ngsi-alert: mappings/ngsi-alert.yaml}}
"""
DISPATCH = scripted.AGREEMENT.replace("system: desk, feed: entries", "system: cad, feed: calls-in")

PROGRAM = textwrap.dedent("""
    import os, sys, threading
    from datetime import timedelta
    from pathlib import Path
    from gateway import site, store
    from gateway.bus.inbox import Inbox
    from gateway.context import Quiet
    from gateway.inbound.acknowledge import Acknowledgements
    from gateway.runner import Runner
    from gateway.store.deliveries import Deliveries
    from gateway.store.journal import Journal
    from gateway.telemetry import Metrics

    folder, step = sys.argv[1:]

    def dies(owner, name, before, after, when=lambda *a: True):
        real = getattr(owner, name)
        def act(*arguments, **more):
            if step == before and when(*arguments):
                os.kill(os.getpid(), 9)
            result = real(*arguments, **more)
            if step == after and when(*arguments):
                os.kill(os.getpid(), 9)
            return result
        setattr(owner, name, act)

    dies(Journal, "accept", "before the commit", "after the commit", when=lambda _, feed, batch, terms: terms.system == "city")
    dies(Inbox, "acknowledge", "before the ack", "after the ack")
    dies(Deliveries, "settle", "before its try is on disk", "after its try is on disk", when=lambda _, dest, said: any(row.state == "trying" for row in said.exceptions))
    # more steps
    dies(Acknowledgements, "ended", "before it is told", "after it is told")
    dies(Deliveries, "settle", "before the settlement", "after the settlement", when=lambda _, dest, said: bool(said.answers))
    here = site.open(Path(folder))
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    figures = runner.once(timedelta(seconds=10), lambda _: None).as_dict()
    runner.close()
    opened.close()
    cad = figures["systems"].get("cad", {"accepted": 0, "unchanged": 0})
    print(cad["accepted"], cad["unchanged"], figures["in_progress"])
""")


class Circle:
    """The site, with its broker.  `dying`: lines of Python that name further steps by `dies(owner, method, before, after)`."""

    dying = ""

    def __init__(self, root: Path, broker: Any, monkeypatch: Any) -> None:
        self.here, self.broker = scripted.new_site(root), broker
        self.user = f"desk-{time.time_ns()}"
        self.url = broker.log_in(self.user, write=rf"^copperline\.inbound\.{self.user}$")
        monkeypatch.setenv("COPPERLINE_BROKER", broker.url)
        self._register()

    def system(self, folder: Path) -> None:
        """Write the folder of the system `cad` with its feed `calls-in`."""
        raise NotImplementedError

    def _register(self) -> None:
        root = self.here.root
        with (root / "site.yaml").open("a") as settings:
            settings.write("broker: {url_from: env:COPPERLINE_BROKER}\n")
        self.here = site.open(root)
        site.copy_template(site.templates()["city-alerts"], root / "systems" / "city")
        (root / "systems" / "city" / "system.yaml").write_text(CITY.format(user=self.user))
        (root / "systems" / "cad" / "mappings").mkdir(parents=True)
        self.system(root / "systems" / "cad")
        (root / "agreements" / "dispatch.yaml").write_text(DISPATCH)
        (root / "agreements" / "desk.yaml").write_text(scripted.TELLS)
        topology.apply(agreement.load_all(self.here.agreements), self.broker.url, topology.publishers(self.here))
        with store.open(self.here.store_url(), site.keys(self.here)) as opened:
            for path in self.here.agreements.glob("*.yaml"):
                agreed.approve(self.here, opened, path.stem, "", by="B. Sample", reason="a test")

    def publish(self, body: bytes) -> None:
        """A message of the city's desk on its inbound exchange."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            said = pika.BasicProperties(user_id=self.user, content_type="application/cap+xml", delivery_mode=2)
            channel.basic_publish(f"copperline.inbound.{self.user}", "alerts", body, said, mandatory=True)

    def run(self, step: str = "never") -> Any:
        """One run in a process of its own: records of the system accepted and unchanged, pairs in progress; or its death."""
        program = PROGRAM.replace("# more steps", self.dying)
        command = [sys.executable, "-c", program, str(self.here.root), step]
        done = subprocess.run(command, cwd=ROOT, check=False, timeout=120, env=os.environ, capture_output=True, text=True)
        return tuple(map(int, done.stdout.split())) if done.returncode == 0 else done.returncode

    def answers(self) -> list[tuple[str, str]]:
        """What the desk was told: the alert, and what became of it; told twice, it counts once."""
        told = [json.loads(body)["data"] for _, body in self.broker.drain("copperline.desk.answers")]
        return list(dict.fromkeys((data["references"][0], data["event"]["common"]["code"]) for data in told))

    def close(self) -> None:
        """The broker is as before."""
        with self.broker.channel() as channel:
            for name in (f"copperline.inbound.{self.user}", "copperline.desk.answers", "copperline.internal.services"):
                channel.queue_delete(name)
                channel.exchange_delete(name)
