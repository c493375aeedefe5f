"""The way of requests for routes whose every microsecond counts: to the same gate, past the router.

A router that tries every route, and layers for what such a route does not use, cost more than its
key and its body.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams

from gateway.api.rules import direct_of
from gateway.api.safe import safe, with_safe

ANSWER = "copperline.answer"
"""In a request's scope, where the server offers it: sends status, headers and body at once; False where that cannot be."""
COMPLETE = "copperline.complete"
"""In a request's scope once its whole body has come."""

_NO_QUERY = QueryParams()


class Shortcut:
    """An app in front of another one."""

    def __init__(self, app: Any, routes: Sequence[Any]) -> None:
        self._app = app
        self._ways = [(route.path_regex, route.methods or (), route, route.get_route_handler()) for route in _direct(routes)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or let the other app answer."""
        if scope["type"] == "http":
            for path, methods, route, answer in self._ways:
                found = path.match(scope["path"]) if scope["method"] in methods else None
                if found is not None:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    response = await answer(Looked(scope, receive))
                    if not _at_once(scope, response):
                        await safe(response)(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _at_once(scope: Any, response: Any) -> bool:
    """Have the server send the answer whole, where it can."""
    send = scope.get(ANSWER)
    return send is not None and send(response.status_code, with_safe(response.raw_headers), response.body)


class Looked(Request):
    """A request whose headers are looked up, not searched for."""

    state: Any = None  # a plain object in place of one that looks each name up
    headers: Any = None
    """By name in small letters; of one that comes twice the first."""

    def __init__(self, scope: Any, receive: Any) -> None:
        super().__init__(scope, receive)
        self.state = SimpleNamespace()
        self.headers = {name.decode("latin-1"): said.decode("latin-1") for name, said in reversed(scope["headers"])}

    @property
    def query_params(self) -> QueryParams:
        """Nothing is parsed where nothing was said."""
        return super().query_params if self.scope["query_string"] else _NO_QUERY


def _direct(routes: Sequence[Any]) -> Iterator[APIRoute]:
    return (route for route in routes if isinstance(route, APIRoute) and direct_of(route.endpoint) is not None)
