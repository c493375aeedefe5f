"""Rows of the shipped reference databases, as their feeds keep them: one JSON object a line, details as lists inside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway import site, yamlfile


def rows(system: str, feed: str, limit: int) -> bytes:
    """The first rows of a feed's table, in the order of its key, from the system's own schema and seed."""
    settings = yamlfile.load(site.shipped() / "systems" / system / "system.yaml").data["feeds"][feed]["settings"]
    database = _filled(system)
    try:
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _rows(database, settings, limit))
    finally:
        database.close()


def _filled(system: str) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    for script in ("schema.sql", "seed.sql"):
        database.executescript((site.shipped() / "systems" / system / script).read_text(encoding="utf-8"))
    return database


def _rows(database: sqlite3.Connection, settings: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    (key,) = settings["key"]
    for row in database.execute(f"SELECT * FROM {settings['table']} ORDER BY {key} LIMIT {limit}").fetchall():
        details = {name: _detail(database, said, row[key]) for name, said in settings.get("details", {}).items()}
        yield {**dict(row), **details}


def _detail(database: sqlite3.Connection, said: Mapping[str, Any], key: Any) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM {said['table']} WHERE {said['key'][0]} = ? ORDER BY {said['row'][0]}"
    return [dict(row) for row in database.execute(sql, [key]).fetchall()]
