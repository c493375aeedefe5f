"""`tail`: the site's own log, read from the journal through an agreement's projector like any other destination."""

from __future__ import annotations

import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

import click
import orjson

from gateway import agreed, agreement, context, site
from gateway.agreement import Agreement, Projected
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
from gateway.delivery import Gate, Leaves
from gateway.errors import Problem, Refused, code
from gateway.store import Store
from gateway.store.rows import Outgoing

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
ANY = 0
"""The journal as it is, at no destination's position."""


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
        seen = _agreement(here, opened, name)
        _check_open(opened, seen)
        gate = Gate(agreement.compile(seen, site.keys(here)), opened, 0)
        count = 0
        for out, event in _seen(opened, gate, seen, after, follow=follow):
            click.echo(_json(event, reveal=reveal) if as_json else _line(out, event))
            count += 1
            if count == limit:
                break
    if not count and not as_json:
        then("copperline status")


def _seen(
    opened: Store, gate: Gate, seen: Agreement, after: int, *, follow: bool
) -> Iterator[tuple[Outgoing, Projected]]:
    """What the agreement shows, by position; with `follow` for ever."""
    while True:
        last = after
        for out in events(opened, after):
            last = out.position
            if isinstance(made := gate.judge(out), Leaves):
                yield out, made.event
        after = last
        if not follow or not seen.in_force(context.now()):
            return
        time.sleep(0.5)


def events(opened: Store, after: int) -> Iterator[Outgoing]:
    """Every event of the journal after a position, in order."""
    return merge(*(_feed(opened, row.id, after) for row in opened.journal.feeds()), key=_position)


def _feed(opened: Store, feed: int, after: int) -> Iterator[Outgoing]:
    while rows := opened.deliveries.read(ANY, feed, after, SLICE):
        yield from rows
        after = rows[-1].position


def _position(out: Outgoing) -> int:
    return out.position


def _line(out: Outgoing, event: Projected) -> str:
    at = out.time or "-"
    return f"{out.position:>8}  {at:25}  {event.topic:44}  {event.id[:12]}  seq {out.sequence}"


def _json(event: Projected, *, reveal: bool) -> bytes:
    """The event as it is sent, or with the shape of its data only."""
    if reveal:
        return event.body
    said = orjson.loads(event.body)
    return orjson.dumps({**said, "data": masked(said.get("data"))})


def _agreement(here: site.Site, opened: Store, name: str) -> Agreement:
    """The approved wording, while something may leave through it."""
    found = next((one for one in agreed.Agreed(here.agreements, opened).look() if one.name == name), None)
    if found is None:
        raise Refused(Problem(NO_AGREEMENT, rule=f"there is no agreements/{name}.yaml"))
    if found.problem is not None:
        raise Refused(found.problem)
    if found.agreed is None or not found.agreed.in_force(context.now()):
        raise Refused(Problem(NOT_IN_FORCE))
    return found.agreed


def _check_open(opened: Store, seen: Agreement) -> None:
    if not any(row.agreement == seen.name for row in opened.deliveries.destinations()):
        raise Refused(Problem(NOT_OPEN))
