"""A source whose script is a list: records to give, errors to raise, things to do; so a crash is a list literal."""

import itertools
import json
from dataclasses import replace

from pydantic import BaseModel

from gateway import registry, site
from gateway.adapter import Adapter, Batch, RawRecord

SYSTEM = """\
system: {name}
zone: America/New_York
deadline: {deadline}
feeds:
  calls:
    adapter: scripted
    settings: {{script: {name}}}
    every: 1h
    mappings: {{call: mappings/call.yaml}}
"""

MAPPING = """\
kind: call
entity: alert
subject: number
optional: true
fields:
  alertId: {from: number, optional: false}
  headline: {from: text, optional: false}
"""


class Settings(BaseModel):
    script: str


class Script(BaseModel):
    """What a test says that a system does: each step is given once, in order; then there is nothing newer."""

    steps: list = []
    reads: int = 0
    acknowledged: list = []
    closed: int = 0


SCRIPTS: dict[str, Script] = {}


class Source:
    def __init__(self, settings, context):
        self._script = SCRIPTS[settings.script]
        self._context = context

    def read(self, after, limit):
        self._script.reads += 1
        at = int(after or 0)
        if at >= len(self._script.steps):
            return Batch(after, more=False)
        step = self._script.steps[at]
        if callable(step):
            self._script.steps[at] = ()
            step = step(self)
        if isinstance(step, BaseException):
            self._script.steps[at] = ()
            raise step
        return Batch(str(at + 1), tuple(step or ())[:limit])

    def acknowledge(self, cursor):
        self._script.acknowledged.append(cursor)

    def close(self):
        self._script.closed += 1


def record(number, text="invented"):
    fields = {"number": str(number), "text": text} if text else {"number": str(number)}
    version = str(next(_VERSIONS))
    return RawRecord("call", str(number), version, "put", fields, json.dumps(fields).encode(), f"row {number}")


_VERSIONS = itertools.count(1)


def decode(settings, document):
    fields = json.loads(document.body)
    yield RawRecord("call", fields["number"], "", "put", fields, document.body, "row")


adapter = Adapter(kind="scripted", settings=Settings, source=Source, decode=decode)


def install(monkeypatch):
    """Let the scripted adapter load."""
    monkeypatch.setattr(registry, "SHIPPED", {**registry.SHIPPED, "scripted": f"{__name__}:adapter"})


def discovering(monkeypatch, discover):
    """Let the scripted adapter also say what its system offers."""
    monkeypatch.setitem(globals(), "adapter", replace(adapter, discover=discover))


def system(root, name, *steps, deadline="1s"):
    """A system of the site at `root` that does what `steps` say."""
    SCRIPTS[name] = Script(steps=list(steps))
    folder = root / "systems" / name
    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    (folder / "system.yaml").write_text(SYSTEM.format(name=name, deadline=deadline))
    (folder / "mappings" / "call.yaml").write_text(MAPPING)
    return SCRIPTS[name]


def new_site(folder):
    """A new site that never waits for disk space."""
    site.init(folder, "riverton", "XX0000000")
    with (folder / "site.yaml").open("a") as settings:
        settings.write("free_space: 0MB\nworkers: 2\n")
    return site.open(folder)
