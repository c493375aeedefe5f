"""Withdrawals: whatever happens to a record, no version leaves once it may not, and who was given one is told.

Each round is one site's evening in one process: records come, are reclassified, sealed, unsealed and
removed; agreements are suspended, approved again in narrower words, and end; lanes are cut, refuse and
lose what they carried; deliveries stop and start; the store is put back from a backup.  A second, obvious judge keeps its own book of what each
agreement would let each record's latest version do.
"""

from __future__ import annotations

import random
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from gateway import store as stores
from gateway.adapter import Batch, RawRecord
from gateway.agreement import Agreement, Destination, Projected
from gateway.delivery import Delivery, Gate, Leaves
from gateway.errors import Problem, Refused, Retry, code
from gateway.event import Draft, Keys
from gateway.lane import Heard, Tell, Ticket
from gateway.store import Store
from gateway.store.rows import GIVEN, Intake
from tests.campaigns import restoring
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell as Say

KEYS = Keys(bytes(range(32)))
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
STEPS = 60
"""What happens in one evening."""
HELD = Problem(code("test.held", "a campaign holds it", "Wait."))
KINDS = ("MVA", "BURGLARY", "11A", "LARCENY")


@dataclass
class Record:
    """One legacy record as the obvious judge knows it."""

    key: str
    kind: str = "MVA"
    caveat: bool = False
    flagged: bool = False
    """Its mapping says that it is sealed."""
    sealed: bool = False
    """Two people sealed it."""
    removed: bool = False
    positions: list[int] = field(default_factory=list)

    @property
    def number(self) -> int:
        return int(self.key[2:])


def may_hold(agreed: Agreement, record: Record) -> bool:
    """Whether a recipient may hold the latest version of a record: the same rule, said plainly."""
    if record.removed or record.sealed or record.flagged:
        return False
    if not agreed.law_enforcement and (record.kind == "11A" or record.caveat):
        return False
    wanted = agreed.select.get("incident", {}).get("types.common.code")
    return wanted is None or record.kind in wanted


def agreements() -> list[Agreement]:
    """Everything; a selection within law enforcement; and a city service."""
    base = Agreement(
        "all", "A sample", "Sample PD", "Sample", "Sample", True, date(2026, 1, 1), date(2026, 12, 31), ("police.#",),
        {"incident": ("types", "incidentId")}, False, (Destination("queue", "bus"),), date(2020, 1, 1), "a" * 16,
    )  # fmt: skip
    chosen = {"incident": {"types.common.code": ("MVA", "BURGLARY")}}
    return [
        base,
        replace(base, name="chosen", select=chosen, digest="b" * 16),
        replace(base, name="city", law_enforcement=False, fields={"incident": ("types",)}, digest="c" * 16),
        replace(base, name="once", topics=("police.*.incident.created.v1",), select=chosen, digest="d" * 16),
    ]


class Carrier:
    """A lane that can be cut, refuse one message, or lose what it carried; it remembers all that left through it."""

    careful = False
    last_s = 2.0

    def __init__(self, evening: Evening, agreed: str, heard: Tell) -> None:
        self.ready = threading.Event()
        self.ready.set()
        self.problem: Problem | None = None
        self._evening, self._agreed, self._heard = evening, agreed, heard

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        random_, faults = self._evening.random, self._evening.faults
        confirmed: list[Ticket] = []
        for ticket, event in batch:
            fate = random_.random() if faults else 1.0
            if fate < 0.04:
                self._heard(Heard(confirmed=confirmed, unrouted=[ticket]))
                confirmed = []
            elif fate < 0.10:  # it may have arrived all the same; the rest never left
                if fate < 0.07:
                    self._evening.left(self._agreed, ticket, event)
                self._evening.tally.fired += 1
                self._heard(Heard(confirmed=confirmed, lost=True))
                return True
            else:
                self._evening.left(self._agreed, ticket, event)
                confirmed.append(ticket)
        self._heard(Heard(confirmed=confirmed))
        return True

    def close(self) -> None:
        self.ready.clear()


