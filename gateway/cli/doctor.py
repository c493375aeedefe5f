"""`doctor`: everything around the gateway that must be right before it can be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from gateway import agreement, mark, registry, site, store, system
from gateway.adapter import Adapter
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import json_option, show, site_option, table
from gateway.errors import GatewayError, Problem, Refused, Retry, code
from gateway.site import Site

OPTIMISED = code("doctor.optimised", "Python runs without its assertions (-O)", "Start the gateway without -O and without PYTHONOPTIMIZE.")
LITTLE_SPACE = code("doctor.space", "there is less free space than free_space: asks for, so intake would pause", "Free some, or lower free_space: in site.yaml.")
VAR_OPEN = code("doctor.var-open", "others may look into var/", "Run: chmod 700 var")
LEDGER = code("doctor.ledger", "the ledger is not as it was written", "Keep the store as it is, tell your auditor, and compare its size and root with those you noted elsewhere.")

Finding = tuple[str, list[Problem]]


@click.command()
@click.option("--odbc", "odbc", is_flag=True, help="Instead: which ODBC drivers this machine has, and the line that brings or mends each other.")
@site_option
@json_option
def doctor(odbc: bool, folder: Path, as_json: bool) -> int:
    """Look at the environment, the key, the store, the ledger, every file of the site, and the broker."""
    here = site.open(folder)
    if odbc:
        return _parts(registry.load("odbc", here.settings.plugins), as_json=as_json)
    findings = list(_findings(here))
    if as_json:
        show([{"check": name, "problems": [problem.as_dict() for problem in problems]} for name, problems in findings])
    else:
        for name, problems in findings:
            click.echo(f"{'ok ' if not problems else 'BAD'} {name}")
            for problem in problems:
                click.echo(f"    {problem}\n    What to do: {problem.code.remedy}")
    return PROBLEMS if any(problems for _, problems in findings) else OK


def _parts(adapter: Adapter[Any], *, as_json: bool) -> int:
    """Everything that an adapter needs on this machine, found or not."""
    parts = list(adapter.parts()) if adapter.parts is not None else []
    if as_json:
        show([{"part": each.name, "found": each.found, "line": each.line, "problems": [problem.as_dict() for problem in each.problems]} for each in parts])
    else:
        table([["BAD" if each.problems else "ok" if each.found else "-", each.name, each.found or each.line] for each in parts], "", "part", "found, or the line that brings it")
        for problem in (problem for each in parts for problem in each.problems):
            click.echo(f"{problem}\nWhat to do: {problem.code.remedy}", err=True)
    return PROBLEMS if any(each.problems for each in parts) else OK


def _findings(here: Site) -> Iterator[Finding]:
    for name, look in LOOKS.items():
        yield name, _looked(look, here)


def _looked(look: Callable[[Site], list[Problem]], here: Site) -> list[Problem]:
    try:
        return look(here)
    except Refused as e:
        return list(e.problems)
    except Retry as e:
        return [e.problem]
    except GatewayError as e:
        return [Problem(LEDGER, rule=type(e).__name__)]


def _environment(_: Site) -> list[Problem]:
    found = registry.clashes()
    return [*found, Problem(OPTIMISED)] if sys.flags.optimize else found


def _key(here: Site) -> list[Problem]:
    site.keys(here)
    status = here.var.stat()
    # The root of a mounted volume is not ours to shut; every file that the gateway makes in it is.
    return [Problem(VAR_OPEN)] if status.st_uid == os.geteuid() and status.st_mode & 0o077 else []


def _systems(here: Site) -> list[Problem]:
    problems: list[Problem] = []
    for name in site.system_folders(here):
        try:
            system.load(here, name)
        except Refused as e:
            problems += e.problems
    return problems


def _agreements(here: Site) -> list[Problem]:
    agreement.load_all(here.agreements)
    return []


def _store(here: Site) -> list[Problem]:
    opened = store.open(here.store_url(), site.keys(here), read_only=True)
    try:
        wrong = [Problem(LEDGER, where=said) for said in opened.ledger.verify()]
        mark.Mark(here.var).check(opened)
        little = opened.free_bytes() < here.settings.free_space
    finally:
        opened.close()
    return [*wrong, Problem(LITTLE_SPACE)] if little else wrong


def _broker(here: Site) -> list[Problem]:
    if here.settings.broker is None:
        return []
    from gateway import topology

    steps = topology.plan(agreement.load_all(here.agreements), here.settings.broker.resolve())
    return [Problem(TOPOLOGY, where=str(step)) for step in steps if step.state != "unknown"]


TOPOLOGY = code("doctor.topology", "the broker lacks something that the agreements ask for", "Run: copperline topology apply")

LOOKS: dict[str, Callable[[Site], list[Problem]]] = {
    "environment": _environment,
    "site key": _key,
    "store and ledger": _store,
    "systems": _systems,
    "agreements": _agreements,
    "broker": _broker,
}
