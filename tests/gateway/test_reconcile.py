"""What a watermark misses is found: late rows, restored ones, deleted ones; and nothing is removed that is there."""

import json
import random
import threading
import time
from datetime import timedelta

import pytest

from gateway import acts, site, store, system, workers
from gateway.context import Quiet
from gateway.errors import Code, Halt, Problem, Refused, Retry
from gateway.reconcile import Asked
from gateway.reconcile.days import Days
from gateway.runner import Runner
from gateway.telemetry import Metrics
from tests.gateway import scripted, tabled

AWAY = Code("test.away", "the system does not answer", "Wait.")
SOON = timedelta(seconds=10)


@pytest.fixture(params=["sqlite", "postgres"])
def here(request, tmp_path, monkeypatch):
    """A site on either database, with one legacy table."""
    tabled.install(monkeypatch)
    made = scripted.new_site(tmp_path / "riverton")
    if request.param == "postgres":
        monkeypatch.setenv("TABLED_STORE", request.getfixturevalue("postgres").database())
        with (made.root / "site.yaml").open("a") as settings:
            settings.write("store: {url_from: env:TABLED_STORE}\n")
    return site.open(made.root)


@pytest.fixture
def opened(here):
    opened = store.open(here.store_url(), site.keys(here))
    yield opened
    assert opened.ledger.verify() == []
    opened.close()


@pytest.fixture
def table(here):
    return tabled.system(here.root, "cad")


def pull(here, opened):
    """What the gateway does all day: read what the watermark shows, deliver it."""
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    try:
        return runner.once(SOON, lambda _: None).as_dict()
    finally:
        runner.close()


def reconcile(here, opened, **body):
    world = acts.World(here, opened, site.keys(here))
    said = acts.carry_out(world, "reconcile", {"system": "cad", "feed": "calls", **body}, by="me", reason="a test")
    return said["state"], said["found"]


def journalled(opened, table):
    """What the journal says of every key that was ever there: its text, None where it is removed or not known."""
    found = {}
    for key in {*table.rows, *(record.key for record in table.log)}:
        position = opened.journal.locate("cad", "call", key)
        row = opened.journal.record(position) if position else None
        found[key] = json.loads(opened.journal.original(position))["text"] if row and row.change == "put" else None
    return {key: text for key, text in found.items() if text is not None}


def truth(table):
    return {key: row[0] for key, row in table.rows.items()}


def test_what_is_the_same_on_both_sides_agrees_and_leaves_one_leaf(here, opened, table):
    for number in range(30):
        table.put(f"C{number:02}", day=f"2026-03-{1 + number % 3:02}")
    pull(here, opened)
    before = opened.ledger.size()
    state, found = reconcile(here, opened)
    assert state == "agreed"
    assert (found["theirs"], found["ours"], found["days"], found["days_differing"]) == (30, 30, 3, 0)
    assert found["digest_theirs"] == found["digest_ours"]
    leaf = opened.ledger.leaf(before)
    assert opened.ledger.size() == before + 1
    assert (leaf.kind, json.loads(leaf.body)["theirs"]) == ("reconciled", 30)
    assert opened.census.last(1).state == "agreed"


def test_a_late_row_a_changed_row_and_a_deleted_row_are_mended_and_then_both_sides_agree(here, opened, table):
    for number in range(20):
        table.put(f"C{number:02}")
    pull(here, opened)
    table.put("C99", "committed late", unseen=True)
    table.put("C03", "changed by hand", day="2026-03-02", unseen=True)
    table.delete("C07", unseen=True)
    state, found = reconcile(here, opened)
    assert state == "mended"
    assert (found["missing"], found["differing"], found["gone"]) == (1, 1, 1)
    assert (found["journalled"], found["removed"]) == (2, 1)
    assert found["unequal_days"] == [{"day": "2026-03-01", "theirs": 19, "ours": 19}, {"day": "2026-03-02", "theirs": 1, "ours": 1}]
    assert journalled(opened, table) == truth(table)
    removed = opened.journal.record(opened.journal.locate("cad", "call", "C07"))
    assert (removed.change, removed.topic.split(".")[3]) == ("remove", "removed")
    assert reconcile(here, opened)[0] == "agreed"


