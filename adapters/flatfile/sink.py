"""Writes files into a folder for a legacy system to take away.

A batch becomes one file, and its ids one entry of a small ledger beside it.  The entry is on disk
before the file gets its name, and the file waits under a hidden one: so whoever finds an entry
publishes what still waits, and knows that its records are written.  The system may take the file
away at any time; the ledger remembers its ids for 35 days.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from adapters.flatfile.layouts.choice import writer as writer_of
from adapters.flatfile.layouts.items import Writer
from adapters.flatfile.settings import Content, Settings
from adapters.flatfile.source import edge
from gateway.adapter import Context, Outcome, OutRecord
from gateway.errors import Reject

REMEMBERED = timedelta(days=35)
LEDGER = ".copperline"
ENTRY, WAITING = ".ids", ".waiting"
SUFFIX = {"delimited": ".csv", "fixed": ".txt", "xml": ".xml", "json": ".json"}


def encode(settings: Content, records: Sequence[OutRecord]) -> bytes:
    """All records as one document.  Raises Reject where one of them does not fit."""
    writer = writer_of(settings)
    return _document(writer, [writer.record(record) for record in records])


def _document(writer: Writer, records: Sequence[bytes]) -> bytes:
    return writer.begin() + writer.join(records) + writer.end()


class FileSink:
    """One folder as a sink."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._writer = writer_of(settings)
        self._clock = context.clock
        self._folder = context.root / settings.folder
        self._ledger = self._folder / LEDGER
        self._pattern = settings.file or "copperline-{id}" + SUFFIX[settings.layout.form]
        self._written: dict[str, str] | None = None
        """Event id → name of the file; read from the ledger at the first call."""

    def write(self, records: Sequence[OutRecord]) -> Sequence[Outcome]:
        """One file for all records that are new.  Raises Retry where none was written."""
        with edge():
            written = self._known()
            encoded: dict[str, bytes] = {}
            refused: dict[str, Outcome] = {}
            for record in records:
                if record.id in written or record.id in encoded:
                    continue
                try:
                    encoded[record.id] = self._writer.record(record)
                except Reject as refusal:
                    refused[record.id] = Outcome("refused", problems=refusal.problems)
            if encoded:
                self._publish(encoded, written)
            return [refused.get(record.id) or Outcome("written", written[record.id]) for record in records]

    def follow(self, remote_id: str) -> Outcome:
        """Nothing is ever pending: a file that is there is written."""
        return Outcome("written", remote_id)

    def close(self) -> None:
        """Holds nothing open between calls."""

    def _publish(self, encoded: dict[str, bytes], written: dict[str, str]) -> None:
        stem = hashlib.sha256("\n".join(sorted(encoded)).encode()).hexdigest()[:16]
        name = self._pattern.replace("{id}", stem)
        _write(self._ledger / (stem + WAITING), _document(self._writer, list(encoded.values())))
        _write(self._ledger / (stem + ENTRY), "\n".join([name, *encoded]).encode())
        _sync(self._ledger)
        self._release(stem, name)
        written.update(dict.fromkeys(encoded, name))

    def _release(self, stem: str, name: str) -> None:
        """Gives a waiting file its name; nothing where it has it already."""
        with suppress(FileNotFoundError):
            (self._ledger / (stem + WAITING)).rename(self._folder / name)
            _sync(self._folder)
            _sync(self._ledger)

    def _known(self) -> dict[str, str]:
        """What was written before; whatever a crash left waiting is published now, half an entry is dropped."""
        if self._written is None:
            self._ledger.mkdir(mode=0o700, exist_ok=True)
            self._written = {}
            for entry in sorted(self._ledger.glob("*" + ENTRY)):
                name, *ids = entry.read_text(encoding="utf-8").split("\n")
                self._release(entry.stem, name)
                self._written.update(dict.fromkeys(ids, name))
                self._forget(entry)
        return self._written

    def _forget(self, entry: Path) -> None:
        """An entry older than the horizon of retries goes."""
        age = self._clock().timestamp() - entry.stat().st_mtime
        if age > REMEMBERED.total_seconds():
            entry.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """Complete and on disk under its name, or not there."""
    part = path.with_name(path.name + ".part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(part, flags, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
