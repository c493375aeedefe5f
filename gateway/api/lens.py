"""What one caller may see: the journal through its agreement, with ids and cursors that only it can use.

The projector is the one that serves the bus.  An id stands for a record under a key of the
agreement, so that two callers cannot join what each was given, and leads back to it without any
table; a cursor is a place in the journal, sealed likewise.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway import agreement, context
from gateway.agreement import Agreement, Projected
from gateway.agreement.projector import REMOVAL, WITHDRAWAL
from gateway.api.codes import CURSOR, MISSING, NO_AGREEMENT, NO_PURPOSE
from gateway.api.problems import simple
from gateway.delivery import Gate, Leaves
from gateway.store.rows import BACK, GIVEN, Disclosed, Outgoing

if TYPE_CHECKING:
    from fastapi import Request

    from gateway.access import Caller
    from gateway.event import Keys
    from gateway.runner import Runner

SLICE = 200
"""Events of one feed that are read at once."""
LOOKED_AT = 5000
"""Rows of the journal that one page looks at; a page may be short for it, and says where to go on."""


class Lens:
    """One caller's view.  Belongs to one thread."""

    def __init__(self, runner: Runner, agreed: Agreement, keys: Keys) -> None:
        self.agreed = agreed
        self._store = runner.store
        self._gate = Gate(agreement.compile(agreed, keys), runner.store, 0)
        self._ids = _Block(keys.derive("rest-id:" + agreed.name))
        self._cursors = _Block(keys.derive("rest-cursor:" + agreed.name))

    # Ids and cursors

    def id(self, out: Outgoing) -> str:
        """What the caller calls the record that an event is about."""
        return self._ids.sealed(out.partition)

    def cursor(self, position: int) -> str:
        """A place in the journal as the caller may keep it."""
        return self._cursors.sealed(position.to_bytes(8) + bytes(8))

    def place(self, cursor: str) -> int:
        """The place that a cursor stands for; 0 for none.  Raises Refusal where it was not given by this view."""
        if not cursor:
            return 0
        opened = self._cursors.opened(cursor)
        if opened is None or opened[8:] != bytes(8):
            raise simple(422, CURSOR)
        return int.from_bytes(opened[:8])

    # Seeing

    def see(self, out: Outgoing) -> Projected | None:
        """What stands in an event's place for the caller, which may be that something is taken back; None for nothing."""
        made = self._gate.judge(out)
        return made.event if isinstance(made, Leaves) else None

    def read(self, out: Outgoing) -> Projected | None:
        """A record as the caller may read it; None where it may not, or not any more."""
        made = self._gate.judge(out)
        return made.event if isinstance(made, Leaves) and made.kind != BACK else None

    def events(self, after: int, limit: int) -> tuple[list[tuple[Outgoing, Projected]], int, bool]:
        """The next events that the caller may see, where to go on, and whether there may be more."""
        found: list[tuple[Outgoing, Projected]] = []
        looked, last = 0, after
        for out in self._after(after):
            looked, last = looked + 1, out.position
            seen = self.see(out)
            if seen is not None:
                found.append((out, seen))
            if len(found) == limit or looked == LOOKED_AT:
                return found, last, True
        return found, last, False

    def records(self, entity: str, after: int, limit: int) -> tuple[list[tuple[Outgoing, Projected]], int, bool]:
        """The next records of an entity as they stand now."""
        found: list[tuple[Outgoing, Projected]] = []
        looked, more = 0, True
        while more and len(found) < limit and looked < LOOKED_AT:
            page = self._store.current.page(entity, after, limit)
            rows = self._store.deliveries.events(page.positions)
            for out in rows:
                seen = self.read(out)
                if seen is not None:
                    found.append((out, seen))
                    if len(found) == limit and out.position < page.seen:
                        return found, out.position, True
            after, more, looked = page.seen, page.more, looked + limit
        return found, after, more

    def record(self, entity: str, id: str) -> tuple[Outgoing, Projected]:
        """One record as it stands now.  Raises Refusal where the caller may see none by this id."""
        partition = self._ids.opened(id)
        position = self._store.current.position(partition) if partition is not None else 0
        for out in self._store.deliveries.events([position] if position else []):
            seen = self.read(out)
            if seen is not None and seen.fixed.entity == entity:
                return out, seen
        raise simple(404, MISSING)

    def before(self, recorded_us: int) -> int:
        """The last place before a time."""
        return self._store.current.before(recorded_us)

    def head(self) -> int:
        """The end of the journal."""
        return self._store.current.head()

    def _after(self, after: int) -> Iterator[Outgoing]:
        feeds = [row.id for row in self._store.journal.feeds()]
        return merge(*(self._feed(feed, after) for feed in feeds), key=_position)

    def _feed(self, feed: int, after: int) -> Iterator[Outgoing]:
        while rows := self._store.deliveries.read(0, feed, after, SLICE):
            yield from rows
            after = rows[-1].position