class Evening:
    """One site, its agreements, and what happens to them."""

    def __init__(self, random_: random.Random, tally: Tally, folder: Path) -> None:
        self.random, self.tally, self.folder, self.backup = random_, tally, folder, folder / "backup"
        self.deliveries: dict[str, Delivery] = {}
        self.reopen()
        self.faults = True
        self.now = BEGIN
        self.records: dict[str, Record] = {}
        self.of_position: dict[int, Record] = {}
        self.agreed = self.agreements()
        self.held: set[str] = set()
        self.arrived: dict[tuple[str, str], list[bool]] = defaultdict(list)
        """Of each agreement and record: True for each version that arrived, False for each time it was taken back."""
        self.intake = Intake("cad", "VT0040100", self._translate, lambda _kind: "ab" * 8, lambda _kind: "incident")
        for name in self.agreed:
            self.open(name)

    def reopen(self) -> None:
        """The process starts on the store that is there."""
        self.store: Store = stores.open(f"sqlite:///{self.folder / 'store.db'}", KEYS)
        self.feed = self.store.journal.feed("cad", "calls").id

    def agreements(self) -> dict[str, Agreement]:
        """By name, as they are in the beginning."""
        return {one.name: one for one in agreements()}

    def lanes(self, name: str) -> Any:
        """The way out of an agreement."""
        return _Lanes(self, name)

    def before_restore(self) -> None:
        """The gateway has ended."""

    def close(self) -> None:
        """The evening is over."""
        self.store.close()

    # What left, as the consumer sees it

    def left(self, name: str, position: int, event: Projected) -> None:
        """A message is on its way and cannot be called back: is that allowed now?"""
        record, agreed = self.of_position[position], self.agreed[name]
        given = event.fixed.type.split(".")[2] not in ("withdrawn", "removed")
        self.arrives(name, record.key, event, given=given)
        if given and (name in self.held or not agreed.in_force(self.now) or not may_hold(agreed, record)):
            self.tally.extra["leaked"] += 1

    def arrives(self, name: str, key: str, event: Projected, *, given: bool) -> None:
        """It arrives as soon as it has left."""
        self.arrived[name, key].append(given)

    def judge(self) -> None:
        """At the end: whoever was given a record that may no longer be held has been told since."""
        for (name, key), arrived in self.arrived.items():
            self.tally.records += 1
            if not may_hold(self.agreed[name], self.records[key]) and arrived[-1]:
                self.tally.extra["untold"] += 1

    # What happens

    def step(self) -> None:
        """One thing happens, and the deliveries work on for a while, or not."""
        self.tally.attempted += 1
        happens = self.random.choices(
            (self._new, self._again, self._remove, self._seal, self._unseal, self._hold, self._reword, self._restart, self._replay, self.cut, self._backup, self._restore),
            (5, 12, 2, 3, 2, 2, 1, 2, 2, 2, 1, 1),
        )[0]
        happens()
        for name in self.agreed:
            self.work(name)

    def calm(self) -> None:
        """No more faults: every destination works until it has nothing to do; parked deliveries are tried again."""
        self.faults = False
        for delivery in self.deliveries.values():
            delivery._lane.ready.set()
        for _ in range(3):
            for name, delivery in self.deliveries.items():
                self.store.deliveries.retry(delivery.id, by="campaign", reason="calm")
                self.now += timedelta(minutes=30)
                delivery._looked = float("-inf")
                for _ in range(200):
                    if not self._work(delivery) and name not in self.held:
                        break
        self.tally.recovered = self.tally.fired

    def work(self, name: str) -> None:
        """A delivery works on for a while, or not."""
        for _ in range(self.random.choice((0, 0, 1, 3))):
            self._work(self.deliveries[name])

    def _work(self, delivery: Delivery) -> bool:
        delivery._looked = float("-inf") if self.random.random() < 0.3 else delivery._looked
        try:
            return delivery.step()
        except Retry:
            return True

    def open(self, name: str) -> None:
        agreed = self.agreed[name]
        self.deliveries[name] = Delivery(
            self.store, agreed, agreed.destinations[0], keys=KEYS, lane=self.lanes(name), clock=lambda: self.now,
            stop=threading.Event(), draw=lambda _low, _high: 0.0,
        )  # fmt: skip
        self.deliveries[name].hold(HELD if name in self.held else None)

    def _new(self) -> None:
        record = Record(f"C-{len(self.records)}", self.random.choice(KINDS), self.random.random() < 0.1)
        self.records[record.key] = record
        self.accept(record)

    def _again(self) -> None:
        """The source says something else of a record."""
        record = self._some()
        if record is None:
            return
        record.removed = False
        what = self.random.random()
        if what < 0.7:
            record.kind = self.random.choice(KINDS)
        elif what < 0.85:
            record.caveat = not record.caveat
        else:
            record.flagged = not record.flagged
        self.accept(record)

    def _remove(self) -> None:
        record = self._some()
        if record is not None and not record.removed:
            record.removed = True
            self.accept(record, change="remove")

    def accept(self, record: Record, change: Any = "put") -> None:
        version = str(len(record.positions))
        fields = {"key": record.key, "kind": record.kind, "caveat": record.caveat, "flagged": record.flagged, "version": version}
        raw = RawRecord("call", record.key, f"{change} {self.store.deliveries.head()}", change, {} if change == "remove" else fields, b"x", "here")
        self._place(record, lambda: self.store.journal.accept(self.feed, Batch("", [raw]), self.intake))

    def _place(self, record: Record, act: Any) -> None:
        """Whatever rows an act adds are this record's.  The book is changed before: from now on is what counts."""
        before = self.store.deliveries.head()
        act()
        for position in range(before + 1, self.store.deliveries.head() + 1):
            record.positions.append(position)
            self.of_position[position] = record

    def _translate(self, raw: RawRecord) -> list[Draft]:
        said = raw.fields
        handling = {"caveats": ["Not for release"] if said["caveat"] else [], "sealed": said["flagged"]}
        kind = {"common": {"code": said["kind"]}}
        data = {"incidentId": f"{said['key']} {said['version']}", "types": [kind], "handling": handling}
        return [Draft("incident", "", f"subject {int(said['key'][2:]) % 7}", "", "2026-06-01T00:00:00Z", orjson.dumps(data))]

    def _seal(self) -> None:
        record = self._some()
        if record is not None and not record.sealed:
            record.sealed = True
            self.two("seal", record)

    def _unseal(self) -> None:
        record = self._some(sealed=True)
        if record is not None:
            self.two("unseal", record)
            record.sealed = False

    def two(self, act: Any, record: Record) -> None:
        for by in ("A. Sample", "B. Sample") if record.positions else ():
            with suppress(Refused):  # a mutant's store may know nothing of it
                self._place(record, lambda by=by: self.store.seals.act(act, record.positions[0], self.intake, authority="order 12", by=by, same=_same))

    def _hold(self) -> None:
        """Suspended, or approved again."""
        name = self.random.choice(sorted(self.agreed))
        self.held ^= {name}
        self.deliveries[name].hold(HELD if name in self.held else None)

    def _reword(self) -> None:
        """Another wording of the selection is approved."""
        name = self.random.choice(("chosen", "once"))
        kinds = self.random.choice((("MVA",), ("MVA", "BURGLARY"), ("LARCENY",)))
        digest = f"{self.random.randrange(1 << 62):016x}"
        self.agreed[name] = replace(self.agreed[name], select={"incident": {"types.common.code": kinds}}, digest=digest)
        self.open(name)

    def _restart(self) -> None:
        """The process ends in the midst of everything: what was not settled is forgotten."""
        for name in self.agreed:
            self.open(name)

    def _replay(self) -> None:
        record, name = self._some(), self.random.choice(sorted(self.agreed))
        if record is not None:
            self.store.deliveries.replay(self.deliveries[name].id, record.positions, by="campaign", reason="replay")

    def cut(self) -> None:
        """A way out is closed for a while, or open again."""
        lane = self.random.choice(list(self.deliveries.values()))._lane
        lane.ready.clear() if lane.ready.is_set() else lane.ready.set()

    def _backup(self) -> None:
        restoring.backed_up(self)

    def _restore(self) -> None:
        restoring.put_back(self)

    def _some(self, *, sealed: bool = False) -> Record | None:
        found = [record for record in self.records.values() if not sealed or record.sealed]
        return self.random.choice(found) if found else None