def test_a_restored_backup_says_an_old_version_again_and_is_believed(here, opened, table):
    table.put("C1", "as it was", version="v1")
    pull(here, opened)
    table.put("C1", "as it became", version="v2")
    pull(here, opened)
    table.put("C1", "as it was", version="v1", unseen=True)
    assert reconcile(here, opened)[0] == "mended"
    assert journalled(opened, table) == {"C1": "as it was"}
    assert reconcile(here, opened)[0] == "agreed"


def test_a_row_that_comes_back_after_its_removal_is_journalled_again(here, opened, table):
    table.put("C1")
    pull(here, opened)
    table.delete("C1")
    pull(here, opened)
    table.put("C1", "again", unseen=True)
    assert reconcile(here, opened)[1]["missing"] == 1
    assert journalled(opened, table) == {"C1": "again"}


def test_a_row_that_the_survey_passed_by_is_asked_for_before_it_is_called_gone(here, opened, table):
    for number in range(9):
        table.put(f"C{number}")
    pull(here, opened)
    table.hidden |= {"C3", "C4"}
    table.put("C4", "changed as it moved", unseen=True)
    state, found = reconcile(here, opened)
    assert (state, found["gone"], found["differing"]) == ("mended", 0, 1)
    assert journalled(opened, table) == truth(table)


def test_an_emptied_table_removes_nothing_until_a_person_says_so(here, opened, table):
    for number in range(200):
        table.put(f"C{number:03}")
    pull(here, opened)
    for number in range(10, 200):
        table.delete(f"C{number:03}", unseen=True)
    state, found = reconcile(here, opened)
    assert (state, found["gone"], found["removed"]) == ("differs", 190, 0)
    assert found["problem"]["code"] == "reconcile.many-gone"
    assert len(journalled(opened, table)) == 200
    assert reconcile(here, opened, removals=True)[1]["removed"] == 190
    assert journalled(opened, table) == truth(table)


def test_what_was_erased_here_does_not_come_back(here, opened, table):
    table.put("C1", "erased")
    table.put("C2")
    pull(here, opened)
    opened.erase.erase([opened.journal.locate("cad", "call", "C1")], by="me", reason="a court said so")
    table.put("C1", "erased, and changed since", unseen=True)
    state, found = reconcile(here, opened)
    assert (state, found["theirs"]) == ("agreed", 1)
    assert opened.journal.record(opened.journal.locate("cad", "call", "C1")).erased


def test_only_the_days_that_are_asked_for_are_looked_at(here, opened, table):
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 24 * 3600))
    table.put("OLD", day="2020-01-01")
    table.put("NEW", day=today)
    pull(here, opened)
    (here.root / "systems" / "cad" / "system.yaml").write_text(
        tabled.SYSTEM.format(name="cad", reconcile='reconcile: {at: ["03:30"], days: 35}')
    )
    table.delete("OLD", unseen=True)
    assert reconcile(here, opened)[0] == "agreed"
    table.delete("NEW", unseen=True)
    assert reconcile(here, opened)[1]["removed"] == 1
    assert set(journalled(opened, table)) == {"OLD"}


def test_a_row_that_cannot_be_read_is_quarantined_once_and_counted_the_same_after(here, opened, table):
    table.put("C1")
    pull(here, opened)
    table.put("C2", "unreadable", unseen=True)
    assert reconcile(here, opened)[1]["journalled"] == 1
    assert len(opened.quarantine.entries()) == 1
    assert reconcile(here, opened)[0] == "agreed"


def test_a_system_that_does_not_answer_fails_the_run_and_changes_nothing(here, opened, table):
    table.put("C1")
    pull(here, opened)
    table.delete("C1", unseen=True)
    table.fails.append(Retry(Problem(AWAY)))
    with pytest.raises(Retry):
        reconcile(here, opened)
    assert set(journalled(opened, table)) == {"C1"}
    assert table.closed == 1


