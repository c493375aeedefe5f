"""Samples beside a mapping, run as tests: what the feed makes of a file, against what is expected of it.

`samples/<feed>.csv` or `samples/<feed>-something.csv` is read by the feed whose name it begins with;
`expected/<same name>.json` lists the canonical records, and the problems of what is rejected.

Of a sink it is the other way: `samples/<feed>.json` lists canonical records (`entity`, `data`, and `status` where it is not
Actual), and what is expected are the fields that the legacy system would be given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Halt, Problem, Refused, Reject, code
from gateway.mapping import Shown
from gateway.system import Feed, System

NO_FEED = code(
    "sample.no-feed",
    "a sample does not begin with the name of a feed",
    "Name it after the feed that reads it: samples/<feed>.csv or samples/<feed>-<what it shows>.csv.",
)


NOT_CANONICAL = code(
    "sample.not-canonical",
    "the sample of a sink is not a list of canonical records",
    "Write a JSON list of objects with entity, data and, where it is not Actual, status: copperline docs sinks.",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a feed makes of one raw record."""

    record: RawRecord | Rejected
    drafts: tuple[Mapping[str, Any], ...]
    problems: tuple[Problem, ...]
    lines: tuple[Shown, ...] = ()
    """Target by target, with its source."""


@dataclass(frozen=True, slots=True)
class Result:
    """One sample: whether it gave what was expected, and at which paths not."""

    sample: Path
    expected: Path
    found: list[Any]
    differs: tuple[str, ...]
    """Paths, never values; "(missing)" where nothing is expected yet."""


def previews(feed: Feed, body: bytes) -> Iterator[Preview]:
    """Every record of a document as this feed would take it.  Raises Refused or Halt where it is refused whole."""
    if feed.sink:
        yield from (_out(feed, record) for record in _canonical(body))
        return
    for record in feed.decode(_document(body)):
        yield preview(feed, record)


def records(feed: Feed, body: bytes) -> Iterator[RawRecord]:
    """The records of a document that can be read at all."""
    if feed.sink:
        return iter(())
    return (record for record in feed.decode(_document(body)) if isinstance(record, RawRecord))


def files(system: System) -> list[Path]:
    """The samples of a system, by name."""
    found = (system.folder / "samples").glob("*")
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def run(system: System) -> Iterator[Result]:
    """Every sample of a system, in order of name."""
    for sample in files(system):
        yield _run(system, sample)


def update(result: Result) -> None:
    """Make what was found what is expected."""
    result.expected.parent.mkdir(exist_ok=True)
    result.expected.write_bytes(orjson.dumps(result.found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def feed_of(system: System, sample: Path) -> Feed:
    """The feed that reads a sample.  Raises Refused where its name does not say."""
    fitting = [name for name in system.feeds if sample.name == name or sample.name.startswith((f"{name}.", f"{name}-"))]
    if fitting:
        return system.feeds[max(fitting, key=len)]
    if len(system.feeds) == 1:
        return next(iter(system.feeds.values()))
    raise Refused(Problem(NO_FEED, where=sample.name))


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """The paths at which two JSON values differ."""
    match expected, found:
        case dict(), dict():
            for key in sorted({*expected, *found}):
                yield from differences(expected.get(key, _ABSENT), found.get(key, _ABSENT), f"{path}.{key}" if path else key)
        case list(), list():
            if len(expected) != len(found):
                yield f"{path} ({len(expected)} expected, {len(found)} found)"
            for index, pair in enumerate(zip(expected, found, strict=False)):
                yield from differences(*pair, f"{path}[{index}]")
        case _ if expected != found:
            yield path


_ABSENT = object()


def _document(body: bytes) -> Document:
    return Document("sample", hashlib.sha256(body).digest(), len(body), body=body)


def _run(system: System, sample: Path) -> Result:
    found = list(_told(feed_of(system, sample), sample.read_bytes()))
    expected = system.folder / "expected" / f"{sample.stem}.json"
    if not expected.is_file():
        return Result(sample, expected, found, ("(missing)",))
    return Result(sample, expected, found, tuple(differences(orjson.loads(expected.read_bytes()), found)))


def _told(feed: Feed, body: bytes) -> Iterator[Any]:
    try:
        for preview in previews(feed, body):
            yield from preview.drafts
            if preview.problems:
                yield {"rejected": [f"{problem.code.id} {problem.path}".strip() for problem in preview.problems]}
    except Halt as e:
        yield {"refused": [e.problem.code.id]}
    except Refused as e:
        yield {"refused": [problem.code.id for problem in e.problems]}


def preview(feed: Feed, record: RawRecord | Rejected) -> Preview:
    """One record as this feed would take it."""
    if isinstance(record, Rejected):
        return Preview(record, (), record.problems)
    if record.change == "remove":
        return Preview(record, ({"removed": feed.entity(record.kind)},), ())
    lines = tuple(feed.mappings[record.kind].preview(record.fields, key=record.key)) if record.kind in feed.mappings else ()
    shown = tuple(line for line in lines if line.problem is None)
    try:
        drafts = feed.translate(record)
    except Reject as e:
        return Preview(record, (), e.problems, shown)
    return Preview(record, tuple(_said(draft) for draft in drafts), (), shown)


def _canonical(body: bytes) -> list[RawRecord]:
    """The canonical records of a sink's sample, each as the record that it will be made from."""
    try:
        listed = orjson.loads(body)
        return [
            RawRecord(one["entity"], "", one.get("status", "Actual"), "put", one["data"], orjson.dumps(one), f"record {number}")
            for number, one in enumerate(listed, 1)
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as e:
        raise Refused(Problem(NOT_CANONICAL, rule=f"{NOT_CANONICAL.meaning} ({type(e).__name__})")) from e


def _out(feed: Feed, record: RawRecord) -> Preview:
    """What a sink would write of a canonical record; its status stands as the record's version."""
    mapping = feed.writes.get(record.kind)
    if mapping is None or record.version not in mapping.takes:
        return Preview(record, ({"withheld": record.version if mapping is not None else record.kind},), ())
    lines = tuple(mapping.preview(record.fields))
    shown = tuple(line for line in lines if line.problem is None)
    try:
        made = mapping.translate(record.fields)
    except Reject as e:
        return Preview(record, (), e.problems, shown)
    return Preview(record, tuple({"to": mapping.kind, "key": one.subject, "fields": one.data} for one in made), (), shown)


def _said(draft: Any) -> dict[str, Any]:
    said = {
        "entity": draft.entity,
        "part": draft.part,
        "subject": draft.subject,
        "agency": draft.agency,
        "time": draft.time,
        "data": orjson.loads(draft.data),
    }
    return {key: value for key, value in said.items() if value != ""}
