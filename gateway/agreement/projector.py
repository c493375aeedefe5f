"""What one consumer may see of one event: a new envelope around a new object, or nothing.

The id, the subject and the partition key are keyed hashes under the agreement's own key, so two
consumers cannot join what each was given apart.  Whatever goes wrong here withholds the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from gateway.agreement.envelope import Attributes, Projected, body, fixed, instant
from gateway.agreement.fields import UNMAPPED, Project, classified, compile
from gateway.errors import Code, code
from gateway.event import keyed

NOT_ASKED = code(
    "agreement.not-asked",
    "The agreement does not ask for the topic of this event.",
    "Nothing to do: the event goes to those who asked for it.",
)
NO_FIELD = code(
    "agreement.no-field",
    "The agreement names no field for this entity, or nothing that it names was left to send.",
    "Name fields for the entity in the agreement if its recipient should receive them.",
)
BACKFILL = code(
    "agreement.backfill",
    "The event is part of a database's first snapshot, which the agreement does not ask for.",
    "Set `backfill: true` in the agreement if its recipient should receive it.",
)
UNREADABLE = code(
    "agreement.unreadable",
    "The kept record could not be read as a JSON object, so nothing of it was sent.",
    "Run `copperline doctor`; then re-map the record.",
)

ALL = ("*",)
"""The fields of an agreement that allows all."""

REMOVAL = ("entity", "reason")
"""The fields of a removal: what every recipient is told, whatever its agreement names."""

_KEPT_TOKENS = 8192
_SUSPECT = b'"' + UNMAPPED.encode() + b'"'
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


class _Route(NamedTuple):
    """What an agreement makes of one topic."""

    wanted: bool
    entity: str
    removal: bool
    fields: tuple[str, ...]
    project: Project


class Projector:
    """Projects events for one agreement.  Belongs to one thread.

    `key`: 32 bytes, the agreement's own.  `allowed`: entity to the paths that may leave; None: all
    fields of every entity.  `only_classified`: coded values that nobody has classified stay here.
    """

    def __init__(
        self,
        *,
        key: bytes,
        wants: Callable[[str], bool],
        allowed: Mapping[str, tuple[str, ...]] | None,
        only_classified: bool,
        backfill: bool,
    ) -> None:
        self.wants = wants
        self._token = tokens(key)
        self._kept: dict[bytes, str] = {}
        self._paths = allowed
        self._routes: dict[str, _Route] = {}
        self._only_classified = only_classified
        self._backfill = backfill

    def project(self, out: Outgoing) -> Projected | Withheld:
        """The event as this agreement's recipients see it.  The kept record is never changed."""
        route = self._routes.get(out.topic) or self._route(out.topic)
        if not route.wanted:
            return Withheld(NOT_ASKED)
        extra = out.extra
        if extra and extra.get("backfill") and not self._backfill:
            return Withheld(BACKFILL)
        if route.removal:
            return self._sealed(out, REMOVAL, _removal(route.entity, out.data))
        if not route.fields:
            return Withheld(NO_FIELD)
        data = self._data(route, out.data)
        return data if isinstance(data, Withheld) else self._sealed(out, route.fields, data)

    def _route(self, topic: str) -> _Route:
        """What follows from a topic alone; topics are few."""
        _, _, entity, action, _ = topic.split(".")
        fields = ALL if self._paths is None else self._paths.get(entity, ())
        fields = ALL if fields == ALL else fields
        project = dict if fields is ALL else compile(fields)
        route = _Route(self.wants(topic), entity, action == "removed", fields, project)
        self._routes[topic] = route
        return route

    def _data(self, route: _Route, data: bytes) -> bytes | Withheld:
        unmapped = self._only_classified and _SUSPECT in data
        if route.fields is ALL and not unmapped and data.startswith(b"{"):
            return data  # the record's own bytes, never parsed
        try:
            kept = orjson.loads(data)
        except orjson.JSONDecodeError:
            return Withheld(UNREADABLE)
        if type(kept) is not dict:
            return Withheld(UNREADABLE)
        new: Any = route.project(kept)
        if unmapped:
            new = classified(new)
        return orjson.dumps(new) if new else Withheld(NO_FIELD)

    def _sealed(self, out: Outgoing, fields: tuple[str, ...], data: bytes) -> Projected:
        id = self._token(out.event)
        subject = self._kept_token(out.subject)
        recorded_us = out.recorded
        varying: Attributes = (
            ("id", id),
            ("subject", subject),
            ("recordedtime", instant(recorded_us)),
            ("sequence", str(out.sequence)),
            ("partitionkey", subject if out.partition == out.subject else self._kept_token(out.partition)),
        )
        if out.time:
            varying += (("time", out.time),)
        if out.expires or out.extra:
            varying += self._rare(out)
        shared = fixed(out.topic, out.system, out.mapping, out.status)
        return Projected(body(shared, varying, data), id, out.topic, recorded_us, fields, shared, varying)

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


def tokens(key: bytes) -> Callable[[bytes], str]:
    """HMAC-SHA-256 under `key`, its first 128 bits as hex."""
    digest = keyed(key)
    return lambda message: digest(message)[:16].hex()
