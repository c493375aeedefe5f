"""New or not: what becomes of each record, decided against the latest of its name.

A plan is made before the transaction that commits it, while nobody else may change names of the
system.  Rows that do not exist yet are meant by negative numbers (-1 is the first new row): the
head gives them their positions when the plan is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import orjson

from gateway.adapter import RawRecord, Rejected
from gateway.errors import Problem, Reject
from gateway.event import Draft, Keys
from gateway.event import topic as event_topic
from gateway.store.crypto import BODY, ORIGINAL, Vault, entry, salts
from gateway.store.database import Reader
from gateway.store.rows import ACCEPTED, HELD, LATE, QUARANTINED, UNCHANGED, Intake, Outgoing
from gateway.store.tokens import Tokens

topic = lru_cache(maxsize=4096)(event_topic)

PUT, REMOVE = 0, 1

Part: TypeAlias = "tuple[int, str, bytes, bytes, bytes, str]"
"""An event that stands for a name: position, topic, event, subject, partition, extra."""

NAME = "name, first, born, position, version, change, digest, sequence, mapped, parts, sole, holder, highest"  # as in State


class State:
    """The latest of one name.  Positions may be negative: rows of the plan."""

    __slots__ = (
        "born", "change", "digest", "first", "fresh", "highest", "holder", "mapped", "name", "parts", "position",
        "sequence", "sole", "version",
    )  # fmt: skip

    def __init__(
        self, name: bytes, first: int = 0, born: bytes = b"", position: int = 0, version: bytes = b"", change: int = PUT,
        digest: bytes = b"", sequence: int = 0, mapped: int = 0, parts: str = "", sole: str = "", holder: int = 0,
        highest: str = "", *, fresh: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.first, self.born, self.position, self.version = name, first, born, position, version
        self.change, self.digest, self.sequence, self.mapped, self.parts = change, digest, sequence, mapped, parts
        self.sole, self.holder, self.highest, self.fresh = sole, holder, highest, fresh


class Said:
    """One record as the journal sees it: what it is about, what it says, where it came from."""

    __slots__ = ("change", "digest", "kind", "name", "original", "place", "problems", "record", "version", "versioned")

    def __init__(self, tokens: Tokens, record: RawRecord | Rejected, document: bytes) -> None:
        self.kind, self.original, self.place = record.kind, record.original, record.where
        self.versioned = record.version
        self.digest = b""
        self.change = PUT
        if isinstance(record, RawRecord):
            self.record: RawRecord | None = record
            self.problems: Sequence[Problem] = ()
            if record.change == "remove":
                self.change = REMOVE
            self.name = tokens.name(record.kind, record.key)
        else:
            self.record, self.problems = None, record.problems
            self.digest = tokens.rejected(record.original)
            self.name = _name_of_rejected(tokens, record, document, self.digest)
            self.versioned = record.version or f"{document.hex()}:{record.where}:{self.digest.hex()}"
        self.version = tokens.version(self.name, self.change, self.versioned)

    def fields(self, tokens: Tokens) -> bytes:
        """The digest of what it says; made when first asked for, since a repeated record is never asked."""
        if not self.digest:
            self.digest = tokens.fields(self.record.fields if self.record else {})
        return self.digest


def _name_of_rejected(tokens: Tokens, record: Rejected, document: bytes, digest: bytes) -> bytes:
    """Its own name where the key could be read; else its document, place and bytes."""
    if record.key:
        return tokens.name(record.kind, record.key)
    return tokens.nameless(document, record.where, digest)


class Plan:
    """What a transaction will write: rows, names, quarantine, held records, and the count of each outcome."""

    def __init__(self, reader: Reader, keys: Keys, vault: Vault, intake: Intake, *, feed: int, now: int) -> None:
        self.feed, self.now, self.intake = feed, now, intake
        self._reader, self._vault = reader, vault
        self.tokens = Tokens(keys, intake.system)
        self._shown = 0 if intake.shadow else 1
        self.rows: list[tuple[Any, ...]] = []
        self.entries: list[bytes] = []
        self.states: dict[bytes, State] = {}
        self.changed: dict[bytes, State] = {}
        self.quarantined: list[tuple[int, Sequence[Problem]]] = []
        self.held: list[tuple[bytes, int]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.counts = [0] * 5
        self.echoes: set[bytes] = set()
        """Names that the gateway wrote to this system, and that none of its feeds has said since."""
        self.linked: set[bytes] = set()
        self._seen: set[tuple[bytes, bytes]] = set()
        self._parts: dict[int, Part] = {}
        self._subjects: dict[tuple[str, str], bytes] = {}
        self._salts = salts(0)
        self._mappings: dict[str, str] = {}

    # What is known already

    def load(self, names: Iterable[bytes]) -> None:
        """The latest of each name, in one question."""
        found = self._reader.within(f"SELECT {NAME} FROM name WHERE name IN (*)", names)
        self.states.update((row[0], State(*row)) for row in found)

    def load_versions(self, said: Iterable[Said]) -> None:
        """Every version that was journalled of names whose latest does not answer already."""
        names = {one.name for one in said if one.version and self._asks(one)}
        rows = self._reader.within("SELECT name, version FROM record WHERE again = 1 AND name IN (*)", names)
        self._seen.update((row[0], row[1]) for row in rows)

    def _asks(self, said: Said) -> bool:
        state = self.states.get(said.name)
        return state is not None and said.version not in {state.version, state.born}

    def load_parts(self, said: Iterable[Said]) -> None:
        """The events that stand for names of several parts, or that are about to be removed."""
        states = [(one, self.states.get(one.name)) for one in said]
        wanted = [state for one, state in states if state and state.parts and (not state.sole or one.change == REMOVE)]
        self._fetch({int(position) for state in wanted for position in state.parts.split()})

    def _fetch(self, positions: Iterable[int]) -> None:
        sql = "SELECT position, topic, event, subject, partition, extra FROM record WHERE position IN (*)"
        self._parts.update((row[0], row) for row in self._reader.within(sql, positions))

    # Judging

    def judge(self, said: Said) -> int:
        """The outcome of one record; what it leaves behind is added to the plan.  One of rows.OUTCOMES by number.

        UNCHANGED leaves nothing here: the caller knows whether its document or version must be remembered.
        """
        state = self.states.get(said.name)
        if state is None:
            state = self.states[said.name] = State(said.name, fresh=True)
            return self.link(said, state) if said.name in self.echoes else self.take(said, state)
        if said.version and self._repeated(said, state):
            return UNCHANGED
        if self.intake.ordered and said.versioned and said.versioned < state.highest:
            self.leave(said, LATE)
            return LATE
        if said.change == state.change and said.fields(self.tokens) == state.digest:
            return UNCHANGED
        return self.link(said, state) if said.name in self.echoes else self.take(said, state)

    def _repeated(self, said: Said, state: State) -> bool:
        version = said.version
        return version in {state.version, state.born} or (said.name, version) in self._seen

    def knows(self, said: Said) -> bool:
        """Whether this version of the name was journalled before."""
        return self._repeated(said, self.states[said.name])

    def mappings(self) -> list[str]:
        """The digests of the mappings that made the plan's events."""
        return sorted(set(self._mappings.values()))

    def link(self, said: Said, state: State) -> int:
        """What the gateway itself wrote to the system, read back: kept and known from now on, and no event."""
        if said.record is None:
            return self.take(said, state)
        self.echoes.discard(said.name)
        self.linked.add(said.name)
        self.changed[said.name] = state
        here = self.leave(said, UNCHANGED)
        self._latest(said, state, here)
        return UNCHANGED

    def take(self, said: Said, state: State) -> int:
        """A new record: mapped, or held behind a quarantined one of its name, or quarantined itself."""
        self.changed[said.name] = state
        if state.holder and self.intake.hold:
            here = self.leave(said, HELD)
            self.held.append((said.name, here))
            outcome = HELD
        else:
            here, outcome = self.make(said, state)
        self._latest(said, state, here)
        return outcome

    def _latest(self, said: Said, state: State, here: int) -> None:
        digest = said.fields(self.tokens)
        state.position, state.version, state.change, state.digest = here, said.version, said.change, digest
        if state.first == 0:
            state.first, state.born = here, said.version
        if self.intake.ordered:
            state.highest = max(state.highest, said.versioned)

    def make(self, said: Said, state: State, *, origin: int = 0) -> tuple[int, int]:
        """Events of one record, or its quarantine.  Returns where it stands and its outcome."""
        try:
            if said.problems:
                raise Reject(*said.problems)
            drafts = self.intake.translate(said.record) if said.record and said.change == PUT else ()
        except Reject as e:
            here = self.leave(said, QUARANTINED, origin=origin)
            self.quarantined.append((here, e.problems))
            if self.intake.hold:
                state.holder = here
            return here, QUARANTINED
        return self.emit(said, state, drafts, origin=origin), ACCEPTED

    def emit(self, said: Said, state: State, drafts: Sequence[Draft], *, origin: int = 0) -> int:
        """The rows of a record that was mapped: its events, then a removal for every part that is gone."""
        start = -len(self.rows) - 1
        state.sequence += 1
        self.changed[state.name] = state
        if len(drafts) == 1 and not drafts[0].part and (state.sole == drafts[0].entity or not state.parts):
            return self._emit_sole(said, state, drafts[0], origin)
        former = self.parts(state)
        living = self._events(said, state, drafts, former, origin)
        gone = [part for partition, part in former.items() if partition not in living]
        reason: Literal["part", "source"] = "source" if said.change == REMOVE else "part"
        for index, part in enumerate(gone, len(drafts)):
            self.remove(said, state, index, part, origin if index == 0 else origin or start, reason)
        if said.change == REMOVE and not former and not state.mapped:
            self.remove(said, state, 0, self._unseen(said), origin, reason)
        elif not drafts and not gone:
            self.leave(said, ACCEPTED, origin=origin)  # mapped to nothing: only the original stays
        state.mapped = start
        state.parts = " ".join(map(str, living.values()))
        state.sole = drafts[0].entity if len(drafts) == 1 and not drafts[0].part else ""
        return start

    def _emit_sole(self, said: Said, state: State, draft: Draft, origin: int) -> int:
        """What most records are: one event, of the same entity as before."""
        action = draft.action or ("updated" if state.parts else "created")
        here = self.event(said, state, 0, draft, action, said.name, origin)
        state.mapped, state.parts, state.sole = here, str(here), draft.entity
        return here

    def parts(self, state: State) -> dict[bytes, Part]:
        """The events that stand for a name now, by partition."""
        positions = [int(position) for position in state.parts.split()]
        missing = [position for position in positions if position > 0 and position not in self._parts]
        if missing:
            self._fetch(missing)
        self._parts.update((position, self._planned(position)) for position in positions if position < 0)
        return {self._parts[position][4]: self._parts[position] for position in positions if position in self._parts}

    def _planned(self, position: int) -> Part:
        """An event of this very plan."""
        row = self.rows[-position - 1]
        return position, row[10], row[11], row[12], row[13], row[17]

    def _events(
        self, said: Said, state: State, drafts: Sequence[Draft], former: dict[bytes, Part], origin: int
    ) -> dict[bytes, int]:
        living: dict[bytes, int] = {}
        first = -len(self.rows) - 1
        for index, draft in enumerate(drafts):
            partition = self.partition(said.name, draft)
            action = draft.action or ("updated" if partition in former else "created")
            living[partition] = self.event(
                said, state, index, draft, action, partition, origin if index == 0 else origin or first
            )
        return living

    def partition(self, name: bytes, draft: Draft) -> bytes:
        """What the events of one canonical record have in common: the name, or name and part."""
        if not draft.part:
            return name
        return self.tokens.part(name, draft.entity, draft.part)

    def event(
        self, said: Said, state: State, index: int, draft: Draft, action: str, partition: bytes, origin: int,
        causation: bytes = b"",
    ) -> int:  # fmt: skip
        """One sealed event as a row."""
        agency = draft.agency or self.intake.agency
        event = self.tokens.event(said.name, state.sequence, draft.entity, index, said.fields(self.tokens))
        extra = self._extra(draft.status, draft.expires, causation)
        subject = self._subject(agency, draft.subject) if draft.subject else said.name
        return self._row(
            said, ACCEPTED, origin, state.sequence, index, topic(agency, draft.entity, action), event, subject, partition,
            draft.time, extra, draft.data,
        )  # fmt: skip

    def remove(
        self, said: Said, state: State, index: int, part: Part, origin: int, reason: Literal["part", "source"]
    ) -> None:
        """The removal of one canonical record: its part is gone, or the source removed the whole."""
        _, former, _, subject, partition, extra = part
        police, agency, entity, _, major = former.split(".")
        body = orjson.dumps({"entity": entity, "reason": reason})
        status = orjson.loads(extra).get("status", "Actual") if extra else "Actual"
        event = self.tokens.event(said.name, state.sequence, entity, index, said.fields(self.tokens))
        self._row(
            said, ACCEPTED, origin, state.sequence, index, f"{police}.{agency}.{entity}.removed.{major}", event, subject,
            partition, "", self._extra(status, "", b""), body,
        )  # fmt: skip

    def again(
        self, said: Said, state: State, index: int, part: Part, action: str, body: bytes, *, origin: int, time: str = ""
    ) -> int:
        """What stands for a canonical record is said once more, or taken back: no original comes with it."""
        _, former, _, subject, partition, extra = part
        police, agency, entity, _, major = former.split(".")
        known = orjson.loads(extra) if extra else {}
        event = self.tokens.event(said.name, state.sequence, entity, index, said.fields(self.tokens))
        return self._row(
            said, ACCEPTED, origin, state.sequence, index, f"{police}.{agency}.{entity}.{action}.{major}", event, subject,
            partition, time, self._extra(known.get("status", "Actual"), known.get("expires", ""), b""), body,
        )  # fmt: skip

    def _unseen(self, said: Said) -> Part:
        """A removal of what was never seen here: consumers may know it from elsewhere."""
        removed = topic(self.intake.agency, self.intake.removes(said.kind), "removed")
        return 0, removed, b"", said.name, said.name, ""

    def leave(self, said: Said, outcome: int, *, origin: int = 0, original: bool = True) -> int:
        """A row without an event.  Returns where it stands."""
        return self._row(said, outcome, origin, keeps=original)

    # Rows

    def prepare(self, count: int) -> None:
        """Salts for so many records at once."""
        self._salts = salts(count)

    def _row(
        self, said: Said, outcome: int, origin: int, sequence: int = 0, index: int = 0, topic: str = "",
        event: bytes = b"", subject: bytes = b"", partition: bytes = b"", time: str = "", extra: str = "",
        body: bytes = b"", keeps: bool = True,
    ) -> int:  # fmt: skip
        """Seal one row.  The hot path: everything by position, nothing made that is not stored."""
        here = -len(self.rows) - 1
        name, version, kind, change, place = said.name, said.version, said.kind, said.change, said.place
        original = said.original if keeps and not origin else b""
        salt = next(self._salts, None) or self._more()
        mapping = self._mapping(kind) if event else ""
        binds = name + event
        cipher = self._vault.cipher(salt)
        stated = stated_bytes(
            self.feed, kind, sequence, index, outcome, change, topic, time, self.now, mapping, extra, place, name, event,
            subject, partition, version,
        )  # fmt: skip
        hash = entry(salt, stated, original, body)
        self.entries.append(hash)
        self.rows.append((
            origin or here, kind, name, sequence, index, outcome, change, version,
            0 if index == 0 and self.states[name].first == 0 else 1, self._shown if event else 0, topic, event, subject,
            partition, time, self.now, mapping, extra, place, salt, cipher.encrypt(ORIGINAL, original, binds) if original else b"",
            cipher.encrypt(BODY, body, binds) if body else b"", hash,
        ))  # fmt: skip
        if version:
            self._seen.add((name, version))
        if event and self._shown:
            self.sent.append((here, body))
        return here

    def outgoing(self, base: int) -> list[Outgoing]:
        """The events of a written plan, as destinations read them."""
        return [self._outgoing(base, here, data) for here, data in self.sent]

    def _outgoing(self, base: int, here: int, data: bytes) -> Outgoing:
        row = self.rows[-here - 1]
        status, expires, said = unpack_extra(row[17]) if row[17] else ("Actual", "", None)
        return Outgoing(
            base - here, self.feed, self.intake.system, row[10], row[11], row[12], row[13], row[3], row[14], row[15],
            row[16], status, expires, said, data, row[2],
        )  # fmt: skip

    def _more(self) -> bytes:
        self.prepare(64)
        return next(self._salts)

    def _mapping(self, kind: str) -> str:
        found = self._mappings.get(kind)
        if found is None:
            found = self._mappings[kind] = self.intake.mapping(kind)[:16]
        return found

    def _extra(self, status: str, expires: str, causation: bytes) -> str:
        if status == "Actual" and not expires and not causation and not self.intake.backfill:
            return ""
        said: dict[str, Any] = {"status": status, "expires": expires, "causationid": causation.hex()}
        told = {key: value for key, value in said.items() if value and value != "Actual"}
        return orjson.dumps({**told, **({"backfill": True} if self.intake.backfill else {})}).decode()

    def _subject(self, agency: str, subject: str) -> bytes:
        token = self._subjects.get((agency, subject))
        if token is None:
            token = self.tokens.subject(agency, subject)
            self._subjects[agency, subject] = token
        return token


def unpack_extra(extra: str, replayed: bytes = b"") -> tuple[str, str, dict[str, Any] | None]:
    """Status, expiry and the rest of what an event states beside its data."""
    said: dict[str, Any] = orjson.loads(extra) if extra else {}
    if replayed:
        said["replayof"] = replayed.hex()
    return said.pop("status", "Actual"), said.pop("expires", ""), said or None


def stated_bytes(
    feed: int, kind: str, sequence: int, index: int, outcome: int, change: int, topic: str, time: str, recorded: int,
    mapping: str, extra: str, place: str, name: bytes, event: bytes, subject: bytes, partition: bytes, version: bytes,
) -> bytes:  # fmt: skip
    """Everything a row states besides its contents, in one order: what the ledger's entry covers."""
    texts = (
        f"{feed}\x1f{kind}\x1f{sequence}\x1f{index}\x1f{outcome}\x1f{change}\x1f{topic}\x1f{time}\x1f{recorded}\x1f{mapping}"
        f"\x1f{extra}\x1f{place}\x1f"
    )
    lengths = bytes((len(name), len(event), len(subject), len(partition), len(version)))
    return texts.encode() + lengths + name + event + subject + partition + version
