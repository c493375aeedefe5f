"""The shipped reference systems as real databases: their own schema and seed, in SQLite and in PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import site
from tests.adapters.odbc.databases import Database, Postgresql, Sqlite, made

KINDS = {"sqlite": Sqlite, "postgresql": Postgresql}


def statements(text: str) -> list[str]:
    """The statements of a script, one by one; none of ours has a semicolon inside."""
    plain = re.sub(r"--[^\n]*", "", text)
    return [each.strip() for each in plain.split(";") if each.strip()]


def filled(name: str, kind: str, request: pytest.FixtureRequest, folder: Path) -> Database:
    """The database of a shipped system, made by its own scripts."""
    database = made(KINDS[kind], request, folder)
    scripts = ["schema.sql", *(["postgresql.sql"] if kind == "postgresql" else []), "seed.sql"]
    for script in scripts:
        for statement in statements((site.shipped() / "systems" / name / script).read_text(encoding="utf-8")):
            database.run(statement)
    return database
