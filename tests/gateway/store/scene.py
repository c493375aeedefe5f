"""A small invented agency: records whose mapping is their own fields, so that a story reads at a glance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from gateway.adapter import Batch, Document, RawRecord, Rejected
from gateway.errors import Code, Problem, Reject
from gateway.event import Draft, Keys
from gateway.store import Store
from gateway.store.rows import Accepted, FeedSettled, Intake, Outgoing, Settlement

KEYS = Keys(bytes(range(32)))
BAD = Code("test.bad", "the record says it is bad", "Say something else.")


def put(key: str, version: str = "", *, kind: str = "call", **fields: Any) -> RawRecord:
    """A record; `parts=[…]` makes an event for each part, `bad=True` is rejected by the mapping."""
    return RawRecord(kind, key, version, "put", fields, orjson.dumps({"key": key, **fields}), f"row {key}")


def remove(key: str, version: str = "", *, kind: str = "call") -> RawRecord:
    return RawRecord(kind, key, version, "remove", {}, b"", f"row {key}")


def rejected(original: bytes, *, key: str = "", where: str = "line 1") -> Rejected:
    return Rejected(original, where, (Problem(BAD, where=where),), "call", key)


def translate(record: RawRecord) -> Sequence[Draft]:
    if record.fields.get("bad"):
        raise Reject(Problem(BAD, path="bad"))
    return [
        Draft(
            "incident",
            part,
            "",
            "",
            "2026-01-02T03:04:05Z",
            orjson.dumps({"id": record.key, "part": part, **record.fields}),
        )
        for part in record.fields.get("parts", [""])
    ]


def decode(document: Document) -> Iterable[RawRecord | Rejected]:
    """Reads an original again, one JSON object a line."""
    assert document.body is not None
    for line in document.body.splitlines():
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield rejected(line)
        else:
            key = fields.pop("key")
            yield RawRecord("call", key, "", "put", fields, line, f"row {key}")


def mended(record: RawRecord) -> Sequence[Draft]:
    """The mapping after somebody has mended it: what was bad passes."""
    fields = {name: value for name, value in record.fields.items() if name != "bad"}
    return translate(record._replace(fields=fields))


INTAKE = Intake("cad", "VT0040100", translate, lambda _: "a" * 16, lambda _: "incident")
MENDED = replace(INTAKE, translate=mended)


@dataclass
class Clock:
    """Time that only moves when it is told to."""

    now: int = 1_750_000_000_000_000

    def __call__(self) -> int:
        return self.now


def document(body: bytes, preamble: bytes = b"") -> Document:
    return Document("file", hashlib.sha256(body).digest(), len(body), preamble, body)


@dataclass
class Site:
    """A store with one feed, and the verbs of the stories."""

    store: Store
    clock: Clock
    intake: Intake = field(default=INTAKE)

    def __post_init__(self) -> None:
        self.feed = self.store.journal.feed("cad", "calls").id
        self.dest = self.store.deliveries.destination("internal", "log", start=0)

    def take(
        self, *records: RawRecord | Rejected, document: Document | None = None, cursor: str = "", **terms: Any
    ) -> Accepted:
        batch = Batch(cursor, records, document, complete=document is not None)
        return self.store.journal.accept(self.feed, batch, replace(self.intake, **terms))

    def events(self, after: int = 0) -> list[Outgoing]:
        return self.store.deliveries.read(self.dest, self.feed, after, 10_000)

    def story(self, after: int = 0) -> list[tuple[str, Any]]:
        """Each event as its action and what it says."""
        return [(event.topic.split(".")[3], orjson.loads(event.data).get("text")) for event in self.events(after)]

    def totals(self) -> Accepted:
        return self.store.journal.totals()["cad"]

    def adds_up(self) -> bool:
        counts = self.totals()
        return counts.read == counts.accepted + counts.unchanged + counts.late + counts.quarantined

    def settle(self, position: int, **counts: int) -> None:
        self.store.deliveries.settle(self.dest, Settlement(feeds=[FeedSettled(self.feed, position, **counts)]))

    def release(self, position: int, intake: Intake = MENDED) -> Any:
        return self.store.quarantine.release(position, decode, intake, by="sergeant", reason="mapping mended")

    def discard(self, position: int) -> Any:
        return self.store.quarantine.discard(position, decode, self.intake, by="sergeant", reason="a test row")

    def remap(self, position: int, intake: Intake, *, dry_run: bool = False) -> Any:
        return self.store.remap.remap(position, decode, intake, by="sergeant", reason="codes changed", dry_run=dry_run)

    def erase(self, *positions: int) -> Any:
        return self.store.erase.erase(positions, by="sergeant", reason="court order", authority="order 12")
