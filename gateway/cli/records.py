"""What happens to records later: sent again, mapped again, erased.  Each needs a reason and is in the ledger."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway import acts, site
from gateway.cli.common import (
    NUMBER,
    asked,
    by_option,
    hand_over,
    json_option,
    progress,
    reading,
    reason_option,
    show,
    site_option,
    table,
    then,
    who,
    why,
    yes_option,
)
from gateway.errors import Problem, Refused, code

NOTHING = code("record.nothing", "no record was named", "Name journal positions, or --system, --kind and --key.")

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")


@click.command()
@click.argument("positions", type=NUMBER, nargs=-1)
@click.option("--agreement", required=True, help="To whom: the agreement.")
@click.option("--destination", default="", help="To which of its destinations; all, if not given.")
@click.option("--system", default="", help="All events of this system, instead of positions.")
@click.option("--after", type=NUMBER, default=0, help="With --system: only what comes after this journal position.")
@click.option("--from", "since", default="", help="All events of all systems that were recorded on this day or later (UTC), instead of positions.")
@dry_run_option
@site_option
@json_option
@by_option
@reason_option
def replay(dry_run: bool, folder: Path, as_json: bool, by: str, reason: str, **named: Any) -> None:
    """Send sealed events again: same ids, marked replayof, through the agreement in force now.

    By position one person does; whole systems or days take two: the second gives the same command.
    """
    body = {**named, "positions": list(named["positions"]), "since": _since(named["since"])}
    if not body["positions"] and not body["system"] and not body["since"]:
        raise Refused(Problem(NOTHING))
    if dry_run:
        with reading(folder) as (here, opened):
            done: Any = acts.replayed(acts.World(here, opened, site.keys(here)), body)
    else:
        done = hand_over(folder, "replay", body, by=by, reason=why(reason))
    if as_json:
        show(done)
        return
    if asked(done):
        return
    click.echo(f"{done['events']} events {'would be' if dry_run else 'are being'} sent again to {', '.join(done['destinations'])}")
    then("copperline replay … --reason TEXT" if dry_run else "copperline status")


def _since(day: str) -> int:
    """The beginning of a day in microseconds; 0 where none is named."""
    try:
        return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000_000 if day else 0
    except ValueError as e:
        raise click.BadParameter("is a day, such as 2026-03-08", param_hint="--from") from e


@click.command()
@click.argument("system")
@click.option("--feed", default="", help="One feed of it; all, if not given.")
@dry_run_option
@site_option
@json_option
@by_option
@reason_option
def remap(system: str, feed: str, dry_run: bool, folder: Path, as_json: bool, by: str, reason: str) -> None:
    """Map the kept originals of a SYSTEM under the mappings now in force; what differs is a new event, corrected."""
    body = {"system": system, "feed": feed}
    if not dry_run:
        done = hand_over(folder, "remap", body, by=by, reason=why(reason))
        show(done) if as_json else click.echo(f"{done['events']} corrected events of {done['records']} records")
        then("copperline tail")
        return
    with reading(folder) as (here, opened):
        world = acts.World(here, opened, site.keys(here))
        found = acts.differences(world, body, by=who(by), reason=reason, dry_run=True, shown=progress("records"))
    if as_json:
        show(found)
        return
    table([[row["position"], row["entity"], row["action"], ", ".join(row["paths"])] for row in found], "position", "entity", "action", "what differs")
    then(f"copperline remap {system} --reason TEXT" if found else "nothing differs: nothing to do")


@click.command()
@click.argument("positions", type=NUMBER, nargs=-1)
@click.option("--system", default="", help="With --kind and --key: the record's name, instead of positions.")
@click.option("--kind", default="", help="The kind of record.")
@click.option("--key", default="", help="The legacy system's own number.")
@click.option("--authority", default="", help="What requires or allows it: an order, a rule of retention.")
@dry_run_option
@yes_option
@site_option
@json_option
@by_option
@reason_option
def erase(
    positions: tuple[int, ...], system: str, kind: str, key: str, authority: str, dry_run: bool, yes: bool, folder: Path, as_json: bool, by: str, reason: str
) -> None:
    """Destroy everything the site holds of a record, for good: every version, and archived documents that held it.

    It takes two people: the first asks, and the second gives the same command.
    """
    because = "" if dry_run else why(reason)
    with reading(folder) as (_, opened):
        found = list(positions) or [position for position in [opened.journal.locate(system, kind, key)] if position]
        if not found:
            raise Refused(Problem(NOTHING))
        versions = {row.position for position in found for row in opened.journal.history(position)}
    if dry_run:
        show({"positions": sorted(versions)}) if as_json else click.echo(f"{len(versions)} rows would be erased")
        return
    if not yes and sys.stdin.isatty():
        click.confirm(f"Erase {len(versions)} rows for good?", abort=True, err=True)
    done = hand_over(folder, "erase", {"positions": found, "authority": authority}, by=by, reason=because)
    if as_json:
        show(done)
    if asked(done):
        return
    if not as_json:
        click.echo(f"erased {done['names']} records ({done['rows']} rows) and {done['documents']} archived documents")
    if not done["clean"]:
        click.echo("Another process still reads the store's log; run copperline doctor once it has ended.", err=True)
    then("copperline ledger verify")
