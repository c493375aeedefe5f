"""Which routing keys a topic pattern asks for, with the meaning that RabbitMQ gives it.

A key is words between dots.  In a pattern `*` stands for exactly one word and `#` for any number
of words, none included.  The gateway decides by the same rule as the broker's binding, so that a
binding shows nothing that the agreement does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

LONGEST = 255
"""Bytes of a routing key or a pattern in AMQP 0-9-1."""

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


def _words_match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _words_match(pattern[1:], words) or (bool(words) and _words_match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _words_match(pattern[1:], words[1:])
