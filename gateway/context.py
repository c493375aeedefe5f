"""What the gateway lends an adapter, put together for one site.  Nothing else is reachable from one."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from gateway import settings
from gateway.adapter import Context, Log
from gateway.archive import Archive
from gateway.event import Keys
from gateway.site import Site


def now() -> datetime:
    """The clock of everything that is not a test: aware, UTC."""
    return datetime.now(UTC)


def microseconds() -> int:
    """The same clock as the store wants it: microseconds since 1970, UTC."""
    return int(now().timestamp() * 1_000_000)


def build(site: Site, keys: Keys, log: Log, stop: threading.Event) -> Context:
    """The context of every adapter of the site; `stop` is set when the gateway ends."""
    return Context(
        clock=now,
        stop=stop,
        log=log,
        secret=settings.secret,
        archive=Archive(site.var / "archive", keys),
        root=site.root,
    )


class Quiet:
    """A log that says nothing, for commands that show what they find themselves."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    warning = error = info
