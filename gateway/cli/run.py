"""`run`: the gateway itself, until it is told to stop, or once through everything that is there."""

from __future__ import annotations

import ctypes
import gc
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

import gateway
from gateway import acts, mark, registry, site, standing, store, telemetry
from gateway.adapter import Log
from gateway.cli import NOT_REACHED, OK, REFUSED
from gateway.cli.common import json_option, progress, site_option, table, then
from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.figures import CLOSED, PAIRS, RECORDS
from gateway.runner import Runner
from gateway.schedule import duration

_ARENA_MAX = -8
"""How glibc calls the number of its heaps: M_ARENA_MAX in malloc.h."""

NO_API = code(
    "api.not-installed",
    "site.yaml asks for the REST facade, and its packages are not installed",
    "Install them with: pip install 'copperline[api]'; or set api: off.",
)


@click.command()
@click.option("--once", is_flag=True, help="Read what is there, deliver it, print the figures, and stop.")
@click.option("--timeout", default="30s", help="With --once: stop when nothing has moved for so long.")
@site_option
@json_option
def run(once: bool, timeout: str, folder: Path, as_json: bool) -> int:
    """Run the gateway of a site.  SIGTERM lets what is under way finish.

    With --once the last line of standard output is, with --json, one object: read, accepted, unchanged, late and
    quarantined are the records of this run, and read is always the sum of the other four.  delivered, parked, withheld,
    expired and in_progress are (event, destination) pairs of the agreements' topics that were not settled when the run
    began or came up in it; each pair is in exactly one of the five.  systems repeats all of these for each system.
    """
    patience = _patience(timeout)
    clashes = registry.clashes()
    if clashes:
        raise Refused(*clashes)
    here = site.open(folder)
    keys = site.keys(here)
    share_one_heap()
    stop = _stopped_by_signals()
    telemetry.start()
    threading.excepthook = lambda said: telemetry.log().error("thread failed", exc_info=said.exc_value)
    log = telemetry.log(site=here.settings.site)
    metrics = telemetry.Metrics()
    metrics.set("copperline_build_info", 1, version=gateway.__version__)
    with site.hold(here):
        opened = store.open(here.store_url(), keys)
        kept = mark.Mark(here.var)
        try:
            kept.check(opened)
            runner = Runner(here, opened, keys, log=log, metrics=metrics, stop=stop)
            runner.start()
            spare_the_collector()
            log.info("gateway started", version=gateway.__version__, systems=sorted(runner.lines))
            try:
                done = _once(runner, patience, as_json=as_json) if once else _on(runner, _world(runner, keys), kept, log)
                kept.write(opened)
                return done
            finally:
                runner.close()
                log.info("gateway stopped")
        finally:
            opened.close()


def _world(runner: Runner, keys: Keys) -> acts.World:
    outbound = runner.outbound
    return acts.World(runner.site, runner.store, keys, runner.refresh, outbound.wake, runner.reconcile, outbound.look)


def share_one_heap() -> None:
    """What one thread allocates another one frees, so heaps of their own would mostly hold what is free: a fifth of the memory.

    For the process that runs the gateway, before its threads begin; where the C library knows no heaps there is nothing to do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


def spare_the_collector() -> None:
    """What is loaded by now stays; and a batch turns its records into bytes at once, so there is little to find."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _on(runner: Runner, world: acts.World, kept: mark.Mark, log: Log) -> int:
    page = standing.Page(runner.site.var)

    def told() -> None:
        page.write(runner)
        kept.write_when_due(runner.store)

    with _facade(runner, world.keys, log):
        try:
            runner.run(lambda: acts.pending(world), told)
        finally:
            page.clear()
    return OK


@contextmanager
def _facade(runner: Runner, keys: Keys, log: Log) -> Iterator[None]:
    """The REST facade beside the loops, unless site.yaml has it off."""
    api = runner.site.settings.api
    if api is None:
        yield
        return
    try:
        from gateway.api.serving import serve  # a third of a second that no other command pays
    except ImportError as e:
        if api.given:
            raise Refused(Problem(NO_API, rule=f"{e.name} is missing")) from e
        yield
        return
    server, key = serve(runner, api, keys, log)
    if key:
        click.echo(f"REST facade on http://{api.host}:{server.port}, for this machine; this run's key: {key}")
    try:
        yield
    finally:
        server.stop()


def _once(runner: Runner, patience: timedelta, *, as_json: bool) -> int:
    figures = runner.once(patience, progress("records")).as_dict()
    waits = runner.waits
    problems = {**runner.problems(), **({"intake": waits} if waits is not None else {})}
    unanswered = runner.unanswered()
    for name, problem in (unanswered | problems).items():
        click.echo(f"{name}: {problem}\nWhat to do: {problem.code.remedy}", err=True)
    for name, events in runner.outbound.closed().items():
        click.echo(f"{name}: {Problem(CLOSED, rule=f'{CLOSED.meaning}; {events} events')}\nWhat to do: {CLOSED.remedy}", err=True)
    for name, said in runner.outbound.standing().items() if figures["in_progress"] else ():
        if waited := said["problem"]:
            click.echo(f"{name}: {waited['code']}: {waited['rule']}\nWhat to do: {waited['remedy']}", err=True)
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        _shown(figures)
        then("copperline status", "copperline tail")
    if problems:
        return REFUSED
    return NOT_REACHED if figures["in_progress"] or unanswered else OK


def _shown(figures: dict[str, Any]) -> None:
    keys = (*RECORDS, *PAIRS)
    rows = [[name, *(each[key] for key in keys)] for name, each in figures["systems"].items()]
    table([*rows, ["all", *(figures[key] for key in keys)]], "system", *keys)


def _patience(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint="--timeout") from e


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
