"""From a document to its records: one walk for the source, for single originals, and for whole bodies."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import Form, Head, Item, Place, Skipped, Track
from adapters.flatfile.settings import Content
from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Reject

VERSION_DIGITS = 32


def decode(settings: Content, document: Document) -> Iterator[RawRecord | Rejected]:
    """The records of a body.  With a preamble the body holds records only, e.g. one kept original; else all of a file."""
    body = document.body or b""
    stream, form = io.BytesIO(body), form_of(settings)
    try:
        head = form.head(stream, len(body), document.preamble)
    except Reject as refusal:
        yield Rejected(body, "byte 0", refusal.problems)
        return
    for item in walk(form, stream, head, Place(), document.sha256.hex(), Track()):
        if not isinstance(item, Skipped):
            yield item


def walk(form: Form, stream: BinaryIO, head: Head, at: Place, sha256: str, track: Track) -> Iterator[Item]:
    """Every item from a place on; from the very beginning also the ranges before the first record."""
    if at.offset == 0:
        yield from head.skipped
        at = first(stream, head)
    track.state = at.state
    yield from form.items(stream, head, at, sha256[:VERSION_DIGITS], track)


def first(stream: BinaryIO, head: Head) -> Place:
    """Where the first record begins."""
    stream.seek(0)
    return Place(head.start, stream.read(head.start).count(b"\n") + 1, head.state)
