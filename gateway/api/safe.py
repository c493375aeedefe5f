"""The headers that keep an answer from being kept, guessed at or run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Headers: TypeAlias = "Sequence[tuple[bytes, bytes]]"

SAFE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""On every answer that does not say otherwise: nothing is kept by a cache, nothing is run by a browser."""


def with_safe(headers: Headers) -> list[tuple[bytes, bytes]]:
    """An answer's headers with the safe ones."""
    names = {name for name, _ in headers}
    return [*headers, *(pair for pair in SAFE if pair[0] not in names)]


def safe(app: Any) -> Any:
    """The app with the safe headers on every answer."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_safe(message.get("headers", ()))
            await send(message)

        await app(scope, receive, sent)

    return served
