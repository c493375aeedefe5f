"""Systems that fail, hang, come back late or are changed by people; the others never notice."""

import re
import threading
import time
from datetime import timedelta

import pytest

from gateway import acts, agreed, site, store, workers
from gateway.attempt import Attempt
from gateway.context import Quiet
from gateway.errors import Code, Halt, Problem, Retry
from gateway.runner import Runner
from gateway.telemetry import Metrics
from tests.gateway import scripted
from tests.gateway.scripted import record

AWAY = Code("test.away", "the system does not answer", "Wait.")
BROKEN = Code("test.broken", "the system is broken", "Mend it.")
SOON = timedelta(seconds=10)


@pytest.fixture
def here(tmp_path, monkeypatch):
    scripted.install(monkeypatch)
    return scripted.new_site(tmp_path / "riverton")


@pytest.fixture
def opened(here):
    opened = store.open(here.store_url(), site.keys(here))
    yield opened
    opened.close()


def runner_of(here, opened):
    for path in here.agreements.glob("*.yaml"):
        agreed.approve(here, opened, path.stem, "", by="B. Sample", reason="a test")
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    return runner


def once(here, opened, patience=SOON):
    runner = runner_of(here, opened)
    try:
        return runner.once(patience, lambda _: None).as_dict(), runner
    finally:
        runner.close()


def world(here, opened, runner=None):
    return acts.World(here, opened, site.keys(here), runner.refresh if runner else lambda _: None)


def change(here, opened, system, act, runner=None, **more):
    return acts.carry_out(world(here, opened, runner), "system", {"system": system, "act": act, **more}, by="me", reason="a test")


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_once_reads_everything_delivers_it_and_its_figures_add_up(here, opened):
    script = scripted.system(here.root, "cad", [record(1), record(2, text="")], [record(3)])
    figures, _ = once(here, opened)
    assert figures["read"] == 3
    assert (figures["accepted"], figures["quarantined"]) == (2, 1)
    assert (figures["delivered"], figures["in_progress"]) == (2, 0)
    assert figures["systems"]["cad"]["delivered"] == 2
    assert script.acknowledged[:2] == ["1", "2"]


def test_a_second_run_accepts_nothing_new(here, opened):
    scripted.system(here.root, "cad", [record(1)])
    once(here, opened)
    figures, _ = once(here, opened)
    assert (figures["read"], figures["accepted"], figures["delivered"]) == (0, 0, 0)


def test_a_system_that_halts_keeps_its_cursor_and_harms_nobody(here, opened):
    broken = scripted.system(here.root, "cad", [record(1)], Halt(Problem(BROKEN)), [record(2)])
    scripted.system(here.root, "rms", [record(3)])
    figures, runner = once(here, opened)
    assert figures["systems"]["cad"]["accepted"] == 1
    assert figures["systems"]["rms"]["accepted"] == 1
    assert runner.problems()["cad"].code is BROKEN
    reads = broken.reads
    once(here, opened)
    assert broken.reads == reads, "a halted system is not asked again"
    change(here, opened, "cad", "resume")
    figures, _ = once(here, opened)
    assert figures["systems"]["cad"]["accepted"] == 1


def test_a_plugin_that_raises_what_it_should_not_halts_only_its_system(here, opened):
    scripted.system(here.root, "cad", ZeroDivisionError("CANARY"))
    scripted.system(here.root, "rms", [record(3)])
    figures, runner = once(here, opened)
    assert figures["accepted"] == 1
    assert runner.problems()["cad"].code.id == "system.fault"
    assert "CANARY" not in str(runner.problems()["cad"])


def test_a_blip_is_tried_again_at_once(here, opened):
    scripted.system(here.root, "cad", Retry(Problem(AWAY)), [record(1)])
    figures, _ = once(here, opened)
    assert figures["accepted"] == 1


def test_a_system_that_says_when_is_asked_then(here, opened):
    scripted.system(here.root, "cad", Retry(Problem(AWAY), after=timedelta(milliseconds=200)), [record(1)])
    figures, runner = once(here, opened)
    assert figures["accepted"] == 1
    assert runner.lines["cad"].breaker.failures == 0


def test_a_system_that_says_to_come_back_much_later_is_shown_and_did_not_fail(here, opened):
    scripted.system(here.root, "cad", Retry(Problem(AWAY, where="https://cad.example"), after=timedelta(minutes=10)), [record(1)])
    figures, runner = once(here, opened)
    assert figures["accepted"] == 0
    problem = runner.unanswered()["cad"]
    assert problem.code is AWAY
    assert re.fullmatch(r"https://cad\.example, asked again at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", problem.where)
    assert runner.standing()["cad"]["problem"]["code"] == AWAY.id
    assert runner.lines["cad"].breaker.failures == 0


