"""After a restore: take the store as it is, with every agreement suspended until somebody has approved it again."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import (
    by_option,
    hand_over,
    json_option,
    reason_option,
    show,
    site_option,
    then,
    why,
    yes_option,
)


@click.command()
@site_option
@json_option
@by_option
@reason_option
@yes_option
def restored(folder: Path, as_json: bool, by: str, reason: str, yes: bool) -> None:
    """Go on with a store that came from a backup, after `store.restored` stopped the gateway.

    It does not know what was given, sealed, suspended or approved since the backup was made.  So every agreement is suspended: enter
    seals and suspensions again, tell recipients what they hold that nobody will take back, and have each approved again.
    """
    because = why(reason)
    if not yes:
        click.confirm("Suspend every agreement, and go on with the store as it is?", abort=True, err=True)
    done = hand_over(folder, "restored", {}, by=by, reason=because)
    if as_json:
        show(done)
        return
    click.echo(f"{len(done['agreements'])} agreements are suspended: {', '.join(done['agreements'])}")
    then("copperline seal …, for every seal since the backup", "copperline agreements approve NAME --as WHO --reason TEXT, one by one")
