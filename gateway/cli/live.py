"""Systems as they are at this moment, for commands that look before anything runs: nothing is journalled or changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from gateway import context, reconcile, samples, site, system
from gateway.adapter import Context
from gateway.errors import Halt, Problem, Refused, Retry
from gateway.site import Site


def probed(here: Site, name: str) -> Iterator[Problem]:
    """What is amiss with the systems behind the feeds of one folder, each problem with its feed."""
    lent = _lent(here)
    for feed in system.load(here, name).feeds.values():
        for problem in _probed(feed, lent):
            place = f"systems/{name}: feed {feed.name}" + (f", {problem.where}" if problem.where else "")
            yield Problem(problem.code, problem.path, place, problem.rule)


def previews(here: Site, loaded: system.System, name: str, limit: int) -> Iterator[samples.Preview]:
    """The first records of a feed, or of the first that can be asked, as its system holds them now."""
    able = [feed for feed in loaded.feeds.values() if name in ("", feed.name) and feed.adapter.survey is not None and not feed.sink]
    if not able:
        raise Refused(Problem(reconcile.NOT_OFFERED, rule="without a FILE the adapter must be able to say what its system holds"))
    survey = reconcile.opened(able[0], _lent(here), "")
    try:
        cursor, more = "", True
        while more:
            batch = survey.read(cursor, limit)
            yield from (samples.preview(able[0], record) for record in batch.records)
            cursor, more = batch.cursor, batch.more
    finally:
        survey.close()


def _probed(feed: system.Feed, lent: Context) -> list[Problem]:
    if feed.adapter.probe is None:
        return []
    try:
        return list(feed.adapter.probe(feed.settings, lent))
    except (Retry, Halt) as e:
        return [e.problem]
    except Refused as e:
        return list(e.problems)


def _lent(here: Site) -> Context:
    return context.build(here, site.keys(here), context.Quiet(), threading.Event())
