"""Leaks: every field of every contract carries a canary of its own, and none turns up where no agreement lets it.

Random agreements over random records, sent through the whole of delivery to consumers that fail, are
cut off and come back.  A second projector, slow and obvious, says what each consumer should have been
given; every body, header and log line is searched for the canaries of all other fields.
"""

from __future__ import annotations

import hmac
import io
import random
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from contracts import ENTITIES, schema
from gateway import store as stores
from gateway import telemetry
from gateway.adapter import Batch, RawRecord, Rejected
from gateway.agreement import Agreement, Destination, Projected
from gateway.agreement.allowlist import STAYS
from gateway.agreement.contract import known, missing, shapes
from gateway.agreement.fields import allowed
from gateway.delivery import Delivery
from gateway.errors import Problem, Reject, Retry, code
from gateway.event import Draft, Keys
from gateway.lane import Heard, Tell, Ticket
from gateway.store import Store
from gateway.store.rows import Intake
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell as Say

KEYS = Keys(bytes(range(32)))
NOW = datetime(2026, 6, 1, 12, 34, 56, tzinfo=UTC)
AT_ONCE = 100
"""Records of one round."""
CANARY = re.compile(rb"canary-[a-z0-9-]+~")
BROKEN = code("test.broken", "a campaign breaks it", "Wait.")
POINTS = ((40.0, -70.0), (41.0, -71.0), (42.5, -70.5))
IDS = ("id", "subject", "partitionkey", "causationid", "replayof")


def canary(entity: str, path: str) -> str:
    """What every text of a field is; no other field has it."""
    return f"canary-{entity}-{path.replace('.', '-').lower()}~"


# Records: every field of the contract is filled.


def record(entity: str, random_: random.Random) -> dict[str, Any]:
    """A record of an entity with most fields filled, each text a canary."""
    published = schema.published(entity)
    made: dict[str, Any] = _filled(published, published.get("$defs", {}), "", entity, random_)
    return made


def _filled(node: Mapping[str, Any], defs: Mapping[str, Any], path: str, entity: str, random_: random.Random) -> Any:
    if "items" in node:
        items = [_filled(node["items"], defs, path, entity, random_) for _ in range(random_.choice((1, 1, 2)))]
        return [item for item in items if item != {}]  # as no mapping makes
    if "$ref" in node:
        node = defs[node["$ref"].rpartition("/")[2]]
    if "properties" in node:
        needed = set(node.get("required", ()))
        made = {
            name: _filled(said, defs, f"{path}.{name}" if path else name, entity, random_)
            for name, said in node["properties"].items()
            if name in needed or random_.random() < 0.7
        }
        return {name: value for name, value in made.items() if value not in ({}, [])}
    return _plain(node, path, entity, random_)


def _plain(node: Mapping[str, Any], path: str, entity: str, random_: random.Random) -> Any:
    kind = node.get("type")
    if node.get("format") == "date-time":
        return f"2026-0{random_.randint(1, 9)}-11T{random_.randint(10, 23)}:47:33-05:00"
    if node.get("format") == "date":
        return f"{random_.randint(1950, 2020)}-02-03"
    if kind == "boolean":
        return random_.random() < 0.1
    if kind == "integer":
        return random_.randint(1, 90)
    if kind == "number":
        return round(random_.uniform(1, 80), 4)
    if path.endswith("common.code") and random_.random() < 0.1:
        return random_.choice(("unmapped", "11A", "MVA"))
    return canary(entity, path)


# Agreements: random, and as `agreement.read` would have them.


def some_agreement(name: str, random_: random.Random) -> Agreement:
    """A valid agreement over all entities: a few fields of each, treated at random; within law enforcement or not."""
    inside = random_.random() < 0.5
    fields: dict[str, tuple[str, ...]] = {}
    treatments: dict[str, dict[str, str]] = {}
    for entity in ENTITIES:
        said = _treatments(entity, inside, random_)
        fields[entity] = allowed(said, known(entity))
        treatments[entity] = {path: how for path, how in said.items() if how not in ("plain", "absent")}
    return Agreement(
        name, "A sample", "Sample PD", "Sample", "Sample", inside, date(2026, 1, 1), date(2026, 12, 31), ("police.#",), fields,
        False, (Destination("queue", "bus"),), date(2020, 1, 1), name.ljust(16, "0")[:16], treatments=treatments,
        points={"corners": POINTS}, select=_conditions(random_), leave_out=_conditions(random_),
        includes=frozenset(random_.sample(["child", "restricted", "covert", "unclassified"], random_.randint(0, 4))),
    )  # fmt: skip


