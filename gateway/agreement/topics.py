"""Which routing keys a topic pattern asks for, with the meaning that RabbitMQ gives it.

A key is words between dots.  In a pattern `*` stands for exactly one word and `#` for any number
of words, none included.  The gateway decides by the same rule as the broker's binding, so that a
binding shows nothing that the agreement does not.

Who asks for anything about an entity is also told when something of it is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from contracts import ACTIONS, ENTITIES, MAJOR, majors

LONGEST = 255
"""Bytes of a routing key or a pattern in AMQP 0-9-1."""

TAKES_BACK = ("withdrawn", "removed")
"""The actions that take back what was given before."""

_WORD = re.compile(r"[a-z0-9-]+|\*|#")


def is_pattern(text: str) -> bool:
    """True where `text` can be a topic pattern: words of a-z, 0-9 and "-", or `*`, or `#`, between dots."""
    return 0 < len(text) <= LONGEST and all(_WORD.fullmatch(word) for word in text.split("."))


def matches(pattern: str, topic: str) -> bool:
    """Would a topic exchange route `topic` by a binding with `pattern`?"""
    return _words_match(pattern.split("."), topic.split("."))


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether any of the patterns matches; each topic is worked out once.

    Topics are few (agencies x entities x actions), so the answers are kept for good.
    """
    wanted = tuple(patterns)
    known: dict[str, bool] = {}

    def wants(topic: str) -> bool:
        answer = known.get(topic)
        if answer is None:
            answer = known[topic] = any(matches(pattern, topic) for pattern in wanted)
        return answer

    return wants


def bound(patterns: Iterable[str]) -> tuple[str, ...]:
    """The patterns, and those for what is taken back of the entities they ask for."""
    asked = tuple(dict.fromkeys(patterns))
    more = [
        f"police.{agency}.{entity}.{action}.v{major_of(pattern)}"
        for pattern in asked
        for agency in (_agency(pattern),)
        for entity in entities(pattern)
        for action in TAKES_BACK
        if not matches(pattern, f"police.{'any' if agency == '*' else agency}.{entity}.{action}.v{major_of(pattern)}")
    ]
    return tuple(dict.fromkeys((*asked, *more)))


def entities(pattern: str) -> tuple[str, ...]:
    """The entities of which a pattern can match a topic: any agency is as good as the one it names."""
    agency = _agency(pattern).replace("*", "any")
    return tuple(
        entity
        for entity in ENTITIES
        if any(matches(pattern, f"police.{agency}.{entity}.{action}.v{major_of(pattern)}") for action in ACTIONS)
    )


def major_of(pattern: str) -> int:
    """The major version that a pattern asks for; the oldest that is served where it leaves that open."""
    last = pattern.rpartition(".")[2]
    served = {f"v{older.major}": older.major for older in majors.SERVED}
    if last in {"*", "#"}:
        return min((MAJOR, *served.values()))
    return served.get(last, MAJOR)


def asked(patterns: Iterable[str], entity: str) -> bool:
    """Whether topic patterns can match events of an entity."""
    return any(entity in entities(pattern) for pattern in patterns)


def variants(topic: str) -> list[str]:
    """The same topic with every action."""
    police, agency, entity, _, major = topic.split(".")
    return [f"{police}.{agency}.{entity}.{action}.{major}" for action in ACTIONS]


def _agency(pattern: str) -> str:
    words = pattern.split(".")
    return words[1] if len(words) > 1 and words[1] != "#" else "*"


def _words_match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _words_match(pattern[1:], words) or (bool(words) and _words_match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _words_match(pattern[1:], words[1:])