def test_a_call_that_never_comes_back_halts_its_system_and_the_others_go_on(here, opened, monkeypatch):
    monkeypatch.setattr(workers.Workers.__init__, "__kwdefaults__", {"grace": timedelta(milliseconds=100)})
    hang = threading.Event()
    scripted.system(here.root, "cad", lambda _: hang.wait() and None, [record(1)], deadline="200ms")
    scripted.system(here.root, "rms", [record(3)])
    figures, runner = once(here, opened)
    assert runner.problems()["cad"].code.id == "system.silent"
    assert figures["systems"]["rms"]["delivered"] == 1
    hang.set()
    time.sleep(0.1)
    assert opened.journal.feed("cad", "calls").cursor == ""
    assert opened.journal.feed("cad", "calls").state == "halted"


def test_a_feed_that_processes_died_in_is_read_while_no_other_is_and_before_the_others(here, opened):
    reads, under_way = [], set()

    def noting(name, step):
        def read(_):
            under_way.add(name)
            time.sleep(0.05)
            reads.append((name, frozenset(under_way)))
            under_way.discard(name)
            return step

        return read

    for name, number in (("a-sound", 1), ("cad", 2), ("rms", 3)):
        scripted.system(here.root, name, noting(name, [record(number)]), noting(name, [record(number + 10)]))
    for name in ("cad", "rms"):  # both were under way at two deaths
        marker = here.var / "attempt" / str(opened.journal.feed(name, "calls").id)
        Attempt(marker).begin("")
        Attempt(marker).begin("")
    figures, _ = once(here, opened)
    assert figures["accepted"] == 6
    assert [name for name, _ in reads[:4]] == ["cad", "cad", "rms", "rms"]
    assert all(beside == {name} for name, beside in reads[:4])


def test_a_folder_that_cannot_be_used_stops_its_system_only(here, opened):
    scripted.system(here.root, "cad", [record(1)])
    scripted.system(here.root, "rms", [record(3)])
    (here.systems / "cad" / "mappings" / "call.yaml").write_text("kind: call\nentity: nothing\n")
    figures, runner = once(here, opened)
    assert figures["accepted"] == 1
    assert runner.problems()["cad"].code.id == "system.broken"


def test_a_system_in_shadow_is_read_and_mapped_and_delivers_nothing_until_promoted(here, opened):
    script = scripted.system(here.root, "cad", [record(1)])
    change(here, opened, "cad", "shadow")
    figures, _ = once(here, opened)
    assert (figures["accepted"], figures["delivered"], figures["in_progress"]) == (1, 0, 0)
    change(here, opened, "cad", "promote")
    script.steps.append([record(2)])
    figures, _ = once(here, opened)
    assert (figures["accepted"], figures["delivered"]) == (1, 1)


@pytest.mark.parametrize("act", ["pause", "trip", "retire"])
def test_a_person_stops_one_system_of_a_running_gateway_and_no_other_restarts(here, opened, act):
    scripted.system(here.root, "cad", [record(1)])
    other = scripted.system(here.root, "rms", [record(3)])
    runner = runner_of(here, opened)
    thread = threading.Thread(target=runner.run, args=(lambda: None, lambda: None))
    thread.start()
    try:
        until(lambda: opened.journal.feed("rms", "calls").accepted == 1)
        line = runner.lines["rms"]
        change(here, opened, "cad", act, runner)
        until(lambda: runner.lines["cad"].state.startswith(act.rstrip("e")))
        assert runner.lines["rms"] is line
        assert other.closed == 0
    finally:
        runner.stop.set()
        thread.join()
        runner.close()


def test_whoever_sees_that_a_system_halted_can_resume_it(here, opened, monkeypatch):
    """The journal knows of a halt before a person can, however long it takes to write it down."""
    scripted.system(here.root, "cad", [record(1)], Halt(Problem(BROKEN)), [record(2)])
    halt = opened.journal.halt
    monkeypatch.setattr(type(opened.journal), "halt", lambda _, *said: time.sleep(0.3) or halt(*said))
    runner = runner_of(here, opened)
    thread = threading.Thread(target=runner.run, args=(lambda: None, lambda: None))
    thread.start()
    try:
        until(lambda: runner.lines["cad"].state == "halted")
        change(here, opened, "cad", "resume", runner)
        until(lambda: opened.journal.feed("cad", "calls").accepted == 2)
    finally:
        runner.stop.set()
        thread.join()
        runner.close()
    assert opened.journal.feed("cad", "calls").state == "running"


