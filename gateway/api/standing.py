"""Where a caller stands: the place in the journal, the numbers of its queues, and how far it is behind in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gateway import consumers
from gateway.api.answers import Format, answered, refusals
from gateway.api.rules import rule

if TYPE_CHECKING:
    from gateway.api.lens import Lens, Lenses
    from gateway.runner import Runner


class Stands(BaseModel):
    """A moment: whatever comes after it has a later cursor, and a higher number in each queue."""

    cursor: str = Field(description="`GET /v1/events?after=` goes on from here.")
    agreementseq: dict[str, int] = Field(description="By destination: the number of the last message that its queue was given.")


class Queue(BaseModel):
    """One queue of the caller's agreement."""

    destination: str
    agreementseq: int = Field(description="The number of the last message that it was given.")
    lag: int | None = Field(default=None, description="Messages and events that were not read.")
    waiting: int = Field(description="Events that are not in the queue yet.")
    queued: int | None = Field(default=None, description="Messages that wait in it.")
    oldest_unread: str | None = Field(default=None, description="Since when the oldest of them has waited.")
    read: int | None = Field(default=None, description="The number up to which was read.")
    last_read: str | None = Field(default=None, description="When the consumer said so last.")
    undeleted: int = Field(description="What it was told to forget, and has not said that it has deleted.")
    undeleted_since: str | None = None


class Standing(BaseModel):
    """Where a caller stands."""

    stands: Stands
    queues: list[Queue]


def stands(runner: Runner, lens: Lens) -> dict[str, Any]:
    """This moment, for whoever is about to read a snapshot: taken before it, so that nothing falls between the two."""
    numbers = {
        row.name: runner.store.deliveries.number(row.id)
        for row in runner.store.deliveries.destinations()
        if row.agreement == lens.agreed.name and any(to.name == row.name and to.via == "bus" for to in lens.agreed.destinations)
    }
    return {"cursor": lens.cursor(lens.head()), "agreementseq": numbers}


def add(routes: APIRouter, runner: Runner, lenses: Lenses) -> None:
    """The route that tells a consumer how it stands."""

    @routes.get("/v1/standing", tags=["read"], response_model=Standing, responses=refusals(401, 403, 422, 429))
    @rule("read")
    def standing(request: Request, _format: Format = None) -> Response:
        """How far the queues of the caller's own agreement are behind, and where in the journal this moment is."""
        lens = lenses.of(request.state.caller)
        found = consumers.consumers(runner.site, runner.store, runner.outbound.queued(), only=lens.agreed.name)
        queues = [_queue(one) for one in found]
        return answered(request, {"stands": stands(runner, lens), "queues": queues}, "standing", lambda body: _table(body["queues"]))


def _queue(one: consumers.Consumer) -> dict[str, Any]:
    said = one.as_dict() | {"destination": one.destination.partition("/")[2]}
    return {name: said[name] for name in Queue.model_fields if said[name] is not None}


def _table(queues: list[dict[str, Any]]) -> list[list[Any]]:
    return [list(Queue.model_fields), *([queue.get(name, "") for name in Queue.model_fields] for queue in queues)]
