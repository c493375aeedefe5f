"""What became of a publisher's message, told as events of its own: `alert.acknowledged`.

One as soon as the message is journalled (received, refused), one when a legacy system is done with
it (written, expired, withheld, parked).  Each outcome of a message is told once, however often it is
found; like everything else it leaves only under an agreement, here the publisher's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import orjson

from gateway.adapter import Batch, RawRecord, Rejected
from gateway.event import Draft
from gateway.inbound import answer
from gateway.inbound.chain import ACKNOWLEDGEMENT
from gateway.store import Store
from gateway.store.rows import Intake, RecordRow

FEED = "acknowledgements"
"""Of the publisher's system: the feed under which they are journalled."""
SCHEME = "Copperline.Acknowledgement"

Outcome: TypeAlias = Literal["received", "refused", "written", "expired", "withheld", "parked"]
OF_END: Mapping[str, Outcome] = {"delivered": "written", "expired": "expired", "withheld": "withheld", "parked": "parked"}


class Feed(Protocol):
    """What is needed of an inbound feed; `system.Feed` is one."""

    @property
    def system(self) -> str: ...
    @property
    def agency(self) -> str: ...


class Acknowledgements:
    """Safe from any thread.  `feeds`: the inbound feed of an id, None where it is another kind of feed; `wake` follows a commit."""

    def __init__(self, store: Store, feeds: Callable[[int], Feed | None], wake: Callable[[int], None], now: Callable[[], str]) -> None:
        self._store, self._feeds, self._wake, self._now = store, feeds, wake, now

    def received(self, feed: Feed, batch: Batch, *, shadow: bool) -> None:
        """A message was journalled, or was known already: what a consumer answered is carried out, everybody else is told."""
        answer.carried_out(self._store, batch.records)
        told = [one for record in answer.told(batch.records) if (one := self._received(feed, record)) is not None]
        self._journal(feed, told, shadow=shadow)

    def ended(self, ends: Iterable[tuple[int, str]]) -> None:
        """Deliveries to a legacy system ended; those of messages of publishers are told.  Raises Retry from the store."""
        told: dict[str, tuple[Feed, list[RawRecord]]] = {}
        for position, end in ends:
            record = self._store.journal.record(position)
            feed = self._feeds(record.feed) if record is not None else None
            if record is not None and feed is not None and not record.erased:
                told.setdefault(feed.system, (feed, []))[1].append(self._ended(record, OF_END[end]))
        for feed, records in told.values():
            self._journal(feed, records, shadow=False)

    def _received(self, feed: Feed, record: RawRecord | Rejected) -> RawRecord | None:
        if isinstance(record, Rejected):
            code = record.problems[0].code.id if record.problems else ""
            return self._record(record.key, record.key, "refused", "Actual", code) if record.key else None
        said = record.fields
        id, status = str(said.get("identifier") or said.get("alertId") or record.key), str(said.get("status") or "Actual")
        code = self._refusal(feed, record)
        return self._record(id, record.key, "refused" if code else "received", status, code)

    def _refusal(self, feed: Feed, record: RawRecord) -> str:
        """The code of the problem for which the record waits in quarantine; "" where it does not."""
        entry = self._store.quarantine.entry(self._store.journal.locate(feed.system, record.kind, record.key))
        return entry.problems[0]["code"] if entry is not None and entry.state == "open" and entry.problems else ""

    def _ended(self, record: RecordRow, outcome: Outcome) -> RawRecord:
        (out,) = self._store.deliveries.events([record.position])
        data = orjson.loads(out.data)
        key = str((data.get("sourceRecord") or {}).get("key") or data.get("alertId"))
        return self._record(str(data.get("alertId") or key), key, outcome, out.status, "")

    def _record(self, id: str, key: str, outcome: Outcome, status: str, code: str) -> RawRecord:
        fields = {"id": id, "key": key, "outcome": outcome, "status": status, "code": code, "at": self._now()}
        return RawRecord(ACKNOWLEDGEMENT, id, outcome, "put", fields, orjson.dumps(fields), "acknowledgement")

    def _journal(self, feed: Feed, records: Sequence[RawRecord], *, shadow: bool) -> None:
        if not records:
            return
        row = self._store.journal.feed(feed.system, FEED)
        terms = Intake(feed.system, feed.agency, translate, lambda _: "", lambda _: "alert", hold=False, shadow=shadow)
        if self._store.journal.accept(row.id, Batch("", records), terms).accepted:
            self._wake(row.id)


def translate(record: RawRecord) -> Sequence[Draft]:
    """The acknowledgement as an alert of its own, which refers to the one that it is about."""
    said = record.fields
    outcome = {"code": said["outcome"], "scheme": SCHEME}
    event: dict[str, Any] = {"common": outcome}
    if said["code"]:
        event["internal"] = {"code": said["code"], "scheme": "Copperline.Errors"}
    data = {
        "alertId": f"{said['id']}.{said['outcome']}"[-200:],
        "msgType": "Error" if said["outcome"] == "refused" else "Ack",
        "sent": {"at": said["at"]},
        "references": [said["id"]],
        "event": event,
        "sourceRecord": {"key": said["key"]},
    }
    status = said["status"] if said["status"] in ("Actual", "Exercise") else "Test"
    return [Draft("alert", "", said["key"], "", said["at"], orjson.dumps(data), status, "", "acknowledged")]
