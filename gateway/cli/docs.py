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
            click.echo(f"{name:28} {_title(path)}")
    elif page in pages:
        click.echo(pages[page].read_text(encoding="utf-8"), nl=False)
    else:
        raise Refused(Problem(NO_PAGE, rule=f"pages: {', '.join(pages)}"))


def _pages() -> dict[str, Path]:
    """Every page by its name inside docs/; what editors and programs read, by its file's."""
    folder = site.shipped("docs")
    found = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.suffix in {".md", ".json"}}
    return {str(inside.with_suffix("") if path.suffix == ".md" else inside): path for path, inside in found.items()}


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ") if path.suffix == ".md" else "for editors and programs"
