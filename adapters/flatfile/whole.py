"""A body that arrived whole, such as that of a request: one batch, every byte of it answered for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain

from adapters.flatfile.check import totals
from adapters.flatfile.codes import LARGE
from adapters.flatfile.decode import VERSION_DIGITS, walk
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.delimited import DelimitedForm
from adapters.flatfile.layouts.items import Head, Item, Place, Skipped, Track
from adapters.flatfile.settings import Content
from gateway.adapter import Batch, Document, RawRecord, Rejected
from gateway.errors import Problem, Reject


def whole(settings: Content, document: Document) -> Batch:
    """The batch of a whole body.  Raises Reject where its beginning or its totals refuse it whole."""
    body = document.body or b""
    if len(body) > settings.largest.document:
        raise Reject(Problem(LARGE, rule=f"{len(body)} bytes"))
    head, items = _read(settings, body, document.sha256.hex())
    records: list[RawRecord | Rejected] = []
    skipped: list[tuple[int, int, str]] = []
    at = 0
    for item in items:
        if isinstance(item, Skipped):
            skipped.append((at, item.length, item.what))
            at += item.length
        else:
            records.append(item)
            at += len(item.original)
    kept = Document(document.label, document.sha256, document.size, head.preamble)
    return Batch("", records, kept, skipped, more=False, complete=True)


def _read(settings: Content, body: bytes, sha256: str) -> tuple[Head, Iterator[Item]]:
    """The head of a body, and everything in it."""
    form = form_of(settings)
    found = form.at_once(body, sha256[:VERSION_DIGITS]) if isinstance(form, DelimitedForm) else None
    if found is not None:
        head, items = found
        return head, chain(head.skipped, items)
    stream = io.BytesIO(body)
    head = form.head(stream, len(body))
    if getattr(settings.layout, "trailer", None) is not None:
        totals(stream, form, head, lambda: None)
    return head, walk(form, stream, head, Place(), sha256, Track())
