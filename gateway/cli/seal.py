"""Sealing: what a court or the law has sealed leaves no more, and is taken back.  Two people are needed each time."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import NUMBER, hand_over, json_option, reading, show, site_option, table, then
from gateway.cli.records import NOTHING
from gateway.errors import Problem, Refused
from gateway.store.seals import Act

_MEANS = {
    "asked": "waits for a second person",
    "sealed": "is sealed, and is taken back from everybody who was given it",
    "unseal-asked": "is still sealed, and waits for a second person",
    "unsealed": "is no longer sealed",
}


@click.command()
@click.argument("position", type=NUMBER, default=0)
@click.option("--system", default="", help="With --kind and --key: the record's name, instead of a position.")
@click.option("--kind", default="", help="The kind of record.")
@click.option("--key", default="", help="The legacy system's own number.")
@click.option("--authority", required=True, help="The order or the law that requires it.")
@click.option("--as", "by", required=True, help="Who you are; the second time somebody else.")
@site_option
@json_option
def seal(position: int, system: str, kind: str, key: str, authority: str, by: str, folder: Path, as_json: bool) -> None:
    """Seal the record at a journal POSITION: every version of it, and all that its source says of it later.

    The first person asks; another one gives the same command, and it is done.
    """
    _act("seal", _position(folder, position, system, kind, key), authority, by, folder, as_json=as_json)


@click.command()
@click.argument("position", type=NUMBER, default=0)
@click.option("--system", default="", help="With --kind and --key: the record's name, instead of a position.")
@click.option("--kind", default="", help="The kind of record.")
@click.option("--key", default="", help="The legacy system's own number.")
@click.option("--authority", required=True, help="The order or the law that allows it.")
@click.option("--as", "by", required=True, help="Who you are; the second time somebody else.")
@site_option
@json_option
def unseal(position: int, system: str, kind: str, key: str, authority: str, by: str, folder: Path, as_json: bool) -> None:
    """Unseal a record: its latest version leaves again, to whom the agreements give it.  Two people, as for sealing."""
    _act("unseal", _position(folder, position, system, kind, key), authority, by, folder, as_json=as_json)


@click.command()
@site_option
@json_option
def seals(folder: Path, as_json: bool) -> None:
    """The records that are sealed, or that wait for the second person."""
    with reading(folder) as (_, opened):
        rows = [
            {"position": row.position, "state": row.state, "authority": row.authority, "asked_by": row.asked_by, "by": row.by}
            for row in opened.seals.all()
        ]
    if as_json:
        show(rows)
        return
    heads = ("position", "state", "authority", "asked_by", "by")
    table([[row[head] for head in heads] for row in rows], *heads)


def _position(folder: Path, position: int, system: str, kind: str, key: str) -> int:
    if position:
        return position
    with reading(folder) as (_, opened):
        found = opened.journal.locate(system, kind, key)
    if not found:
        raise Refused(Problem(NOTHING))
    return found


def _act(act: Act, position: int, authority: str, by: str, folder: Path, *, as_json: bool) -> None:
    done = hand_over(folder, "seal", {"act": act, "position": position, "authority": authority}, by=by, reason=authority)
    if as_json:
        show(done)
        return
    click.echo(f"the record at {position} {_MEANS[done['state']]}")
    if "asked" in done["state"]:
        then(f"copperline {act} {position} --authority TEXT --as SOMEBODY-ELSE")
    else:
        then("copperline status")
