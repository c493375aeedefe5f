"""Agreements: what stands in them, what would leave under them, and the second person who puts them into force."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from gateway import agreed, agreement, context, room, site, topology
from gateway import rights as consumers
from gateway.agreement import Agreement, Projected
from gateway.agreement.template import text as template
from gateway.cli import OK, PROBLEMS
from gateway.cli.common import (
    NUMBER,
    hand_over,
    json_option,
    masked,
    reading,
    reason_option,
    show,
    site_option,
    table,
    then,
    why,
    yes_option,
)
from gateway.cli.tail import events
from gateway.errors import Problem, Refused, code
from gateway.site import Site
from gateway.store import Store
from gateway.store.deletions import Owed

EXISTS = code("agreement.exists", "there is already an agreement of this name", "Choose another name; nothing was changed.")
NO_EVENT = code("agreement.no-event", "there is no event at this position", "See copperline tail for positions.")

as_option = click.option("--as", "by", required=True, help="Who you are; somebody else than who prepared it.")


@click.group()
def agreements() -> None:
    """Who may receive what: read them, try them, put them into force."""


@agreements.command("list")
@site_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """Every agreement: whether anything leaves through it now, and why not."""
    with reading(folder) as (here, opened):
        owed = opened.deletions.owed()
        rows = [_row(one) | _undeleted(one, owed) for one in agreed.Agreed(here.agreements, opened).look()]
    if as_json:
        show(rows)
        return
    heads = ("agreement", "state", "digest", "recipient", "until", "approved_by", "undeleted")
    table([[row[head] for head in heads] for row in rows], *heads)
    for row in rows:
        if row["problem"]:
            click.echo(f"{row['agreement']}: {row['problem']['rule']}\nWhat to do: {row['problem']['remedy']}", err=True)


def _undeleted(one: agreed.Standing, owed: Mapping[tuple[str, str], Owed]) -> dict[str, int]:
    """What the agreement's recipient was told to forget and has not said that it has deleted; of queues, since only their readers answer."""
    queues = [to.name for to in one.agreed.destinations if to.via == "bus"] if one.agreed else []
    return {"undeleted": sum(owed[one.name, to].open for to in queues if (one.name, to) in owed)}


def _row(one: agreed.Standing) -> dict[str, Any]:
    said, row, problem = one.agreed, one.row, one.problem
    state = problem.code.id.partition(".")[2] if problem else "in force"
    if said is not None and problem is None and not said.in_force(context.now()):
        state = "ended" if said.valid_to < context.now().date() else "not begun"
    return {
        "agreement": one.name,
        "state": state,
        "digest": row.digest if row else "-",
        "recipient": said.recipient if said else "-",
        "until": said.valid_to.isoformat() if said else "-",
        "approved_by": row.by if row and row.state == "approved" else "-",
        "problem": problem.as_dict() if problem else None,
    }


@agreements.command()
@click.argument("name")
@site_option
def new(name: str, folder: Path) -> None:
    """Write the beginnings of an agreement, with every key and what it is for."""
    here = site.open(folder)
    path = here.agreements / f"{name}.yaml"
    if not agreement.is_name(name):
        raise click.BadParameter("is a name of a-z, 0-9 and -, beginning with a letter", param_hint="NAME")
    if path.exists():
        raise Refused(Problem(EXISTS, where=path.name))
    path.write_text(template(name, here.settings.site))
    click.echo(f"wrote {path}")
    then(f"edit {path}", f"copperline agreements check {name}", f"copperline agreements preview {name}")


@agreements.command()
@click.argument("name", default="", metavar="[NAME]")
@site_option
@json_option
def check(name: str, folder: Path, as_json: bool) -> int:
    """Hold every agreement, or NAME, against the contracts; say what is wrong by file, line and field.

    All together, also what their queues may hold against broker_disk in site.yaml.
    """
    here = site.open(folder)
    problems = list(_problems(here, name))
    if as_json:
        show([problem.as_dict() for problem in problems])
    else:
        for problem in problems:
            click.echo(f"{problem.where}: {problem.path}: {problem.rule or problem.code.meaning} [{problem.code.id}]")
        click.echo(f"{len(problems)} problems" if problems else "nothing is wrong", err=True)
        if not problems:
            then(f"copperline agreements preview {name or 'NAME'}", f"copperline agreements approve {name or 'NAME'} --as WHO --reason TEXT")
    return PROBLEMS if problems else OK


def _problems(here: Site, name: str) -> Iterator[Problem]:
    read: list[Agreement] = []
    for path in [_path(here, name)] if name else sorted(here.agreements.glob("*.yaml")):
        try:
            read.append(agreement.load(path))
        except Refused as e:
            yield from e.problems
    if not name:
        yield from room.problems(here, read, topology.publishers(here))


@agreements.command()
@click.argument("name")
@click.argument("position", type=NUMBER, required=False)
@site_option
@json_option
def explain(name: str, position: int | None, folder: Path, as_json: bool) -> None:
    """What an agreement says, as an entry of a register; or what becomes of the event at a journal POSITION, and why."""
    here = site.open(folder)
    said = agreement.load(_path(here, name))
    if position is None:
        found = agreement.entry(said)
        show(found) if as_json else _print(found)
        return
    with reading(folder) as (_, opened):
        verdict = _verdict(here, opened, said, position)
    if as_json:
        show(verdict)
        return
    click.echo(f"{verdict['topic']}: {verdict['verdict']}")
    _print(verdict.get("data") or verdict.get("problem") or {})


