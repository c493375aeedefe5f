"""Contracts: what consumers may rely on, generated from the readable models, and what may become of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from contracts import frozen, publish
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import json_option, show, then
from gateway.errors import Problem, Refused, code

BREAKS = code(
    "contract.breaks",
    "the models break what consumers were promised",
    "Keep the field as it was and add another beside it, or begin a new major version (`copperline docs consumers`).",
)
FROZEN = code(
    "contract.frozen",
    "a frozen sample was edited or is gone",
    "Restore it as it was published; a sample that says something new goes into a file of its own.",
)


@click.group()
def contracts() -> None:
    """The published contracts."""


@contracts.command()
def build() -> None:
    """Generate contracts/published from the models and freeze new samples.

    Refused, and nothing is written, where that would break what consumers were promised.
    """
    problems = [Problem(BREAKS, path=each.contract, rule=str(each)) for each in publish.breaks()]
    problems += [Problem(FROZEN, path=name) for name in frozen.changed()]
    if problems:
        raise Refused(*problems)
    for name in [*publish.write(), *frozen.freeze()]:
        click.echo(name)
    then("copperline contracts check")


@contracts.command()
@click.option("--against", type=click.Path(exists=True, path_type=Path), default=None, help="The version to compare with: a contract package, or a folder of schemas; what is committed, if not given.")
@json_option
def check(against: Path | None, as_json: bool) -> int:
    """Whether the models keep what was last published, by schema algebra, and are what is committed.

    Names each place that breaks, with values that one version takes and the other does not.  What
    cannot be proved compatible counts as breaking.
    """
    found = _found(against)
    if as_json:
        show(found)
        return PROBLEMS if any(found.values()) else OK
    for each in found["breaks"]:
        click.echo(f"breaks   {each['contract']}  {each['path'] or '(as a whole)'}: {each['why']}")
        for value in each["values"]:
            click.echo(f"           {value!r:.60}")
    for name in found["edited"]:
        click.echo(f"edited   samples/{name}: a frozen sample")
    for name in found["differs"]:
        click.echo(f"differs  {name}: not what the models generate")
    click.echo("; ".join(f"{len(rows)} {name}" for name, rows in found.items() if rows) or "as the models say, and compatible", err=True)
    if found["differs"] and not found["breaks"] and not found["edited"]:
        then("copperline contracts build")
    return PROBLEMS if any(found.values()) else OK


@contracts.command()
@click.option("--out", type=click.Path(path_type=Path), default=None, help="The file, or the folder to put it in; this folder, if not given.")
def package(out: Path | None) -> None:
    """Pack schemas, AsyncAPI document, samples and types for Python and TypeScript into one archive.

    The same contracts give the same bytes.
    """
    from contracts import package as packed

    path = out or Path()
    path = path / f"{packed.NAME}.tar.gz" if path.is_dir() else path
    part = path.with_name(path.name + ".part")
    part.write_bytes(packed.archive())
    part.replace(path)
    click.echo(str(path))


def _found(against: Path | None) -> dict[str, list[Any]]:
    from contracts import package as packed

    last = packed.schemas_of(against) if against else None
    return {
        "breaks": [each._asdict() for each in publish.breaks(last)],
        "edited": frozen.changed(),
        "differs": [*publish.differences(), *(f"samples/{name}" for name in frozen.unfrozen())],
    }
