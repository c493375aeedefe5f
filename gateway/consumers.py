"""What is known of each consumer of a queue: how far it is behind, what it has read, and what it has not deleted.

The broker says what waits in a queue, the journal what waits before it, and the consumer itself, where it
answers, what it has read.  Where nobody says a figure it is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway import agreement
from gateway.agreed import agreements
from gateway.agreement import Agreement, Destination
from gateway.site import Site
from gateway.store import Store
from gateway.store.deletions import Owed
from gateway.store.rows import DestinationRow

if TYPE_CHECKING:
    from gateway.telemetry import Metrics

Queued = Mapping[tuple[str, str], int]
"""By agreement and destination: the messages that wait in its queue, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One queue and whoever reads it.  Times are RFC 3339, UTC."""

    destination: str
    """`<agreement>/<destination>`"""
    agreementseq: int
    """The number of the last message that the broker has."""
    waiting: int
    """Events that are for it and are not in its queue yet."""
    queued: int | None
    """Messages that wait in its queue."""
    oldest_unread: str | None
    """When the oldest of what waits here or in its queue was journalled or delivered; None where nothing does, or it is unknown."""
    read: int | None
    """The number of the last message that it has read: as it says itself, else what has left its queue."""
    last_read: str | None
    """When it said so last."""
    answers: bool
    """Whether a publisher of the site may answer for it."""
    undeleted: int
    """What it was told to forget and has not said that it has deleted."""
    undeleted_since: str | None

    @property
    def lag(self) -> int | None:
        """Messages and events that it has not read; None where neither broker nor consumer says."""
        if self.queued is not None:
            return self.waiting + self.queued
        return None if self.read is None else self.waiting + self.agreementseq - self.read

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lag": self.lag}


def consumers(site: Site, store: Store, queued: Queued, *, only: str = "") -> list[Consumer]:
    """Every queue that an approved agreement names, or those of one agreement."""
    rows = {(row.agreement, row.name): row for row in store.deliveries.destinations()}
    named = [(one, to) for one in agreements(site, store) if only in ("", one.name) for to in one.destinations if to.via == "bus"]
    found = [(one, to, row) for one, to in named if (row := rows.get((one.name, to.name))) is not None]
    if not found:
        return []
    owed, by = store.deletions.owed(), answering(site)
    keys = [(one.name, to.name) for one, to, _ in found]
    return [_consumer(store, *each, queued.get(key), owed.get(key, Owed()), by.get(key[0], [])) for each, key in zip(found, keys, strict=True)]


def answering(site: Site) -> dict[str, list[str]]:
    """By agreement: the systems of the publishers that may answer for it."""
    from gateway.inbound import publishers  # a status of a site without queues does not pay for it

    found: dict[str, list[str]] = {}
    for system, _, settings in publishers.feeds(site):
        for name in settings.answers_for:
            found.setdefault(name, []).append(system)
    return found


def answered(store: Store, systems: list[str], queue: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """What a consumer said of its queue, the latest first: the time in microseconds, and the data of its answer."""
    from gateway.inbound import answer

    said = [row for system in systems for row in store.journal.history(store.journal.locate(system, answer.READ, queue))]
    for row in sorted(said, key=lambda row: row.position, reverse=True):
        if row.outcome == "accepted" and not row.erased:
            yield row.recorded, answer.said(store.journal.document(row.position))


def _consumer(
    store: Store, one: Agreement, to: Destination, row: DestinationRow, queued: int | None, owed: Owed, systems: list[str]
) -> Consumer:
    wants = agreement.concerned(one.topics)
    number, waiting = store.deliveries.number(row.id), store.deliveries.counts(row.id, wants).in_progress
    at, said = next(answered(store, systems, agreement.exchange(one.name, to.name)), (0, None))
    since = [
        store.lag.waiting_since(row.id, wants) if waiting else 0,
        store.lag.given(row.id, queued or 0),
    ]
    return Consumer(
        destination=f"{one.name}/{to.name}",
        agreementseq=number,
        waiting=waiting,
        queued=queued,
        oldest_unread=_time(min((one for one in since if one), default=0)),
        read=said["agreementseq"] if said else None if queued is None else max(0, number - queued),
        last_read=_time(at),
        answers=bool(systems),
        undeleted=owed.open,
        undeleted_since=_time(owed.since),
    )


def _time(microseconds: int) -> str | None:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds") if microseconds else None


def measure(metrics: Metrics, known: Iterable[Consumer]) -> None:
    """Bring the figures of these consumers up to date."""
    for each in known:
        labels = dict(zip(("agreement", "destination"), each.destination.split("/"), strict=True))
        if each.lag is not None:
            metrics.set("copperline_consumer_lag", each.lag, **labels)
        metrics.set("copperline_consumer_oldest_unread_timestamp_seconds", _seconds(each.oldest_unread), **labels)
        metrics.set("copperline_consumer_last_read_timestamp_seconds", _seconds(each.last_read), **labels)
        metrics.set("copperline_consumer_undeleted", each.undeleted, **labels)


def _seconds(time: str | None) -> float:
    return datetime.fromisoformat(time).timestamp() if time else 0.0
