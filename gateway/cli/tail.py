"""`tail`: the site's own log, read from the journal through an agreement's projector like any other destination."""

from __future__ import annotations

import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import click
import orjson

from gateway import agreement, context, site
from gateway.agreement import Agreement, Outgoing, Projected, Projector
from gateway.cli.common import (
    NUMBER,
    by_option,
    json_option,
    masked,
    reading,
    reason_option,
    reveal_option,
    site_option,
    then,
)
from gateway.cli.reveal import viewed
from gateway.errors import Problem, Refused, code
from gateway.store import Store

NO_AGREEMENT = code(
    "tail.no-agreement",
    "there is no such agreement in this site",
    "Name one of the files in agreements/, without .yaml: copperline tail --agreement NAME.",
)
NOT_IN_FORCE = code("tail.not-in-force", "the agreement is not in force today", "Renew its valid: dates, or look through another one.")
NOT_OPEN = code(
    "tail.not-open",
    "no destination of this agreement is open yet",
    "Run the gateway once: copperline run --once.",
)

SLICE = 500


@click.command()
@click.option("--agreement", "name", default="internal", help="Through whose eyes; the internal agreement, if not given.")
@click.option("--from", "after", type=NUMBER, default=0, help="Only what comes after this journal position.")
@click.option("--limit", type=NUMBER, default=0, help="Stop after so many events; 0: all.")
@click.option("-f", "--follow", is_flag=True, help="Wait for more.")
@site_option
@json_option
@by_option
@reason_option
@reveal_option
def tail(
    name: str, after: int, limit: int, follow: bool, folder: Path, as_json: bool, by: str, reason: str, reveal: bool
) -> None:
    """The events of the journal as an agreement lets them be seen, in order.

    With --json each line is the event that the agreement's consumer receives, its data masked without --reveal.
    """
    if reveal:
        viewed(folder, {"agreement": name, "after": after}, by=by, reason=reason)
    with reading(folder) as (here, opened):
        seen = _agreement(here, name)
        projector = agreement.compile(seen, site.keys(here))
        destination = _destination(opened, seen)
        count = 0
        for out, event in _events(opened, destination, projector, seen, after, follow=follow):
            click.echo(_json(event, reveal=reveal) if as_json else _line(out, event))
            count += 1
            if count == limit:
                break
    if not count and not as_json:
        then("copperline status")


def _events(
    opened: Store, destination: int, projector: Projector, seen: Agreement, after: int, *, follow: bool
) -> Iterator[tuple[Outgoing, Projected]]:
    """What the agreement shows, by position; with `follow` for ever."""
    wants = agreement.matcher(seen.topics)
    while True:
        last = after
        for out in merge(*(_feed(opened, destination, row.id, after) for row in opened.journal.feeds()), key=_position):
            last = out.position
            if wants(out.topic) and isinstance(event := projector.project(out), Projected):
                yield out, event
        after = last
        if not follow or not seen.in_force(context.now()):
            return
        time.sleep(0.5)


def _feed(opened: Store, destination: int, feed: int, after: int) -> Iterator[Any]:
    while rows := opened.deliveries.read(destination, feed, after, SLICE):
        yield from rows
        after = rows[-1].position


def _position(out: Any) -> int:
    position: int = out.position
    return position


def _line(out: Any, event: Projected) -> str:
    at = out.time or "-"
    return f"{out.position:>8}  {at:25}  {event.topic:44}  {event.id[:12]}  seq {out.sequence}"


def _json(event: Projected, *, reveal: bool) -> bytes:
    """The event as it is sent, or with the shape of its data only."""
    if reveal:
        return event.body
    said = orjson.loads(event.body)
    return orjson.dumps({**said, "data": masked(said.get("data"))})


def _agreement(here: site.Site, name: str) -> Agreement:
    path = here.agreements / f"{name}.yaml"
    if "/" in name or not path.is_file():
        raise Refused(Problem(NO_AGREEMENT, rule=f"there is no agreements/{name}.yaml"))
    seen = agreement.load(path)
    if not seen.in_force(context.now()):
        raise Refused(Problem(NOT_IN_FORCE))
    return seen


def _destination(opened: Store, seen: Agreement) -> int:
    for row in opened.deliveries.destinations():
        if row.agreement == seen.name:
            return row.id
    raise Refused(Problem(NOT_OPEN))
