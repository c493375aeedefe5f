"""A target in a file, which outlives the process that is killed: one JSON line a row, found again by its id."""

import json
import os
from pathlib import Path

from pydantic import BaseModel

from gateway.adapter import Adapter, Outcome
from tests.gateway import scripted

DIE = {"at": ""}


class Settings(BaseModel):
    file: str


class Sink:
    """Appends; looks for a row only where it is told that one may be there, so that a blind second try would show."""

    def __init__(self, settings, context):
        self._path = Path(settings.file)

    def write(self, records):
        _die("before")
        outcomes = []
        for record in records:
            there = [row for row in rows(self._path) if row["id"] == record.id] if record.uncertain else []
            if not there:
                with self._path.open("a") as file:
                    file.write(json.dumps({"id": record.id, "fields": dict(record.fields)}) + "\n")
            outcomes.append(Outcome("written", f"row of {record.id}"))
            if len(outcomes) == 3:
                _die("half")
        _die("after")
        return outcomes

    def follow(self, remote_id):
        raise NotImplementedError

    def close(self):
        """Nothing is held."""


def rows(path):
    """What the target holds."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _die(at):
    if DIE["at"] == at:
        os.kill(os.getpid(), 9)


def system(root, target):
    """The system `desk` of the site at `root`, which is this file."""
    folder = root / "systems" / "desk"
    (folder / "mappings").mkdir(parents=True)
    feed = f"{{adapter: kept, settings: {{file: {target}}}, mappings: {{call: mappings/entry.yaml}}}}"
    (folder / "system.yaml").write_text(f"system: desk\nzone: UTC\nfeeds:\n  entries: {feed}\n")
    (folder / "mappings" / "entry.yaml").write_text(scripted.ENTRY)
    (root / "agreements" / "dispatch.yaml").write_text(scripted.AGREEMENT)


adapter = Adapter(kind="kept", settings=Settings, sink=Sink)
