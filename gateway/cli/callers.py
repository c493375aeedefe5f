"""Callers: who may use the REST facade.  A key is shown once, by the command that makes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from gateway import access, context, settings, site
from gateway.access import ROLES, Caller, keyfile
from gateway.cli.common import by_option, hand_over, json_option, reason_option, show, site_option, table, then, why
from gateway.errors import Problem, Refused, code
from gateway.schedule import duration
from gateway.site import Site

EXISTS = code("access.exists", "there is already a caller of this name", "Choose another name, or: copperline callers rotate NAME.")
MISSING = code("access.missing", "there is no caller of this name", "See copperline callers list.")
NO_KEY = code("access.no-key", "the caller has no key of this id", "See copperline callers list.")
OVERLAP = code("access.overlap", "the time is none", "Write a number and one of s, m, h, d, such as --overlap 2d.")


@click.group()
def callers() -> None:
    """Who may use the REST facade, and what for."""


@callers.command()
@click.argument("name")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="What it may do; may be given several times.")
@click.option("--system", "systems", multiple=True, help="SYSTEM or SYSTEM/FEED that it is granted; may be given several times.")
@click.option("--agreement", default="", help="The agreement that it reads through.")
@click.option("--reads-as", multiple=True, help="SYSTEM/FEED in whose mapping and layout its reads come; may be given several times.")
@click.option("--purpose", default="", help="Why it reads, where a request does not say.")
@click.option("--title", default="", help="What people call it.")
@site_option
@json_option
@by_option
@reason_option
def add(
    name: str, roles: tuple[str, ...], systems: tuple[str, ...], agreement: str, reads_as: tuple[str, ...], purpose: str, title: str,
    folder: Path, as_json: bool, by: str, reason: str,
) -> None:  # fmt: skip
    """Write callers/NAME.yaml, make its first key, and print a line that uses it."""
    here, because = site.open(folder), why(reason)
    path = here.callers / f"{_named(name)}.yaml"
    if path.exists():
        raise Refused(Problem(EXISTS, where=str(path)))
    here.callers.mkdir(exist_ok=True)
    path.write_text(_file(name, roles, systems, agreement, reads_as, purpose, title), encoding="utf-8")
    try:
        caller = access.load(path)
    except Refused:
        path.unlink()
        raise
    hand_over(folder, "note", {"kind": "caller-added", "caller": name}, by=by, reason=because)
    _give(here, caller, [], as_json=as_json)


@callers.command("list")
@site_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """Every caller: roles, grants, the ids of its keys, and what is wrong with its file."""
    found, wrong = access.load_all(site.open(folder).callers)
    rows = [_said(caller) for caller in found.values()]
    rows += [{**dict.fromkeys(_SAID, ""), "caller": name, "problem": str(e.problems[0])} for name, e in wrong.items()]
    if as_json:
        show(rows)
        return
    table([[row[key] for key in _SAID] for row in rows], *_SAID)
    if not rows:
        then("copperline callers add NAME --role submit --system SYSTEM/FEED --reason TEXT")


@callers.command()
@click.argument("name")
@click.option("--overlap", default="0s", help="How long the keys of before still open: 2d, 12h; 0s for not at all.")
@site_option
@json_option
@by_option
@reason_option
def rotate(name: str, overlap: str, folder: Path, as_json: bool, by: str, reason: str) -> None:
    """Make a new key for a caller; the ones of before end, at once or after a time."""
    here, because = site.open(folder), why(reason)
    caller = _caller(here, name)
    until = context.now() + _overlap(overlap)
    hand_over(folder, "note", {"kind": "caller-rotated", "caller": name}, by=by, reason=because)
    kept = [key for key in caller.keys.keys if key.holds(context.now())] if overlap != "0s" else []
    ending = [keyfile.Key(key.id, key.sha256, min(until, key.until or until)) for key in kept]
    _give(here, caller, ending, as_json=as_json)


@callers.command()
@click.argument("name")
@click.option("--key", "id", default="", help="Only the key of this id; the caller keeps its others.")
@site_option
@by_option
@reason_option
def revoke(name: str, id: str, folder: Path, by: str, reason: str) -> None:
    """Admit a caller no more, by key, certificate or token; a running gateway heeds it within a second."""
    here, because = site.open(folder), why(reason)
    keys = _caller(here, name).keys.keys
    if id and id not in {key.id for key in keys}:
        raise Refused(Problem(NO_KEY, rule=f"{name} has no key {id}"))
    keyfile.write(_keys(here, name), [key for key in keys if id and key.id != id], revoked=not id)
    hand_over(folder, "note", {"kind": "caller-revoked", "caller": name, "key": id or "all"}, by=by, reason=because)
    click.echo(f"{name}: {f'key {id}' if id else 'the caller'} is revoked")
    then("copperline callers list")


_SAID = ("caller", "roles", "systems", "agreement", "keys", "problem")


def _said(caller: Caller) -> dict[str, str]:
    granted = [f"{name}/{','.join(sorted(feeds)) if feeds is not None else 'all'}" for name, feeds in sorted(caller.systems.items())]
    keys = [f"{key.id}{f' until {key.until:%Y-%m-%d %H:%M}' if key.until else ''}" for key in caller.keys.keys]
    return {
        "caller": caller.name,
        "roles": " ".join(sorted(caller.roles)),
        "systems": " ".join(granted),
        "agreement": caller.agreement,
        "keys": "revoked" if caller.keys.revoked else ", ".join(keys),
        "problem": "",
    }


def _give(here: Site, caller: Caller, kept: list[keyfile.Key], *, as_json: bool) -> None:
    """Make a key, keep its digest, and show it this once."""
    text, key = keyfile.made()
    keyfile.write(_keys(here, caller.name), [*kept, key])
    line = _line(here, caller, text)
    if as_json:
        show({"caller": caller.name, "key": text, "curl": line})
        return
    click.echo(f"The key of {caller.name}, shown this once: {text}\n{line}")
    then("copperline callers list")


def _line(here: Site, caller: Caller, text: str) -> str:
    """A request that this caller may make, ready to paste."""
    api = here.settings.api
    url = api.url if api is not None else "https://HOST:PORT"
    head = f"curl -sS -H 'Authorization: Bearer {text}'"
    system, feeds = next(iter(caller.systems.items()), ("SYSTEM", None))
    if "submit" in caller.roles:
        return f"{head} --data-binary @FILE {url}/v1/systems/{system}/{min(feeds) if feeds else 'FEED'}"
    if "fetch" in caller.roles:
        return f"{head} {url}/v1/systems/{system}/mailbox"
    return f"{head} {url}{'/v1/events' if 'read' in caller.roles else '/metrics'}"


def _file(
    name: str, roles: tuple[str, ...], systems: tuple[str, ...], agreement: str, reads_as: tuple[str, ...], purpose: str, title: str
) -> str:
    """The caller's file, as a person would write it."""
    import yaml

    granted: dict[str, list[str] | str] = {}
    for each in systems:
        system, _, feed = each.partition("/")
        feeds = granted.setdefault(system, [])
        if feed and isinstance(feeds, list):
            feeds.append(feed)
        elif not feed:
            granted[system] = "all"
    reads = {"agreement": agreement, "reads_as": list(reads_as), "purpose": purpose}
    said = {"caller": name, "title": title, "roles": list(roles), "systems": granted, **reads}
    kept = {key: value for key, value in said.items() if value}
    text: str = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return "# Every key of this file is described by: copperline docs rest.\n" + text


def _named(name: str) -> str:
    try:
        return settings.name(name)
    except ValueError as e:
        raise Refused(Problem(access.caller.WRONG, path="caller", rule=str(e))) from e


def _caller(here: Site, name: str) -> Caller:
    path = here.callers / f"{name}.yaml"
    if "/" in name or not path.is_file():
        raise Refused(Problem(MISSING, rule=f"there is no callers/{name}.yaml"))
    return access.load(path)


def _keys(here: Site, name: str) -> Path:
    return here.callers / f"{name}.keys"


def _overlap(text: str) -> timedelta:
    try:
        return timedelta(0) if text == "0s" else duration(text)
    except ValueError as e:
        raise Refused(Problem(OVERLAP, rule=str(e))) from e
