"""Quarantine: records that could not be taken as they are.  Nothing leaves it without a person and a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import (
    NUMBER,
    asked,
    by_option,
    hand_over,
    json_option,
    masked,
    reading,
    reason_option,
    reveal_option,
    show,
    site_option,
    table,
    then,
    why,
)
from gateway.cli.reveal import viewed
from gateway.errors import Problem, Refused, code
from gateway.store.rows import QuarantineRow

MISSING = code("quarantine.missing", "nothing is quarantined at this position", "See copperline quarantine list.")


@click.group()
def quarantine() -> None:
    """Records that wait for a person."""


@quarantine.command("list")
@click.option("--state", type=click.Choice(["open", "released", "discarded"]), default="open", help="Which ones.")
@click.option("--limit", default=100, help="At most so many.")
@site_option
@json_option
def list_(state: Any, limit: int, folder: Path, as_json: bool) -> None:
    """What is quarantined, where it stood, and why."""
    with reading(folder) as (_, opened):
        rows = [_said(row) for row in opened.quarantine.entries(state=state, limit=limit)]
    if as_json:
        show(rows)
        return
    table(
        [[row["position"], row["system"], row["kind"], row["place"], row["held"], row["problems"][0]["code"]] for row in rows],
        "position", "system", "kind", "place", "held", "problem",
    )  # fmt: skip
    if rows:
        then(f"copperline quarantine show {rows[0]['position']}")


@quarantine.command("show")
@click.argument("position", type=NUMBER)
@site_option
@json_option
@by_option
@reason_option
@reveal_option
def show_(position: int, folder: Path, as_json: bool, by: str, reason: str, reveal: bool) -> None:
    """One quarantined record: its problems, and with --reveal its original bytes."""
    with reading(folder) as (_, opened):
        row = opened.quarantine.entry(position)
        if row is None:
            raise Refused(Problem(MISSING, rule=f"nothing is quarantined at position {position}"))
        original = opened.journal.original(position)
    if reveal:
        viewed(folder, {"positions": [position]}, by=by, reason=reason)
    text = original.decode("utf-8", "backslashreplace")
    said = {**_said(row), "original": text if reveal else masked(text)}
    if as_json:
        show(said)
        return
    for problem in said["problems"]:
        place = ", ".join(part for part in (problem["path"], problem["where"]) if part)
        click.echo(f"{problem['code']}: {problem['rule']} ({place})\n  {problem['remedy']}")
    click.echo(said["original"])
    then(f"copperline quarantine release {position} --reason TEXT", f"copperline quarantine discard {position} --reason TEXT")


@quarantine.command()
@click.argument("positions", type=NUMBER, nargs=-1, required=True)
@site_option
@json_option
@by_option
@reason_option
def release(positions: tuple[int, ...], **rest: Any) -> None:
    """Map records again under the mapping now in force, and let what waited behind them go on."""
    _decide("release", positions, **rest)


@quarantine.command()
@click.argument("positions", type=NUMBER, nargs=-1, required=True)
@site_option
@json_option
@by_option
@reason_option
def discard(positions: tuple[int, ...], **rest: Any) -> None:
    """Decide that records will not be taken; their bytes stay until they are erased.  Two people: the second gives the same command."""
    _decide("discard", positions, **rest)


_DONE = {"release": "released", "discard": "discarded"}


def _decide(act: str, positions: tuple[int, ...], *, folder: Path, as_json: bool, by: str, reason: str) -> None:
    because = why(reason)
    for position in positions:
        done = hand_over(folder, act, {"position": position}, by=by, reason=because)
        if as_json:
            show(done)
        elif not asked(done):
            click.echo(f"{position}: {_DONE[act]}" + (f", {done['went_on']} that waited behind it went on" if done["went_on"] else ""))
    then("copperline quarantine list")


def _said(row: QuarantineRow) -> dict[str, Any]:
    return {
        "position": row.position,
        "system": row.system,
        "feed": row.feed,
        "kind": row.kind,
        "place": row.place,
        "state": row.state,
        "held": row.held,
        "by": row.by,
        "reason": row.reason,
        "problems": [dict(problem) for problem in row.problems],
    }
