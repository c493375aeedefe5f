"""Topology: the exchanges, queues and bindings that the agreements ask for.  A person applies it, never the gateway."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gateway import agreement, site
from gateway import topology as wanted
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import by_option, hand_over, json_option, reason_option, show, site_option, then, yes_option
from gateway.errors import Problem, Refused, code
from gateway.site import Site

NO_BROKER = code(
    "topology.no-broker",
    "the site names no broker",
    "Add to site.yaml: broker: {url_from: env:COPPERLINE_BROKER}",
)


@click.group()
def topology() -> None:
    """What RabbitMQ needs for the agreements."""


@topology.command()
@click.option("--definitions", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, help="Compare with RabbitMQ's exported definitions instead of asking the broker; this also shows bindings.")
@site_option
@json_option
def plan(definitions: Path | None, folder: Path, as_json: bool) -> int:
    """What is missing or different, without changing it."""
    here = site.open(folder)
    agreements = agreement.load_all(here.agreements)
    if definitions is not None:
        steps = wanted.compare(agreements, wanted.definitions(definitions.read_bytes()), wanted.publishers(here))
    else:
        steps = wanted.plan(agreements, _broker(here), wanted.publishers(here))
    _shown(steps, as_json=as_json)
    if steps and not as_json:
        then("copperline topology apply")
    return PROBLEMS if any(step.state != "unknown" for step in steps) else OK


@topology.command()
@site_option
@json_option
@by_option
@reason_option
@yes_option
def apply(folder: Path, as_json: bool, by: str, reason: str, yes: bool) -> None:
    """Make what is missing.  Nothing is changed or deleted; applying twice changes nothing."""
    here = site.open(folder)
    agreements, url, publishers = agreement.load_all(here.agreements), _broker(here), wanted.publishers(here)
    if not yes and sys.stdin.isatty():
        _shown(wanted.plan(agreements, url, publishers), as_json=False)
        click.confirm("Make these?", abort=True, err=True)
    steps = wanted.apply(agreements, url, publishers)
    hand_over(folder, "note", {"kind": "topology", "steps": len(steps)}, by=by, reason=reason or "the agreements ask for it")
    _shown(steps, as_json=as_json)
    if not as_json:
        then("copperline run")


@topology.command()
@click.option("--vhost", default="/", help="The virtual host it is for.")
@site_option
def export(vhost: str, folder: Path) -> None:
    """Print it as RabbitMQ's definitions, for rabbitmqctl import_definitions or a deployment."""
    here = site.open(folder)
    click.echo(wanted.export(agreement.load_all(here.agreements), wanted.publishers(here), vhost=vhost))


def _shown(steps: Any, *, as_json: bool) -> None:
    if as_json:
        show([{"state": step.state, "kind": step.kind, "name": step.name, "topic": step.topic} for step in steps])
        return
    for step in steps:
        click.echo(str(step))
    if not steps:
        click.echo("nothing is missing", err=True)


def _broker(here: Site) -> str:
    if here.settings.broker is None:
        raise Refused(Problem(NO_BROKER))
    return here.settings.broker.resolve()
