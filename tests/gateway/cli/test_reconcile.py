"""`reconcile`, as a person types it."""

import threading

import pytest

from gateway import acts, site, store
from gateway.context import Quiet
from gateway.errors import Code, Problem, Retry
from gateway.runner import Runner
from gateway.telemetry import Metrics
from tests.gateway import tabled


@pytest.fixture
def table(riverton, monkeypatch):
    tabled.install(monkeypatch)
    return tabled.system(riverton, "old")


def test_a_dry_run_shows_what_a_run_then_mends(table, copperline):
    for number in range(12):
        table.put(f"C{number:02}", "CANARY")
    copperline("run", "--once", "--json")
    table.put("C99", "CANARY late", day="2026-03-04", unseen=True)
    table.delete("C03", unseen=True)
    size = copperline("status", "--json").json["ledger"]
    dry = copperline("reconcile", "old", "--dry-run", code=1)
    assert "calls: 2026-03-04: 1 there, 0 here" in dry.out
    assert "copperline reconcile old" in dry.err
    assert copperline("status", "--json").json["ledger"] == size
    done = copperline("reconcile", "old", "calls", "--json")
    assert done.json["calls"]["state"] == "mended"
    assert (done.json["calls"]["journalled"], done.json["calls"]["removed"]) == (1, 1)
    assert copperline("reconcile", "old", "--json").json["calls"]["state"] == "agreed"
    assert "CANARY" not in dry.out + dry.err + done.out
    assert copperline("run", "--once", "--json").json["delivered"] == 2
    (last,) = next(row for row in copperline("status", "--json").json["systems"] if row["system"] == "old")["reconciled"]
    assert (last["feed"], last["state"], last["problem"]) == ("calls", "agreed", None)


def test_many_removals_need_a_person_with_a_reason_and_show_in_the_status_until_then(table, copperline):
    for number in range(100):
        table.put(f"C{number:02}")
    copperline("run", "--once")
    table.rows.clear()
    said = copperline("reconcile", "old", code=1)
    assert "reconcile.many-gone" in said.err
    assert "old/calls: reconciliation differs: reconcile.many-gone" in copperline("status").err
    assert "command.no-reason" in copperline("reconcile", "old", "--removals", code=3).err
    assert copperline("reconcile", "old", "--removals", "--reason", "the table was archived", "--json").json["calls"]["removed"] == 100
    assert "reconcile.many-gone" not in copperline("status").err


def test_what_cannot_be_reconciled_says_why(table, copperline):
    table.put("C1")
    assert "reconcile.not-offered" in copperline("reconcile", "cad", code=3).err
    assert "reconcile.not-yet-read" in copperline("reconcile", "old", "--dry-run", code=3).err
    assert "is none of calls" in copperline("reconcile", "old", "units", code=2).err
    copperline("run", "--once")
    table.fails.append(Retry(Problem(Code("test.away", "the system does not answer", "Wait."))))
    assert "test.away" in copperline("reconcile", "old", code=4).err


def test_a_running_gateway_is_asked_and_what_it_found_is_waited_for(table, riverton, copperline):
    for number in range(12):
        table.put(f"C{number:02}")
    copperline("run", "--once")
    table.put("C99", unseen=True)
    here = site.open(riverton)
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    its = acts.World(here, opened, site.keys(here), runner.refresh, lambda: None, runner.reconcile)
    with site.hold(here):
        runner.start()
        thread = threading.Thread(target=runner.run, args=(lambda: acts.pending(its), lambda: None))
        thread.start()
        try:
            assert copperline("reconcile", "old", "--dry-run", "--json", code=1).json["calls"]["missing"] == 1
            assert copperline("reconcile", "old", "--json").json["calls"]["state"] == "mended"
            assert copperline("reconcile", "old", "--json").json["calls"]["state"] == "agreed"
            table.fails.append(Retry(Problem(Code("test.away", "the system does not answer", "Wait."))))
            failed = copperline("reconcile", "old", "--json", code=1).json["calls"]
            assert (failed["state"], failed["problem"]["code"]) == ("failed", "test.away")
            copperline("systems", "pause", "old", "--reason", "its server moves")
            assert "reconcile.not-asked" in copperline("reconcile", "old", code=3).err
        finally:
            runner.stop.set()
            thread.join()
            runner.close()
            opened.close()
