"""Receipts: what became of each document that came in, down to its last byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway import dirty
from gateway.cli.common import NUMBER, json_option, reading, show, site_option, table
from gateway.errors import Problem, Refused, code
from gateway.store.deletions import Deletion
from gateway.store.rows import ReceiptRow

MISSING = code("receipt.missing", "there is no such receipt", "See copperline receipts list.")


@click.group()
def receipts() -> None:
    """What became of each document."""


@receipts.command("list")
@click.option("--limit", default=50, help="At most so many, the latest first.")
@site_option
@json_option
def list_(limit: int, folder: Path, as_json: bool) -> None:
    """The latest documents, and what became of their records."""
    with reading(folder) as (here, opened):
        feeds = {row.id: f"{row.system}/{row.feed}" for row in opened.journal.feeds()}
        marks = {f"{row.system}/{row.feed}": dirty.marked(here, row.system) for row in opened.journal.feeds()}
        rows = [_said(row, feeds) for row in opened.journal.receipts(limit=limit)]
    if as_json:
        show(rows)
        return
    keys = ("receipt", "feed", "state", "size", "read", "accepted", "unchanged", "late", "quarantined")
    shown = [{**row, "feed": f"{row['feed']} ({marks[row['feed']]})" if marks.get(row["feed"]) else row["feed"]} for row in rows]
    table([[row[key] for key in keys] for row in shown], *keys)


@receipts.command("show")
@click.argument("receipt", type=NUMBER)
@site_option
@json_option
def show_(receipt: int, folder: Path, as_json: bool) -> None:
    """One document: digest, counts, how many of its bytes are answered for; and who has deleted what was taken back of it."""
    with reading(folder) as (_, opened):
        feeds = {row.id: f"{row.system}/{row.feed}" for row in opened.journal.feeds()}
        row = opened.journal.receipt(receipt)
        taken_back = [_taken_back(one) for one in opened.deletions.of_receipt(receipt)]
    if row is None:
        raise Refused(Problem(MISSING, rule=f"there is no receipt {receipt}"))
    said = _said(row, feeds)
    if as_json:
        show({**said, "taken_back": taken_back})
        return
    for key, value in said.items():
        click.echo(f"{key:16} {value}")
    if taken_back:
        table([[one[key] or "not yet" for key in TAKEN_BACK] for one in taken_back], *(key.replace("_", " ") for key in TAKEN_BACK))


def _said(row: ReceiptRow, feeds: dict[int, str]) -> dict[str, Any]:
    return {
        "receipt": row.id,
        "feed": feeds.get(row.feed, ""),
        "document": row.label,
        "sha256": row.sha256.hex(),
        "state": row.state,
        "size": row.size,
        "bytes_in_records": row.bytes_in_records,
        "bytes_skipped": row.bytes_skipped,
        "read": row.read,
        "accepted": row.accepted,
        "unchanged": row.unchanged,
        "late": row.late,
        "quarantined": row.quarantined,
        "opened": _time(row.opened),
        "closed": _time(row.closed) if row.closed else "",
    }


TAKEN_BACK = ("agreement", "destination", "position", "told", "deleted")


def _taken_back(one: Deletion) -> dict[str, Any]:
    """One recipient that was told to forget a record of the document, and when it said that it did."""
    return {
        "agreement": one.agreement,
        "destination": one.destination,
        "position": one.position,
        "told": _time(one.told),
        "deleted": _time(one.answered) if one.answered else None,
    }


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
