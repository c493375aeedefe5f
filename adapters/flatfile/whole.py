"""A body that arrived whole, such as that of a request: one batch, every byte of it answered for."""

from __future__ import annotations

import io

from adapters.flatfile.check import totals
from adapters.flatfile.codes import LARGE
from adapters.flatfile.decode import walk
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import Place, Skipped, Track
from adapters.flatfile.settings import Content
from gateway.adapter import Batch, Document, RawRecord, Rejected
from gateway.errors import Problem, Reject


def whole(settings: Content, document: Document) -> Batch:
    """The batch of a whole body.  Raises Reject where its beginning or its totals refuse it whole."""
    body = document.body or b""
    if len(body) > settings.largest.document:
        raise Reject(Problem(LARGE, rule=f"{len(body)} bytes"))
    stream, form = io.BytesIO(body), form_of(settings)
    head = form.head(stream, len(body))
    if getattr(settings.layout, "trailer", None) is not None:
        totals(stream, form, head, lambda: None)
    records: list[RawRecord | Rejected] = []
    skipped: list[tuple[int, int, str]] = []
    at = 0
    for item in walk(form, stream, head, Place(), document.sha256.hex(), Track()):
        if isinstance(item, Skipped):
            skipped.append((at, item.length, item.what))
            at += item.length
        else:
            records.append(item)
            at += len(item.original)
    kept = Document(document.label, document.sha256, document.size, head.preamble)
    return Batch("", records, kept, skipped, more=False, complete=True)