def test_a_system_that_asks_for_time_is_given_it_and_the_run_goes_on(here, opened, table):
    for number in range(20):
        table.put(f"C{number:02}")
    pull(here, opened)
    table.put("C99", unseen=True)
    table.delete("C03", unseen=True)
    # Three looks at the table, the read of what is missing, the question for what is gone, and the removal: each put off once.
    table.fails += [Retry(Problem(AWAY), after=timedelta(milliseconds=20)), None] * 6
    assert reconcile(here, opened)[0] == "mended"
    assert table.fails == []
    assert journalled(opened, table) == truth(table)


def test_a_feed_that_was_never_read_is_not_compared(here, opened, table):
    opened.systems.set("cad", "running", by="me", reason="a test")
    with pytest.raises(Refused, match=r"reconcile\.not-yet-read"):
        reconcile(here, opened)


def test_a_system_that_is_paused_is_not_asked(here, opened, table):
    table.put("C1")
    pull(here, opened)
    opened.systems.set("cad", "paused", by="me", reason="a test")
    with pytest.raises(Refused, match=r"reconcile\.not-asked"):
        reconcile(here, opened)
    assert table.looks == 0


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_watermark_missed_the_journal_holds_the_truth_afterwards(here, opened, table, seed):
    chance = random.Random(seed)
    for _ in range(4):
        for _ in range(chance.randrange(30)):
            key, unseen = f"C{chance.randrange(25):02}", chance.random() < 0.4
            if key in table.rows and chance.random() < 0.35:
                table.delete(key, unseen=unseen)
            else:
                table.put(key, f"text {chance.randrange(4)}", f"2026-03-{chance.randrange(1, 5):02}", unseen=unseen)
        pull(here, opened)
        if table.log:
            reconcile(here, opened, removals=True)
            assert journalled(opened, table) == truth(table)
            assert reconcile(here, opened)[0] == "agreed"


def test_the_digest_of_a_day_does_not_depend_on_the_order_but_on_every_record():
    one, other = Days(), Days()
    rows = [(bytes([number]) * 16, bytes([number]) * 16) for number in range(9)]
    for name, contents in rows:
        one["a"].theirs.add(name, contents)
    for name, contents in reversed(rows):
        other["a"].theirs.add(name, contents)
    assert one.as_dict()["digest_theirs"] == other.as_dict()["digest_theirs"]
    other["a"].theirs.add(*rows[0])
    assert one.as_dict()["digest_theirs"] != other.as_dict()["digest_theirs"]


# In a running gateway


@pytest.fixture
def running(here, opened, table):
    """A gateway that runs in a thread, its table read once; `begin` starts it."""
    stop = threading.Event()
    begun = []

    def begin():
        runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=stop)
        thread = threading.Thread(target=runner.run, args=(lambda: None, lambda: None), daemon=True)
        begun.append((runner, thread))
        runner.start()
        thread.start()
        until(lambda: runner.lines["cad"].loops["calls"].read_once)
        return runner

    yield begin
    stop.set()
    for runner, thread in begun:
        thread.join(10)
        runner.close()


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_running_gateway_reconciles_when_it_is_asked(opened, table, running):
    for number in range(20):
        table.put(f"C{number:02}")
    runner = running()
    table.put("C99", unseen=True)
    runner.reconcile("cad", "calls", Asked(by="me", reason="a test"))
    until(lambda: opened.census.last(1) is not None)
    assert opened.census.last(1).state == "mended"
    assert journalled(opened, table) == truth(table)


def test_a_running_gateway_reconciles_on_its_schedule_and_says_when_it_fails(here, opened, table, running):
    (here.root / "systems" / "cad" / "system.yaml").write_text(
        tabled.SYSTEM.format(name="cad", reconcile='reconcile: {at: ["03:30"]}')
    )
    table.put("C1")
    runner = running()
    audit = runner.lines["cad"].loops["calls"].audit
    assert timedelta(0) < audit.due - runner._around.context.clock() <= timedelta(days=1)
    table.delete("C1", unseen=True)
    table.fails += [Halt(Problem(AWAY))]
    audit.due = runner._around.context.clock()
    until(lambda: opened.census.last(1) is not None and not audit.busy)  # it has chosen when to try again
    failed = opened.census.last(1)
    assert (failed.state, failed.result["problem"]["code"]) == ("failed", "test.away")
    assert runner.lines["cad"].state == "running"
    audit.due = runner._around.context.clock()
    until(lambda: opened.census.last(1).state == "mended")
    assert journalled(opened, table) == {}


