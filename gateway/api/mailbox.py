"""What waits for a system that cannot be called: it fetches, and says what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from gateway import context
from gateway.api import declared
from gateway.api.answers import refusals
from gateway.api.codes import CURSOR, MISSING, NO_AGREEMENT, PARAMETER
from gateway.api.lens import Lenses, purpose
from gateway.api.problems import Refusal, simple
from gateway.api.rules import rule
from gateway.errors import Problem, Retry

if TYPE_CHECKING:
    from gateway.access import Caller
    from gateway.runner import Runner
    from gateway.sink import Mailbox

MOST = 500
_BAD = refusals(401, 403, 404, 422, 429, 503)

Word = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{0,62}$")]
Feed = Annotated[str, Query(pattern="^([a-z][a-z0-9-]{0,62})?$", description="Which one, where the system has several mailboxes.")]
Cursor = Annotated[str, Query(pattern="^[0-9a-f]{32}$", description="As Mailbox-Cursor gave it.")]


class Desk:
    """Hands out what waits in mailboxes."""

    def __init__(self, runner: Runner, lenses: Lenses) -> None:
        self._runner, self._lenses = runner, lenses

    def fetch(self, request: Request, system: str, feed: str, after: str, limit: int) -> Response:
        """The next document of a mailbox, once what came before it is acknowledged."""
        caller, why = request.state.caller, purpose(request)
        box = self._box(caller, system, feed)
        if after:
            self.acknowledge(request, system, feed, after)
        try:
            page = box.fetch(limit)
        except Retry as e:
            raise Refusal(503, e.problem, after=e.after) from e
        if page is None:
            return Response(status_code=204)
        self._lenses.noted_of(caller, box.agreement, "mailbox", [(item.aim.position, item.event) for item in page.items], why)
        headers = {"Mailbox-Cursor": page.cursor, "Mailbox-Records": str(len(page.items))}
        return Response(page.document, 200, headers, declared.media_type(page.feed.settings))

    def acknowledge(self, request: Request, system: str, feed: str, cursor: str) -> Response:
        """The system has a document.  Saying so twice does no harm."""
        box = self._box(request.state.caller, system, feed)
        try:
            known = box.acknowledge(cursor)
        except Retry as e:
            raise Refusal(503, e.problem, after=e.after) from e
        if not known:
            raise simple(422, CURSOR, "fetch again: what was not acknowledged in time comes again")
        return Response(status_code=204)

    def _box(self, caller: Caller, system: str, feed: str) -> Mailbox:
        """The mailbox that is meant.  What the caller is not granted is as if it were not there."""
        boxes = [each for each in self._runner.outbound.mailboxes(system) if caller.reaches(system, each.gate.name)]
        boxes = [each for each in boxes if feed in {"", each.gate.name}]
        if not boxes:
            raise simple(404, MISSING)
        if len(boxes) > 1:
            names = ", ".join(each.gate.name for each in boxes)
            raise Refusal(422, Problem(PARAMETER, path="feed", rule=f"feed: is one of {names}"))
        if self._runner.outbound.agreed(boxes[0].agreement.name) is None or not boxes[0].agreement.in_force(context.now()):
            raise simple(403, NO_AGREEMENT)
        return boxes[0]


def add(routes: APIRouter, desk: Desk) -> None:
    """The routes of mailboxes."""
    said: Any = {
        200: {"description": "The records, in the layout that the feed declares.", "content": {kind: {"schema": {"type": "string"} if kind != "application/json" else {}} for kind in declared.TYPES.values()}},
        204: {"description": "Nothing waits."},
    }

    @routes.get("/v1/systems/{system}/mailbox", tags=["mailbox"], response_class=Response, responses=_BAD | said)
    @rule("fetch")
    def fetch(
        request: Request,
        system: Word,
        feed: Feed = "",
        after: Annotated[str, Query(pattern="^([0-9a-f]{32})?$", description="Acknowledges what came with this cursor, first.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """What waits for a system.  It comes again until its Mailbox-Cursor is acknowledged."""
        return desk.fetch(request, system, feed, after, limit)

    @routes.post("/v1/systems/{system}/mailbox/acknowledge", tags=["mailbox"], status_code=204, response_class=Response, responses=_BAD)
    @rule("fetch")
    def acknowledge(request: Request, system: Word, cursor: Cursor, feed: Feed = "") -> Response:
        """The system has what came with a cursor."""
        return desk.acknowledge(request, system, feed, cursor)
