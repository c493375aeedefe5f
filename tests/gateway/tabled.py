"""A legacy table that is changed by people; its source sees only what a change log says, its survey sees the table.

What is changed `unseen` never reaches the log: a late commit, a restored backup, a row deleted by hand.
"""

import itertools
import json
from dataclasses import dataclass, field, replace
from threading import Event

from pydantic import BaseModel

from gateway import registry
from gateway.adapter import Adapter, Batch, RawRecord, Rejected
from gateway.errors import Code, Problem

SYSTEM = """\
system: {name}
zone: America/New_York
deadline: 2s
feeds:
  calls:
    adapter: tabled
    settings: {{table: {name}}}
    every: 1h
    {reconcile}
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
ignored: [day]
"""

UNREADABLE = Code("test.unreadable", "the row cannot be read", "Mend the row.")


class Settings(BaseModel):
    table: str


@dataclass
class Table:
    """The system's own truth, and what its watermark shows of it."""

    rows: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    hidden: set = field(default_factory=set)
    """Keys that a survey does not meet although they exist: they moved while it went on."""
    fails: list = field(default_factory=list)
    """What the next calls of the survey raise; None where one is answered, an event where it hangs until that is set."""
    lost: bool = False
    """The source says, once, that it has lost track."""
    looks: int = 0
    closed: int = 0

    def put(self, key, text="invented", day="2026-03-01", *, unseen=False, version=None):
        self.rows[key] = (text, day, version or str(next(_VERSIONS)))
        if not unseen:
            self.log.append(record(key, *self.rows[key]))

    def delete(self, key, *, unseen=False):
        del self.rows[key]
        if not unseen:
            self.log.append(RawRecord("call", key, str(next(_VERSIONS)), "remove", {}, b"", "row"))


_VERSIONS = itertools.count(1)
TABLES: dict[str, Table] = {}


def record(key, text, day, version):
    fields = {"number": key, "text": text, "day": day}
    original = json.dumps(fields).encode()
    if text == "unreadable":
        return Rejected(original, "row", (Problem(UNREADABLE, where="row"),), "call", key, version)
    return RawRecord("call", key, version, "put", fields, original, "row")


class Source:
    def __init__(self, settings, context):
        self._table = TABLES[settings.table]
        self._log = self._table.log

    def read(self, after, limit):
        at = int(after or 0)
        some = tuple(self._log[at : at + limit])
        lost, self._table.lost = self._table.lost, False
        return Batch(str(at + len(some)), some, more=at + len(some) < len(self._log), reconcile=lost)

    def acknowledge(self, cursor):
        pass

    def close(self):
        pass


class Survey:
    def __init__(self, settings, context, since):
        self._table, self._since = TABLES[settings.table], since

    def read(self, after, limit):
        self._look()
        keys = sorted(key for key, row in self._table.rows.items() if key > after and row[1] >= self._since)
        some = keys[: min(limit, 7)]
        found = tuple(record(key, *self._table.rows[key]) for key in some if key not in self._table.hidden)
        return Batch(some[-1] if some else after, found, more=len(keys) > len(some))

    def find(self, kind, keys):
        self._look()
        assert kind == "call"
        return [record(key, *self._table.rows[key]) for key in keys if key in self._table.rows]

    def day(self, said):
        return said.fields["day"]

    def close(self):
        self._table.closed += 1

    def _look(self):
        self._table.looks += 1
        match self._table.fails.pop(0) if self._table.fails else None:
            case BaseException() as error:
                raise error
            case Event() as hang:
                hang.wait()


def decode(settings, document):
    fields = json.loads(document.body)
    yield record(fields["number"], fields["text"], fields["day"], "")


adapter = Adapter(kind="tabled", settings=Settings, source=Source, decode=decode, survey=Survey)


def install(monkeypatch, **more):
    """Let the adapter load; with what else it is able to."""
    monkeypatch.setitem(globals(), "adapter", replace(adapter, **more))
    monkeypatch.setattr(registry, "SHIPPED", {**registry.SHIPPED, "tabled": f"{__name__}:adapter"})


def system(root, name, *, reconcile=""):
    """A system of the site at `root` with an empty table."""
    TABLES[name] = Table()
    folder = root / "systems" / name
    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    (folder / "system.yaml").write_text(SYSTEM.format(name=name, reconcile=reconcile))
    (folder / "mappings" / "call.yaml").write_text(MAPPING)
    return TABLES[name]
