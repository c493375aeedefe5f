"""What the files in a folder hold: record kinds and their fields, by the layout that the settings state.

The newest file that fits is read and stays where it is.  Values leave this module as counts and shapes only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from adapters.flatfile.container import unwrapped
from adapters.flatfile.decode import decode
from adapters.flatfile.pickup import Folder
from adapters.flatfile.settings import Settings
from adapters.flatfile.source import edge
from gateway import profile
from gateway.adapter import Column, Context, Discovery, Document, Offer, RawRecord
from gateway.errors import Halt, Reject

RECORDS = 2000
"""Records that are looked at."""

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is looked at."""


def discover(settings: Settings, context: Context, names: Sequence[str]) -> Discovery:
    """The kinds of record in the newest file, each field with its profile; nothing where no file lies there."""
    with edge():
        body = _newest(settings, context)
    kinds: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in islice(_records(settings, body), RECORDS):
        kinds[record.kind].append(record.fields)
    return Discovery({kind: _offer(rows) for kind, rows in sorted(kinds.items()) if not names or kind in names})


def _newest(settings: Settings, context: Context) -> bytes:
    """The newest file that fits, opened as the source would open it: through the folder and following no link."""
    folder = Folder(settings, context.root, context.clock, lambda *_: True)
    fitting = [(identity.modified_ns, name) for name, identity in folder.listed() if identity.size <= LARGEST]
    if not fitting:
        return b""
    with folder.open(max(fitting)[1]) as file:
        try:
            with closing(unwrapped(file, settings.compression, 0, context.root, lambda: None)) as document:
                document.seek(0)
                return document.read(LARGEST)
        except Reject as e:
            raise Halt(e.problems[0]) from e


def _records(settings: Settings, body: bytes) -> Iterator[RawRecord]:
    document = Document("file", hashlib.sha256(body).digest(), len(body), body=body)
    return (record for record in decode(settings, document) if isinstance(record, RawRecord)) if body else iter(())


def _offer(rows: Sequence[Mapping[str, Any]]) -> Offer:
    names = dict.fromkeys(name for row in rows for name in row)
    inner = {name: _inner([row.get(name) for row in rows]) for name in names}
    plain = {column.name: column for column in profile.columns(rows, {name: "text" for name in names if not inner[name]}, most=RECORDS)}
    return Offer([plain.get(profile.named(name)) or Column(profile.named(name), inner[name]) for name in names], len(rows))


def _inner(values: Sequence[Any]) -> str:
    """What a field is that holds more fields; "" for a plain one."""
    first = next((value for value in values if value not in (None, "")), None)
    return "list" if isinstance(first, list) else "object" if isinstance(first, dict) else ""