class Lenses:
    """The views of all callers, and the ledger's word for each look."""

    def __init__(self, runner: Runner, keys: Keys) -> None:
        self._runner, self._keys = runner, keys
        self._local = threading.local()

    def of(self, caller: Caller) -> Lens:
        """The view of a caller, on this thread.  Raises Refusal where no agreement in force lets it read."""
        agreed = self._runner.outbound.agreed(caller.agreement) if caller.agreement else None
        if agreed is None or not agreed.in_force(context.now()):
            raise simple(403, NO_AGREEMENT)
        kept: dict[tuple[str, str], Lens] = self._local.__dict__.setdefault("lenses", {})
        lens = kept.get((agreed.name, agreed.digest))
        if lens is None:
            lens = kept[agreed.name, agreed.digest] = Lens(self._runner, agreed, self._keys)
        return lens

    def noted(self, caller: Caller, lens: Lens, what: str, seen: Sequence[tuple[Outgoing, Projected]], why: str) -> None:
        """Write down who saw what, when and why; durable when this returns, and before anybody sees it."""
        self.noted_of(caller, lens.agreed, what, [(out.position, one) for out, one in seen], why)

    def noted_of(self, caller: Caller, agreed: Agreement, what: str, seen: Sequence[tuple[int, Projected]], why: str) -> None:
        """The same of what was seen through an agreement without a view of its own, by position."""
        if not seen:
            return
        fields = sorted({f"{one.fixed.entity}.{field}" for _, one in seen for field in one.fields})
        shown = [_shown(position, one) for position, one in seen]
        self._runner.store.looks.note(what, shown, fields, agreement=agreed.name, wording=agreed.digest, caller=caller.name, why=why)


def _shown(position: int, one: Projected) -> Disclosed:
    takes_back = one.fields is WITHDRAWAL or one.fields is REMOVAL
    return Disclosed(bytes.fromhex(one.id), hashlib.sha256(one.body).digest(), position, BACK if takes_back else GIVEN)


def purpose(request: Request) -> str:
    """Why a caller reads, as it says or as its file does.  Raises Refusal where neither says."""
    why: str = request.headers.get("x-purpose", "").strip() or request.state.caller.purpose
    if not why:
        raise simple(422, NO_PURPOSE)
    return why


class _Block:
    """Sixteen bytes to sixteen others and back, under one key."""

    def __init__(self, key: bytes) -> None:
        # One block of a keyed hash, or of a place in the journal: nothing repeats that should not, so no mode is needed.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - as above

    def sealed(self, block: bytes) -> str:
        encryptor = self._cipher.encryptor()
        return (encryptor.update(block) + encryptor.finalize()).hex()

    def opened(self, text: str) -> bytes | None:
        try:
            block = bytes.fromhex(text)
        except ValueError:
            return None
        if len(block) != 16:
            return None
        decryptor = self._cipher.decryptor()
        return decryptor.update(block) + decryptor.finalize()


def _position(out: Outgoing) -> int:
    return out.position

