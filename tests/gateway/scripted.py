"""A source whose script is a list: records to give, errors to raise, things to do; so a crash is a list literal."""

import itertools
import json
from dataclasses import replace

from pydantic import BaseModel

from gateway import registry, site
from gateway.adapter import Adapter, Batch, Outcome, RawRecord

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

TELLS = """\
agreement: desk
title: What became of the desk's alerts
parties: {provider: riverton, recipient: desk}
contact: The desk of the city
prepared_by: A. Sample
purpose: Acknowledgements
legal_basis: Sample Code, section 4
authority: Council resolution 12
impact_assessment: Assessment 3 of the city
retention_days: 30
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.*.alert.acknowledged.v1"]
fields: {alert: {alertId: plain, msgType: plain, sent: plain, references: plain, event: plain}}
destinations: {answers: {via: bus}}
"""
"""An agreement by which whoever sent alerts is told what became of them."""


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


# The other way: a target whose answers are a list.

SINK = """\
system: {name}
zone: America/New_York
deadline: {deadline}
feeds:
  calls:
    adapter: scripted
    settings: {{script: {name}}}
    every: 1h
    mappings: {{call: mappings/call.yaml}}
  entries:
    adapter: scripted
    settings: {{script: {name}}}
    mappings: {{call: mappings/entry.yaml}}
"""

ENTRY = """\
to: call
entity: alert
fields:
  number: alertId
  words: headline
"""

AGREEMENT = """\
agreement: dispatch
title: Alerts for the dispatcher
parties: {provider: riverton, recipient: riverton}
contact: Night desk
prepared_by: A. Sample
purpose: A sample
legal_basis: The agency's own task
law_enforcement: true
retention_days: 30
valid: {from: 2020-01-01, to: 2099-12-31}
topics: ["police.*.alert.#"]
fields: all
start: 2020-01-01
destinations:
  desk: {via: sink, system: desk, feed: entries}
"""


class Target(BaseModel):
    """A legacy system that is written to: what it holds, and what it does at each call, given once; then it writes."""

    steps: list = []
    rows: dict = {}
    given: list = []
    followed: list = []
    closed: int = 0


TARGETS: dict[str, Target] = {}


class Sink:
    """Keeps each record once, by its id, under a number of its own: `row 1`, `row 2`, …"""

    def __init__(self, settings, context):
        self._target = TARGETS[settings.script]

    def write(self, records):
        self._target.given += records
        step = self._target.steps.pop(0) if self._target.steps else None
        if callable(step):
            step = step(self, records)
        if isinstance(step, BaseException):
            raise step
        return step or [self.put(record) for record in records]

    def put(self, record):
        found = next((number for number, (id, _) in self._target.rows.items() if id == record.id), "")
        number = found or record.remote_id or f"row {len(self._target.rows) + 1}"
        self._target.rows[number] = (record.id, dict(record.fields) if record.change == "put" else None)
        return Outcome("written", number)

    def follow(self, remote_id):
        self._target.followed.append(remote_id)
        step = self._target.steps.pop(0) if self._target.steps else Outcome("written", "row 9")
        if isinstance(step, BaseException):
            raise step
        return step

    def close(self):
        self._target.closed += 1


adapter = replace(adapter, sink=Sink)


def target(root, *steps, deadline="1s"):
    """The system `desk`, which is written to under the agreement `dispatch`, and read as well."""
    TARGETS["desk"] = Target(steps=list(steps))
    SCRIPTS["desk"] = Script()
    folder = root / "systems" / "desk"
    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    (folder / "system.yaml").write_text(SINK.format(name="desk", deadline=deadline))
    (folder / "mappings" / "call.yaml").write_text(MAPPING)
    (folder / "mappings" / "entry.yaml").write_text(ENTRY)
    (root / "agreements" / "dispatch.yaml").write_text(AGREEMENT)
    return TARGETS["desk"]