def _treatments(entity: str, inside: bool, random_: random.Random) -> dict[str, str]:
    kinds, may = shapes(entity), _may(entity, inside)
    said = {path: _how(kinds[path], random_) for path in random_.sample(may, random_.randint(1, min(8, len(may))))}
    while more := missing(entity, allowed(said, known(entity))):
        said |= dict.fromkeys(more, "plain")
    return said


@cache
def _may(entity: str, inside: bool) -> list[str]:
    """The paths that an agreement may name."""
    classes = schema.classes(entity)
    return sorted(path for path in known(entity) if inside or not _stays(path, classes))


def _stays(path: str, classes: Mapping[str, str]) -> bool:
    around = [other for other in classes if other == path or other.startswith(path + ".") or path.startswith(other + ".")]
    return any(classes[other] in STAYS for other in around)


def _how(kind: str, random_: random.Random) -> str:
    choices = {"text": ["plain", "token"], "Geo": ["plain", "snap corners"], "Time": ["plain", "floor hour", "floor day"]}
    return random_.choice(choices.get(kind, ["plain"]))


def _conditions(random_: random.Random) -> dict[str, dict[str, tuple[str, ...]]]:
    if random_.random() < 0.6:
        return {}
    return {"incident": {"types.common.code": ("MVA", "11A")}}


# The second projector: slow and obvious.


def expected(agreed: Agreement, entity: str, kept: Any, recorded: datetime) -> Any:
    """What a consumer should be given of a record; None for nothing."""
    if (kept.get("handling") or {}).get("sealed") is True or not _meant(agreed, entity, kept):
        return None
    if not agreed.law_enforcement and _sensitive(kept, agreed.includes):
        return None
    assert agreed.fields is not None
    paths = agreed.fields[entity]
    seen = kept if agreed.law_enforcement else _without_unmapped(kept)
    return _rebuilt(agreed, entity, seen, "", paths, recorded) or None


def _meant(agreed: Agreement, entity: str, kept: Any) -> bool:
    wanted, unwanted = agreed.select.get(entity, {}), agreed.leave_out.get(entity, {})
    return all(set(_values(kept, path)) & set(values) for path, values in wanted.items()) and not any(
        set(_values(kept, path)) & set(values) for path, values in unwanted.items()
    )


def _values(value: Any, path: str) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _values(item, path)]
    if not path:
        return [str(value)]
    if not isinstance(value, dict):
        return []
    first, _, rest = path.partition(".")
    return _values(value[first], rest) if first in value else []


def _sensitive(kept: Any, includes: frozenset[str]) -> bool:
    """Of what these records can hold."""
    handling = kept.get("handling") or {}
    what = [one for key in ("types", "initialTypes") for one in kept.get(key, ())]
    what += [one["code"] for one in kept.get("offences", ()) if one.get("code")]
    what += [one["offence"] for one in kept.get("arrests", ()) if one.get("offence")]
    codes = [one["common"]["code"] for one in what if one.get("common")]
    if "11A" in codes:
        return True
    if "child" not in includes and (handling.get("juvenile") or _children(kept)):
        return True
    if "restricted" not in includes and handling.get("caveats"):
        return True
    unknown = [one for one in what if one and not (_said(one.get("common")) or (one.get("internal") or {}).get("text"))]
    return "unclassified" not in includes and bool(unknown)


def _said(common: Any) -> bool:
    return bool(common) and (common["code"] != "unmapped" or bool(common.get("text")))


def _children(kept: Any) -> bool:
    if any(one.get("under18") for one in kept.get("arrests", ())):
        return True
    return any(_child(person, kept) for person in kept.get("persons", ()))


def _child(person: Any, kept: Any) -> bool:
    age = person.get("age") or {}
    if any(key in age and age[key] < 18 for key in ("value", "low")):
        return True
    if "dateOfBirth" not in person:
        return False
    times = [kept[key]["at"] for key in ("occurredStart", "reportedAt", "occurredEnd") if key in kept]
    if not times:
        return True
    born, then = date.fromisoformat(person["dateOfBirth"]), date.fromisoformat(times[0][:10])
    return (then.year - born.year - ((then.month, then.day) < (born.month, born.day))) < 18


