"""How far each destination has come: the record log is the outbox, only exceptions have rows.

A position per destination and feed says that everything up to there is delivered, withheld,
expired, or an exception with a row of its own.  It may lag behind what was confirmed; it never
leads.  Position, counters, exceptions and the ledger's leaf move in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from gateway.errors import Problem, Refused, code
from gateway.store import disclosures, ledger, merkle
from gateway.store.crypto import BODY, Vault
from gateway.store.database import Database, Reader, Transaction
from gateway.store.ledger import Ledger
from gateway.store.plan import unpack_extra
from gateway.store.recent import Recent
from gateway.store.remotes import Remotes
from gateway.store.rows import (
    MAYBE,
    Clock,
    Counts,
    DestinationRow,
    Exceptional,
    ExceptionState,
    FeedSettled,
    Outgoing,
    Settlement,
)

NO_DESTINATION = code(
    "delivery.no-destination",
    "the journal knows no such destination",
    "List the destinations with `copperline status`; one is made when its agreement is first loaded.",
)

EVENT = "position, feed, topic, event, subject, partition, sequence, time, recorded, mapping, extra, salt, body, name"
EXCEPTION = "position, feed, state, subject, attempts, next_at, code, uncertain, replay"


class Deliveries:
    """Reads events for destinations and settles what became of them."""

    def __init__(
        self, database: Database, vault: Vault, ledger: Ledger, recent: Recent, remotes: Remotes, clock: Clock
    ) -> None:
        self._recent, self._remotes = recent, remotes
        self._database, self._vault, self._ledger, self._clock = database, vault, ledger, clock
        self._systems: dict[int, str] = {}

    # Destinations

    def destination(self, agreement: str, name: str, *, start: Literal["now"] | int = "now") -> int:
        """The id of a destination, made at first use.

        A new one starts at what is journalled from now on, or with the events recorded since `start`.
        Feeds that come later are read from their beginning.
        """
        sql = "SELECT id FROM destination WHERE agreement = ? AND name = ?"
        row = self._database.read().one(sql, [agreement, name])
        if row is None:
            row = self._database.write(lambda transaction: self._new(transaction, agreement, name, start))
        return int(row[0])

    def _new(self, transaction: Transaction, agreement: str, name: str, start: Literal["now"] | int) -> Any:
        ask = "SELECT id FROM destination WHERE agreement = ? AND name = ?"
        if row := transaction.one(ask, [agreement, name]):
            return row
        row = transaction.one(
            "INSERT INTO destination (agreement, name, state, reason, created) VALUES (?, ?, 'running', '', ?) RETURNING id",
            [agreement, name, self._clock()],
        )
        assert row is not None
        after = _end(transaction) if start == "now" else _before(transaction, start)
        feeds = transaction.all("SELECT id FROM feed")
        transaction.many(
            "INSERT INTO position (destination, feed, position, delivered, withheld, expired) VALUES (?, ?, ?, 0, 0, 0)",
            [(row[0], feed[0], after) for feed in feeds],
        )
        return row

    def destinations(self) -> list[DestinationRow]:
        """Every destination, by agreement and name."""
        sql = "SELECT id, agreement, name, state, reason FROM destination ORDER BY agreement, name"
        return [DestinationRow(*row) for row in self._database.read().all(sql)]

    def state(self, dest: int, state: Literal["running", "paused", "retired"], *, by: str, reason: str) -> None:
        """Pause, resume or retire a destination; who and why go to the ledger."""

        def piece(transaction: Transaction) -> None:
            sql = "UPDATE destination SET state = ?, reason = ? WHERE id = ?"
            if not transaction.run(sql, [state, reason, dest]):
                raise Refused(Problem(NO_DESTINATION))
            head = ledger.lock(transaction)
            body = {"destination": dest, "state": state}
            self._ledger.noted(transaction, head, "destination-changed", body, by=by, reason=reason)
            ledger.release(transaction, head)

        self._database.write(piece)

    # Reading

    def positions(self, dest: int) -> dict[int, int]:
        """The settled position of each feed that there is."""
        rows = self._database.read().all(
            "SELECT f.id, COALESCE(p.position, 0) FROM feed f LEFT JOIN position p ON p.feed = f.id AND p.destination = ?",
            [dest],
        )
        return {row[0]: row[1] for row in rows}

    def read(self, dest: int, feed: int, after: int, limit: int = 500) -> list[Outgoing]:
        """The next events of a feed after a position, in order.  What was erased meanwhile is not among them."""
        newest = self._recent.read(feed, after, limit)
        if newest is not None:
            return newest
        rows = self._database.read().all(
            f"SELECT {EVENT} FROM record WHERE feed = ? AND position > ? AND outgoing = 1 ORDER BY position LIMIT ?",
            [feed, after, limit],
        )
        return [self._outgoing(row) for row in rows]

    def events(self, positions: Iterable[int], *, replayed: Collection[int] = ()) -> list[Outgoing]:
        """The events at these positions, in order; those of `replayed` say that they are sent again."""
        rows = self._database.read().within(
            f"SELECT {EVENT} FROM record WHERE outgoing = 1 AND position IN (*)", positions
        )
        once = {row[0]: row for row in rows}
        return [self._outgoing(once[position], replay=position in replayed) for position in sorted(once)]

    # Later versions

    @property
    def generation(self) -> int:
        """Changes when what was learned about later versions must be asked again."""
        return self._recent.generation

    def newest(self, out: Outgoing) -> int | None:
        """The position of a later version of the record of an event, 0 for none; None where `latest` must be asked."""
        return self._recent.newest(out.partition, out.position)

    def seen(self, out: Outgoing) -> int:
        """The position of the latest version that was journalled lately; 0 for none."""
        return self._recent.seen(out.partition)

    def latest(self, rows: Iterable[Outgoing]) -> dict[int, int]:
        """By position of each event, that of the latest version of its record; its own, or 0, where there is none after it."""
        asked = list(rows)
        found = self._database.read().within(
            "SELECT partition, MAX(position) FROM record WHERE again = 1 AND outgoing = 1 AND name IN (*) GROUP BY partition",
            {out.name for out in asked},
        )
        latest = {row[0]: row[1] for row in found}
        return {out.position: latest.get(out.partition, 0) for out in asked}

    def changes(self, feed: int, after: int, until: int) -> list[Outgoing]:
        """The events of a feed within these positions that are not the first of their record."""
        rows = self._database.read().all(
            f"SELECT {EVENT} FROM record WHERE feed = ? AND position > ? AND position <= ? AND outgoing = 1 AND again = 1 "
            "ORDER BY position",
            [feed, after, until],
        )
        return [self._outgoing(row) for row in rows]

    def before(self, recorded: int) -> int:
        """The last position that was recorded before a time; 0 for none."""
        return _before(self._database.read(), recorded)

    def head(self) -> int:
        """The last position that was given out."""
        return _end(self._database.read())

    def number(self, dest: int) -> int:
        """The number up to which every message of a destination was confirmed."""
        row = self._database.read().one("SELECT number FROM destination WHERE id = ?", [dest])
        return int(row[0]) if row else 0

    def ceiling(self, dest: int) -> int:
        """The position up to which messages may have been handed over and not settled; 0 where none were."""
        row = self._database.read().one("SELECT ceiling FROM destination WHERE id = ?", [dest])
        return int(row[0]) if row else 0

    def reserve(self, dest: int, ceiling: int) -> None:
        """Before messages beyond the last ceiling are handed over; 0: everything that was is settled.  Durable on return."""
        self._database.write(lambda transaction: transaction.run("UPDATE destination SET ceiling = ? WHERE id = ?", [ceiling, dest]))

    def wording(self, dest: int) -> str:
        """The wording under which all that a destination was given was last looked at."""
        row = self._database.read().one("SELECT wording FROM destination WHERE id = ?", [dest])
        return str(row[0]) if row else ""

    def looked_at(self, dest: int, wording: str) -> None:
        """All that a destination was given may be held under this wording, or was taken back."""
        self._database.write(lambda transaction: transaction.run("UPDATE destination SET wording = ? WHERE id = ?", [wording, dest]))

    def _outgoing(self, row: Sequence[Any], *, replay: bool = False) -> Outgoing:
        position, feed, topic, event, subject, partition, sequence, time, recorded, mapping, extra, salt, body, name = (
            row
        )
        status, expires, said = "Actual", "", None
        if extra or replay:
            status, expires, said = unpack_extra(extra, event if replay else b"")
        data = self._vault.open(salt, BODY, body, name + event)
        return Outgoing(
            position, feed, self._systems.get(feed) or self._system(feed), topic, event, subject, partition, sequence, time,
            recorded, mapping, status, expires, said, data, name,
        )  # fmt: skip

    def _system(self, feed: int) -> str:
        """The system of a feed, which never changes."""
        self._systems.update(self._database.read().all("SELECT id, system FROM feed"))
        return self._systems[feed]

    def exceptions(
        self, dest: int, *, due_before: int | None = None, state: ExceptionState | None = None, limit: int = 1000
    ) -> list[Exceptional]:
        """The exceptions of a destination by position: all, those due before a time, those in one state."""
        where = "destination = ?"
        values: list[Any] = [dest]
        if due_before is not None:
            where, values = where + " AND next_at < ?", [*values, due_before]
        if state is not None:
            where, values = where + " AND state = ?", [*values, state]
        sql = f"SELECT {EXCEPTION} FROM exception WHERE {where} ORDER BY position LIMIT ?"
        return [_exceptional(row) for row in self._database.read().all(sql, [*values, limit])]

    def parked(self, dest: int, position: int) -> bool:
        """Whether the delivery of the event at a position waits for a person."""
        sql = "SELECT 1 FROM exception WHERE destination = ? AND position = ? AND state = 'parked'"
        return self._database.read().one(sql, [dest, position]) is not None

    def counts(self, dest: int, wants: Callable[[str], bool], *, feed: int | None = None) -> Counts:
        """Where the events of the wanted topics stand at a destination, of one feed or of all."""
        reader = self._database.read()
        only, values = ("AND feed = ?", [dest, feed]) if feed is not None else ("", [dest])
        ended = reader.one(
            "SELECT COALESCE(SUM(delivered), 0), COALESCE(SUM(withheld), 0), COALESCE(SUM(expired), 0) "
            f"FROM position WHERE destination = ? {only}",
            values,
        ) or (0, 0, 0)
        sql = f"SELECT state, COUNT(*) FROM exception WHERE destination = ? {only} GROUP BY state"
        states: dict[str, int] = {row[0]: row[1] for row in reader.all(sql, values)}
        parked = states.pop("parked", 0)
        unread = self._unread(reader, dest, wants, feed)
        return Counts(int(ended[0]), parked, int(ended[1]), int(ended[2]), sum(states.values()) + unread)

    def _unread(self, reader: Reader, dest: int, wants: Callable[[str], bool], feed: int | None) -> int:
        """Wanted events behind no settled position and without a row of their own."""
        rows = reader.all(
            "SELECT r.topic, COUNT(*) FROM feed f LEFT JOIN position p ON p.feed = f.id AND p.destination = ? "
            "JOIN record r ON r.feed = f.id AND r.outgoing = 1 AND r.position > COALESCE(p.position, 0) "
            "WHERE NOT EXISTS (SELECT 1 FROM exception e WHERE e.destination = ? AND e.position = r.position) "
            f"{'AND f.id = ?' if feed is not None else ''} GROUP BY r.topic",
            [dest, dest, *([feed] if feed is not None else [])],
        )
        return sum(count for topic, count in rows if wants(topic))

    # Settling

    def settle(self, dest: int, settlement: Settlement) -> None:
        """Store one step of a destination, all of it or nothing; durable when this returns."""
        self._database.write(lambda transaction: self._settle(transaction, dest, settlement))

    def _settle(self, transaction: Transaction, dest: int, settlement: Settlement) -> None:
        for moved in settlement.feeds:
            _advance(transaction, dest, moved)
        if settlement.settled:
            transaction.many(
                "DELETE FROM exception WHERE destination = ? AND position = ?",
                [(dest, position) for position in settlement.settled],
            )
        if settlement.exceptions:
            _put(transaction, dest, settlement.exceptions)
        self._remotes.keep(transaction, dest, settlement.answers)
        if settlement.number:
            sql = "UPDATE destination SET number = ? WHERE id = ? AND number < ?"
            transaction.run(sql, [settlement.number, dest, settlement.number])
        if settlement.disclosed:
            self._disclose(transaction, dest, settlement)

    def _disclose(self, transaction: Transaction, dest: int, settlement: Settlement) -> None:
        """The leaf, where anything was certainly given, and the row that says what its root was made of."""
        leaf = -1
        if any(one.kind != MAYBE for one in settlement.disclosed):
            head = ledger.lock(transaction)
            leaf = ledger.append(transaction, head, "delivered", self._stated(transaction, dest, settlement))
            ledger.release(transaction, head)
        disclosures.write(transaction, dest, leaf, settlement.wording, self._clock(), settlement.disclosed)

    def _stated(self, transaction: Transaction, dest: int, settlement: Settlement) -> Mapping[str, Any]:
        """What the ledger says of a settled batch: to whom, how many, which fields, and the root over what was given."""
        row = transaction.one("SELECT agreement, name FROM destination WHERE id = ?", [dest])
        if row is None:
            raise Refused(Problem(NO_DESTINATION))
        given = [merkle.leaf_hash(one.id + one.body) for one in settlement.disclosed if one.kind != MAYBE]
        return {
            "agreement": row[0],
            "at": self._clock(),
            "batch": merkle.root(given).hex(),
            "count": len(given),
            "destination": row[1],
            "fields": sorted(settlement.fields),
            "wording": settlement.wording,
        }

    def replay(self, dest: int, positions: Sequence[int], *, by: str, reason: str) -> int:
        """Send sealed events again, under the same ids.  Returns how many will be; durable on return.

        Each is counted as in progress again until it is settled, so no pair is counted twice.
        """
        wanted = self._database.read().within(
            "SELECT position, feed, subject FROM record WHERE outgoing = 1 AND position IN (*)", positions
        )
        rows = sorted(set(wanted))

        def piece(transaction: Transaction) -> None:
            there = set(transaction.within(f"SELECT position FROM exception WHERE destination = {dest:d} AND position IN (*)", [row[0] for row in rows]))  # fmt: skip
            for position, feed, _ in rows:
                if (position,) not in there:
                    _uncount(transaction, dest, feed, position)
            again = [Exceptional(row[0], row[1], "retry", row[2], replay=True) for row in rows]
            _put(transaction, dest, again)
            head = ledger.lock(transaction)
            body = {"count": len(rows), "destination": dest, "positions": [row[0] for row in rows[:1000]]}
            self._ledger.noted(transaction, head, "replayed", body, by=by, reason=reason)
            ledger.release(transaction, head)

        if rows:
            self._database.write(piece)
        return len(rows)

    def retry(self, dest: int, *, by: str, reason: str) -> int:
        """Have everything that is parked tried again.  Returns how many; durable on return."""

        def piece(transaction: Transaction) -> int:
            sql = "UPDATE exception SET state = 'retry', attempts = 0, next_at = 0 WHERE destination = ? AND state = 'parked'"
            freed = transaction.run(sql, [dest])
            head = ledger.lock(transaction)
            self._ledger.noted(transaction, head, "retried", {"count": freed, "destination": dest}, by=by, reason=reason)
            ledger.release(transaction, head)
            return freed

        return self._database.write(piece) if self.exceptions(dest, state="parked", limit=1) else 0


def _end(reader: Reader) -> int:
    row = reader.one("SELECT position FROM head WHERE id = 1")
    return int(row[0]) if row else 0


def _before(reader: Reader, start: int) -> int:
    """The last position recorded before a time."""
    row = reader.one("SELECT position FROM record WHERE recorded < ? ORDER BY position DESC LIMIT 1", [start])
    return int(row[0]) if row else 0


def _advance(transaction: Transaction, dest: int, moved: FeedSettled) -> None:
    """Positions only grow: a late settlement of an earlier state cannot take one back."""
    transaction.run(
        "INSERT INTO position (destination, feed, position, delivered, withheld, expired) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (destination, feed) DO UPDATE SET "
        "position = CASE WHEN excluded.position > position.position THEN excluded.position ELSE position.position END, "
        "delivered = position.delivered + excluded.delivered, withheld = position.withheld + excluded.withheld, "
        "expired = position.expired + excluded.expired",
        [dest, moved.feed, moved.position, moved.delivered, moved.withheld, moved.expired],
    )


def _put(transaction: Transaction, dest: int, exceptions: Iterable[Exceptional]) -> None:
    transaction.many(
        f"INSERT INTO exception (destination, {EXCEPTION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (destination, position) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, "
        "next_at = excluded.next_at, code = excluded.code, uncertain = excluded.uncertain, replay = excluded.replay",
        [
            (dest, row.position, row.feed, row.state, row.subject, row.attempts, row.next_at, row.code, int(row.uncertain), int(row.replay))
            for row in exceptions
        ],
    )  # fmt: skip


def _uncount(transaction: Transaction, dest: int, feed: int, position: int) -> None:
    """Take a settled pair out of the count it is in; most were delivered."""
    for kind in ("delivered", "withheld", "expired"):
        sql = f"UPDATE position SET {kind} = {kind} - 1 WHERE destination = ? AND feed = ? AND position >= ? AND {kind} > 0"
        if transaction.run(sql, [dest, feed, position]):
            return


def _exceptional(row: Sequence[Any]) -> Exceptional:
    position, feed, state, subject, attempts, next_at, code, uncertain, replay = row
    return Exceptional(position, feed, state, subject, attempts, next_at, code, bool(uncertain), bool(replay))
