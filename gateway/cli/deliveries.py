"""Deliveries that are parked: tried until a person must look.  Nothing is dropped; the cause is mended and they go again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import (
    by_option,
    hand_over,
    json_option,
    reading,
    reason_option,
    show,
    site_option,
    table,
    then,
    why,
)


@click.group()
def deliveries() -> None:
    """Deliveries that are parked: they wait for a person."""


@deliveries.command("list")
@click.option("--limit", default=100, help="At most so many of each destination.")
@site_option
@json_option
def list_(limit: int, folder: Path, as_json: bool) -> None:
    """What is parked, at which destination, and why."""
    with reading(folder) as (_, opened):
        rows: list[dict[str, Any]] = [
            {"agreement": to.agreement, "destination": to.name, "position": row.position, "tries": row.attempts, "problem": row.code}
            for to in opened.deliveries.destinations()
            for row in opened.deliveries.exceptions(to.id, state="parked", limit=limit)
        ]
    if as_json:
        show(rows)
        return
    heads = ("agreement", "destination", "position", "tries", "problem")
    table([[row[head] for head in heads] for row in rows], *heads)
    if rows:
        then(f"copperline deliveries retry {rows[0]['agreement']} --reason TEXT, once the cause is mended: copperline docs errors")


@deliveries.command()
@click.argument("agreement")
@click.option("--destination", default="", help="One of its destinations; all, if not given.")
@site_option
@json_option
@by_option
@reason_option
def retry(agreement: str, destination: str, folder: Path, as_json: bool, by: str, reason: str) -> None:
    """Try everything that is parked for an AGREEMENT again: its cause is mended."""
    body = {"agreement": agreement, "destination": destination}
    done = hand_over(folder, "retry", body, by=by, reason=why(reason))
    if as_json:
        show(done)
        return
    click.echo(f"{done['events']} parked deliveries are tried again at {', '.join(done['destinations'])}")
    then("copperline status")
