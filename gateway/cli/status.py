"""`status`: one page that says whether everything is well, and what to do where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway import consumers, dirty, site, standing
from gateway.cli.common import json_option, reading, show, site_option, table, then
from gateway.errors import Problem
from gateway.figures import CLOSED, PAIRS, RECORDS, wanted
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import Counts

CONSUMER = ("destination", "lag", "waiting", "queued", "oldest_unread", "read", "last_read", "undeleted")


@click.command()
@site_option
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Whether the gateway runs, what came in, what went out, and what waits for a person."""
    with reading(folder) as (here, opened):
        said = _said(here, opened)
    if as_json:
        show(said)
        return
    click.echo(f"site {said['site']}: the gateway {'runs' if said['running'] else 'does not run'}; ledger {said['ledger']} leaves; {said['free_bytes'] >> 20} MB free")
    systems = [[f"{row['system']} ({row['mark']})" if row["mark"] else row["system"], *(row[key] for key in ("state", "breaker", *RECORDS))] for row in said["systems"]]
    table(systems, "system", "state", "breaker", *RECORDS)
    table([[row[key] for key in ("destination", "state", *PAIRS)] for row in said["destinations"]], "destination", "state", *PAIRS)
    if said["consumers"]:
        table([[_shown(row[key]) for key in CONSUMER] for row in said["consumers"]], *(key.replace("_", " ") for key in CONSUMER))
    _next(said)


def _shown(value: Any) -> Any:
    return "-" if value is None else value


def _said(here: Site, opened: Store) -> dict[str, Any]:
    live = standing.read(here.var) if site.held(here) else None
    return {
        "site": here.settings.site,
        "running": live is not None,
        "intake_paused": bool(live and live["intake_paused"]),
        "ledger": opened.ledger.size(),
        "free_bytes": opened.free_bytes(),
        "store_bytes": opened.size_bytes(),
        "quarantined": len(opened.quarantine.entries(limit=1000)),
        "systems": _systems(here, opened, live["systems"] if live else {}),
        "destinations": _destinations(here, opened, live["destinations"] if live else {}),
        "consumers": _consumers(here, opened, live["destinations"] if live else {}),
    }


def _systems(here: Site, opened: Store, live: Any) -> list[dict[str, Any]]:
    decided = {row.system: row.state for row in opened.systems.all()}
    halted = {row.system: row.problem for row in opened.journal.feeds() if row.state == "halted"}
    totals = opened.journal.totals()
    reconciled = _reconciled(opened)
    found = []
    for name in sorted({*site.system_folders(here), *decided}):
        records = totals.get(name)
        now = live.get(name, {})
        found.append(
            {
                "system": name,
                "mark": dirty.marked(here, name),
                "state": "halted" if name in halted else "broken" if now.get("state") == "broken" else decided.get(name, "new"),
                "breaker": now.get("breaker", "-"),
                "problem": halted.get(name) or now.get("problem"),
                "reconciled": reconciled.get(name, []),
                **{key: getattr(records, key) if records else 0 for key in RECORDS},
            }
        )
    return found


def _reconciled(opened: Store) -> dict[str, list[dict[str, Any]]]:
    """Of each system the feeds that were ever reconciled: when it was last, how it ended, and why if it did not end well."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in opened.journal.feeds():
        if last := opened.census.last(row.id):
            said = {"feed": row.feed, "finished": last.finished, "state": last.state, "problem": last.result.get("problem")}
            found.setdefault(row.system, []).append(said)
    return found


def _destinations(here: Site, opened: Store, live: Any) -> list[dict[str, Any]]:
    asked = wanted(here, opened)
    found = []
    for row in opened.deliveries.destinations():
        name = f"{row.agreement}/{row.name}"
        to = asked.get((row.agreement, row.name))
        counts = opened.deliveries.counts(row.id, to.asks) if to else Counts()
        state = live.get(name, {}).get("state") or (row.state if to else "no agreement")
        problem = live.get(name, {}).get("problem")
        if to and not to.open:
            state, problem = "closed", Problem(CLOSED).as_dict() if counts.in_progress else None
        pairs = {key: getattr(counts, key) for key in PAIRS}
        found.append({"destination": name, "state": state, "problem": problem, **pairs})
    return found


def _consumers(here: Site, opened: Store, live: Any) -> list[dict[str, Any]]:
    queued = {(*name.split("/", 1),): said["queued"] for name, said in live.items() if said.get("queued") is not None}
    return [one.as_dict() for one in consumers.consumers(here, opened, queued)]


def _next(said: dict[str, Any]) -> None:
    for row in (*said["systems"], *said["destinations"]):
        if row["problem"]:
            problem = row["problem"]
            place = f" ({problem['where']})" if problem.get("where") else ""
            click.echo(f"{row.get('system') or row['destination']}: {problem['code']}: {problem['rule']}{place}\nWhat to do: {problem['remedy']}", err=True)
    for row in said["systems"]:
        for last in row["reconciled"]:
            if problem := last["problem"]:
                click.echo(f"{row['system']}/{last['feed']}: reconciliation {last['state']}: {problem['code']}: {problem['rule']}\nWhat to do: {problem['remedy']}", err=True)
    for row in said["consumers"]:
        if row["undeleted"] and row["answers"]:
            click.echo(f"{row['destination']}: has not said that it has deleted {row['undeleted']} records, the first told {row['undeleted_since']}", err=True)
        if row["read"] is not None and row["read"] > row["agreementseq"]:
            click.echo(f"{row['destination']}: says that it has read message {row['read']}, and {row['agreementseq']} is the last that was settled here: unless it settles soon, this store is older than what was given (copperline docs agreements)", err=True)
    if said["intake_paused"]:
        click.echo("Intake waits for free space; deliveries go on.  Free some, or lower free_space: in site.yaml.", err=True)
    if said["quarantined"]:
        then(f"copperline quarantine list   ({said['quarantined']} records wait for a person)")
    if any(row["parked"] for row in said["destinations"]):
        then("copperline deliveries list")
    if not said["running"]:
        then("copperline run")


