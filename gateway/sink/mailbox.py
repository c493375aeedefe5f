"""The way to a system that cannot be called: what is for it waits until it fetches and acknowledges it.

Every version of a record is mapped when it is fetched, so what a person mends meanwhile is heeded.
Nothing is settled before the system says that it has it; whatever a restart forgets comes again.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gateway.adapter import Outcome, OutRecord
from gateway.agreement import Agreement, Destination, Projected
from gateway.errors import Problem, Reject, Retry
from gateway.event import Keys
from gateway.lane import Heard, Tell, Ticket, Verdict
from gateway.sink import terms
from gateway.sink.codes import NO_FEED, UNMAPPABLE
from gateway.sink.gate import Gate
from gateway.sink.verdict import judged
from gateway.store.rows import Aim, Answer
from gateway.system import Feed

if TYPE_CHECKING:
    from gateway.store import Store

T = TypeVar("T")

HANDED = 32
"""Pages that were fetched and not acknowledged, as far as they are remembered; the oldest go first."""


class Item(NamedTuple):
    """One record as it was handed out."""

    aim: Aim
    event: Projected
    record: OutRecord


class Fetched(NamedTuple):
    """A page: what acknowledges it, the document, what is in it, and the feed whose layout it has."""

    cursor: str
    document: bytes
    items: Sequence[Item]
    feed: Feed


class Mailboxes:
    """Makes the lane of one destination."""

    def __init__(
        self, store: Store, keys: Keys, gate: Gate, agreement: Agreement, destination: Destination, made: Callable[[Mailbox], None]
    ) -> None:
        self._store, self._keys, self._gate, self._made = store, keys, gate, made
        self._agreement, self._name = agreement, destination.name

    def lane(self, exchange: str, heard: Tell) -> Mailbox:
        """The mailbox of the destination."""
        mailbox = Mailbox(self._store, self._keys, self._gate, self._agreement, self._name, heard)
        self._made(mailbox)
        return mailbox


class Mailbox:
    """Filled by the delivery's thread, emptied by whoever fetches; safe from any thread."""

    careful = True
    last_s = 0.0  # whoever fetches may do so tomorrow
    problem: Problem | None = None

    def __init__(self, store: Store, keys: Keys, gate: Gate, agreement: Agreement, name: str, heard: Tell) -> None:
        self.agreement, self.gate = agreement, gate
        self.ready = threading.Event()
        self.ready.set()
        self.over = False
        """It was closed: another one has its place."""
        self._store, self._keys, self._heard = store, keys, heard
        self._name = name
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Ticket, Projected] = OrderedDict()
        self._handed: OrderedDict[str, Sequence[Item]] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        """Let a batch wait."""
        with self._lock:
            self._waiting.update(batch)
        return True

    def close(self) -> None:
        """Hand out no more; what was not acknowledged comes again."""
        self.over = True
        self.ready.clear()

    def fetch(self, limit: int) -> Fetched | None:
        """The next records as one document, in the terms of the feed's mapping; None where nothing waits.

        The same comes again until it is acknowledged.  Raises Retry where the system takes nothing now, or the
        store cannot answer.
        """
        feed = self._feed()
        with self._lock:
            while self._waiting:
                items = self._mapped(feed, list(islice(self._waiting.items(), limit)))
                if items:
                    return self._page(feed, items)
        return None

    def acknowledge(self, cursor: str) -> bool:
        """The system has what was fetched under this cursor; False where it is not known, as after a restart."""
        feed = self._feed()
        with self._lock:
            if cursor in self._done:
                return True
            items = self._handed.pop(cursor, None)
            if items is None:
                return False
            _remember(self._done, cursor, None)
            self._tell([self._written(feed, item) for item in items if self._waiting.pop(item.aim.position, None) is not None])
        return True

    def _feed(self) -> Feed:
        problem, feed = self.gate.problem(), self.gate.feed
        if problem is not None or feed is None:
            raise Retry(problem or Problem(NO_FEED, where=f"{self.gate.system}/{self.gate.name}"))
        return feed

    def _mapped(self, feed: Feed, batch: Sequence[tuple[Ticket, Projected]]) -> list[Item]:
        """What of a batch is to be handed out; what is not goes out of the mailbox with its reason."""
        dest = self._store.deliveries.destination(self.agreement.name, self._name)
        aims = {aim.position: aim for aim in self._store.remotes.aims(dest, [ticket for ticket, _ in batch])}
        items: list[Item] = []
        verdicts: list[Verdict] = []
        for ticket, event in batch:
            made = self._made(feed, event, aims.get(ticket), ticket)
            if isinstance(made, Item):
                items.append(made)
            else:
                verdicts.append(made)
                del self._waiting[ticket]
        self._tell(verdicts)
        return items

    def _made(self, feed: Feed, event: Projected, aim: Aim | None, ticket: Ticket) -> Item | Verdict:
        if aim is None:  # erased meanwhile
            return Verdict(ticket, "withheld")
        try:
            record = terms.record(feed, self._keys, event, aim)
            if record is None:
                return Verdict(ticket, "withheld")
            terms.document(feed, [record])
        except Reject as e:
            answer = Answer(ticket, aim.partition, written=False, problems=e.problems)
            return Verdict(ticket, "parked", UNMAPPABLE.id, uncertain=aim.uncertain, answer=answer)
        return Item(aim, event, record)

    def _page(self, feed: Feed, items: Sequence[Item]) -> Fetched:
        cursor = secrets.token_hex(16)
        _remember(self._handed, cursor, items)
        return Fetched(cursor, terms.document(feed, [item.record for item in items]), items, feed)

    def _written(self, feed: Feed, item: Item) -> Verdict:
        names = terms.names(feed, self._keys, item.event, item.record, "")
        return judged(item.aim, item.record, Outcome("written"), names, terms.digest(feed, self._keys, item.record))

    def _tell(self, verdicts: Sequence[Verdict]) -> None:
        if verdicts:
            self._heard(Heard(verdicts=verdicts))


def _remember(kept: OrderedDict[str, T], cursor: str, what: T) -> None:
    kept[cursor] = what
    while len(kept) > HANDED:
        kept.popitem(last=False)
