"""What a consumer answers about its own queue: how far it has read, and what it has deleted.

An answer is journalled like every message, makes no event, and is told to nobody.  What it says is read
from the journal where it is asked for; only deletions are carried over to what the store says is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Problem, Reject
from gateway.inbound import cloudevent, contract, message
from gateway.inbound.cloudevent import Event
from gateway.inbound.codes import CONTRACT, QUEUE
from gateway.inbound.settings import Settings
from gateway.store import Store

READ, DELETED = "answer-read", "answer-deleted"
KINDS: Mapping[str, str] = {"copperline.read.v1": READ, "copperline.deleted.v1": DELETED}
"""Type of a CloudEvent → kind of record, which is the name of its contract too."""


def record(event: Event, settings: Settings, original: bytes) -> RawRecord | Rejected:
    """The answer that an event carries; rejected under its type, so that it is told of once however often it comes."""
    kind, data = KINDS[event.type], event.data
    if not isinstance(data, dict):
        raise Reject(Problem(CONTRACT, path="data", rule="is not an object"))
    problems = tuple(contract.published(kind)(data))
    if not problems and destination(data["queue"])[0] not in settings.answers_for:
        problems = (Problem(QUEUE, path="queue"),)
    if problems:
        return Rejected(original, "message", problems, kind, event.type, f"{event.source} {event.id}")
    key = data["queue"] if kind == READ else f"{event.source} {event.id}"
    return RawRecord(kind, key, "", "put", data, original, "message")


def destination(queue: str) -> tuple[str, str]:
    """The agreement and the destination that a queue is of."""
    _, agreement, name = queue.split(".")
    return agreement, name


def carried_out(store: Store, records: Iterable[RawRecord | Rejected]) -> None:
    """Write down what consumers say that they have deleted.  Once more changes nothing.  Raises Retry from the store."""
    for one in records:
        if isinstance(one, RawRecord) and one.kind == DELETED:
            ids = [id for text in one.fields["ids"] if (id := _id(text))]
            store.deletions.answered(*destination(one.fields["queue"]), ids)


def said(document: Document) -> Mapping[str, Any]:
    """The data of an answer that was journalled."""
    event = cloudevent.read(message.of(document))
    return event.data if event is not None else {}


def told(records: Iterable[RawRecord | Rejected]) -> Iterator[RawRecord | Rejected]:
    """The records whose publisher is told what became of them: all but answers that are in order."""
    return (one for one in records if isinstance(one, Rejected) or one.kind not in KINDS.values())


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
