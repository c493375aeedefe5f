"""Which record an update belongs to: that of the first alert of its chain, whichever message of the chain it names.

A publisher may refer to the first alert, or only to the last word on it.  What became of each message
is journalled with the record that it belonged to, so the last word leads to the first.  No publisher
reaches the alert of another: what refers to one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import orjson

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem
from gateway.inbound.codes import SOURCE
from gateway.store import Store

ACKNOWLEDGEMENT = "acknowledgement"
"""The kind of record that says what became of a message."""

Decode = Callable[[Document], Iterable[RawRecord | Rejected]]


def resolved(
    store: Store, system: str, feed_id: int, records: Iterable[RawRecord | Rejected]
) -> Iterator[RawRecord | Rejected]:
    """The records under the key of the record that they belong to."""
    for one in records:
        yield _placed(store, system, feed_id, one) if isinstance(one, RawRecord) else one


def decoding(store: Store, system: str, feed_id: int, decode: Decode) -> Decode:
    """The same for kept originals that are read again."""
    return lambda document: resolved(store, system, feed_id, decode(document))


def _placed(store: Store, system: str, feed_id: int, one: RawRecord) -> RawRecord | Rejected:
    known = store.journal.record(store.journal.locate(system, one.kind, one.key))
    if known is None and (first := _first(store, system, one.key)) not in ("", one.key):
        return _placed(store, system, feed_id, one._replace(key=first))
    if known is not None and known.feed != feed_id:
        return Rejected(
            one.original,
            one.where,
            (Problem(SOURCE, path="references", rule="the alert is another publisher's"),),
            version=one.version,
        )
    return one


def _first(store: Store, system: str, id: str) -> str:
    """The key of the record that an earlier message belonged to; "" where none of this number came."""
    history = store.journal.history(store.journal.locate(system, ACKNOWLEDGEMENT, id))
    if not history or history[0].erased:
        return ""
    return str(orjson.loads(store.journal.original(history[0].position))["key"])
