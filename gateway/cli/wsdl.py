"""The reviewed bundles of SOAP systems: WSDL and schemas are copied, their references resolved, their digests recorded.

Nothing is ever fetched.  What a file refers to is either beside it, or given with it, or the command
refuses with the place and the address.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import site
from gateway.cli.common import json_option, show, site_option, table, then
from gateway.errors import Problem, Refused, Reject, code

if TYPE_CHECKING:
    from gateway.xml import Element

UNRESOLVED = code(
    "wsdl.unresolved",
    "a WSDL or schema refers to something that was not given; nothing was fetched and nothing was copied",
    "Get the file from the vendor, review it, and give it too; for a web address say which file stands for it: --as URL=FILE.",
)
UNUSABLE = code(
    "wsdl.unusable",
    "a file is no WSDL and no schema, or may not be read as one",
    "See the place and the reason; entities and document types are never read here.",
)

INDEX = "bundle.json"
XS, WSDL = "{http://www.w3.org/2001/XMLSchema}", "{http://schemas.xmlsoap.org/wsdl/}"
LOCATION: Mapping[str, str] = {
    f"{XS}import": "schemaLocation",
    f"{XS}include": "schemaLocation",
    f"{XS}redefine": "schemaLocation",
    f"{WSDL}import": "location",
}
ROOTS = {f"{XS}schema", f"{WSDL}definitions"}


@click.group()
def wsdl() -> None:
    """The reviewed WSDL and schemas of a SOAP system."""


@wsdl.command()
@click.argument("name", metavar="SYSTEM")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "stands", multiple=True, metavar="URL=FILE", help="The FILE that stands for a web address; may be given several times.")
@click.option("--bundle", default="wsdl", help="The folder of the bundle, in the system's folder.")
@site_option
@json_option
def add(name: str, files: tuple[Path, ...], stands: tuple[str, ...], bundle: str, folder: Path, as_json: bool) -> None:
    """Copy a WSDL, the first of FILES, and all that it refers to into the system's bundle, with their digests.

    References to files beside and below it are followed; the other FILES, which are copied too, and --as answer for the
    rest. Nothing is fetched.
    """
    here = site.open(folder)
    into = here.systems / name / bundle
    made = _made(files, _stands(stands))
    before = _files(into)
    _write(into, made)
    changes = {file: _change(before.get(file), digest) for file, digest in made.digests().items()}
    changes |= dict.fromkeys(before.keys() - changes.keys(), "removed")
    if as_json:
        show({"bundle": str(into), "wsdl": made.first, "files": made.digests(), "changes": changes})
        return
    table([[file, digest[:16], changes[file]] for file, digest in made.digests().items()], "file", "sha256", "change")
    then(f"read what changed: git diff {into}", f"copperline discover {name}")


@dataclass(slots=True)
class _Bundle:
    """A bundle in the making: what each name holds, and which file each address means."""

    first: str = ""
    sources: dict[str, Path] = field(default_factory=dict)
    """Name in the bundle → the file it is copied from."""
    references: dict[str, str] = field(default_factory=dict)
    """Address, or path that leads elsewhere → name in the bundle."""

    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(self.sources.items())}


def _made(files: Sequence[Path], stands: Mapping[str, Path]) -> _Bundle:
    """The files, and everything that they need.  Raises Refused with every reference that leads nowhere."""
    given = [path.resolve() for path in (*files, *stands.values())]
    home = given[0].parent
    made, problems, waiting = _Bundle(first=given[0].name), list[Problem](), list(given)
    while waiting:
        path = waiting.pop()
        name = _name(path, home)
        if name in made.sources:
            continue
        made.sources[name] = path
        for location, namespace, line in _references(path):
            target = _target(location, namespace, path, home, given, stands)
            if target is None:
                problems.append(Problem(UNRESOLVED, path=location or namespace, where=f"{name}, line {line}"))
            else:
                if posixpath.normpath(posixpath.join(posixpath.dirname(name), location)) != _name(target, home):
                    made.references[location or namespace] = _name(target, home)
                waiting.append(target)
    if problems:
        raise Refused(*problems)
    return made


def _references(path: Path) -> Iterator[tuple[str, str, int]]:
    """Location, namespace and line of all that a file refers to; a schema of the same WSDL needs no location."""
    from gateway.xml import line_of

    root = _parsed(path)
    inside = {str(schema.get("targetNamespace")) for schema in root.iter(f"{XS}schema")}
    for element in root.iter(*LOCATION):
        location, namespace = element.get(LOCATION[str(element.tag)]), element.get("namespace") or ""
        if location is not None:
            yield location, namespace, line_of(element)
        elif namespace not in inside and namespace != "http://www.w3.org/XML/1998/namespace":
            yield "", namespace, line_of(element)


def _target(
    location: str, namespace: str, path: Path, home: Path, given: Sequence[Path], stands: Mapping[str, Path]
) -> Path | None:
    """The file that a reference means; None where nobody gave it."""
    if (location or namespace) in stands:
        return stands[location or namespace].resolve()
    if location and "://" not in location and not location.startswith("/"):
        beside = (path.parent / location).resolve()
        if beside.is_file() and (beside in given or beside.is_relative_to(home)):
            return beside
    named = [each for each in given if location and each.name == posixpath.basename(location)]
    spaced = [each for each in given if namespace and _parsed(each).get("targetNamespace") == namespace]
    return next(iter([*named, *spaced]), None)


def _parsed(path: Path) -> Element:
    from gateway.xml import parse

    try:
        root = parse(path.read_bytes())
    except Reject as e:
        said = e.problems[0]
        raise Refused(Problem(UNUSABLE, where=", ".join(filter(None, (path.name, said.where))), rule=said.code.meaning)) from e
    if root.tag not in ROOTS:
        raise Refused(Problem(UNUSABLE, where=path.name, rule="its root is neither wsdl:definitions nor xs:schema"))
    return root


def _name(path: Path, home: Path) -> str:
    """Beside or below the WSDL: where it lies there; from elsewhere: its own name."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name


def _stands(said: Sequence[str]) -> dict[str, Path]:
    found = {}
    for each in said:
        url, separator, file = each.rpartition("=")
        if not separator or not Path(file).is_file():
            raise click.BadParameter("is URL=FILE, with a file that exists", param_hint="--as")
        found[url] = Path(file)
    return found


def _files(into: Path) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = json.loads((into / INDEX).read_bytes())["files"]
    except (OSError, ValueError, KeyError):
        return {}
    return found


def _write(into: Path, made: _Bundle) -> None:
    digests = made.digests()
    for name, path in made.sources.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        if path != (into / name).resolve():
            shutil.copyfile(path, into / name)
    index = {"wsdl": made.first, "files": digests, "references": dict(sorted(made.references.items()))}
    (into / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _change(before: str | None, digest: str) -> str:
    return "same" if before == digest else "new" if before is None else "changed"
