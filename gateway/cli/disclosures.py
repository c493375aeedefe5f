"""Who got what, when, and under which agreement: for a citizen, a court, or the agency itself.

The answer comes from the settled batches that the ledger has sealed; asking is itself written down.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from html import escape
from operator import attrgetter
from pathlib import Path
from typing import Any, TextIO

import click
import orjson

from gateway import agreed, site
from gateway.cli.common import by_option, hand_over, json_option, reading, reason_option, show, site_option, table, why
from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.site import Site
from gateway.store import Store
from gateway.store.rows import BACK, Disclosed, Disclosure

NOTHING_ASKED = code(
    "disclosures.nothing-asked",
    "neither a subject, an agreement nor a day was named",
    "Name records in a file with --subject-file FILE (- reads standard input), or --agreement NAME, or --from DAY.",
)
WRONG_LINE = code(
    "disclosures.wrong-line",
    "a line of the subject file names no record",
    "Write one a line: the incident's number; or system,kind,key; or a journal position as @POSITION.",
)

FORMS = ("screen", "csv", "html", "json")


@dataclass(frozen=True, slots=True)
class Line:
    """One event that one recipient was given, or told to forget, or that a caller read."""

    at: str
    agreement: str
    recipient: str
    destination: str
    what: str
    topic: str
    fields: str
    deleted: str
    """When the recipient said that it has deleted what was taken back; "not yet"; "" of what was given."""
    position: int
    event: str
    wording: str
    leaf: int
    caller: str
    """Who read it over HTTP; "" of what was delivered."""
    purpose: str
    """Why, as the caller said."""


HEADS = tuple(field.name for field in fields(Line))


@click.command()
@click.option("--subject-file", type=click.File(), default=None, help="The records, one a line: an incident's number; or system,kind,key; or @POSITION. - reads standard input, so that no number stands in a command.")
@click.option("--agreement", "name", default="", help="Only what left under this agreement.")
@click.option("--from", "since", default="", help="Only what left on this day or later (UTC).")
@click.option("--to", "until", default="", help="Only what left before the end of this day (UTC).")
@click.option("--as", "form", type=click.Choice(FORMS), default="screen", help="How: screen, csv, html (a page to print), json.")
@site_option
@json_option
@by_option
@reason_option
def disclosures(
    subject_file: TextIO | None, name: str, since: str, until: str, form: str, folder: Path, as_json: bool, by: str, reason: str
) -> None:
    """Who got what, when, and under which agreement.  Needs a reason: the question is recorded in the ledger too."""
    if subject_file is None and not name and not since:
        raise Refused(Problem(NOTHING_ASKED))
    because = why(reason)
    first, last = _day(since, "--from"), _day(until, "--to")
    asked = {"agreement": name, "from": since, "kind": "disclosures-asked", "records": 0, "to": until}
    with reading(folder) as (here, opened):
        positions = _positions(here, opened, subject_file) if subject_file is not None else None
    asked["records"] = len(positions or ())
    hand_over(folder, "note", asked, by=by, reason=because)
    with reading(folder) as (here, opened):
        span = (_us(first) if first else 0, _us(last + timedelta(days=1)) if last else 2**62)
        lines = list(_lines(here, opened, positions, name, *span))
    _print(lines, "json" if as_json else form)


def _print(lines: list[Line], form: str) -> None:
    match form:
        case "json":
            show([dict(zip(HEADS, astuple(line), strict=True)) for line in lines])
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(HEADS)
            writer.writerows(astuple(line) for line in lines)
        case "html":
            click.echo(_page(lines))
        case _:
            heads = ("at", "agreement", "recipient", "what", "deleted", "topic", "position", "fields", "caller", "purpose")
            table([[getattr(line, head) for head in heads] for line in lines], *heads)


def _lines(here: Site, opened: Store, positions: set[int] | None, name: str, since: int, until: int) -> Iterator[Line]:
    recipients = {one.name: one.recipient for one in agreed.agreements(here, opened)}
    delivered = _all(opened.disclosures.batches, agreement=name, since=since, until=until)
    read = _all(opened.looks.batches, agreement=name, since=since, until=until)
    for batch in merge(delivered, read, key=attrgetter("at")):
        given = [one for one in batch.given if positions is None or one.position in positions]
        if given:
            yield from _of_batch(opened, batch, given, recipients.get(batch.agreement, ""))


def _all(ask: Callable[..., list[Disclosure]], **about: Any) -> Iterator[Disclosure]:
    """Every batch, a page at a time."""
    after = 0
    while batches := ask(after=after, **about):
        yield from batches
        after = batches[-1].id


def _of_batch(opened: Store, batch: Disclosure, given: list[Disclosed], recipient: str) -> Iterator[Line]:
    said = orjson.loads(opened.ledger.leaf(batch.leaf).body) if batch.leaf >= 0 else {}
    back = opened.deletions.of(one.position for one in given if one.kind == BACK)
    answered = {one.event: one.answered for one in back if (one.agreement, one.destination) == (batch.agreement, batch.destination)}
    at = _at(batch.at)
    for one in given:
        record = opened.journal.record(one.position)
        topic = record.topic if record is not None else ""
        entity = topic.split(".")[2] if topic else ""
        names = [name.partition(".")[2] for name in said.get("fields", ()) if name.startswith(f"{entity}.")]
        taken = one.kind == BACK
        yield Line(
            at=at,
            agreement=batch.agreement,
            recipient=recipient,
            destination=batch.destination,
            what="taken back" if taken else "read" if batch.caller else "given",
            topic=topic,
            fields="" if taken else " ".join(name for name in names if name not in ("entity", "reason")),
            deleted=_deleted(answered.get(one.id, 0)) if taken and not batch.caller else "",
            position=one.position,
            event=one.id.hex(),
            wording=batch.wording,
            leaf=batch.leaf,
            caller=batch.caller,
            purpose=batch.purpose,
        )


def _at(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds")


def _deleted(answered: int) -> str:
    return _at(answered) if answered else "not yet"


def _positions(here: Site, opened: Store, lines: TextIO) -> set[int]:
    """Every version of the records that the lines name."""
    keys = site.keys(here)
    found: set[int] = set()
    for number, text in enumerate(lines, 1):
        if line := text.strip():
            found |= _named(here, opened, keys, line, number)
    return found


def _named(here: Site, opened: Store, keys: Keys, line: str, number: int) -> set[int]:
    parts = next(csv.reader([line]))
    match parts:
        case [one] if one.startswith("@") and one[1:].isdecimal():
            start = int(one[1:])
        case [subject]:
            return set(opened.disclosures.of_subject(_subjects(here, opened, keys, subject)))
        case [system, kind, key]:
            start = opened.journal.locate(system, kind, key)
        case _:
            raise Refused(Problem(WRONG_LINE, where=f"line {number}"))
    return {row.position for row in opened.journal.history(start)}


def _subjects(here: Site, opened: Store, keys: Keys, subject: str) -> list[bytes]:
    """The subject's tokens: for each agency that the journal's topics name, and the site's own."""
    agencies = {here.settings.agency.lower(), *opened.disclosures.agencies()}
    return [keys.token("subject", agency.encode(), subject.encode()) for agency in sorted(agencies) if agency]


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter("is a day, such as 2026-03-08", param_hint=option) from e


def _us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _page(lines: list[Line]) -> str:
    """One page to print, complete in itself."""
    head = "".join(f"<th>{escape(name)}</th>" for name in HEADS)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in astuple(line)) + "</tr>" for line in lines)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return _HTML.format(made=made, count=len(lines), head=head, rows=rows)


_HTML = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Disclosures</title>
<style>body {{font: 10pt sans-serif}} table {{border-collapse: collapse}} td, th {{border: 1px solid; padding: 2pt 4pt; text-align: left}}
thead {{display: table-header-group}} tr {{break-inside: avoid}} @page {{size: landscape; margin: 1cm}}</style></head>
<body><h1>Disclosures</h1><p>Made {made}. {count} disclosures; each is in the ledger under the leaf that is named.</p>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></body></html>"""

