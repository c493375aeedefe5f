"""Systems of the site: what there is, what a change would do, and the changes.  None restarts another system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gateway import dirty, site, system
from gateway.acts import step
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
    yes_option,
)
from gateway.errors import Refused
from gateway.site import Site, system_folders
from gateway.store import Store


@click.group()
def systems() -> None:
    """The systems of the site, and what happens to them."""


@systems.command("list")
@site_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """Every system, its state and who put it there."""
    rows = _rows(folder)
    if as_json:
        show(rows)
        return
    table([[_called(row), row["state"], row["by"], row["reason"]] for row in rows], "system", "state", "by", "reason")
    if not rows:
        then("copperline new SYSTEM --from TEMPLATE")


@systems.command()
@site_option
@json_option
def plan(folder: Path, as_json: bool) -> None:
    """What `systems add` would change, without changing it."""
    with reading(folder) as (here, opened):
        rows = [_planned(here, opened, name) for name in _names(here, opened)]
    if as_json:
        show(rows)
        return
    table([[_called(row), row["state"], row["change"], "; ".join(row["problems"])] for row in rows], "system", "state", "change", "problems")
    then(*(f"copperline systems add {row['system']} --reason TEXT" for row in rows if row["change"] in ("new", "its folder changed")))


@systems.command()
@click.argument("system")
@click.option("--shadow", is_flag=True, help="Read and map, deliver nothing.")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def add(system: str, shadow: bool, **rest: Any) -> None:
    """Run a system of the site's folder, or take over what changed in its folder."""
    _change("shadow" if shadow else "add", system, **rest)


@systems.command()
@click.argument("system")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def promote(system: str, **rest: Any) -> None:
    """Let a system in shadow deliver from now on.  What it read until now stays undelivered."""
    _change("promote", system, **rest)


@systems.command()
@click.argument("system")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def pause(system: str, **rest: Any) -> None:
    """Ask a system no more, until `resume`.  What is journalled is still delivered."""
    _change("pause", system, **rest)


@systems.command()
@click.argument("system")
@click.option("--quarantine", is_flag=True, help="Take the next 1,000 records even where most are rejected.")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def resume(system: str, quarantine: bool, **rest: Any) -> None:
    """Let a system that was paused, tripped or halted go on where it was."""
    _change("resume", system, quarantine=quarantine, **rest)


@systems.command()
@click.argument("system")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def trip(system: str, **rest: Any) -> None:
    """Open a system's circuit breaker by hand: not one more call, until `resume`."""
    _change("trip", system, **rest)


@systems.command()
@click.argument("system")
@site_option
@by_option
@reason_option
@yes_option
@json_option
def retire(system: str, **rest: Any) -> None:
    """Stop a system for good.  Its records, receipts and proofs stay."""
    _change("retire", system, **rest)


def _change(
    act: str, name: str, *, folder: Path, by: str, reason: str, yes: bool, as_json: bool, quarantine: bool = False
) -> None:
    """Show what would change, ask where a person sits there, and have it done."""
    because = why(reason)
    with reading(folder) as (here, opened):
        row = _planned(here, opened, name)
    after = step("" if row["state"] == "new" else row["decided"], act)
    click.echo(f"{_called(row)}: {row['state']} -> {after}" + (f" ({row['change']})" if row["change"] != "none" else ""), err=True)
    if not yes and sys.stdin.isatty():
        click.confirm("Go on?", abort=True, err=True)
    done = hand_over(folder, "system", {"system": name, "act": act, "quarantine": quarantine}, by=by, reason=because)
    if as_json:
        show(done)
    else:
        click.echo(f"{name} is {done['state']}" + (f"; feeds that go on: {', '.join(done['resumed'])}" if done["resumed"] else ""))
    idle = done["state"] in ("running", "shadow") and not site.held(site.open(folder))
    then(*(["copperline run --once"] if idle else []), NEXT.get(done["state"], "copperline status").format(name=name))


NEXT = {
    "shadow": "copperline systems promote {name} --reason TEXT, once what it reads looks right",
    "paused": "copperline systems resume {name} --reason TEXT",
    "paused-shadow": "copperline systems resume {name} --reason TEXT",
    "tripped": "copperline systems resume {name} --reason TEXT",
    "tripped-shadow": "copperline systems resume {name} --reason TEXT",
}
"""State → what a person does next."""


def _rows(folder: Path) -> list[dict[str, Any]]:
    with reading(folder) as (here, opened):
        found = []
        for name in _names(here, opened):
            row = opened.systems.get(name)
            found.append(
                {
                    "system": name,
                    "mark": dirty.marked(here, name),
                    "state": _state(opened, name),
                    "by": row.by if row else "",
                    "reason": row.reason if row else "",
                    "problem": _halted(opened, name),
                }
            )
        return found


def _planned(here: Site, opened: Store, name: str) -> dict[str, Any]:
    row = opened.systems.get(name)
    folder = here.systems / name
    problems: list[str] = []
    change = "gone from the folder" if row else "not in the folder"
    if (folder / "system.yaml").is_file():
        change = "new" if row is None else "none" if row.digest == system.digest(folder) else "its folder changed"
        try:
            system.load(here, name)
        except Refused as e:
            problems = [str(problem) for problem in e.problems]
    state = {"state": _state(opened, name), "decided": row.state if row else ""}
    return {"system": name, "mark": dirty.marked(here, name), **state, "change": change, "problems": problems}


def _called(row: dict[str, Any]) -> str:
    return f"{row['system']} ({row['mark']})" if row["mark"] else str(row["system"])


def _state(opened: Store, name: str) -> str:
    row = opened.systems.get(name)
    if row is None:
        return "new"
    return "halted" if _halted(opened, name) else row.state


def _halted(opened: Store, name: str) -> dict[str, str] | None:
    rows = opened.journal.feeds()
    return next((dict(row.problem) for row in rows if row.system == name and row.state == "halted" and row.problem), None)


def _names(here: Site, opened: Store) -> list[str]:
    known = {row.system for row in opened.systems.all()}
    return sorted({*system_folders(here), *known})

