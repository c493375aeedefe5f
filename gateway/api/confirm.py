"""Acts that wait for a second person, who sees them and confirms them with a key of their own, from a machine of their own.

What is confirmed is carried out as a command's request is: by the running gateway, in order.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from gateway.access import people
from gateway.api.answers import Format, answered, refusals
from gateway.api.codes import LATER, MISSING
from gateway.api.problems import Refusal, simple
from gateway.api.rules import rule
from gateway.errors import REGISTER, Code, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.runner import Runner
    from gateway.store.rows import RequestRow
    from gateway.store.seconds import Waiting

PATIENCE_S = 20.0
"""How long a confirmation waits for the act to be done."""
LOOK_S = 0.1


class Asked(BaseModel):
    """One act that waits."""

    act: str = Field(description="What it is confirmed by: a hash over all that it says.")
    kind: str = Field(description="discard, erase, replay")
    asked_by: str
    reason: str
    asked: str = Field(description="When, RFC 3339. It may be confirmed within seven days.")
    about: dict[str, Any] = Field(description="All that the act says.")


class Acts(BaseModel):
    """The acts that wait for a second person, the oldest first."""

    acts: list[Asked]


class Done(BaseModel):
    """An act that was confirmed and carried out."""

    act: str
    kind: str
    confirmed_by: str
    result: dict[str, Any]


class Desk:
    """Shows what waits, and has it done."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def acts(self) -> list[dict[str, Any]]:
        """All that waits."""
        return [_said(each) for each in self._runner.store.seconds.waiting()]

    def confirm(self, caller: str, act: str, reason: str) -> dict[str, Any]:
        """Have an act carried out.  Raises Refusal where it is not there, or cannot be done."""
        found = next((each for each in self._runner.store.seconds.waiting() if each.act.hex() == act), None)
        if found is None:
            raise simple(404, MISSING)
        by = people.MARK + caller
        row = self._carried_out(self._runner.store.requests.add(found.kind, found.body, by=by, reason=reason))
        if row.state == "failed":
            raise Refusal(422, *(_problem(said) for said in row.result["problems"]))
        return {"act": act, "kind": found.kind, "confirmed_by": by, "result": row.result}

    def _carried_out(self, number: int) -> RequestRow:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            row = self._runner.store.requests.find(number)
            if row is not None and row.state in {"done", "failed"}:
                return row
            time.sleep(LOOK_S)
        raise Refusal(503, Problem(LATER), after=timedelta(seconds=PATIENCE_S))


def _said(each: Waiting) -> dict[str, Any]:
    at = datetime.fromtimestamp(each.asked.at / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
    return {
        "act": each.act.hex(), "kind": each.kind, "asked_by": each.asked.by, "reason": each.asked.reason, "asked": at, "about": each.body,
    }  # fmt: skip


def _problem(said: Mapping[str, str]) -> Problem:
    known = REGISTER.get(said["code"]) or Code(said["code"], said["rule"], said["remedy"])
    return Problem(known, said["path"], said["where"], said["rule"])


def add(routes: APIRouter, desk: Desk) -> None:
    """The routes of acts that take two people."""

    @routes.get("/v1/acts", tags=["acts"], response_model=Acts, responses=refusals(401, 403, 429))
    @rule("confirm")
    def acts(request: Request, _format: Format = None) -> Any:
        """What waits for a second person: giving up, erasing, replay of days or systems."""
        return answered(request, {"acts": desk.acts()}, "acts")

    @routes.post("/v1/acts/{act}", tags=["acts"], response_model=Done, responses=refusals(401, 403, 404, 422, 429, 503))
    @rule("confirm")
    def confirm_an_act(
        request: Request,
        act: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
        reason: Annotated[str, Query(min_length=1, max_length=500, description="Why; recorded in the ledger.")],
        _format: Format = None,
    ) -> Any:
        """Be the second person of an act.  Who asked for it cannot be."""
        return answered(request, desk.confirm(request.state.caller.name, act, reason), "act")