def _rebuilt(agreed: Agreement, entity: str, value: Any, path: str, paths: Sequence[str], recorded: datetime) -> Any:
    """The parts of a value that a path names or lies above."""
    if path in paths:
        return _treated(agreed, agreed.treatments.get(entity, {}).get(path, "plain"), value, recorded)
    if not any(other.startswith(f"{path}." if path else "") for other in paths):
        return None
    if isinstance(value, list):
        return [kept for item in value if (kept := _rebuilt(agreed, entity, item, path, paths, recorded))] or None
    if not isinstance(value, dict):
        return None
    parts = {name: _rebuilt(agreed, entity, item, f"{path}.{name}" if path else name, paths, recorded) for name, item in value.items()}
    return {name: part for name, part in parts.items() if part is not None} or None


def _treated(agreed: Agreement, how: str, value: Any, recorded: datetime) -> Any:
    if how == "plain":
        return value
    if isinstance(value, list):
        return [kept for item in value if (kept := _treated(agreed, how, item, recorded)) is not None] or None
    if how == "token":
        key = KEYS.derive(f"token\0{agreed.name}\0{agreed.purpose}\0{recorded.year}")
        return hmac.digest(key, value.encode(), "sha256").hex()[:32]
    if how == "snap corners":
        return _snapped(value)
    if "at" not in value:
        return None
    time = datetime.fromisoformat(value["at"]).replace(minute=0, second=0, microsecond=0)
    unit = how.split()[1]
    return {"at": (time if unit == "hour" else time.replace(hour=0)).isoformat(), "precision": unit}


def _snapped(value: Any) -> Any:
    from math import cos, radians

    if "lat" not in value or "lon" not in value:
        return None
    east = cos(radians(value["lat"]))
    lat, lon = min(POINTS, key=lambda point: ((point[0] - value["lat"]) ** 2 + ((point[1] - value["lon"]) * east) ** 2, point))
    return {"lat": lat, "lon": lon}


def _without_unmapped(value: Any) -> Any:
    if isinstance(value, dict):
        if (value.get("common") or {}) and isinstance(value["common"], dict) and value["common"].get("code") == "unmapped":
            return None
        return {name: kept for name, item in value.items() if (kept := _without_unmapped(item)) is not None} or None
    if isinstance(value, list):
        return [kept for item in value if (kept := _without_unmapped(item)) is not None] or None
    return value


# Rounds.


@dataclass
class Consumer:
    """A lane whose consumer fails now and then; it keeps everything that reached it."""

    random_: random.Random
    heard: Tell
    tally: Tally
    arrived: dict[int, Projected]
    careful: bool = False
    last_s: float = 2.0
    problem: Problem | None = None

    def __post_init__(self) -> None:
        self.ready = threading.Event()
        self.ready.set()

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        if self.random_.random() < 0.1:
            self.tally.fired += 1
            self.heard(Heard(lost=True))
            return True
        self.arrived.update(batch)
        self.heard(Heard(confirmed=[ticket for ticket, _ in batch]))
        return True

    def close(self) -> None:
        self.ready.clear()


@dataclass
class _Lanes:
    random_: random.Random
    tally: Tally
    arrived: dict[int, Projected]

    def lane(self, exchange: str, heard: Tell) -> Consumer:
        return Consumer(self.random_, heard, self.tally, self.arrived)


def once(random_: random.Random, tally: Tally, count: int) -> None:
    """`count` records to four consumers; what each was given is laid beside what it should have been."""
    log = io.StringIO()
    telemetry.start(log)
    with tempfile.TemporaryDirectory() as folder, stores.open(f"sqlite:///{Path(folder) / 'store.db'}", KEYS) as opened:
        records = _journalled(opened, random_, count)
        seen: list[set[str]] = []
        for number in range(4):
            agreed = some_agreement(f"a{number}", random_)
            arrived = _delivered(opened, agreed, random_, tally)
            tally.records += len(records)
            for position, (entity, kept) in records.items():
                _compare(agreed, entity, kept, arrived.get(position), tally)
            seen.append({said[name] for event in arrived.values() for said in (orjson.loads(event.body),) for name in IDS if name in said})
            seen[-1] |= {token for event in arrived.values() for token in re.findall(r"\b[0-9a-f]{32}\b", event.body.decode())}
        tally.extra["leaked"] += sum(len(one & other) for index, one in enumerate(seen) for other in seen[:index])
        tally.extra["leaked"] += len(CANARY.findall(log.getvalue().encode()))
        tally.extra["leaked"] += len(CANARY.findall(b"".join(bytes(opened.ledger.leaf(index).body) for index in range(opened.ledger.size()))))
    tally.recovered = tally.fired
    tally.attempted += count


