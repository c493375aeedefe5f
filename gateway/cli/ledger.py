"""Ledger: whether anything that was written down has been changed since, and the proof for one record."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import OK, PROBLEMS
from gateway.cli.common import NUMBER, json_option, reading, show, site_option


@click.group()
def ledger() -> None:
    """The tamper-evident log."""


@ledger.command()
@site_option
@json_option
def verify(folder: Path, as_json: bool) -> int:
    """Go through every leaf and every entry; say what is not as it was written."""
    with reading(folder) as (_, opened):
        size, root, problems = opened.ledger.size(), opened.ledger.root(), opened.ledger.verify()
    if as_json:
        show({"size": size, "root": root.hex(), "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        click.echo(f"{size} leaves, root {root.hex()}: {'NOT as written' if problems else 'as written'}")
    return PROBLEMS if problems else OK


@ledger.command()
@click.argument("position", type=NUMBER)
@site_option
@json_option
def proof(position: int, folder: Path, as_json: bool) -> None:
    """The proof that the record at a journal POSITION is in the ledger: the path in its batch, then in the log."""
    with reading(folder) as (_, opened):
        found = opened.ledger.inclusion(position)
    if not as_json:
        click.echo(f"position {found.position}: entry {found.entry.hex()} is number {found.batch_index} of {found.batch_size} in leaf")
        click.echo(f"{found.leaf.index} of a ledger of {found.tree_size} leaves with root {found.root.hex()}")
        return
    show(
        {
            "position": found.position,
            "entry": found.entry.hex(),
            "batch": {"index": found.batch_index, "size": found.batch_size, "path": [each.hex() for each in found.batch_path]},
            "leaf": {"index": found.leaf.index, "body": found.leaf.body.decode(), "hash": found.leaf.hash.hex()},
            "tree": {"size": found.tree_size, "path": [each.hex() for each in found.tree_path], "root": found.root.hex()},
        }
    )


@ledger.command()
@click.argument("older", type=NUMBER)
@click.argument("newer", type=NUMBER)
@site_option
@json_option
def consistency(older: int, newer: int, folder: Path, as_json: bool) -> None:
    """The proof that the ledger of size NEWER begins with the ledger of size OLDER."""
    with reading(folder) as (_, opened):
        path = opened.ledger.consistency(older, newer)
        roots = opened.ledger.root(older).hex(), opened.ledger.root(newer).hex()
    if not as_json:
        click.echo(f"{older} leaves: root {roots[0]}\n{newer} leaves: root {roots[1]}\nproof: " + " ".join(each.hex() for each in path))
        return
    show({"sizes": [older, newer], "roots": roots, "path": [each.hex() for each in path]})


