"""Whether it lives, whether it can work, and its figures.  Legacy systems are no part of readiness: they come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from gateway.api.answers import refusals
from gateway.api.rules import rule
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.runner import Runner


class Life(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether documents can be taken and events delivered."""

    status: Literal["ready", "not ready"]
    store: Literal["ok", "failed"]
    intake: Literal["ok", "paused"]


def add(routes: APIRouter, runner: Runner) -> None:
    """The routes of health and figures."""

    @routes.get("/livez", tags=["health"], response_model=Life)
    @rule("open")
    async def alive() -> Any:
        """The process answers; nothing else is asked."""
        return {"status": "ok"}

    @routes.get("/readyz", tags=["health"], response_model=Readiness, responses={503: {"model": Readiness, "description": "It cannot work now."}})
    @rule("open")
    def ready(response: Response) -> Any:
        """Whether the gateway can work: its own store and the space under it."""
        said = {"store": _store(runner), "intake": "paused" if runner.waits is not None else "ok"}
        well = said["store"] == said["intake"] == "ok"
        response.status_code = 200 if well else 503
        return {"status": "ready" if well else "not ready", **said}

    @routes.get("/metrics", tags=["health"], response_class=Response, responses=refusals(401, 403, 429) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The Prometheus text format."}})
    @rule("operate")
    def metrics() -> Response:
        """The gateway's figures, for Prometheus."""
        runner.measure()
        return Response("".join(f"{line}\n" for line in runner.metrics.lines()), media_type="text/plain; version=0.0.4; charset=utf-8")



def _store(runner: Runner) -> str:
    try:
        runner.store.ping()
    except GatewayError:
        return "failed"
    return "ok"