def test_a_source_that_lost_track_of_something_is_reconciled_at_once(opened, table, running):
    table.put("C1")
    runner = running()
    table.put("C2", unseen=True)
    table.lost = True
    loop = runner.lines["cad"].loops["calls"]
    loop.due = runner._around.context.clock()
    until(lambda: opened.census.last(1) is not None)
    assert opened.census.last(1).state == "mended"
    assert journalled(opened, table) == truth(table)


def test_a_running_gateway_waits_as_long_as_the_system_asks(opened, table, running):
    table.put("C1")
    runner = running()
    table.put("C2", unseen=True)
    table.fails += [Retry(Problem(AWAY), after=timedelta(milliseconds=300))]
    runner.reconcile("cad", "calls", Asked())
    until(lambda: opened.census.last(1) is not None)
    assert opened.census.last(1).state == "mended"
    assert table.fails == []


def test_a_survey_that_never_comes_back_halts_its_system_which_a_person_can_resume(here, opened, table, running, monkeypatch):
    monkeypatch.setattr(workers.Workers.__init__, "__kwdefaults__", {"grace": timedelta(milliseconds=100)})
    path = here.root / "systems" / "cad" / "system.yaml"
    path.write_text(path.read_text().replace("deadline: 2s", "deadline: 200ms"))
    halt = opened.journal.halt
    monkeypatch.setattr(type(opened.journal), "halt", lambda _, *said: time.sleep(0.3) or halt(*said))
    table.put("C1")
    hang = threading.Event()
    runner = running()
    table.fails += [hang]
    runner.reconcile("cad", "calls", Asked(by="me", reason="a test"))
    until(lambda: runner.lines["cad"].state == "halted")
    assert runner.problems()["cad"].code.id == "system.silent"
    hang.set()
    world = acts.World(here, opened, site.keys(here), runner.refresh)
    acts.carry_out(world, "system", {"system": "cad", "act": "resume"}, by="me", reason="it answers again")
    until(lambda: runner.lines["cad"].state == "running")
    until(lambda: runner.lines["cad"].loops["calls"].read_once)
    table.put("C2", unseen=True)
    runner.reconcile("cad", "calls", Asked(by="me", reason="a test"))
    until(lambda: opened.census.last(1) is not None)
    assert opened.census.last(1).state == "mended"
    assert opened.journal.feed("cad", "calls").state == "running"


def test_reconciling_beside_a_feed_that_keeps_changing_never_brings_an_old_state_back(here, opened, table, running):
    """Pulls and mends take turns: after both are quiet, the journal says what the table says."""
    for number in range(30):
        table.put(f"C{number:02}")
    runner = running()
    loop = runner.lines["cad"].loops["calls"]
    for turn in range(60):
        table.put(f"C{turn % 30:02}", f"turn {turn}", unseen=turn % 3 == 0)
        if loop.audit.asked is None:
            runner.reconcile("cad", "calls", Asked())
        loop.due = runner._around.context.clock()
        runner._wake.set()
        time.sleep(0.005)
    until(lambda: not loop.audit.under_way and loop.audit.asked is None)
    loop.due = runner._around.context.clock()
    runner.reconcile("cad", "calls", Asked())
    until(lambda: not loop.audit.under_way and loop.audit.asked is None and journalled(opened, table) == truth(table))


def test_a_feed_whose_adapter_cannot_say_what_there_is_is_refused(here, opened, monkeypatch):
    scripted.install(monkeypatch)
    scripted.system(here.root, "plain", [scripted.record(1)])
    pull(here, opened)
    with pytest.raises(Refused, match=r"reconcile\.not-offered"):
        acts.carry_out(acts.World(here, opened, site.keys(here)), "reconcile", {"system": "plain", "feed": "calls"}, by="", reason="")
    folder = here.root / "systems" / "plain" / "system.yaml"
    folder.write_text(folder.read_text().replace("every: 1h", 'every: 1h\n    reconcile: {at: ["03:30"]}'))
    with pytest.raises(Refused, match=r"system\.wrong.*cannot say what its system holds"):
        system.load(here, "plain")
