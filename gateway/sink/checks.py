"""Whether the sinks that agreements name are there, and take what the agreements ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts import ENTITIES
from gateway import system
from gateway.agreement import Agreement, Destination, asked
from gateway.errors import Problem, Refused
from gateway.sink.codes import NO_FEED, NO_MAPPING, TWICE
from gateway.site import Site


def problems(site: Site, agreements: Iterable[Agreement]) -> Iterator[Problem]:
    """Every destination `via: sink` that leads nowhere, lacks a mapping, or shares its feed with another."""
    seen: dict[tuple[str, str], str] = {}
    for one in agreements:
        for to in one.destinations:
            if to.via in {"mailbox", "sink"}:
                path, where = f"destinations.{to.name}", f"agreements/{one.name}.yaml"
                yield from _led(site, one, to, path, where)
                if (other := seen.setdefault((to.system, to.feed), f"{one.name}/{to.name}")) != f"{one.name}/{to.name}":
                    yield Problem(TWICE, path, where, f"the feed {to.system}/{to.feed} is written to by {other} already")


def _led(site: Site, one: Agreement, to: Destination, path: str, where: str) -> Iterator[Problem]:
    try:
        feed = system.load(site, to.system).feeds.get(to.feed)
    except Refused:  # what is wrong with the system is told with the system
        yield Problem(NO_FEED, path, where, f"the system {to.system} is not there or cannot be used")
        return
    if feed is None or not feed.sink:
        yield Problem(NO_FEED, path, where, f"{to.system} has no feed {to.feed} whose mappings say to:")
        return
    if (feed.adapter.sink if to.via == "sink" else feed.adapter.encode) is None:
        yield Problem(NO_FEED, path, where, f"the adapter {feed.adapter.kind} of {to.system}/{to.feed} serves no {to.via}")
    for entity in ENTITIES:
        if asked(one.topics, entity) and entity not in feed.writes:
            yield Problem(NO_MAPPING, path, where, f"topics ask for {entity}, of which {to.system}/{to.feed} has no mapping")
