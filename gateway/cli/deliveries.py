"""Deliveries that are parked: tried until a person must look.  Nothing is dropped; the cause is mended and they go again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import (
    NUMBER,
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
from gateway.errors import Problem, Refused
from gateway.store import Store
from gateway.store.journal import NO_RECORD


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
        first = rows[0]
        if first["problem"].startswith("sink."):
            then(f"copperline deliveries show {first['agreement']} {first['position']}")
        then(f"copperline deliveries retry {first['agreement']} --reason TEXT, once the cause is mended: copperline docs errors")


@deliveries.command("show")
@click.argument("agreement")
@click.argument("position", type=NUMBER)
@site_option
@json_option
@by_option
@reason_option
@reveal_option
def show_(agreement: str, position: int, folder: Path, as_json: bool, by: str, reason: str, reveal: bool) -> None:
    """What a legacy system said of the event at POSITION: its problems, and with --reveal its own words."""
    with reading(folder) as (_, opened):
        said = _answers(opened, agreement, position, reveal=reveal)
    if reveal:
        viewed(folder, {"positions": [position]}, by=by, reason=reason)
    if as_json:
        show(said)
        return
    click.echo(f"{said['system']}: {said['kind']}, {said['place']}, position {position}")
    for answer in said["answers"]:
        click.echo(f"{agreement}/{answer['destination']}")
        for problem in answer["problems"]:
            place = ", ".join(part for part in (problem["path"], problem["where"]) if part)
            click.echo(f"  {problem['code']}: {problem['rule']}" + (f" ({place})" if place else "") + f"\n    {problem['remedy']}")
        if answer["said"]:
            click.echo(f"  it said: {answer['said']}")
    then(f"copperline deliveries retry {agreement} --reason TEXT", f"copperline deliveries settle {agreement} {position} --written|--not-written --reason TEXT")


@deliveries.command()
@click.argument("agreement")
@click.argument("position", type=NUMBER)
@click.option("--written/--not-written", required=True, help="Whether the legacy system has the record. Not written: it is tried again.")
@click.option("--called", default="", help="With --written: the number that the legacy system gave it, so that later versions find it.")
@click.option("--destination", default="", help="One of the agreement's destinations, where several have it parked.")
@site_option
@json_option
@by_option
@reason_option
def settle(agreement: str, position: int, written: bool, called: str, destination: str, folder: Path, as_json: bool, by: str, reason: str) -> None:
    """Say what became of the event at POSITION, which nobody but a person who looks at the legacy system can tell."""
    body = {"agreement": agreement, "position": position, "written": written, "called": called if written else "", "destination": destination}
    done = hand_over(folder, "settle", body, by=by, reason=why(reason))
    if as_json:
        show(done)
        return
    click.echo(f"position {position}: {'written' if written else 'not written: it is tried again'}")
    then("copperline status")


def _answers(opened: Store, agreement: str, position: int, *, reveal: bool) -> dict[str, Any]:
    """The record behind a delivery, and what each destination of the agreement said of it."""
    record = opened.journal.record(position)
    if record is None:
        raise Refused(Problem(NO_RECORD, where=f"position {position}"))
    answers = []
    for to in opened.deliveries.destinations():
        found = opened.remotes.answer(to.id, position) if to.agreement == agreement else None
        if found is not None:
            text = found[1].decode("utf-8", "backslashreplace")
            answers.append({"destination": to.name, "problems": found[0], "said": text if reveal else masked(text)})
    system = next((feed.system for feed in opened.journal.feeds() if feed.id == record.feed), "")
    return {"position": position, "system": system, "kind": record.kind, "place": record.place, "answers": answers}


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
