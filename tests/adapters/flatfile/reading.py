"""Reading a document in a test: settings in two words, items checked against the bytes they came from."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

from adapters.flatfile import adapter
from adapters.flatfile.decode import walk
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import Item, Place, Skipped, Track
from gateway.adapter import Batch, Document, RawRecord, Rejected
from gateway.testing import Clock, KeptInMemory, context

NEWLINE = b"\n"
CALLS = {"form": "delimited", "header": True, "kind": "call", "key": "id"}
LINES = {
    "form": "multirecord",
    "type": "5",
    "length": "1-4",
    "common": {"action": "6", "number": "7-10"},
    "lines": {
        "1": {"name": "head", "lengths": [12, 14], "fields": {"place": "11-12"}},
        "2": {"name": "persons", "many": True, "lengths": [11], "fields": {"role": "11"}},
        "3": {"name": "note", "lengths": [11], "fields": {"text": "11"}},
    },
    "records": {"incident": {"starts": "1", "then": ["2", "3"], "key": "number"}},
    "change": {"field": "action", "remove": ["D"]},
}


def settings(layout: dict[str, Any], **more: Any) -> Any:
    return adapter.settings.model_validate({"folder": "drop", "layout": layout, **more})


def items(layout: dict[str, Any], data: bytes, **more: Any) -> list[Item]:
    """All items of a document; each byte is in exactly one of them, and every original reads again as it was."""
    given = settings(layout, **more)
    form, stream = form_of(given), io.BytesIO(data)
    head = form.head(stream, len(data))
    found, offset = list(walk(form, stream, head, Place(), hashlib.sha256(data).hexdigest(), Track())), 0
    for item in found:
        length = item.length if isinstance(item, Skipped) else len(item.original)
        if not isinstance(item, Skipped):
            assert item.original == data[offset : offset + length]
            assert item.where.endswith(f"byte {offset}")
            assert item.where.startswith(f"line {data.count(NEWLINE, 0, offset) + 1},")
        if isinstance(item, RawRecord):
            again = list(adapter.decode(given, Document("file", b"", 0, head.preamble, item.original)))
            assert [(one.kind, one.key, one.change, one.fields) for one in again] == [
                (item.kind, item.key, item.change, item.fields)
            ]
        offset += length
    assert offset == len(data)
    return found


def told(found: list[Item]) -> list[str]:
    """Items in one word each: a record's key, a problem's code, a range's name in brackets."""
    words = []
    for item in found:
        match item:
            case RawRecord():
                words.append(item.key)
            case Rejected():
                words.append(item.problems[0].code.id)
            case Skipped():
                words.append(f"({item.what})")
    return words


class Site:
    """A site with one drop folder and a source that reads it."""

    def __init__(self, root: Path, layout: dict[str, Any], **more: Any) -> None:
        self.folder = root / "drop"
        self.folder.mkdir(exist_ok=True)
        self.clock = Clock()
        self.context = context(root, self.clock)
        self.settings = settings(layout, **more)
        self.source = self.start()
        self.cursor = ""

    def start(self) -> Any:
        return adapter.source(self.settings, self.context)

    def restart(self) -> None:
        self.source.close()
        self.source = self.start()

    @property
    def kept(self) -> dict[bytes, tuple[bytes, bool]]:
        assert isinstance(self.context.archive, KeptInMemory)
        return self.context.archive.kept

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def read(self, limit: int = 100) -> Batch:
        batch = self.source.read(self.cursor, limit)
        self.cursor = batch.cursor
        return batch

    def take(self, limit: int = 100) -> Batch:
        """Reads a batch and acknowledges it, as after its commit."""
        batch = self.read(limit)
        self.source.acknowledge(batch.cursor)
        return batch

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


def covered(batch: Batch) -> int:
    """The bytes of a document that a batch answers for."""
    return sum(len(record.original) for record in batch.records) + sum(length for _, length, _ in batch.skipped)
