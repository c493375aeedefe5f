"""Before anything runs: `check` reads every file, `preview` shows one document, `test` runs the samples."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from gateway import agreement, dirty, room, samples, site, system, topology
from gateway.cli import OK, PROBLEMS, live
from gateway.cli.common import json_option, masked, show, site_option, table, then, why
from gateway.errors import Halt, Problem, Refused, code
from gateway.inbound import publishers
from gateway.sink import checks as sinks
from gateway.sink.codes import NO_FEED
from gateway.site import Site

UNCOVERED = code(
    "mapping.uncovered",
    "a source field is neither used by the mapping nor named under ignored",
    "Write a sentence for the field, or name it under ignored: so that leaving it out is a decision.",
)


@click.command()
@click.argument("name", metavar="[SYSTEM]", default="")
@click.option("--connect", is_flag=True, help="Also reach each system: is it there, does it have what is named, may the login write?")
@site_option
@json_option
def check(name: str, connect: bool, folder: Path, as_json: bool) -> int:
    """Read every system, mapping, code list and agreement; say what is wrong by file, line and field."""
    here = site.open(folder)
    problems = list(_problems(here, name))
    if connect and not problems:
        problems = [problem for each in _names(here, name) for problem in live.probed(here, each)]
    if as_json:
        show([problem.as_dict() for problem in problems])
        return PROBLEMS if problems else OK
    for each in filter(lambda each: dirty.marked(here, each), _names(here, name)):
        click.echo(dirty.called(here, each), err=True)
    for problem in problems:
        click.echo(f"{problem.where}: {problem.path}: {problem.rule or problem.code.meaning} [{problem.code.id}]")
    click.echo(f"{len(problems)} problems" if problems else "nothing is wrong", err=True)
    if problems:
        then(f"copperline check {name}".rstrip() + ", once the lines are mended; copperline docs errors explains the codes")
    else:
        then(f"copperline test {name}".rstrip(), f"copperline systems add {name or 'SYSTEM'} --reason TEXT")
    return PROBLEMS if problems else OK


@click.command()
@click.argument("name", metavar="SYSTEM")
@click.argument("file", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--feed", default="", help="Which feed reads it; told by the file's name, or the first that can be asked, if not given.")
@click.option("--limit", default=10, help="At most so many records.")
@site_option
@json_option
@click.option("--reason", default="", help="Why values are to be shown.")
@click.option("--reveal", is_flag=True, help="Show values; needs --reason.")
def preview(name: str, file: Path | None, feed: str, limit: int, folder: Path, as_json: bool, reason: str, reveal: bool) -> int:
    """What a system's mapping makes of a FILE, or of its first records as they are now: source, canonical, problems side by side.

    Journals nothing.
    """
    if reveal:
        why(reason)
    here = site.open(folder)
    loaded = system.load(here, name)
    if feed and feed not in loaded.feeds:
        raise click.BadParameter(f"is none of {', '.join(loaded.feeds)}", param_hint="--feed")
    if file is None:
        previews = live.previews(here, loaded, feed, limit)
    else:
        reads = loaded.feeds[feed] if feed else samples.feed_of(loaded, file)
        previews = samples.previews(reads, file.read_bytes())
    shown = [_shown(one, reveal=reveal) for one in islice(previews, limit)]
    if as_json:
        show(shown)
    else:
        if dirty.marked(here, name):
            click.echo(dirty.called(here, name))
        for one in shown:
            _print(one)
        then(
            *(() if reveal else (" ".join(["copperline preview", name, *([str(file)] if file else []), "--reveal --reason TEXT"]),)),
            f"copperline test {name} --update, once a sample of it lies in systems/{name}/samples/",
        )
    return PROBLEMS if any(one["problems"] for one in shown) else OK


@click.command("test")
@click.argument("name", metavar="[SYSTEM]", default="")
@click.option("--update", is_flag=True, help="Make what was found what is expected; look at the difference before you keep it.")
@site_option
@json_option
def test(name: str, update: bool, folder: Path, as_json: bool) -> int:
    """Run the samples that lie beside the mappings."""
    here = site.open(folder)
    results = [(each, result) for each in _names(here, name) for result in samples.run(system.load(here, each))]
    if update:
        for _, result in results:
            samples.update(result)
    wrong = [result for _, result in results if result.differs and not update]
    if as_json:
        show([{"system": each, "sample": result.sample.name, "differs": list(result.differs)} for each, result in results])
        return PROBLEMS if wrong else OK
    for each, result in results:
        verdict = "updated" if update else "differs" if result.differs else "as expected"
        click.echo(f"{each}/{result.sample.name}: {verdict}")
        for path in () if update else result.differs[:20]:
            click.echo(f"  {path}")
    if wrong:
        then(f"copperline preview {name or 'SYSTEM'} FILE", "copperline test --update, where the new result is right")
    elif not results:
        click.echo("no samples: put invented records into systems/SYSTEM/samples/", err=True)
    else:
        then(f"copperline systems add {name or 'SYSTEM'} --reason TEXT")
    return PROBLEMS if wrong else OK


def _problems(here: Site, name: str) -> Iterator[Problem]:
    for each in _names(here, name):
        try:
            yield from _uncovered(system.load(here, each))
        except Refused as e:
            yield from (_placed(problem, f"systems/{each}/") for problem in e.problems)
        except Halt as e:
            yield _placed(e.problem, f"systems/{each}/samples/")
    if not name:
        try:
            agreed = agreement.load_all(here.agreements)
        except Refused as e:
            yield from (_placed(problem, "agreements/") for problem in e.problems)
        else:
            yield from sinks.problems(here, agreed)
            yield from room.problems(here, agreed, topology.publishers(here))
        yield from publishers.problems(here)
        yield from _callers(here)


def _callers(here: Site) -> Iterator[Problem]:
    if here.callers.is_dir():
        from gateway import access

        found, wrong = access.load_all(here.callers)
        for each in wrong.values():
            yield from (_placed(problem, "callers/") for problem in each.problems)
        for caller in found.values():
            for way in caller.reads_as:
                if not _says(here, *way.split("/")):
                    yield Problem(NO_FEED, path="reads_as", where=f"callers/{caller.name}.yaml", rule=f"{way} says no canonical record")


def _says(here: Site, name: str, feed: str) -> bool:
    """Whether a feed has mappings with `to:`; of a system that cannot be loaded another problem tells."""
    if not (here.systems / name).is_dir():
        return False
    try:
        found = system.load(here, name).feeds.get(feed)
    except Refused:
        return True
    return found is not None and found.sink


def _uncovered(loaded: system.System) -> Iterator[Problem]:
    """Source fields of the samples that a mapping neither uses nor names under `ignored`."""
    for sample in samples.files(loaded):
        feed = samples.feed_of(loaded, sample)
        neither = {
            (record.kind, field)
            for record in samples.records(feed, sample.read_bytes())
            if record.kind in feed.mappings
            for field in feed.mappings[record.kind].coverage(record.fields).neither
        }
        for kind, field in sorted(neither):
            yield Problem(UNCOVERED, path=field, where=f"systems/{loaded.name}/samples/{sample.name}", rule=f"{kind}: the field is neither used nor ignored")


def _placed(problem: Problem, folder: str) -> Problem:
    return Problem(problem.code, problem.path, folder + problem.where if problem.where else folder, problem.rule)


def _names(here: Site, name: str) -> list[str]:
    return [name] if name else list(site.system_folders(here))


def _shown(one: samples.Preview, *, reveal: bool) -> dict[str, Any]:
    """One record for a person: where it stood, each target with its source, each problem; values only if revealed."""
    fields = dict(getattr(one.record, "fields", {}))
    return {
        "where": one.record.where,
        "kind": one.record.kind,
        "source": fields if reveal else masked(fields),
        "canonical": [
            {"target": line.target, "source": line.source, "value": line.value if reveal else masked(line.value)}
            for line in one.lines
        ],
        "problems": [problem.as_dict() for problem in one.problems],
    }


def _print(one: dict[str, Any]) -> None:
    """Source and canonical record side by side: each line of the one beside what it became in the other."""
    click.echo(f"-- {one['kind']} at {one['where']}")
    table(list(_beside(one)), "   source", "is", "", "canonical", "is")
    for problem in one["problems"]:
        place = " ".join(part for part in (problem["path"], problem["where"]) if part)
        click.echo(f"   !! {problem['code']} {place}: {problem['rule']}\n      {problem['remedy']}")


def _beside(one: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Each source field with the first target it fills; its other targets, those of several, and constants below."""
    left = list(one["canonical"])
    for key, value in _flat(one["source"]):
        filled = next((line for line in left if line["source"] == key), None)
        if filled is None:
            yield f"   {key}", _cell(value), "", "", ""
        else:
            left.remove(filled)
            yield f"   {key}", _cell(value), "=>", filled["target"], _cell(filled["value"])
    for line in left:
        yield f"   {line['source'] or '(a constant)'}", "", "=>", line["target"], _cell(line["value"])


def _cell(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST = 60


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _flat(item, f"{path}.{key}" if path else key)
        case list():
            for index, item in enumerate(value):
                yield from _flat(item, f"{path}[{index}]")
        case _:
            yield path, value
