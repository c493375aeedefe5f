"""`mock`: a developer is done before the first real event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway import agreement, context, site, topology
from gateway import mock as story
from gateway.agreement import Agreement, Projected, exchange
from gateway.cli.common import json_option, show, site_option, table, then
from gateway.errors import Problem, Refused, code
from gateway.mock import Case

LIVE = code(
    "mock.live",
    "this is the broker of the site: its consumers would take invented events for real ones",
    "Start a RabbitMQ of your own and name it: --broker amqp://127.0.0.1.",
)
NO_QUEUE = code(
    "mock.no-queue",
    "the agreement has no destination on a bus",
    "Give it one, via: bus; or print the events instead: leave --broker out.",
)
NOTHING = code(
    "mock.nothing",
    "the agreement lets none of the invented events leave",
    "See what it selects and which fields it names: copperline docs agreements.",
)


@click.command()
@click.option("--agreement", "named", required=True, help="An agreement of the site, or the file of one.")
@click.option("--seed", type=int, default=7, help="Another seed is another story; the same one gives the same ids.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=40, help="How many records the story is about.")
@click.option("--broker", default="", help="Where to publish: amqp://user:password@host/vhost; never the site's own.")
@site_option
@json_option
def mock(named: str, seed: int, count: int, broker: str, folder: Path, as_json: bool) -> None:
    """Publish invented events as an agreement would give them, to a broker of your own.

    Among them are duplicates, late ones, a replay, a correction, a withdrawal, a removal, an exercise,
    one that has expired, an unknown field and an old major version.  Without --broker they are printed,
    one JSON a line.  Exchange, queue and bindings are made where they are missing.
    """
    terms, now = agreement.load(_file(folder, named)), context.now()
    events = {
        one.name: list(story.Mock(terms, seed=seed, now=now, format=one.format).events(count))
        for one in terms.destinations
    }
    if not all(events.values()):
        raise Refused(Problem(NOTHING))
    if not broker:
        for _, event in events[terms.destinations[0].name]:
            click.echo(event.body)
        return
    _refuse_live(folder, broker)
    told = _published(terms, broker, events)
    if as_json:
        show({"queues": _queues(terms), "published": told})
        return
    table(
        [[case, number or "not bound: the agreement's topics leave it out"] for case, number in told.items()],
        "case",
        "events",
    )
    then(f"read the queue {_queues(terms)[0]}")


def _file(folder: Path, named: str) -> Path:
    given = Path(named)
    return given if given.suffix == ".yaml" else site.open(folder).agreements / f"{named}.yaml"


def _refuse_live(folder: Path, broker: str) -> None:
    """Refuse the site's own broker, where there is a site."""
    if not (folder / "site.yaml").is_file():
        return
    here = site.open(folder)
    if here.settings.broker is not None and _place(here.settings.broker.resolve()) == _place(broker):
        raise Refused(Problem(LIVE))


def _place(url: str) -> tuple[str | None, int, str]:
    at = urlsplit(url)
    return at.hostname, at.port or (5671 if at.scheme == "amqps" else 5672), at.path.strip("/") or "%2F"


def _queues(terms: Agreement) -> list[str]:
    return [exchange(terms.name, one.name) for one in terms.destinations if one.via == "bus"]


def _published(terms: Agreement, broker: str, events: Mapping[str, Sequence[tuple[Case, Projected]]]) -> Counter[Case]:
    """Publish to each queue its own; how many of each case were routed, 0 where the agreement has not asked for them."""
    from gateway.bus import admin

    if not _queues(terms):
        raise Refused(Problem(NO_QUEUE))
    topology.apply((terms,), broker)
    told: Counter[Case] = Counter()
    with admin.connect(broker) as opened:
        for one in terms.destinations:
            if one.via == "bus":
                answers = opened.publish(exchange(terms.name, one.name), (event for _, event in events[one.name]))
                for (case, _), routed in zip(events[one.name], answers, strict=True):
                    told[case] += routed
    return told
