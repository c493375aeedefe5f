"""An event in the terms of a legacy system, by the sink feed's own mapping; or the reason why nothing is written.

Only live events reach a live system: a mapping takes `Actual` and nothing else, unless it says
`takes:`.  What was never written is neither removed nor cancelled there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.adapter import OutRecord
from gateway.agreement import Projected
from gateway.errors import Problem, Reject
from gateway.event import Keys
from gateway.mapping.runtime import Translated
from gateway.sink.codes import NO_MAPPING, SEVERAL
from gateway.store.rows import Aim
from gateway.store.tokens import Tokens
from gateway.system import Feed

GONE = ("removed", "withdrawn")
WRITTEN = ("created", "updated", "corrected")


def record(feed: Feed, keys: Keys, event: Projected, aim: Aim) -> OutRecord | None:
    """What is to be written; None where nothing is.  Raises Reject with every problem of the mapping.

    `$key` in the mapping is a token that stands for the record, the same for every version of it.
    """
    action = event.topic.split(".")[3]
    id, token = (_token(feed, keys, what, of).hex() for what, of in (("sink-id", aim.event), ("sink-key", aim.partition)))
    known = bool(aim.remote_id or aim.key)
    if action in GONE:
        return OutRecord(id, aim.key, aim.remote_id, "remove", {}, aim.uncertain) if known else None
    if action not in WRITTEN:
        return None
    made = _translated(feed, event, token, known=known)
    if made is None:
        return None
    return OutRecord(id, made.subject or token, aim.remote_id, "put", made.data, aim.uncertain)


def stated(feed: Feed, keys: Keys, event: Projected, partition: bytes) -> OutRecord | None:
    """A record as it stands, for whoever asks for it; None where the mapping does not take it.  Raises Reject as `record` does."""
    token = _token(feed, keys, "sink-key", partition).hex()
    made = _translated(feed, event, token, known=True)
    return OutRecord(event.id, made.subject or token, "", "put", made.data, uncertain=False) if made is not None else None


def document(feed: Feed, records: Sequence[OutRecord]) -> bytes:
    """Records as one document in the feed's layout.  Raises Reject where one of them does not fit."""
    assert feed.adapter.encode is not None
    return feed.adapter.encode(feed.settings, records)


def _translated(feed: Feed, event: Projected, token: str, *, known: bool) -> Translated | None:
    said = orjson.loads(event.body)
    mapping = feed.writes.get(event.fixed.entity)
    if mapping is None:
        raise Reject(Problem(NO_MAPPING, path=event.fixed.entity))
    if said["status"] not in mapping.takes or (_cancels(said["data"]) and not known):
        return None
    made = mapping.translate(said["data"], key=token)
    if len(made) > 1:
        raise Reject(Problem(SEVERAL, where=mapping.label))
    return made[0] if made else None


def names(feed: Feed, keys: Keys, event: Projected, record: OutRecord, remote_id: str) -> tuple[bytes, ...]:
    """The names under which the system's own feeds would say what was written: by its number, and by our key."""
    mapping = feed.writes.get(event.fixed.entity)
    if mapping is None:
        return ()
    called = dict.fromkeys((remote_id or record.remote_id, record.key))
    tokens = Tokens(keys, feed.system)
    return tuple(tokens.name(mapping.kind, key) for key in called if key)


def digest(feed: Feed, keys: Keys, record: OutRecord) -> bytes:
    """Stands for what was written."""
    return Tokens(keys, feed.system).fields(record.fields)


def _token(feed: Feed, keys: Keys, what: str, of: bytes) -> bytes:
    return keys.token(what, feed.system.encode(), feed.name.encode(), of)


def _cancels(data: Mapping[str, Any]) -> bool:
    """An alert that calls an earlier one off."""
    return data.get("msgType") == "Cancel"
