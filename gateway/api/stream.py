"""Events as they come: a server-sent-events stream that resumes where its client was cut off."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.api.answers import refusals
from gateway.api.codes import STREAMS
from gateway.api.lens import Lenses, purpose
from gateway.api.problems import Refusal, simple
from gateway.api.reads import After, Why
from gateway.api.rules import rule

if TYPE_CHECKING:
    from gateway.access import Caller
    from gateway.agreement import Projected
    from gateway.runner import Runner

LOOK_S = 0.25
"""How often the journal is looked at."""
BEAT_S = 15.0
"""How often a quiet stream says that it is there."""
CHUNK = 100
OPEN = 4
"""Streams that one caller may have."""


class Stream:
    """Streams of all callers.  `admitted`: whether a caller may still enter, as its file now says."""

    def __init__(self, runner: Runner, lenses: Lenses, admitted: Callable[[Caller], bool]) -> None:
        self._runner, self._lenses, self._admitted = runner, lenses, admitted
        self._open: Counter[str] = Counter()

    async def follow(self, request: Request, after: str) -> StreamingResponse:
        """Everything after a cursor, then everything that comes.  Raises Refusal."""
        caller, why = request.state.caller, purpose(request)
        place = await asyncio.to_thread(self._begin, caller, after)
        if self._open[caller.name] >= OPEN:
            raise simple(429, STREAMS)
        self._open[caller.name] += 1  # at once: the next request may be looked at before this stream begins
        return _Followed(self._said(caller, why, place), lambda: self._left(caller))

    def _left(self, caller: Caller) -> None:
        self._open[caller.name] -= 1

    def _begin(self, caller: Caller, after: str) -> int:
        lens = self._lenses.of(caller)
        return lens.place(after) if after else lens.head()

    async def _said(self, caller: Caller, why: str, place: int) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            beat = time.monotonic() + BEAT_S
            while not self._runner.stop.is_set():
                text, place = await asyncio.to_thread(self._next, caller, why, place)
                if text:
                    yield text
                elif time.monotonic() > beat:
                    yield b": still here\n\n"
                else:
                    await asyncio.sleep(LOOK_S)
                    continue
                beat = time.monotonic() + BEAT_S
        except Refusal:
            return  # no longer admitted, or no longer agreed: the client learns why when it comes back

    def _next(self, caller: Caller, why: str, place: int) -> tuple[bytes, int]:
        """What has come, and where it ends.  Raises Refusal where the caller may see no more."""
        if not self._admitted(caller):
            raise simple(401, STREAMS)
        lens = self._lenses.of(caller)
        if lens.head() <= place:
            return b"", place
        found, last, _ = lens.events(place, CHUNK)
        self._lenses.noted(caller, lens, "stream", found, why)
        return b"".join(_message(lens.cursor(out.position), seen) for out, seen in found), last


class _Followed(StreamingResponse):
    """A stream that says when it is over, also where it never began."""

    def __init__(self, said: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(said, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()


def _message(cursor: str, seen: Projected) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), seen.fixed.type.encode(), seen.body)


def add(routes: APIRouter, stream: Stream) -> None:
    """The route of the stream."""
    said: Any = {200: {"description": "Server-sent events; `id` is a cursor, `data` a CloudEvent.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}}

    @routes.get("/v1/events/stream", tags=["read"], response_class=StreamingResponse, responses=refusals(401, 403, 422, 429) | said)
    @rule("read")
    async def stream_of_events(
        request: Request,
        after: After = "",
        last: Annotated[str | None, Header(alias="Last-Event-ID", pattern="^[0-9a-f]{32}$", description="Where the stream was cut off.")] = None,
        _why: Why = None,
    ) -> StreamingResponse:
        """Events as they come.  Without a cursor it begins now."""
        return await stream.follow(request, last or after)