def _same(one: str, other: str) -> bool:
    return one == other


@dataclass(frozen=True)
class _Lanes:
    evening: Evening
    name: str

    def lane(self, exchange: str, heard: Tell) -> Carrier:
        return Carrier(self.evening, self.name, heard)


def once(random_: random.Random, tally: Tally) -> None:
    """One evening."""
    with tempfile.TemporaryDirectory() as folder:
        played(Evening(random_, tally, Path(folder)))


def played(evening: Evening) -> None:
    """From its beginning to the judge."""
    try:
        for _ in range(STEPS):
            evening.step()
        evening.calm()
        evening.judge()
    finally:
        evening.close()


@contextmanager
def only_selects() -> Iterator[None]:
    """The mutant: it filters by selection, and forgets whom it gave what."""
    broken: Any = Gate
    honest = broken.judge

    def hasty(self: Gate, out: Any) -> Any:
        made = self._alone(out)
        return Leaves(made, GIVEN) if isinstance(made, Projected) else made

    broken.judge = hasty
    try:
        yield
    finally:
        broken.judge = honest


def account(name: str = "withdraw") -> Tally:
    """An empty one."""
    return Tally(name, extra={"leaked": 0, "untold": 0, "restored": 0, "stopped": 0})


MUTANTS = (
    # what it forgets, and which promises it has to break
    (only_selects, ("leaked", "untold")),
    (restoring.looks_at_no_mark, ("leaked", "untold")),
)


def campaign(count: int, seed: int, tell: Say) -> Tally:
    """`count` evenings; then each mutant's, until it is caught."""
    random_ = random.Random(seed)
    tally = account()
    for _ in range(count):
        once(random_, tally)
    tell(
        f"{tally.attempted} things happened, {tally.fired} messages were lost on the way, {tally.extra['stopped']} of {tally.extra['restored']} "
        f"restored stores stopped the gateway; leaked {tally.extra['leaked']}, untold {tally.extra['untold']}"
    )
    hunted(MUTANTS, tally, lambda broken: once(random_, broken), tell)
    return tally


def hunted(mutants: Sequence[tuple[Any, Sequence[str]]], tally: Tally, once: Callable[[Tally], None], tell: Say) -> None:
    """Each mutant plays evenings until it has broken what it has to break."""
    for mutant, breaks in mutants:
        tally.mutants += 1
        broken = account()
        with mutant():
            while not all(broken.extra[name] for name in breaks) and broken.attempted < 60 * STEPS:
                once(broken)
        tally.mutants_caught += all(broken.extra[name] for name in breaks)
        tell(f"the mutant {mutant.__name__}: leaked {broken.extra['leaked']}, untold {broken.extra['untold']} in {broken.attempted // STEPS} evenings")
