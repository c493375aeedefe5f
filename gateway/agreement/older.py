"""What an agreement that asks for an older major version sees of a kept event: the older record, under the older topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from contracts import MAJOR, majors, schema
from contracts.majors import Older
from gateway.agreement.codes import UNREADABLE, UNTRANSLATED
from gateway.agreement.projector import Outgoing, Past, Withheld
from gateway.agreement.topics import TAKES_BACK, bound, major_of, matcher

if TYPE_CHECKING:
    from jsonschema_rs import Validator


def asked(patterns: Iterable[str]) -> Older | None:
    """The older major version that topic patterns ask for; None: the newest.

    A pattern that leaves the major open means the oldest that is served, so that a new one changes no
    stream.  Raises ValueError where patterns ask for more than one.
    """
    wanted = {major_of(pattern) for pattern in patterns}
    if len(wanted) > 1:
        raise ValueError("ask for more than one major version: give each an agreement of its own")
    return next((older for older in majors.SERVED if older.major in wanted), None)


def concerned(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Which topics of the journal are about what topic patterns ask for, in whatever version they ask for it."""
    version, wants = asked(patterns), matcher(bound(patterns))
    return wants if version is None else lambda topic: wants(_renamed(version, topic))


class _Seen(NamedTuple):
    """A kept event under its older topic, with the older record; all else is as it was kept."""

    topic: str
    data: bytes
    system: str
    event: bytes
    subject: bytes
    partition: bytes
    sequence: int
    time: str
    recorded: int
    mapping: str
    status: str
    expires: str
    extra: Any


def past(older: Older) -> Past:
    """How the events look that an agreement for an older version is given."""
    return Past(partial(_renamed, older), _translator(older))


def _translator(older: Older) -> Callable[[Outgoing], Outgoing | Withheld]:
    """Makes the older event of a newer one; one that was kept under the older version already is let through."""

    def translate(out: Outgoing) -> Outgoing | Withheld:
        _, _, entity, action, major = out.topic.split(".")
        if major != f"v{MAJOR}":
            return out
        data = out.data if action in TAKES_BACK else _data(older, entity, out.data)
        if isinstance(data, Withheld):
            return data
        same = {name: getattr(out, name) for name in _Seen._fields if name not in {"topic", "data"}}
        return _Seen(_renamed(older, out.topic), data, **same)

    return translate


def _renamed(older: Older, topic: str) -> str:
    """A topic of the newest version as the older one has it."""
    return topic.removesuffix(f".v{MAJOR}") + f".v{older.major}" if topic.endswith(f".v{MAJOR}") else topic


def _data(older: Older, entity: str, data: bytes) -> bytes | Withheld:
    try:
        kept = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Withheld(UNREADABLE)
    translate = older.translate.get(entity)
    made = translate(kept) if translate is not None else kept
    if made is None or not _validator(entity, older.major).is_valid(dict(made)):
        return Withheld(UNTRANSLATED)
    return orjson.dumps(made)


@cache
def _validator(entity: str, major: int) -> Validator:
    # Loading it costs a third of a command's start, and few agreements ask for an older version.
    from jsonschema_rs import validator_for

    return validator_for(schema.published(entity, major), validate_formats=True)
