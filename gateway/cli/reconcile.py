"""`reconcile`: compare what a system holds with what was journalled of it, and mend what differs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gateway import context, site, system
from gateway import reconcile as reconciliation
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import (
    NO_ANSWER,
    by_option,
    hand_over,
    json_option,
    reading,
    show,
    site_option,
    table,
    then,
    why,
)
from gateway.errors import Problem, Refused, Retry
from gateway.store import Store

GIVEN = ("day", "source", "journal", "delivered", "confirmed", "state")
HORIZON = timedelta(days=35)
COLUMNS = ("theirs", "ours", "days", "days_differing", "missing", "differing", "gone", "journalled", "removed")


@click.command()
@click.argument("name", metavar="SYSTEM", default="")
@click.argument("feed", metavar="[FEED]", default="")
@click.option("--dry-run", is_flag=True, help="Only compare; journal nothing, leave no entry in the ledger.")
@click.option("--agreement", "agreed", default="", help="Not a system: an agreement. Day by day what its sources gave, what was journalled and delivered, and what its consumer has.")
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="With --agreement: from this day on (UTC); 35 days, if not given.")
@click.option("--removals", is_flag=True, help="Take what is gone for removed however much it is; needs --reason.")
@site_option
@by_option
@click.option("--reason", default="", help="Why; recorded in the ledger.")
@json_option
def reconcile(
    name: str, feed: str, dry_run: bool, agreed: str, since: datetime | None, removals: bool, folder: Path, by: str, reason: str, as_json: bool
) -> int:
    """Compare every record that a system holds with the journal: counts and a digest of each day on both sides.

    What differs is read again, and what is gone becomes a removal.  `reconcile:` in system.yaml does it on schedule.
    With --agreement nothing is changed: it only counts.
    """
    if agreed:
        return _of_agreement(folder, agreed, since, as_json=as_json)
    if not name:
        raise click.UsageError("Name a SYSTEM, or an agreement with --agreement.")
    because = why(reason) if removals else reason or "asked for"
    loaded = system.load(site.open(folder), name)
    found = {}
    for each in _feeds(loaded, feed):
        if dry_run:
            found[each] = _compared(folder, loaded.feeds[each])
        else:
            found[each] = _done(folder, name, each, removals=removals, by=by, reason=because)
    if as_json:
        show(found)
    else:
        _print(found)
        then(*_next(name, found, dry_run=dry_run))
    return OK if all(said["state"] in ("agreed", "mended") for said in found.values()) else PROBLEMS


def _of_agreement(folder: Path, name: str, since: datetime | None, *, as_json: bool) -> int:
    first = since.date() if since else context.now().date() - HORIZON
    with reading(folder) as (here, opened):
        found = reconciliation.given(here, opened, name, first)
    if as_json:
        show(found)
    else:
        for destination in found["destinations"]:
            click.echo(f"{destination['destination']}: {destination['state']}")
            table([[_shown(day[column]) for column in GIVEN] for day in destination["days"]], *GIVEN)
        for feed in found["sources"]:
            last = feed["compared"]
            said = f"last compared with its system {last['finished']}: {last['state']}, {last['theirs']} there, {last['ours']} here" if last else "never compared with its system"
            click.echo(f"{feed['feed']}: {said}")
    return PROBLEMS if any(destination["state"] == "differs" for destination in found["destinations"]) else OK


def _shown(value: Any) -> Any:
    return "-" if value is None else value


def _feeds(loaded: system.System, feed: str) -> list[str]:
    """The feed that is named, or all that can be asked.  Raises Refused where there is none."""
    if feed and feed not in loaded.feeds:
        raise click.BadParameter(f"is none of {', '.join(loaded.feeds)}", param_hint="FEED")
    able = [each for each, said in loaded.feeds.items() if said.adapter.survey is not None and not said.sink and feed in ("", each)]
    if not able:
        raise Refused(Problem(reconciliation.NOT_OFFERED))
    return able


def _compared(folder: Path, feed: system.Feed) -> dict[str, Any]:
    """A dry run: in this process, beside a running gateway or without one."""
    with reading(folder) as (here, opened):
        lent = context.build(here, site.keys(here), context.Quiet(), threading.Event())
        asked = reconciliation.Asked(reconciliation.first_day(feed, context.now()), dry_run=True)
        state, found = reconciliation.here(opened, feed, _row(opened, feed.system, feed.name), lent, asked, shadow=False)
    return {"state": state, **found}


def _done(folder: Path, name: str, feed: str, *, removals: bool, by: str, reason: str) -> dict[str, Any]:
    before = _last(folder, name, feed)
    body = {"system": name, "feed": feed, "removals": removals}
    said = hand_over(folder, "reconcile", body, by=by, reason=reason)
    if said["state"] != "begun":
        return {"state": said["state"], **said["found"]}
    for after in _waited(folder, name, feed):
        if after is not None and after["started"] != (before or {}).get("started"):
            return after
    raise Retry(Problem(NO_ANSWER))


def _waited(folder: Path, name: str, feed: str) -> Iterator[dict[str, Any] | None]:
    """What was found last, again and again, for as long as the gateway runs that was asked."""
    here = site.open(folder)
    while site.held(here):
        yield _last(folder, name, feed)
        time.sleep(0.2)
    yield _last(folder, name, feed)


def _last(folder: Path, name: str, feed: str) -> dict[str, Any] | None:
    with reading(folder) as (_, opened):
        last = opened.census.last(_row(opened, name, feed).id)
    return {"state": last.state, "started": last.started, **last.result} if last else None


def _row(opened: Store, name: str, feed: str) -> Any:
    """The feed as the store knows it.  Raises Refused where it was never read."""
    for row in opened.journal.feeds():
        if (row.system, row.feed) == (name, feed):
            return row
    raise Refused(Problem(reconciliation.NOT_YET_READ))


def _print(found: dict[str, dict[str, Any]]) -> None:
    table([[feed, said["state"], *(said.get(column, "-") for column in COLUMNS)] for feed, said in found.items()], "feed", "state", *COLUMNS)
    for feed, said in found.items():
        for day in said.get("unequal_days", ()):
            click.echo(f"{feed}: {day['day'] or 'no day'}: {day['theirs']} there, {day['ours']} here")
        if problem := said.get("problem"):
            click.echo(f"{feed}: {problem['code']}: {problem['rule']}\nWhat to do: {problem['remedy']}", err=True)


def _next(name: str, found: dict[str, dict[str, Any]], *, dry_run: bool) -> Iterator[str]:
    if dry_run and any(said["state"] == "differs" for said in found.values()):
        yield f"copperline reconcile {name}"
    if any(said.get("journalled") or said.get("removed") for said in found.values()):
        yield "copperline status"
