"""The gate that every request passes: who it is, what the route asks for, how much is allowed.

Deny by default: a route without a rule is refused for everybody, whatever they prove.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from gateway.access import Book, Caller, Lockout
from gateway.access.keyfile import id_of
from gateway.adapter import Log
from gateway.api.codes import FAULT, FORBIDDEN, LOCKED_OUT, NO_RULE, PARAMETER, UNKNOWN_CALLER
from gateway.api.limits import Meter
from gateway.api.problems import Refusal, response, simple
from gateway.api.rules import Rule, direct_of, rule_of
from gateway.errors import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="copperline", Basic realm="copperline"'}


class Tokens(Protocol):
    """Verifies bearer tokens that somebody else issued."""

    def subject(self, token: str) -> str:
        """The subject of a token that holds; "" of one that does not."""
        ...


class Gate:
    """One facade's gate.  Used on the event loop only."""

    def __init__(self, book: Book, log: Log, tokens: Tokens | None = None) -> None:
        self._book, self._log, self._tokens = book, log, tokens
        self._lockout = Lockout()
        self._meter = Meter()

    def enter(self, request: Request, rule: Rule | None) -> Caller | None:
        """Let a request in; its caller, None where the route is open.  Raises Refusal."""
        if rule is None:
            raise simple(403, NO_RULE)
        if rule == "open":
            return None
        caller = self._caller(request)
        self._meter.enter(caller)
        if rule != "anyone" and rule not in caller.roles:
            self._meter.leave(caller)
            raise simple(403, FORBIDDEN, f"the caller {caller.name} has not the role {rule}")
        return caller

    def leave(self, caller: Caller | None) -> None:
        """A request that was let in has been answered."""
        if caller is not None:
            self._meter.leave(caller)

    def refused(self, request: Request, caller: Caller | None, refusal: Refusal) -> None:
        """Note a request that was not carried out."""
        self._log.info(
            "request refused",
            caller=caller.name if caller is not None else "",
            status=refusal.status,
            code=refusal.problems[0].code.id,
            route=getattr(request.scope.get("route"), "path", ""),
        )

    def failed(self, request: Request, e: Exception) -> None:
        """Note a request that failed in a way that nobody foresaw."""
        self._log.error("request failed", route=getattr(request.scope.get("route"), "path", ""), exc_info=e)

    def _caller(self, request: Request) -> Caller:
        address = request.client.host if request.client else ""
        key = presented(request)
        subject = "" if key else request.scope.get("copperline.certificate", "")
        if not key and not subject:
            raise Refusal(401, Problem(UNKNOWN_CALLER), headers=_CHALLENGE)
        claim = id_of(key) or ("certificate" if subject else "")
        left = self._lockout.left_s(address, claim)
        if left:
            raise Refusal(429, Problem(LOCKED_OUT), after=timedelta(seconds=left))
        caller = self._book.by_certificate(subject) if subject else self._by_key(key)
        if caller is None:
            if self._lockout.failed(address, claim):
                self._log.warning("locked out", address=address, claim=claim)
            raise Refusal(401, Problem(UNKNOWN_CALLER), headers=_CHALLENGE)
        self._lockout.succeeded(address, claim)
        return caller

    def _by_key(self, key: str) -> Caller | None:
        if id_of(key) or self._tokens is None:
            return self._book.by_key(key)
        subject = self._tokens.subject(key)
        return self._book.by_token(subject) if subject else None


def presented(request: Request) -> str:
    """The key or token of a request, from whichever header an old or a new client can set; "" for none."""
    said = request.headers.get("authorization", "")
    kind, _, value = said.partition(" ")
    match kind.lower():
        case "bearer":
            return value.strip()
        case "basic":
            return _password(value)
        case _:
            return request.headers.get("x-api-key", "").strip()


def _password(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _parameters(e: RequestValidationError) -> Refusal:
    """Which parameters cannot be used, and why; never what they were."""
    wrong = [Problem(PARAMETER, path=str(error["loc"][-1]), rule=f"{error['loc'][-1]}: {error['msg']}") for error in e.errors()]
    return Refusal(422, wrong[0], *(wrong if len(wrong) > 1 else ()))


def guarded(gate: Gate) -> type[APIRoute]:
    """The class of every route of a facade: none is reached but through the gate."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # FastAPI's own is a coroutine function
            handle: Any = direct_of(self.endpoint) or super().get_route_handler()
            said = rule_of(self.endpoint)

            async def answer(request: Request) -> Response:
                caller: Caller | None = None
                try:
                    caller = gate.enter(request, said)
                    request.state.caller = caller
                    answered: Response = await handle(request)
                except Refusal as e:
                    gate.refused(request, caller, e)
                    return response(request, e)
                except RequestValidationError as e:
                    return response(request, _parameters(e))
                except Exception as e:  # noqa: BLE001 - the outermost edge of a request: its text may quote a record
                    gate.failed(request, e)
                    return response(request, simple(500, FAULT))
                else:
                    return answered
                finally:
                    gate.leave(caller)

            return answer

    return Guarded
