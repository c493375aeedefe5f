"""Opens the facade of a running gateway.

Where site.yaml says nothing of it, it is for the person at this machine: on loopback only, with a
key that is made for this run and printed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gateway import context
from gateway.access import ROLES, Book, Caller, keyfile
from gateway.api.app import build
from gateway.api.document import openapi
from gateway.api.server import Server
from gateway.api.tokens import Issuer
from gateway.errors import Refused
from gateway.event import Keys

if TYPE_CHECKING:
    from gateway.adapter import Log
    from gateway.runner import Runner
    from gateway.settings import Api

INTERNAL = "internal"
"""The agreement that the person at this machine reads through, as `tail` does."""


def serve(runner: Runner, api: Api, keys: Keys, log: Log) -> tuple[Server, str]:
    """The facade, listening, and the key of this run; "" where callers have their own.  Raises Refused."""
    if api.given:
        return _listening(runner, api, keys, Book(runner.site.callers, context.now), log), ""
    text, key = keyfile.made()
    agreed = (runner.site.agreements / f"{INTERNAL}.yaml").is_file()
    local = Caller("local", frozenset(ROLES), {}, INTERNAL if agreed else "", "use on this machine", everywhere=True)
    book = Book(runner.site.callers, context.now, (local, key))
    try:
        return _listening(runner, api, keys, book, log), text
    except Refused:  # another gateway listens there: any other address will do, since it is printed
        return _listening(runner, replace(api, port=0), keys, book, log), text


def described() -> dict[str, Any]:
    """The facade's document, without a gateway that runs: nothing of it is called."""
    nobody = Book(Path("callers"), context.now)
    return openapi(build(cast("Runner", None), Keys(bytes(32)), nobody, context.Quiet()).routes)


def _listening(runner: Runner, api: Api, keys: Keys, book: Book, log: Log) -> Server:
    tokens = Issuer(api, runner.site.root, log) if api.issuer else None
    server = Server(runner.site, api, build(runner, keys, book, log, tokens))
    server.start()
    runner.outbound.open_mailboxes()
    log.info("facade listens", host=api.host, port=server.port)
    return server
