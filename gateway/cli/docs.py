"""`docs`: the pages that remedies and help name, wherever the gateway is installed."""

from __future__ import annotations

from pathlib import Path

import click

from gateway import site
from gateway.errors import Problem, Refused, code

NO_PAGE = code("docs.no-page", "the documentation has no page of this name", "Give one of the names that `copperline docs` lists.")


@click.command()
@click.argument("page", default="")
def docs(page: str) -> None:
    """Print a PAGE of the documentation, or the names of all pages."""
    pages = _pages()
    if not page:
        for name, path in pages.items():
            click.echo(f"{name:24} {_title(path)}")
    elif page in pages:
        click.echo(pages[page].read_text(encoding="utf-8"), nl=False)
    else:
        raise Refused(Problem(NO_PAGE, rule=f"pages: {', '.join(pages)}"))


def _pages() -> dict[str, Path]:
    """Every page by its name; the schemas for editors, which are no text to read, by their file's."""
    found = sorted(site.shipped("docs").glob("*.*"))
    return {path.stem if path.suffix == ".md" else path.name: path for path in found if path.suffix in {".md", ".json"}}


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ") if path.suffix == ".md" else "a JSON Schema, for editors"
