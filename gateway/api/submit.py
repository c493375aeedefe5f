"""Documents come in: one record or many, in the layout that the feed declares.

202 means that it is journalled: what was given a receipt is found after any crash.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from gateway.api.answers import Format, answered, refusals
from gateway.api.body import as_feed_reads, received, unpacked
from gateway.api.codes import BUSY, KEY_USED, KEY_WRONG, MISSING, UNDER_WAY, UNSENDABLE
from gateway.api.desk import Desk, Piece
from gateway.api.envelope import opened
from gateway.api.problems import Refusal, simple
from gateway.api.receipts import Counter, Receipt, given, table
from gateway.api.rules import direct, rule
from gateway.errors import Problem, Retry
from gateway.store import Fatal

if TYPE_CHECKING:
    from gateway.access import Caller
    from gateway.line import WayIn
    from gateway.runner import Runner

_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")

AT_ONCE_BYTES = 128 * 1024
"""A body up to this size is made ready at once: that takes less than handing it over."""

Word = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{0,62}$")]

_BODY = {
    "x-soap": "The receipt, in the envelope that the document came in.",
    "requestBody": {
        "required": True,
        "description": "The document, in the layout and charset that the feed declares; another charset where Content-Type says so, "
        "packed where Content-Encoding says gzip. XML may come bare or in a SOAP 1.1 or 1.2 envelope, and is answered in kind.",
        "content": {
            kind: {"schema": {"type": "string"}}
            for kind in ("application/octet-stream", "text/csv", "application/xml", "text/xml", "application/soap+xml", "text/plain")
        }
        | {"application/json": {"schema": {}}},
    }
}


class Submit:
    """Takes documents from callers to the desk."""

    def __init__(self, runner: Runner, desk: Desk, counter: Counter) -> None:
        self._runner, self._desk, self._counter = runner, desk, counter
        self._under_way: set[tuple[str, str]] = set()

    async def take(self, request: Request) -> Response:
        """One document.  Raises Refusal where nothing of it was kept."""
        caller: Caller = request.state.caller
        system, feed, key = request.path_params["system"], request.path_params["feed"], key_of(request)
        way = self._way(caller, system, feed)
        sent = await received(request, caller.limits.body)
        packed = request.headers.get("content-encoding", "")
        if packed or len(sent) > AT_ONCE_BYTES:  # others wait while the loop works
            piece = await asyncio.to_thread(_piece, request, way, key, sent, packed)
        else:
            piece = _piece(request, way, key, sent, packed)
        if not key:
            return await self._journal(request, piece)
        if (caller.name, key) in self._under_way:
            raise simple(409, UNDER_WAY)
        self._under_way.add((caller.name, key))
        try:
            return await self._once(request, piece)
        finally:
            self._under_way.discard((caller.name, key))

    def _way(self, caller: Caller, system: str, feed: str) -> WayIn:
        """The feed, where the caller may send to it.  What it may not send to is as if it were not there."""
        if not caller.reaches(system, feed):
            raise simple(404, MISSING)
        try:
            way = self._runner.way_in(system, feed)
        except Retry as e:
            raise Refusal(503, e.problem, after=e.after) from e
        if way is None:
            raise simple(404, MISSING)
        if way.feed.adapter.whole is None:
            raise simple(422, UNSENDABLE)
        return way

    async def _once(self, request: Request, piece: Piece) -> Response:
        """Journal it, or give the receipt that it was given the first time."""
        row = await asyncio.to_thread(self._counter.by_key, piece.caller, piece.key)
        if row is None:
            return await self._journal(request, piece)
        if row.sha256 != piece.stands_for:
            raise simple(422, KEY_USED)
        said = await asyncio.to_thread(self._counter.again, row)
        return _given(request, said, {"Idempotency-Replayed": "true"})

    async def _journal(self, request: Request, piece: Piece) -> Response:
        try:
            submitted = await self._desk.hand_in(piece)
        except Fatal as e:
            raise Refusal(503, Problem(BUSY), headers={"Connection": "close"}) from e
        feed = piece.way.feed
        said = given(submitted, system=feed.system, feed=feed.name, sha256=piece.sha256, size=piece.size)
        return _given(request, said, {})


def _piece(request: Request, way: WayIn, key: str, sent: bytes, packed: str) -> Piece:
    """A body made ready for the desk.  Raises Refusal."""
    caller: Caller = request.state.caller
    plain = unpacked(sent, packed, caller.limits.body)
    charset = getattr(way.feed.settings, "charset", None)
    body = as_feed_reads(opened(request, plain), request.headers.get("content-type", ""), charset)
    sha256 = hashlib.sha256(plain).digest()
    stands_for = hashlib.sha256(f"{way.feed.system}/{way.feed.name}/".encode() + sha256).digest()
    return Piece(way, caller.name, key, body, sha256, len(plain), stands_for)


def _given(request: Request, said: dict[str, Any], more: dict[str, str]) -> Response:
    return answered(request, said, "receipt", table, status=202, headers={"Location": said["url"], **more})


def key_of(request: Request) -> str:
    """The idempotency key, quoted as the draft has it or bare as old clients send it; "" for none.  Raises Refusal."""
    said = (
        request.headers.get("idempotency-key")
        or request.headers.get("x-idempotency-key")
        or request.query_params.get("idempotency_key")
        or ""
    )
    key = said[1:-1] if len(said) > 1 and said[0] == said[-1] == '"' else said
    if said and not _KEY.fullmatch(key):
        raise simple(400, KEY_WRONG)
    return key


def add(routes: APIRouter, submit: Submit) -> None:
    """The one route by which documents come in."""

    @routes.post(
        "/v1/systems/{system}/{feed}",
        tags=["submit"],
        status_code=202,
        response_model=Receipt,
        responses=refusals(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503),
        openapi_extra=_BODY,
    )
    @rule("submit")
    @direct(submit.take)
    async def send_a_document(
        request: Request,
        system: Word,
        feed: Word,
        _header: Annotated[str | None, Header(alias="Idempotency-Key", description="New for every document; the same to repeat one. Remembered for 35 days.")] = None,
        _query: Annotated[str | None, Query(alias="idempotency_key", description="For clients that cannot set a header.")] = None,
        _format: Format = None,
    ) -> Response:
        """Journal a document of one record or many.  202 with a receipt means that it survives any crash."""
        return await submit.take(request)
