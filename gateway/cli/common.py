"""What the commands share: where the site is, how values are shown, who asks and why, how work is handed over."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway import site, store
from gateway.errors import REGISTER, Code, Problem, Refused, Retry, code
from gateway.site import Site
from gateway.store import Store

F = TypeVar("F", bound=Callable[..., Any])

NUMBER = click.IntRange(0, 2**63 - 1)
"""A position, a receipt, a size: what the store can hold."""

NO_ANSWER = code(
    "command.no-answer",
    "the running gateway has not carried out the request yet",
    "It stays in the store and will be carried out; see copperline status.",
)
NO_REASON = code("command.no-reason", "this command is recorded in the ledger and needs a reason", "Add: --reason TEXT")

NOT_A_NAME = code(
    "command.not-a-name",
    "a name that begins with @ is that of a caller who proved it with a key",
    "Leave out the @; or put the caller's key into COPPERLINE_KEY, or the path of its file into COPPERLINE_KEY_FILE.",
)

ANSWER_S = 60.0
"""How long a command waits for the running gateway."""


def site_option(command: F) -> F:
    """`--site DIR`, else COPPERLINE_SITE, else here."""
    return click.option(
        "--site",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="COPPERLINE_SITE",
        default=".",
        help="The site's folder; COPPERLINE_SITE, else the current folder.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
by_option = click.option("--by", default="", help="Who asks; your user name, if not given.")
reason_option = click.option("--reason", default="", help="Why; recorded in the ledger.")
reveal_option = click.option("--reveal", is_flag=True, help="Show values; needs --reason, and is recorded in the ledger.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask whether to go on.")


def who(by: str) -> str:
    """Who asks: as given, or the user of this machine.  Raises Refused for a name that only a key gives."""
    if by.startswith("@"):
        raise Refused(Problem(NOT_A_NAME))
    if by:
        return by
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return f"user {os.getuid()}"


def why(reason: str) -> str:
    """The reason.  Raises Refused where none is given."""
    if not reason.strip():
        raise Refused(Problem(NO_REASON))
    return reason.strip()


@contextmanager
def reading(folder: Path) -> Iterator[tuple[Site, Store]]:
    """The site and its store, for looking only; beside a running gateway or without one."""
    here = site.open(folder)
    opened = store.open(here.store_url(), site.keys(here), read_only=True)
    try:
        yield here, opened
    finally:
        opened.close()


def hand_over(folder: Path, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> Mapping[str, Any]:
    """Have something done: by the running gateway where there is one, else here and now.

    `by` gives way to the caller whose key stands in the environment.
    """
    here = site.open(folder)
    by = _proven(here) or who(by)
    if site.held(here):
        return _asked(here, kind, body, by=by, reason=reason)
    from gateway import acts

    with site.hold(here):
        keys = site.keys(here)
        opened = store.open(here.store_url(), keys)
        try:
            return acts.carry_out(acts.World(here, opened, keys), kind, body, by=by, reason=reason)
        finally:
            opened.close()


def _proven(here: Site) -> str:
    """The caller whose key stands in the environment or in the file that it names; "" where neither is there."""
    if not os.environ.keys() & {"COPPERLINE_KEY", "COPPERLINE_KEY_FILE"}:
        return ""
    from gateway import context
    from gateway.access import people

    return people.proven(here.callers, os.environ, context.now())


def _asked(here: Site, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> Mapping[str, Any]:
    """Leave a request for the running gateway and wait for its answer."""
    opened = store.open(here.store_url(), site.keys(here), read_only=True)
    try:
        number = opened.requests.add(kind, body, by=by, reason=reason)
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            row = opened.requests.find(number)
            if row is not None and row.state == "failed":
                raise Refused(*(_problem(said) for said in row.result["problems"]))
            if row is not None and row.state == "done":
                return row.result
            time.sleep(0.1)
    finally:
        opened.close()
    raise Retry(Problem(NO_ANSWER))


def _problem(said: Mapping[str, str]) -> Problem:
    known = REGISTER.get(said["code"]) or Code(said["code"], said["rule"], said["remedy"])
    return Problem(known, said["path"], said["where"], said["rule"])


def asked(done: Mapping[str, Any]) -> bool:
    """Whether an act only waits for a second person now; then says so."""
    if "asked" not in done:
        return False
    click.echo(f"{done['asked']} is asked for by {done['by']}, and waits for a second person.", err=True)
    then("somebody else gives the same command, with --by NAME and their own --reason TEXT")
    return True


def show(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def table(rows: Sequence[Sequence[Any]], *heads: str) -> None:
    """Rows in columns as wide as they need to be."""
    lines = [heads, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def then(*commands: str) -> None:
    """Suggest what to do next, to a person only."""
    for command in commands:
        click.echo(f"Next: {command}", err=True)


def masked(value: Any) -> Any:
    """The shape of a value without its content: keys stay, texts and numbers become what they are."""
    match value:
        case dict():
            return {key: masked(item) for key, item in value.items()}
        case list():
            return [masked(item) for item in value]
        case str():
            return f"<text, {len(value)}>" if value else ""
        case bool() | None:
            return value
        case int() | float():
            return "<number>"
        case _:
            return "<value>"


def progress(what: str, total: int | None = None) -> Callable[[int], None]:
    """A bar on a terminal, nothing elsewhere; call the result with how much more is done."""
    if not os.isatty(2):
        return lambda _more: None
    from tqdm import tqdm

    bar = tqdm(total=total, desc=what, unit="", unit_scale=True, leave=False)
    return lambda more: void(bar.update(more))


def void(_result: object) -> None:
    """Nothing, whatever it was."""