def _journalled(opened: Store, random_: random.Random, count: int) -> dict[int, tuple[str, Any]]:
    """Random records of every entity, with some that cannot be read or mapped between them."""
    feed = opened.journal.feed("cad", "calls").id
    made = {f"{number}": (entity, record(entity, random_)) for number in range(count) for entity in (random_.choice(ENTITIES),)}

    def translate(raw: RawRecord) -> list[Draft]:
        entity, kept = made[raw.key]
        if random_.random() < 0.02:
            raise Reject(Problem(BROKEN, path="persons"))
        return [Draft(entity, "", f"subject {int(raw.key) % 9}", "", "2026-06-01T09:47:33-05:00", orjson.dumps(kept))]

    intake = Intake("cad", "VT0040100", translate, lambda _kind: "ab" * 8, lambda _kind: "incident")
    raws: list[RawRecord | Rejected] = [RawRecord("call", key, key, "put", {"key": key}, orjson.dumps(kept), "here") for key, (_, kept) in made.items()]
    raws.append(Rejected(b"canary-unreadable~", "line 9", (Problem(BROKEN, where="line 9"),)))
    opened.journal.accept(feed, Batch("", raws), intake)
    rows = opened.deliveries.read(0, feed, 0, 100_000)
    return {row.position: (row.topic.split(".")[2], orjson.loads(row.data)) for row in rows}


def _delivered(opened: Store, agreed: Agreement, random_: random.Random, tally: Tally) -> dict[int, Projected]:
    arrived: dict[int, Projected] = {}
    delivery = Delivery(
        opened, agreed, agreed.destinations[0], keys=KEYS, lane=_Lanes(random_, tally, arrived), clock=lambda: NOW,
        stop=threading.Event(),
    )  # fmt: skip
    still = 0
    while still < 2:
        try:
            still = 0 if delivery.step() or delivery._flow.under_way else still + 1
        except Retry:
            still = 0
    delivery._settling.settle(now=True)  # so that its leaf of the ledger is searched too
    return arrived


def _compare(agreed: Agreement, entity: str, kept: Any, event: Projected | None, tally: Tally) -> None:
    """Canaries where they may not be, and whatever else differs from the second projector's answer."""
    given = orjson.loads(event.body) if event is not None else None
    recorded = datetime.fromisoformat(given["recordedtime"]) if given else NOW
    should = expected(agreed, entity, kept, recorded)
    if (given["data"] if given else None) != should:
        tally.extra["differences"] += 1
    if event is not None:
        may = set(CANARY.findall(orjson.dumps(should)))
        found = set(CANARY.findall(event.body)) | set(CANARY.findall(orjson.dumps(event.headers)))
        tally.extra["leaked"] += len(found - may)


def campaign(count: int, seed: int, tell: Say) -> Tally:
    """`count` records, each to four consumers under agreements of their own."""
    random_ = random.Random(seed)
    tally = Tally("leak", extra={"leaked": 0, "differences": 0})
    while tally.attempted < count:
        once(random_, tally, min(AT_ONCE, count - tally.attempted))
        if tally.attempted % (100 * AT_ONCE) == 0:
            tell(f"{tally.attempted} records")
    tell(f"{tally.records} pairs of record and consumer: {tally.extra['leaked']} canaries leaked, {tally.extra['differences']} differences")
    tally.mutants = 1
    broken = Tally("leak", extra={"leaked": 0, "differences": 0})
    for _ in _names_too_much():
        once(random_, broken, AT_ONCE)
    tally.mutants_caught = int(broken.extra["differences"] > 0)
    tell(f"the mutant that forgets what stays within law enforcement: {broken.extra['differences']} differences")
    telemetry.start()
    return tally


def _names_too_much() -> Iterator[None]:
    """The mutant: nothing is too sensitive for anybody."""
    from gateway.agreement import projector, sensitive

    broken: Any = sensitive
    honest = broken.categories
    broken.categories = lambda _record: frozenset()
    projector._READ.clear()
    try:
        yield
    finally:
        broken.categories = honest
        projector._READ.clear()