def test_a_request_left_for_the_gateway_is_carried_out_and_answered(here, opened):
    scripted.system(here.root, "cad", [record(1)])
    runner = runner_of(here, opened)
    its = world(here, opened, runner)
    thread = threading.Thread(target=runner.run, args=(lambda: acts.pending(its), lambda: None))
    thread.start()
    try:
        good = opened.requests.add("system", {"system": "cad", "act": "pause"}, by="me", reason="a test")
        bad = opened.requests.add("system", {"system": "cad", "act": "promote"}, by="me", reason="a test")
        until(lambda: opened.requests.find(bad).state == "failed")
        assert opened.requests.find(good).result["state"] == "paused"
        assert opened.requests.find(bad).result["problems"][0]["code"] == "system.not-now"
        assert runner.lines["cad"].state == "paused"
    finally:
        runner.stop.set()
        thread.join()
        runner.close()


def test_intake_waits_for_free_space_and_deliveries_do_not(here, opened, monkeypatch):
    scripted.system(here.root, "cad", [record(1)])
    free = [0]
    monkeypatch.setattr(type(opened), "free_bytes", lambda _: free[0])
    monkeypatch.setattr(here.settings.__class__, "free_space", 1000, raising=False)
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    try:
        assert runner.once(timedelta(milliseconds=300), lambda _: None).as_dict()["read"] == 0
        assert runner.waits.code.id == "store.full"
        free[0] = 2000
        assert runner.once(SOON, lambda _: None).as_dict()["read"] == 1
    finally:
        runner.close()


def test_a_record_that_kills_the_process_halts_its_feed_after_three_deaths(here, opened):
    """The deaths are played by markers that a dead process would have left."""
    scripted.system(here.root, "cad", [record(1)])
    feed = opened.journal.feed("cad", "calls")
    for _ in range(3):
        Attempt(here.var / "attempt" / str(feed.id)).begin("")
    _, runner = once(here, opened)
    assert runner.problems()["cad"].code.id == "intake.deadly"
    change(here, opened, "cad", "resume")
    figures, _ = once(here, opened)
    assert figures["accepted"] == 1


def test_a_full_disk_ends_once_at_once_and_says_so(here, opened, monkeypatch):
    from gateway.store.database import FULL

    scripted.system(here.root, "cad", [record(1)])

    def full(*_):
        raise Retry(Problem(FULL))

    with monkeypatch.context() as disk:
        disk.setattr(type(opened.journal), "accept", full)
        began = time.monotonic()
        figures, runner = once(here, opened)
    assert time.monotonic() - began < 30
    assert figures["read"] == 0
    assert runner.waits.code is FULL
    assert runner.lines["cad"].breaker.failures == 0
    figures, runner = once(here, opened)
    assert figures["accepted"] == 1
    assert runner.waits is None


def test_intake_no_longer_waits_once_the_feed_that_met_a_full_disk_finds_nothing_to_take(here, opened, monkeypatch):
    from gateway.store.database import FULL

    script = scripted.system(here.root, "cad", [record(1)])
    runner = runner_of(here, opened)

    def full_for_a_record(journal, feed_id, batch, intake):
        if batch.records:
            raise Retry(Problem(FULL), after=timedelta(milliseconds=50))
        return accept(journal, feed_id, batch, intake)

    accept = type(opened.journal).accept

    thread = threading.Thread(target=runner.run, args=(lambda: None, lambda: None))
    try:
        with monkeypatch.context() as disk:
            disk.setattr(type(opened.journal), "accept", full_for_a_record)
            thread.start()
            until(lambda: runner.waits is not None)
            assert runner.waits.code is FULL
            script.steps.clear()  # as when the system takes its document back
            until(lambda: runner.waits is None)
    finally:
        runner.stop.set()
        thread.join()
        runner.close()


def test_a_full_disk_under_the_marker_is_no_fault_of_the_adapter(here, opened, monkeypatch):
    import errno

    scripted.system(here.root, "cad", [record(1)])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Attempt, "_write", full)
        _, runner = once(here, opened)
    assert runner.waits.code.id == "store.full"
    assert opened.journal.feed("cad", "calls").state == "running"
