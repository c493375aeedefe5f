"""Invented events for whoever builds a consumer: what an agreement would give, and everything that can happen on the way.

They go through the agreement's own projector, so no field is in them that the real ones will not
have.  The same seed gives the same ids and the same story; ids are made under a key of the seed's
own, so no invented event can be taken for a real one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from contracts import ENTITIES, MAJOR, schema
from gateway import agreement
from gateway.agreement import Agreement, Projected
from gateway.agreement.envelope import body
from gateway.event import Keys, topic

AGENCY = "XX0000000"
"""An ORI that no agency has."""

Case = Literal[
    "ordinary", "duplicate", "late", "replay", "correction", "withdrawal", "removal", "exercise", "expired",
    "unknown field", "old major",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """An invented event as the journal would keep it; see `agreement.Outgoing`."""

    topic: str
    event: bytes
    subject: bytes
    sequence: int
    recorded: int
    """Microseconds UTC."""
    data: bytes
    status: str = "Actual"
    expires: str = ""
    extra: Mapping[str, Any] | None = None
    time: str = ""
    system: str = "mock"
    mapping: str = field(default="0" * 16)

    @property
    def partition(self) -> bytes:
        """An invented record is its own subject."""
        return self.subject


class Mock:
    """The story of one agreement.  `now`: aware; the events are of the hour before it.  `format`: of its destination."""

    def __init__(self, terms: Agreement, *, seed: int, now: datetime, format: str = "") -> None:
        self._random = random.Random(f"copperline mock {seed}")
        self._keys = Keys(hashlib.sha256(f"copperline mock {seed}".encode()).digest())
        self._projector = agreement.compile(terms, self._keys, format=format)
        self._plain = not format
        self._wants = agreement.matcher(terms.topics)
        self._at = now - timedelta(hours=1)
        self._types = _TYPES
        self._types = [one for one in _TYPES if self._leaves(one)] or _TYPES

    def events(self, count: int) -> Iterator[tuple[Case, Projected]]:
        """`count` records from their beginning, and among them each case that the agreement lets its consumer meet."""
        asked = [entity for entity in ENTITIES if self._asks_for(entity)]
        for number in range(count if asked else 0):
            yield from self._record(asked[number % len(asked)], number // len(asked))

    def _asks_for(self, entity: str) -> bool:
        return any(self._wants(topic(AGENCY, entity, action)) for action in ("created", "updated"))

    def _leaves(self, type: tuple[str, str]) -> bool:
        """Whether the agreement lets an incident of this type leave: of others its consumer never hears."""
        data = self._with_type(self._invented("incident", 1, 1), type)
        probe = Kept(topic(AGENCY, "incident", "created"), bytes(16), bytes(16), 1, 0, data)
        return isinstance(self._projector.project(probe), Projected)

    def _record(self, entity: str, number: int) -> Iterator[tuple[Case, Projected]]:
        first = self._kept(entity, "created", number, 1)
        yield from self._shown("ordinary", first)
        for case in _cases(number):
            yield from self._happens(case, entity, number, first)

    def _happens(self, case: Case, entity: str, number: int, first: Kept) -> Iterator[tuple[Case, Projected]]:
        match case:
            case "duplicate":
                yield from self._shown(case, first)
            case "late":
                third = self._kept(entity, "updated", number, 3)
                yield from self._shown("ordinary", third)
                yield from self._shown(case, self._kept(entity, "updated", number, 2))
            case "replay":
                yield from self._shown(case, replace(first, extra={"replayof": first.event.hex()}))
            case "correction":
                said = {"causationid": first.event.hex()}
                yield from self._shown(case, replace(self._kept(entity, "corrected", number, 2), extra=said))
            case "withdrawal" | "removal":
                action = "withdrawn" if case == "withdrawal" else "removed"
                gone = orjson.dumps({"entity": entity})
                yield from self._shown(case, replace(self._kept(entity, action, number, 2), data=gone))
            case "exercise":
                yield from self._shown(
                    case, replace(self._kept(entity, "created", number + 1_000_000, 1), status="Exercise")
                )
            case "expired":
                past = (self._at - timedelta(minutes=5)).isoformat()
                yield from self._shown(
                    case, replace(self._kept(entity, "created", number + 2_000_000, 1), expires=past)
                )
            case "unknown field" | "old major" if self._plain:  # another format has versions of its own
                yield from self._strange(case, self._kept(entity, "created", number + 3_000_000, 1))

    def _strange(self, case: Case, kept: Kept) -> Iterator[tuple[Case, Projected]]:
        """What no version of ours sends today: a field and an attribute of tomorrow, a type of yesterday."""
        for _, event in self._shown(case, kept):
            if case == "unknown field":
                data = orjson.dumps({**orjson.loads(event.body)["data"], "fieldOfTomorrow": {"code": "new"}})
                varying = (*event.varying, ("attributeoftomorrow", "new"))
                yield case, event._replace(body=body(event.fixed, varying, data), varying=varying)
            else:
                yield case, _older(event)

    def _shown(self, case: Case, kept: Kept) -> Iterator[tuple[Case, Projected]]:
        event = self._projector.project(kept)
        if isinstance(event, Projected):
            yield case, event

    def _kept(self, entity: str, action: str, number: int, sequence: int) -> Kept:
        self._at += timedelta(seconds=self._random.randint(1, 20))
        subject = self._keys.token("mock", entity.encode(), str(number).encode())
        id = self._keys.token("mock", subject, sequence.to_bytes(8), action.encode())
        recorded = int(self._at.timestamp() * 1_000_000)
        data = self._invented(entity, number, sequence)
        return Kept(
            topic(AGENCY, entity, action),
            id,
            subject,
            sequence,
            recorded,
            data,
            time=self._at.isoformat(timespec="seconds"),
        )

    def _invented(self, entity: str, number: int, sequence: int) -> bytes:
        """A frozen sample with a number, a type and a place of its own; the records that something happens to share one."""
        samples = schema.samples(entity)
        data = orjson.loads(samples[0 if number % 2 else number // 2 % len(samples)])
        for key in _NUMBERS & data.keys():
            data[key] = f"MOCK-{number:07d}"
        data.pop(
            "handling", None
        )  # a record with a caveat leaves through few agreements; the story is about the others
        if entity == "incident":
            status = "Active" if sequence == 1 else "Closed"
            data["statuses"] = [{"common": {"code": status, "scheme": "EIDO.IncidentStatus"}}]
            data["reportedAt"] = {"at": self._at.isoformat(timespec="seconds")}
            places: list[dict[str, Any]] = data.get("locations") or [{}]
            data["locations"] = [{**place, "district": str(1 + number % 8)} for place in places]
            return self._with_type(orjson.dumps(data), self._types[number // 2 % len(self._types)])
        return orjson.dumps(data)

    def _with_type(self, data: bytes, type: tuple[str, str]) -> bytes:
        code, text = type
        coded = [{"common": {"code": code, "scheme": "APCO.2.103", "text": text}}]
        return orjson.dumps({**orjson.loads(data), "types": coded, "initialTypes": coded})


_NUMBERS = {"incidentId", "alertId", "unitId", "recordingId", "evidenceId", "transferId"}
_TYPES = [("MVA", "Collision"), ("MVAINJY", "Collision with injury"), ("FIGHT", "Fight"), ("BURGLARY", "Burglary")]
_EACH: tuple[Case, ...] = (
    "duplicate",
    "late",
    "replay",
    "correction",
    "withdrawal",
    "removal",
    "exercise",
    "expired",
    "unknown field",
    "old major",
)


def _cases(number: int) -> tuple[Case, ...]:
    """What happens to a record: to every other nothing, to the others one thing each, in turn."""
    return (_EACH[number // 2 % len(_EACH)],) if number % 2 else ()


def _older(event: Projected) -> Projected:
    """The event under the major version before ours, as a consumer may still find it in a queue."""
    of_version = {"type", "dataschema"}
    attributes = tuple(
        (name, _before(value) if name in of_version else value) for name, value in event.fixed.attributes
    )
    opening = orjson.dumps(dict(attributes))[:-1] + b","
    shared = replace(event.fixed, attributes=attributes, json=opening, type=_before(event.fixed.type))
    data = orjson.dumps(orjson.loads(event.body)["data"])
    return event._replace(body=body(shared, event.varying, data), fixed=shared, topic=_before(event.topic))


def _before(versioned: str) -> str:
    return versioned.removesuffix(f"v{MAJOR}") + f"v{MAJOR - 1}"
