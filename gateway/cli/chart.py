"""`chart`: the Helm chart, and a site's files as the values that it takes them from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from gateway import site
from gateway.cli.common import site_option, then
from gateway.errors import Problem, Refused, code
from gateway.site import Site

THERE = code("chart.there", "the folder already holds a chart or values", "Choose another folder, or remove what is there; nothing was changed.")
LARGE = code(
    "chart.large",
    "the site's files are larger than a ConfigMap may be",
    "Move code lists that several systems share to codes/; what is left must be under 1 MB.",
)
NAME = code("chart.name", "a file of the site cannot be carried by a chart", "Name it with letters, digits, -, . and single _; and write it as UTF-8.")

LARGEST = 1_000_000
"""Bytes of a ConfigMap, with room for what Kubernetes adds."""

PARTS = ("systems", "codes", "agreements", "callers")

_PART = re.compile(r"[A-Za-z0-9-][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")


@click.command()
@click.argument("into", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER")
@site_option
def chart(into: Path, folder: Path) -> None:
    """Write the Helm chart into FOLDER, and beside it the site's files as its values.

    The values hold site.yaml, systems, codes, agreements and callers; never samples, never anything of var/.
    """
    import shutil

    here = site.open(folder)
    values = into / "site-values.yaml"
    if (into / "copperline").exists() or values.exists():
        raise Refused(Problem(THERE, where=str(into)))
    text = _values(here)
    into.mkdir(parents=True, exist_ok=True)
    shutil.copytree(site.shipped("helm") / "copperline", into / "copperline")
    values.write_text(text, encoding="utf-8")
    click.echo(f"wrote {into / 'copperline'}\nwrote {values}")
    then("copperline docs kubernetes", f"helm upgrade --install NAME {into / 'copperline'} -f {values} --set …")


def _values(here: Site) -> str:
    """The site's files as values.  Raises Refused where one of them cannot travel."""
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in _files(here):
        name = path.relative_to(here.root)
        try:
            files[str(name)] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            problems.append(Problem(NAME, where=str(name), rule="it is not UTF-8"))
        if not all(_PART.fullmatch(part) for part in name.parts):
            problems.append(Problem(NAME, where=str(name)))
    if (size := sum(len(text.encode()) for text in files.values())) > LARGEST:
        problems.append(Problem(LARGE, rule=f"they have {size} bytes"))
    if problems:
        raise Refused(*problems)
    return f"# The files of the site {here.settings.site}.  Change them there, and write this again: copperline chart\n{_yaml(files)}"


def _files(here: Site) -> Iterator[Path]:
    """What the gateway reads of a site: as `system.digest` sees a system, so that the copy is the same system."""
    yield here.root / "site.yaml"
    for folder in (here.root / part for part in PARTS):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts
            if path.is_file() and inside[1:2] not in (("samples",), ("expected",)) and not path.name.startswith("."):
                yield path


def _yaml(files: dict[str, str]) -> str:
    """Each file as a block of its own lines, so that two versions can be compared."""
    import yaml

    class Blocks(yaml.SafeDumper):
        pass

    def block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Blocks.add_representer(str, block)
    said: str = yaml.dump({"site": {"files": files}}, Dumper=Blocks, allow_unicode=True, width=LARGEST)
    return said
