"""Before a mapping exists: `discover` asks a system what it offers, `draft` begins a mapping for one of its tables."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway import context, site, system
from gateway import draft as drafts
from gateway.adapter import Column, Discovery, Offer
from gateway.cli.common import json_option, show, site_option, table, then
from gateway.errors import Problem, Refused, code

NO_OFFER = code(
    "discover.no-offer",
    "the system offers nothing of that name",
    "Give the name as copperline discover SYSTEM shows it, with its schema where one is shown.",
)
WRITTEN = code(
    "draft.exists",
    "there is already a file where the draft would go",
    "Move it away, or give --print to see the draft alone; nothing was changed.",
)

feed_option = click.option("--feed", default="", help="The feed whose settings reach the system; the first that can, if not given.")


@click.command()
@click.argument("name", metavar="SYSTEM")
@click.argument("tables", nargs=-1)
@feed_option
@site_option
@json_option
def discover(name: str, tables: tuple[str, ...], feed: str, folder: Path, as_json: bool) -> None:
    """What a system offers: tables with keys, row counts and watermarks; of the TABLES named, every column.

    Shapes and counts, never values; only of likely code lists the codes.
    """
    found = _discovered(site.open(folder), name, feed, tables)
    if as_json:
        show({each: asdict(offer) for each, offer in found.offers.items()})
        return
    if tables:
        for each, offer in found.offers.items():
            _print(each, offer)
        then(*(f"copperline draft {name} {each} --to incident" for each in found.offers))
    else:
        table([_row(each, offer) for each, offer in found.offers.items()], "offers", "rows", "columns", "key", "watermarks", "notes")
        then(f"copperline discover {name} TABLE")


@click.command()
@click.argument("name", metavar="SYSTEM")
@click.argument("offered", metavar="TABLE")
@click.option("--to", "entity", required=True, help="The contract that its records are to obey: incident, unit, evidence, …")
@click.option("--print", "only_print", is_flag=True, help="Print the mapping, write nothing.")
@feed_option
@site_option
def draft(name: str, offered: str, entity: str, only_print: bool, feed: str, folder: Path) -> None:
    """Begin the mapping of a TABLE: a suggestion for every column, with its score and its reason.

    Writes systems/SYSTEM/mappings/TABLE.yaml and a code list for each likely one.
    """
    here = site.open(folder)
    offer = _discovered(here, name, feed, (offered,)).offers[offered]
    made = drafts.draft(offer, system=name, name=offered, entity=entity)
    if only_print:
        click.echo(made.mapping, nl=False)
        return
    mapping = here.systems / name / "mappings" / f"{made.kind}.yaml"
    if mapping.exists():
        raise Refused(Problem(WRITTEN, where=str(mapping)))
    _write(mapping, made.mapping)
    for file, text in made.codes.items():
        if not (here.codes / file).exists():
            _write(here.codes / file, text)
    click.echo(f"{made.placed} of {len(offer.columns)} columns are placed; the others stand under ignored:, each with its shape")
    then(
        f"edit {mapping}: every line says why it is there",
        f"name it in systems/{name}/system.yaml: mappings: {{{made.kind}: mappings/{made.kind}.yaml}}",
        f"copperline check {name}",
    )


def _discovered(here: site.Site, name: str, feed: str, tables: Sequence[str]) -> Discovery:
    """What the system offers, or of that what is named.  Raises Refused where something named is not offered."""
    reached = system.reach(here, name, feed)
    assert reached.adapter.discover is not None
    lent = context.build(here, site.keys(here), context.Quiet(), threading.Event())
    found = reached.adapter.discover(reached.settings, lent, tables)
    missing = [each for each in tables if each not in found.offers]
    if missing:
        raise Refused(*(Problem(NO_OFFER, path=each) for each in missing))
    return Discovery({each: found.offers[each] for each in tables}) if tables else found


def _row(name: str, offer: Offer) -> list[Any]:
    rows = "?" if offer.rows is None else offer.rows
    return [name, rows, len(offer.columns), ", ".join(offer.key), ", ".join(offer.watermarks), "; ".join(offer.notes)]


def _print(name: str, offer: Offer) -> None:
    click.echo(f"{name}: {'?' if offer.rows is None else offer.rows} rows; key: {', '.join(offer.key) or 'none'}; watermarks: {', '.join(offer.watermarks) or 'none'}")
    for note in offer.notes:
        click.echo(f"  {note}")
    table([_column(column) for column in offer.columns], "  column", "type", "blank", "distinct", "shapes", "likely")


def _column(column: Column) -> list[str]:
    said = column.profile
    if said is None:
        return [f"  {column.name}", column.type, "", "", "", ""]
    share = f"{100 * said.blank // said.looked} %" if said.looked else ""
    likely = f"personal: {said.personal}" if said.personal else _counted(said.codes, "codes: ")
    return [f"  {column.name}", column.type, share, str(said.distinct), _counted(said.patterns), likely]


def _counted(counts: Mapping[str, int], before: str = "") -> str:
    told = [f"{name} {amount}" for name, amount in list(counts.items())[:4]]
    more = [f"… {len(counts) - 4} more"] if len(counts) > 4 else []
    return before + ", ".join([*told, *more]) if told else ""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    click.echo(f"wrote {path}")
