"""What one consumer may see of one event: a new envelope around a new object, or nothing.

The id, the subject and the partition key are keyed hashes under the agreement's own key, so two
consumers cannot join what each was given apart.  Whatever goes wrong here withholds the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from gateway.agreement import sensitive
from gateway.agreement.codes import (
    BACKFILL,
    EXCLUDED,
    NO_FIELD,
    NO_WORDS,
    NOT_ASKED,
    NOT_SELECTED,
    SEALED,
    TAKEN_BACK,
    UNREADABLE,
)
from gateway.agreement.envelope import Attributes, Projected, body, fixed, instant
from gateway.agreement.fields import Project, classified, compile
from gateway.agreement.selection import Chosen
from gateway.agreement.sensitive import UNMAPPED
from gateway.agreement.spoken import Say
from gateway.agreement.topics import TAKES_BACK, variants
from gateway.agreement.treatment import Token, Treat, Unit, floored_text, floored_us, tokens
from gateway.errors import Code

ALL = ("*",)
"""The fields of an agreement that allows all."""

REMOVAL = ("entity", "reason")
"""The fields of a removal: what every recipient is told, whatever its agreement names."""
WITHDRAWAL = ("entity",)
"""Those of a withdrawal: it never says why."""

_KEPT_TOKENS = 8192
_READ_MOST = 1024
_SUSPECT = b'"' + UNMAPPED.encode() + b'"'
_SEALED = b'"sealed":true'
_REASONS = ("source", "part", "policy")
_REFERENCES = ("causationid", "replayof")


class Outgoing(Protocol):
    """What the projector reads of a kept event; the store's rows have it."""

    @property
    def topic(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def event(self) -> bytes: ...
    @property
    def subject(self) -> bytes: ...
    @property
    def partition(self) -> bytes: ...
    @property
    def sequence(self) -> int: ...
    @property
    def time(self) -> str: ...
    @property
    def recorded(self) -> int: ...
    @property
    def mapping(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def expires(self) -> str: ...
    @property
    def extra(self) -> Mapping[str, Any] | None: ...
    @property
    def data(self) -> bytes: ...


class Withheld(NamedTuple):
    """Nothing of the event may leave, and why."""

    code: Code

    @property
    def takes_back(self) -> bool:
        """Whether whoever was given an earlier version must be told to forget it."""
        return self.code in TAKEN_BACK


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement makes of records, compiled; see `agreement.compile`."""

    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    """Entity to which of its records are meant; absent: every one."""
    treats: Mapping[str, Mapping[str, Treat]] = field(default_factory=dict)
    """Entity to path to what is made of the field; absent: it leaves plain."""
    coarse: Mapping[str, Unit] = field(default_factory=dict)
    """Entity to the unit that the times of the envelope are floored to."""
    token: Token | None = None
    """Makes the tokens of fields, where the agreement has any."""
    includes: frozenset[str] = frozenset()
    """Sensitive categories that are sent outside law enforcement all the same."""


class Past(NamedTuple):
    """How an agreement that asks for an older major version sees what is kept; see `agreement.older`."""

    topic: Callable[[str], str]
    event: Callable[[Outgoing], Outgoing | Withheld]


class _Route(NamedTuple):
    """What an agreement makes of one topic."""

    wanted: bool
    concerns: bool
    entity: str
    action: str
    fields: tuple[str, ...]
    project: Project
    chosen: Chosen | None
    coarse: Unit | None


class Projector:
    """Projects events for one agreement.  Belongs to one thread.  `say`: puts them in another format.  `past`: first makes
    the older record of them.

    `key`: 32 bytes, the agreement's own.  `allowed`: entity to the paths that may leave; None: all
    fields of every entity.  `outside`: the recipient is outside law enforcement, so records of sensitive
    categories and coded values that nobody has classified stay here.
    """

    def __init__(
        self,
        *,
        key: bytes,
        wants: Callable[[str], bool],
        allowed: Mapping[str, tuple[str, ...]] | None,
        outside: bool,
        backfill: bool,
        terms: Terms | None = None,
        say: Say | None = None,
        past: Past | None = None,
    ) -> None:
        self._wants = wants
        self._token = tokens(key)
        self._kept: dict[bytes, str] = {}
        self._paths = allowed
        self._routes: dict[str, _Route] = {}
        self._outside = outside
        self._backfill = backfill
        self._terms = terms or Terms()
        self._say = say
        self._past = past
        self._now = self._terms.token.at if self._terms.token is not None else None

    @property
    def selective(self) -> bool:
        """Whether there are records of an asked entity that the recipient does not receive."""
        return self._outside or bool(self._terms.chosen)

    def concerns(self, topic: str) -> bool:
        """Whether the recipient may hold something that an event of this topic changes."""
        topic = topic if self._past is None else self._past.topic(topic)
        return (self._routes.get(topic) or self._route(topic)).concerns

    def project(self, out: Outgoing) -> Projected | Withheld:
        """The event as this agreement's recipients see it.  The kept record is never changed."""
        topic = out.topic if self._past is None else self._past.topic(out.topic)
        route = self._routes.get(topic) or self._route(topic)
        extra = out.extra
        if not route.concerns:
            return Withheld(NOT_ASKED)
        if self._past is not None:
            older = self._past.event(out)
            if isinstance(older, Withheld):
                return older
            out = older
        if extra and extra.get("backfill") and not self._backfill:
            return Withheld(BACKFILL)
        if route.action in TAKES_BACK:
            return self._taken_back(out, route)
        if not route.fields:
            return Withheld(NO_FIELD)
        if self._now is not None:
            self._now(out.recorded)
        data = self._data(route, out.data)
        if isinstance(data, Withheld):
            return data
        if not route.wanted:
            return Withheld(NOT_ASKED)
        event = self._sealed(out, route, route.fields, data)
        return event if self._say is None else self._say(event) or Withheld(NO_WORDS)

    def withdrawal(self, out: Outgoing) -> Projected:
        """What takes back every earlier version of the record that `out` is about, in the place of `out`."""
        topic = _renamed(out.topic if self._past is None else self._past.topic(out.topic), "withdrawn")
        route = self._routes.get(topic) or self._route(topic)
        return self._told(self._sealed(out, route, WITHDRAWAL, orjson.dumps({"entity": route.entity}), topic, b"withdrawn"))

    def _told(self, event: Projected) -> Projected:
        """What takes back is told always: as the plain event where the format has no words for it."""
        return event if self._say is None else self._say(event) or event

    def _route(self, topic: str) -> _Route:
        """What follows from a topic alone; topics are few."""
        _, _, entity, action, _ = topic.split(".")
        fields = ALL if self._paths is None else self._paths.get(entity, ())
        fields = ALL if fields == ALL else fields
        project = dict if fields is ALL else compile(fields, self._terms.treats.get(entity, {}))
        asked = any(self._wants(one) for one in variants(topic))
        wanted = self._wants(topic) or (asked and action in TAKES_BACK)
        chosen, coarse = self._terms.chosen.get(entity), self._terms.coarse.get(entity)
        route = _Route(wanted, asked, entity, action, fields, project, chosen, coarse)
        self._routes[topic] = route
        return route

    def _data(self, route: _Route, data: bytes) -> bytes | Withheld:
        """The new object; the record is read whole where anything depends on more than the fields that leave."""
        unmapped = self._outside and _SUSPECT in data
        looked_at = self._outside or route.chosen is not None or _SEALED in data
        if route.fields is ALL and not looked_at and data.startswith(b"{"):
            return data  # the record's own bytes, never parsed
        kept = _READ.get(data)
        if kept is None:
            try:
                kept = _read(data)
            except orjson.JSONDecodeError:
                return Withheld(UNREADABLE)
        record = kept.record
        if type(record) is not dict:
            return Withheld(UNREADABLE)
        if looked_at and (refused := self._refused(route, kept)) is not None:
            return refused
        if unmapped:
            record = classified(record) or {}  # before anything else is made of it: a token would hide it, a part lose it
        new = route.project(record)
        return orjson.dumps(new) if new else Withheld(NO_FIELD)

    def _refused(self, route: _Route, kept: _Record) -> Withheld | None:
        """Why a record that could be read stays here all the same."""
        if kept.sealed:
            return Withheld(SEALED)
        if route.chosen is not None and not route.chosen(kept.record):
            return Withheld(NOT_SELECTED)
        if self._outside and kept.categories and not kept.categories <= self._terms.includes:
            return Withheld(EXCLUDED)
        return None

    def _taken_back(self, out: Outgoing, route: _Route) -> Projected:
        if route.action == "withdrawn":
            return self.withdrawal(out)
        return self._told(self._sealed(out, route, REMOVAL, _removal(route.entity, out.data)))

    def _sealed(
        self, out: Outgoing, route: _Route, fields: tuple[str, ...], data: bytes, topic: str = "", apart: bytes = b""
    ) -> Projected:
        """The envelope around the data.  `apart`: makes the id another one than that of the event as it is."""
        id = self._token(out.event + apart if apart else out.event)
        subject = self._kept_token(out.subject)
        recorded_us, time = out.recorded, out.time
        if route.coarse is not None:
            recorded_us = floored_us(recorded_us, route.coarse)
            time = floored_text(time, route.coarse)
        varying: Attributes = (
            ("id", id),
            ("subject", subject),
            ("recordedtime", instant(recorded_us)),
            ("sequence", str(out.sequence)),
            ("partitionkey", subject if out.partition == out.subject else self._kept_token(out.partition)),
        )
        if time:
            varying += (("time", time),)
        if out.expires or out.extra:
            varying += self._rare(out)
        shared = fixed(topic or out.topic, out.system, out.mapping, out.status)
        return Projected(body(shared, varying, data), id, topic or out.topic, recorded_us, fields, shared, varying)

    def _rare(self, out: Outgoing) -> Attributes:
        extra = out.extra or {}
        found: list[tuple[str, str | Literal[True]]] = [("expirytime", out.expires)] if out.expires else []
        found += [(name, self._token(bytes.fromhex(extra[name]))) for name in _REFERENCES if name in extra]
        if extra.get("backfill"):
            found.append(("backfill", True))
        return tuple(found)

    def _kept_token(self, token: bytes) -> str:
        text = self._kept.get(token)
        if text is None:
            if len(self._kept) >= _KEPT_TOKENS:
                self._kept.clear()
            text = self._kept[token] = self._token(token)
        return text


class _Record(NamedTuple):
    """A kept record as it was read: the same for every agreement, and never changed."""

    record: Any
    sealed: bool
    categories: frozenset[str]


_READ: dict[bytes, _Record] = {}
"""The records that were read last: with many agreements in force each is read once."""


def _read(data: bytes) -> _Record:
    record = orjson.loads(data)
    if type(record) is dict:
        kept = _Record(record, sensitive.sealed(record), sensitive.categories(record))
    else:
        kept = _Record(record, False, frozenset())
    if len(_READ) >= _READ_MOST:
        _READ.clear()
    _READ[data] = kept
    return kept


def _renamed(topic: str, action: str) -> str:
    police, agency, entity, _, major = topic.split(".")
    return f"{police}.{agency}.{entity}.{action}.{major}"


def _removal(entity: str, data: bytes) -> bytes:
    """The fixed body of a removal; of what was kept only the reason, one word of a short list, is taken over."""
    try:
        kept = orjson.loads(data)
    except orjson.JSONDecodeError:
        kept = None
    body = {"entity": entity}
    if isinstance(kept, dict) and kept.get("reason") in _REASONS:
        body["reason"] = kept["reason"]
    return orjson.dumps(body)
