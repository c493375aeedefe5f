"""The facade put together: every route behind the gate, every refusal in the format that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

import gateway
from gateway.access import Book
from gateway.api import confirm, document, health, mailbox, pages, reads, receipts, standing, stream, submit
from gateway.api.codes import METHOD, MISSING
from gateway.api.declared import Forms
from gateway.api.desk import Desk
from gateway.api.gate import Gate, Tokens, guarded
from gateway.api.lens import Lenses
from gateway.api.problems import response, simple
from gateway.api.safe import safe
from gateway.api.shortcut import Shortcut

if TYPE_CHECKING:
    from gateway.adapter import Log
    from gateway.event import Keys
    from gateway.runner import Runner

_SUMMARY = "Send documents in, see what became of them, read what an agreement allows."


@dataclass(frozen=True, slots=True)
class Facade:
    """One gateway's facade.  `app` is what a server calls; `routes` is the same without its outer layer."""

    app: Any
    routes: FastAPI
    desk: Desk

    def close(self) -> None:
        """Finish what was handed in."""
        self.desk.close()


def build(runner: Runner, keys: Keys, book: Book, log: Log, tokens: Tokens | None = None) -> Facade:
    """The facade of a running gateway."""
    desk = Desk(runner, log)
    counter = receipts.Counter(runner, keys)
    lenses = Lenses(runner, keys)
    app = FastAPI(
        title="Copperline", version=gateway.__version__, summary=_SUMMARY, docs_url=None, redoc_url=None, openapi_url=None,
        generate_unique_id_function=lambda route: route.name.replace("-", "_"),
    )  # fmt: skip
    app.router.route_class = guarded(Gate(book, log, tokens))
    submit.add(app.router, submit.Submit(runner, desk, counter))
    receipts.add(app.router, counter)
    stream.add(app.router, stream.Stream(runner, lenses, book.admits))
    reads.add(app.router, reads.Reads(runner, lenses, Forms(runner, keys)))
    standing.add(app.router, runner, lenses)
    mailbox.add(app.router, mailbox.Desk(runner, lenses))
    confirm.add(app.router, confirm.Desk(runner))
    health.add(app.router, runner)
    document.add(app)
    pages.add(app.router)
    app.add_exception_handler(HTTPException, _not_found)
    return Facade(Shortcut(safe(app), app.routes), app, desk)


async def _not_found(request: Request, e: Exception) -> Response:
    """No route, or none for this method: FastAPI's own words would be in one format only."""
    assert isinstance(e, HTTPException)
    if e.status_code == 405:
        refusal = simple(405, METHOD)
        refusal.headers.update(e.headers or {})
        return response(request, refusal)
    return response(request, simple(404, MISSING))
