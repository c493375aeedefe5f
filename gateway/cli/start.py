"""From nothing to a first event: `init` makes a site, `new` puts a system into it, `demo` shows an evening."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import click

from gateway import agreed, settings, site, store
from gateway.cli.common import json_option, site_option, then, who
from gateway.errors import Problem, Refused, code

NO_TEMPLATE = code("new.no-template", "no template of this name ships", "Name one that is listed; or write systems/NAME/ by hand: `copperline docs systems` begins from nothing.")
EXISTS = code("new.exists", "the site already has a system of this name", "Choose another name; nothing was changed.")
NO_AGENCY = "XX0000000"
"""The agency of the templates; in a copy the site's own takes its place."""
INTERNAL = "internal"
"""The agreement of the agency's own services, which `init` writes and approves."""
NO_DEMO = code("demo.missing", "this installation has no demonstration", "Install the whole distribution.")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", default="", help="The site's name: a-z, 0-9 and -; the folder's, if not given.")
@click.option("--agency", default="", help="The agency's ORI, for records that name none.")
@click.option("--broker", default="", help="RabbitMQ: amqp://host, or a reference such as env:COPPERLINE_BROKER.")
def init(folder: Path, name: str, agency: str, broker: str) -> None:
    """Make a new site in FOLDER: settings, a key, and one agreement for the agency's own services."""
    word = re.sub(r"[^a-z0-9]+", "-", (name or folder.resolve().name).lower()).strip("-")
    named = settings.name(word) if re.match("[a-z]", word) else f"site-{word}"
    for path in site.init(folder, named, agency, broker):
        click.echo(f"wrote {path}")
    here = site.open(folder)
    with store.open(here.store_url(), site.keys(here)) as opened:
        agreed.approve(here, opened, INTERNAL, "", by=who(""), reason="made by copperline init")
    shown = " ".join(site.templates()) or "none ship"
    click.echo(f"Systems that ship as templates: {shown}")
    then(f"cd {folder}", "copperline new SYSTEM --from TEMPLATE", "keep a copy of var/site.key: without it nothing can be read")


@click.command()
@click.argument("system")
@click.option("--from", "template", required=True, help="A system that ships; `copperline init` lists them.")
@site_option
def new(system: str, template: str, folder: Path) -> None:
    """Put a copy of a shipped system into the site, as files that are yours from now on."""
    here = site.open(folder)
    name = _name(system)
    shipped = site.templates()
    if template not in shipped:
        raise Refused(Problem(NO_TEMPLATE, rule=f"templates: {', '.join(shipped) or 'none'}"))
    target = here.systems / name
    if target.exists():
        raise Refused(Problem(EXISTS, where=str(target)))
    site.copy_template(shipped[template], target)
    said = target / "system.yaml"
    text = re.sub(r"(?m)^system:.*$", f"system: {name}", said.read_text(), count=1)
    said.write_text(text.replace(NO_AGENCY, here.settings.agency or NO_AGENCY, 1))
    for made in site.drop_folders(here, target):
        click.echo(f"made {made}")
    click.echo(f"wrote {target}")
    then(
        f"edit {said} (folder, zone, agency)",
        f"copperline check {name}",
        f"copperline test {name}",
        f"copperline systems add {name} --reason TEXT",
    )


@click.command()
@click.option("--once", is_flag=True, help="Do the evening as fast as it goes, then stop.")
@click.option("--site", "folder", type=click.Path(path_type=Path), default=None, help="Where to build its site; a temporary folder, if not given.")
@json_option
def demo(once: bool, folder: Path | None, as_json: bool) -> int:
    """One evening of a small police department, end to end, on invented records."""
    if importlib.util.find_spec("gateway.demo") is None:
        raise Refused(Problem(NO_DEMO))
    result: int = importlib.import_module("gateway.demo").run(folder, once=once, as_json=as_json)
    return result


def _name(system: str) -> str:
    try:
        return settings.name(system)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint="SYSTEM") from e


