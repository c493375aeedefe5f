"""Contracts: what consumers may rely on, generated from the readable models and compared with what is committed."""

from __future__ import annotations

import click

from contracts import publish
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import json_option, show, then


@click.group()
def contracts() -> None:
    """The published contracts."""


@contracts.command()
def build() -> None:
    """Generate contracts/published from the models."""
    publish.write()
    then("copperline contracts check")


@contracts.command()
@json_option
def check(as_json: bool) -> int:
    """Whether what is committed is what the models generate."""
    differences = list(publish.differences())
    if as_json:
        show(differences)
    else:
        for each in differences:
            click.echo(str(each))
        click.echo("differs from the models" if differences else "as the models say", err=True)
    if differences:
        then("copperline contracts build")
    return PROBLEMS if differences else OK
