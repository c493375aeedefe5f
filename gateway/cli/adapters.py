"""Adapters: which there are, what each needs to be told, and the beginnings of a new one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from gateway import registry, site
from gateway.cli.common import json_option, show, site_option, table, then
from gateway.cli.scaffold import FILES
from gateway.errors import Problem, Refused, code

EXISTS = code("adapter.exists", "there is already something at this place", "Choose another folder; nothing was changed.")


@click.group()
def adapters() -> None:
    """How to talk to a kind of system."""


@adapters.command("list")
@site_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """Every adapter that is installed, and whether this site lets it load."""
    here = site.open(folder)
    found = registry.installed(here.settings.plugins).values()
    rows = [{"adapter": each.name, "from": each.distribution, "may_load": each.allowed} for each in found]
    if as_json:
        show(rows)
        return
    table([[row["adapter"], row["from"], "yes" if row["may_load"] else "no"] for row in rows], "adapter", "from", "may load")
    then("copperline adapters show ADAPTER")


@adapters.command("show")
@click.argument("adapter")
@site_option
@json_option
def show_(adapter: str, folder: Path, as_json: bool) -> None:
    """What an adapter can do, and its settings."""
    here = site.open(folder)
    found = registry.load(adapter, here.settings.plugins)
    schema = found.settings.model_json_schema()
    if as_json:
        show({"adapter": adapter, "summary": found.summary, "can": _abilities(found), "settings": schema})
        return
    click.echo(f"{adapter}: {found.summary}\ncan: {', '.join(_abilities(found))}")
    needed = set(schema.get("required", ()))
    rows = [
        [name, "needed" if name in needed else _short(said.get("default", "")), said.get("description", "")]
        for name, said in schema.get("properties", {}).items()
    ]
    table(rows, "setting", "default", "meaning")
    then("copperline new SYSTEM --from TEMPLATE; or write systems/SYSTEM/system.yaml: copperline docs systems")


@adapters.command()
@click.argument("name")
@click.option("--in", "into", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where to put its folder.")
def new(name: str, into: Path) -> None:
    """Begin a plugin: a package of its own, with an adapter that runs and its conformance test."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise click.BadParameter("is a name of a-z, 0-9 and -, beginning with a letter", param_hint="NAME")
    folder = into / f"copperline-{name}"
    if folder.exists():
        raise Refused(Problem(EXISTS, where=str(folder)))
    module = "copperline_" + name.replace("-", "_")
    for path, text in FILES.items():
        written = folder / path.replace("MODULE", module)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text.replace("MODULE", module).replace("NAME", name))
        click.echo(f"wrote {written}")
    then(f"pip install --editable {folder}", f"pytest {folder}", f"name it in site.yaml: plugins: [{name}]")


def _abilities(adapter: Any) -> list[str]:
    return [each for each in ("source", "sink", "decode", "encode", "discover", "survey", "probe") if getattr(adapter, each) is not None]


def _short(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 30 else text[:27] + "..."
