"""Receipts: what became of each document that came in, down to its last byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import NUMBER, json_option, reading, show, site_option, table
from gateway.errors import Problem, Refused, code
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
    with reading(folder) as (_, opened):
        feeds = {row.id: f"{row.system}/{row.feed}" for row in opened.journal.feeds()}
        rows = [_said(row, feeds) for row in opened.journal.receipts(limit=limit)]
    if as_json:
        show(rows)
        return
    keys = ("receipt", "feed", "state", "size", "read", "accepted", "unchanged", "late", "quarantined")
    table([[row[key] for key in keys] for row in rows], *keys)


@receipts.command("show")
@click.argument("receipt", type=NUMBER)
@site_option
@json_option
def show_(receipt: int, folder: Path, as_json: bool) -> None:
    """One document: digest, counts, and how many of its bytes are answered for."""
    with reading(folder) as (_, opened):
        feeds = {row.id: f"{row.system}/{row.feed}" for row in opened.journal.feeds()}
        row = opened.journal.receipt(receipt)
    if row is None:
        raise Refused(Problem(MISSING, rule=f"there is no receipt {receipt}"))
    said = _said(row, feeds)
    if as_json:
        show(said)
        return
    for key, value in said.items():
        click.echo(f"{key:16} {value}")


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


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