def _verdict(here: Site, opened: Store, said: Agreement, position: int) -> dict[str, Any]:
    """What becomes of one event under the wording in the file; values masked."""
    rows = opened.deliveries.events([position])
    if not rows:
        raise Refused(Problem(NO_EVENT))
    made = agreement.compile(said, site.keys(here)).project(rows[0])
    if isinstance(made, Projected):
        return {"position": position, "topic": made.topic, "verdict": "leaves", "fields": list(made.fields), "data": masked(made.data)}
    return {"position": position, "topic": rows[0].topic, "verdict": "stays here", "problem": Problem(made.code).as_dict()}


@agreements.command()
@click.argument("name")
@click.option("--from", "after", type=NUMBER, default=0, help="Only what comes after this journal position.")
@click.option("--limit", type=NUMBER, default=5, help="Show so many events; all are counted.")
@site_option
@json_option
def preview(name: str, after: int, limit: int, folder: Path, as_json: bool) -> None:
    """What the consumer of an agreement would have received of everything that is in the journal; values masked.

    It looks at the file as it stands, approved or not.  Nothing is sent and nothing is recorded.
    """
    counts: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    with reading(folder) as (here, opened):
        projector = agreement.compile(agreement.load(_path(here, name)), site.keys(here))
        for out in events(opened, after):
            made = projector.project(out)
            if isinstance(made, Projected):
                counts["would leave"] += 1
                if len(shown) < limit:
                    shown.append({"position": out.position, "topic": made.topic, "data": masked(made.data)})
            else:
                counts[made.code.id] += 1
    if as_json:
        show({"counts": counts, "events": shown})
        return
    for one in shown:
        click.echo(f"-- {one['topic']} at {one['position']}")
        _print(one["data"])
    table(sorted(counts.items()), "what would become of it", "events")
    then(f"copperline agreements explain {name} POSITION", f"copperline agreements approve {name} --as WHO --reason TEXT")


@agreements.command()
@click.option("--vhost", default="/", help="The virtual host they are for.")
@site_option
@json_option
def logins(vhost: str, folder: Path, as_json: bool) -> None:
    """What gives the consumers' log-ins their rights on RabbitMQ: to read their own queues, and nothing else.

    With --json: as RabbitMQ's definitions.  Passwords are the broker's; none stands in an agreement.
    """
    found = agreement.load_all(site.open(folder).agreements)
    if as_json:
        show(consumers.definitions(found, vhost))
        return
    for each in consumers.rights(found):
        for command in each.commands(vhost):
            click.echo(command)


@agreements.command()
@click.argument("name")
@as_option
@site_option
@json_option
@reason_option
@yes_option
def approve(name: str, by: str, folder: Path, as_json: bool, reason: str, yes: bool) -> None:
    """Put what stands in the file of an agreement into force: the second person's act, recorded with its digest.

    It takes effect in a running gateway at once.  After any change to the file nothing leaves until it is approved again.
    """
    because = why(reason)
    said = agreement.load(_path(site.open(folder), name))
    if not yes and sys.stdin.isatty():
        _print(agreement.entry(said))
        click.confirm("Put this into force?", abort=True, err=True)
    done = hand_over(folder, "agreement", {"act": "approve", "agreement": name, "digest": said.digest}, by=by, reason=because)
    if as_json:
        show(done)
        return
    click.echo(f"{name} is in force as {done['digest']}")
    then("copperline topology apply" if any(to.via == "bus" for to in said.destinations) else "copperline status")


@agreements.command()
@click.argument("name")
@click.option("--as", "by", default="", help="Who you are; your user name, if not given.")
@site_option
@json_option
@reason_option
def suspend(name: str, by: str, folder: Path, as_json: bool, reason: str) -> None:
    """Stop an agreement at once: nothing more leaves, and its queues are emptied.  One person is enough; going on needs an approval.

    What a queue still held has to be sent again afterwards: copperline replay --agreement NAME --from DAY.
    """
    because = why(reason)
    done = hand_over(folder, "agreement", {"act": "suspend", "agreement": name}, by=by, reason=because)
    emptied = _emptied(folder, name, by=by, reason=because)
    if as_json:
        show({**done, "emptied": emptied})
        return
    click.echo(f"{name} is suspended" + "".join(f"; {count} messages of {queue} were taken away" for queue, count in emptied.items()))
    then(f"copperline agreements approve {name} --as WHO --reason TEXT, once the cause is mended")


def _emptied(folder: Path, name: str, *, by: str, reason: str) -> dict[str, int]:
    """Empty the agreement's queues; what took something back among what they held is sent once more."""
    here = site.open(folder)
    with reading(folder) as (_, opened):
        said = next(one.agreed for one in agreed.Agreed(here.agreements, opened).look() if one.name == name)
    queues = {to.name: agreement.exchange(name, to.name) for to in said.destinations if to.via == "bus"} if said else {}
    if here.settings.broker is None or not queues:
        return {}
    from gateway.bus import admin  # pika: a command that asks no broker does not pay for it

    with admin.connect(here.settings.broker.resolve()) as broker:
        counts = {queue: broker.empty(queue) for queue in queues.values()}
    for to, queue in queues.items():
        body = {"agreement": name, "destination": to, "messages": counts[queue]}
        hand_over(folder, "retell", body, by=by, reason=reason)
    return counts


def _path(here: Site, name: str) -> Path:
    path = here.agreements / f"{name}.yaml"
    if "/" in name or not path.is_file():
        raise Refused(Problem(agreed.MISSING, rule=f"there is no agreements/{name}.yaml"))
    return path


def _print(value: Any, indent: str = "") -> None:
    """Keys and values, a line each."""
    for key, item in value.items():
        if isinstance(item, dict):
            click.echo(f"{indent}{key}:")
            _print(item, indent + "  ")
        else:
            click.echo(f"{indent}{key}: {', '.join(map(str, item)) if isinstance(item, list) else item}")
