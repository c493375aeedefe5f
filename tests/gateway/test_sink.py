"""Writing to a legacy system: what it answers, what it never answers, and what of it comes back."""

import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import acts, registry, site, store, workers
from gateway.adapter import Batch, Outcome, RawRecord
from gateway.errors import Halt, Problem, Refused, Retry
from gateway.store.rows import Intake
from tests.gateway import scripted, scripted_file
from tests.gateway.test_runner import AWAY, BROKEN, change, once, runner_of, until, world

ROOT = Path(__file__).resolve().parents[2]
SHORT = timedelta(seconds=1)
WHY = Problem(BROKEN, path="words", rule="is too long")


@pytest.fixture
def here(tmp_path, monkeypatch):
    scripted.install(monkeypatch)
    return scripted.new_site(tmp_path / "riverton")


@pytest.fixture
def opened(here):
    opened = store.open(here.store_url(), site.keys(here))
    yield opened
    opened.close()


def alert(number, text="invented", **more):
    fields = {"number": str(number), "text": text, **more}
    return RawRecord("call", str(number), "", "put", fields, repr(fields).encode(), f"row {number}")


def desk(opened):
    """The destination's row of counts by state, and its exceptions."""
    row = next(row for row in opened.deliveries.destinations() if row.agreement == "dispatch")
    return row.id, opened.deliveries.exceptions(row.id)


def counts(opened):
    found = opened.deliveries.counts(desk(opened)[0], lambda topic: ".alert." in topic)
    return {"delivered": found.delivered, "parked": found.parked, "withheld": found.withheld, "expired": found.expired, "open": found.in_progress}


def words(target):
    return [fields and fields["words"] for _, fields in target.rows.values()]


def test_an_event_is_written_in_the_targets_terms_and_its_next_version_changes_the_same_row(here, opened):
    target = scripted.target(here.root)
    script = scripted.system(here.root, "cad", [alert(1, "one"), alert(2, "two")])
    figures, _ = once(here, opened)
    assert figures["in_progress"] == 0
    assert target.rows["row 1"][1] == {"number": "1", "words": "one"}
    assert words(target) == ["one", "two"]
    script.steps.append([alert(1, "one, mended")])
    once(here, opened)
    assert words(target) == ["one, mended", "two"]
    assert target.given[-1].remote_id == "row 1"
    assert not target.given[-1].uncertain
    assert counts(opened) == {"delivered": 3, "parked": 0, "withheld": 0, "expired": 0, "open": 0}


def test_a_removal_removes_what_was_written_and_nothing_else(here, opened):
    target = scripted.target(here.root)
    script = scripted.system(here.root, "cad", [alert(1)])
    once(here, opened)
    script.steps.append([alert(1)._replace(change="remove", fields={}), alert(7)._replace(change="remove", fields={})])
    once(here, opened)
    assert target.rows["row 1"][1] is None
    assert [(record.change, record.key) for record in target.given] == [("put", target.given[0].key), ("remove", target.given[0].key)]
    assert counts(opened)["withheld"] == 1


def test_a_refusal_is_parked_with_the_targets_reasons_and_a_retry_writes_it(here, opened):
    target = scripted.target(here.root, [Outcome("refused", problems=(WHY,), answer=b"ORA-12899 CANARY")])
    scripted.system(here.root, "cad", [alert(1)])
    figures, _ = once(here, opened)
    assert (figures["parked"], figures["in_progress"]) == (1, 0)
    dest, (row,) = desk(opened)
    assert (row.state, row.code, row.uncertain) == ("parked", "sink.refused", False)
    problems, said = opened.remotes.answer(dest, row.position)
    assert [(problem["code"], problem["path"], problem["rule"]) for problem in problems] == [("test.broken", "words", "is too long")]
    assert said == b"ORA-12899 CANARY"
    acts.carry_out(world(here, opened), "retry", {"agreement": "dispatch", "destination": ""}, by="me", reason="type added")
    once(here, opened)
    assert words(target) == ["invented"]
    assert opened.remotes.answer(dest, row.position) is None


def test_a_refused_record_holds_its_own_subject_and_no_other(here, opened):
    target = scripted.target(here.root, [Outcome("refused"), Outcome("written", "row 2")])
    scripted.system(here.root, "cad", [alert(1), alert(2)], [alert(1, "later")])
    once(here, opened)
    assert len(target.given) == 2
    assert [row.state for row in desk(opened)[1]] == ["parked", "waiting"]


def test_what_the_mapping_cannot_say_is_parked_with_file_and_line(here, opened):
    scripted.target(here.root)
    entry = here.root / "systems" / "desk" / "mappings" / "entry.yaml"
    entry.write_text(entry.read_text().replace("words: headline", "words: {from: headline, as: {choose: {fine: FINE}}}"))
    scripted.system(here.root, "cad", [alert(1)], [alert(2, "fine")])
    once(here, opened)
    dest, (row,) = desk(opened)
    assert row.code == "sink.unmappable"
    (problem,) = opened.remotes.answer(dest, row.position)[0]
    assert problem["where"].startswith("mappings/entry.yaml:")
    assert words(scripted.TARGETS["desk"]) == ["FINE"]


def test_a_pending_one_is_asked_about_until_it_is_decided_and_its_subject_waits(here, opened):
    soon = timedelta(milliseconds=1)
    target = scripted.target(
        here.root, [Outcome("pending", "ticket 5", after=soon)], Outcome("pending", "ticket 5", after=soon), Outcome("written", "row 5"),
    )  # fmt: skip
    scripted.system(here.root, "cad", [alert(1)], [alert(1, "later")])
    figures, _ = once(here, opened)
    assert figures["in_progress"] == 0
    assert target.followed == ["ticket 5", "ticket 5"]
    assert [record.remote_id for record in target.given] == ["", "row 5"]


def test_a_pending_one_is_asked_about_again_after_a_restart(here, opened):
    hour = timedelta(hours=1)
    target = scripted.target(here.root, [Outcome("pending", "ticket 5", after=hour)])
    scripted.system(here.root, "cad", [alert(1)])
    once(here, opened, SHORT)
    dest, (row,) = desk(opened)
    assert row.state == "pending"
    opened.database.write(lambda transaction: transaction.run("UPDATE exception SET next_at = 0"))
    figures, _ = once(here, opened)
    assert (target.followed, len(target.given)) == (["ticket 5"], 1)
    assert figures["in_progress"] == 0
    assert opened.remotes.answer(dest, row.position) is None


def test_a_system_that_does_not_answer_gets_nothing_twice_and_nothing_is_parked(here, opened):
    target = scripted.target(here.root, *[Retry(Problem(AWAY))] * 2)
    scripted.system(here.root, "cad", [alert(1)])
    figures, runner = once(here, opened, timedelta(seconds=20))
    assert figures["in_progress"] == 0
    assert [record.uncertain for record in target.given] == [False] * 3
    assert runner.lines["desk"].breaker.failures == 0


def test_a_breaker_that_opened_keeps_the_system_from_being_asked(here, opened):
    target = scripted.target(here.root, *[Retry(Problem(AWAY))] * 50)
    scripted.system(here.root, "cad", [alert(1)])
    runner = runner_of(here, opened)
    try:
        thread = threading.Thread(target=runner.run, args=(lambda: None, lambda: None))
        thread.start()
        until(lambda: runner.lines["desk"].breaker.failures >= 2, 20)
        assert runner.outbound.standing()["dispatch/desk"]["problem"]["code"] == "sink.away"
    finally:
        runner.stop.set()
        thread.join()
        runner.close()
    assert not target.rows


def test_a_paused_system_is_not_written_to_until_it_is_resumed(here, opened):
    target = scripted.target(here.root)
    scripted.system(here.root, "cad", [alert(1)])
    once(here, opened)
    change(here, opened, "desk", "pause")
    scripted.SCRIPTS["cad"].steps.append([alert(2)])
    figures, runner = once(here, opened, SHORT)
    assert (figures["in_progress"], len(target.rows)) == (1, 1)
    assert runner.outbound.standing()["dispatch/desk"]["problem"]["code"] == "sink.not-running"
    change(here, opened, "desk", "resume")
    once(here, opened)
    assert len(target.rows) == 2


def test_a_halt_stops_the_system_and_a_resume_goes_on(here, opened):
    target = scripted.target(here.root, Halt(Problem(BROKEN)))
    scripted.system(here.root, "cad", [alert(1)])
    _, runner = once(here, opened, SHORT)
    assert runner.problems()["desk"].code is BROKEN
    change(here, opened, "desk", "resume")
    figures, _ = once(here, opened)
    assert (figures["in_progress"], len(target.rows)) == (0, 1)


def test_a_fault_in_the_adapter_leaves_its_records_in_doubt_and_the_next_try_says_so(here, opened):
    def reaches_and_fails(sink, records):
        for one in records:
            sink.put(one)
        raise RuntimeError

    target = scripted.target(here.root, reaches_and_fails)
    scripted.system(here.root, "cad", [alert(1)])
    _, runner = once(here, opened, SHORT)
    assert runner.problems()["desk"].code.id == "system.fault"
    assert [row.uncertain for row in desk(opened)[1]] == [True]
    change(here, opened, "desk", "resume")
    once(here, opened)
    assert [record.uncertain for record in target.given] == [False, True]
    assert len(target.rows) == 1


def test_a_call_past_its_deadline_is_cancelled_and_its_records_are_in_doubt(here, opened):
    def reaches_and_waits(sink, records):
        closed = sink._target.closed
        for one in records:
            sink.put(one)
        while sink._target.closed == closed:
            time.sleep(0.01)
        raise Retry(Problem(AWAY))

    target = scripted.target(here.root, reaches_and_waits, deadline="200ms")
    scripted.system(here.root, "cad", [alert(1)])
    figures, _ = once(here, opened)
    assert [record.uncertain for record in target.given] == [False, True]
    assert (len(target.rows), figures["in_progress"]) == (1, 0)


@pytest.mark.parametrize("after", [timedelta(0), None], ids=["at once", "later"])
def test_what_a_sink_cannot_tell_stays_in_doubt_while_the_system_halts_and_is_resumed(here, opened, after):
    """It says that the record may have arrived, and then that a person must look."""

    def reaches(sink, records):
        for one in records:
            sink.put(one)
        return [Outcome("retry", after=after, uncertain=True) for _ in records]

    target = scripted.target(here.root, reaches, Halt(Problem(BROKEN)))
    scripted.system(here.root, "cad", [alert(1)])
    _, runner = once(here, opened)
    assert runner.problems()["desk"].code.id == BROKEN.id
    assert [row.uncertain for row in desk(opened)[1]] == [True]
    change(here, opened, "desk", "resume")
    figures, _ = once(here, opened)
    assert [record.uncertain for record in target.given] == [False, True, True]
    assert (len(target.rows), figures["in_progress"]) == (1, 0)


def test_a_sink_that_never_comes_back_halts_its_system_and_nobody_waits_for_it(here, opened, monkeypatch):
    monkeypatch.setattr(workers.Workers.__init__, "__kwdefaults__", {"grace": timedelta(milliseconds=100)})
    let_go = threading.Event()
    target = scripted.target(here.root, lambda *_: let_go.wait(30), deadline="100ms")
    scripted.system(here.root, "cad", [alert(1)])
    runner = runner_of(here, opened)
    try:
        runner.once(SHORT, lambda _: None)
        assert runner.problems()["desk"].code.id == "system.silent"
        assert not runner.lines["desk"].busy
    finally:
        let_go.set()
        runner.close()
    change(here, opened, "desk", "resume")
    once(here, opened)
    assert target.given[-1].uncertain


def test_an_ambiguous_one_waits_for_a_person_whose_word_is_final(here, opened):
    target = scripted.target(here.root, [Outcome("ambiguous"), Outcome("ambiguous")])
    script = scripted.system(here.root, "cad", [alert(1), alert(2)])
    once(here, opened)
    _, rows = desk(opened)
    assert [(row.code, row.uncertain) for row in rows] == [("sink.ambiguous", True)] * 2

    def settles(position, **more):
        body = {"agreement": "dispatch", "destination": "", "position": position, "written": False, "called": "", **more}
        return acts.carry_out(world(here, opened), "settle", body, by="me", reason="seen on the screen")

    settles(rows[0].position, written=True, called="row 77")
    settles(rows[1].position)
    assert [leaf.kind for leaf in map(opened.ledger.leaf, range(opened.ledger.size()))].count("settled") == 2
    with pytest.raises(Refused):
        settles(rows[0].position)
    once(here, opened)
    assert [record.uncertain for record in target.given] == [False, False, False]
    script.steps.append([alert(1, "changed")])
    once(here, opened)
    assert target.given[-1].remote_id == "row 77"
    assert counts(opened) == {"delivered": 3, "parked": 0, "withheld": 0, "expired": 0, "open": 0}
    assert opened.ledger.verify() == []


def test_exercises_reach_no_live_system_unless_the_mapping_says_so(here, opened):
    target = scripted.target(here.root)
    scripted.system(here.root, "cad", [alert(1, status="Exercise"), alert(2)])
    call = here.root / "systems" / "cad" / "mappings" / "call.yaml"
    call.write_text(call.read_text().replace("subject: number", "subject: number\nstatus: {from: status, default: Actual}"))
    once(here, opened)
    assert [record.fields["number"] for record in target.given] == ["2"]
    entry = here.root / "systems" / "desk" / "mappings" / "entry.yaml"
    entry.write_text(entry.read_text().replace("entity: alert", "takes: [Actual, Exercise]\nentity: alert"))
    scripted.SCRIPTS["cad"].steps.append([alert(3, status="Exercise"), alert(4, status="Test")])
    once(here, opened)
    assert [record.fields["number"] for record in target.given] == ["2", "3"]
    assert counts(opened) == {"delivered": 2, "parked": 0, "withheld": 2, "expired": 0, "open": 0}


def test_what_is_past_its_time_is_never_written(here, opened):
    target = scripted.target(here.root)
    scripted.system(here.root, "cad", [alert(1, until="2020-01-01T00:00:00Z"), alert(2, until="2099-01-01T00:00:00Z")])
    call = here.root / "systems" / "cad" / "mappings" / "call.yaml"
    call.write_text(call.read_text().replace("subject: number", "subject: number\nexpires: {from: until, as: time}"))
    once(here, opened)
    assert [record.fields["number"] for record in target.given] == ["2"]
    assert counts(opened)["expired"] == 1


# What comes back


def back(row, target, **changed):
    """A row of the target as its own feed would say it."""
    fields = {"number": row, "text": target.rows[row][1]["words"], **changed}
    return RawRecord("call", row, "", "put", fields, repr(fields).encode(), row)


def test_what_was_written_and_is_read_back_is_linked_and_goes_out_to_nobody(here, opened):
    target = scripted.target(here.root)
    script = scripted.system(here.root, "cad", [alert(1, "one")])
    once(here, opened)
    scripted.SCRIPTS["desk"].steps.append([back("row 1", target)])
    figures, _ = once(here, opened)
    assert figures["systems"]["desk"] == {
        "read": 1, "accepted": 0, "unchanged": 1, "late": 0, "quarantined": 0,
        "delivered": 0, "parked": 0, "withheld": 0, "expired": 0, "in_progress": 0,
    }  # fmt: skip
    script.steps.append([alert(1, "mended")])
    once(here, opened)
    scripted.SCRIPTS["desk"].steps.append([back("row 1", target)])
    assert once(here, opened)[0]["systems"]["desk"]["unchanged"] == 1
    scripted.SCRIPTS["desk"].steps.append([back("row 1", target, text="what a dispatcher wrote")])
    assert once(here, opened)[0]["systems"]["desk"]["accepted"] == 1
    assert opened.ledger.verify() == []


def test_a_replay_that_changes_nothing_there_hides_no_later_change(here, opened):
    target = scripted.target(here.root)
    scripted.system(here.root, "cad", [alert(1, "one")])
    once(here, opened)
    scripted.SCRIPTS["desk"].steps.append([back("row 1", target)])
    once(here, opened)
    body = {"agreement": "dispatch", "destination": "", "positions": [1], "system": "", "after": 0}
    acts.carry_out(world(here, opened), "replay", body, by="me", reason="asked for")
    once(here, opened)
    assert len(target.given) == 2
    scripted.SCRIPTS["desk"].steps.append([back("row 1", target, text="what a dispatcher wrote")])
    assert once(here, opened)[0]["systems"]["desk"]["accepted"] == 1


def test_a_feed_waits_while_nobody_knows_whether_a_write_reached_its_system(here, opened):
    """The write reaches the desk and its outcome is lost; the desk's own feed finds the row before the gateway knows."""

    def reaches_and_fails(sink, records):
        for one in records:
            sink.put(one)
        scripted.SCRIPTS["desk"].steps.append([back("row 1", sink._target)])
        raise RuntimeError

    scripted.target(here.root, reaches_and_fails)
    scripted.system(here.root, "cad", [alert(1, "one")])
    once(here, opened, SHORT)
    change(here, opened, "desk", "resume")
    figures, _ = once(here, opened)
    assert figures["systems"]["desk"]["accepted"] == 0
    assert figures["systems"]["desk"]["unchanged"] == 1


def test_doubt_ends_after_ten_minutes(here, opened):
    scripted.target(here.root)
    scripted.system(here.root, "cad", [alert(1, "one")])
    once(here, opened)
    dest, _ = desk(opened)
    old = store.opening.now() - 11 * 60 * 1_000_000

    def doubt(next_at):
        sql = "INSERT INTO exception VALUES (?, 1, 1, 'trying', ?, 0, ?, '', 0, 0) ON CONFLICT DO UPDATE SET next_at = excluded.next_at"
        opened.database.write(lambda transaction: transaction.run(sql, [dest, b"s" * 16, next_at]))

    change(here, opened, "desk", "pause")
    change(here, opened, "desk", "resume")
    feed = opened.journal.feed("desk", "calls").id

    def take():
        terms = Intake("desk", "XX0000000", lambda _: (), lambda _: "a" * 16, lambda _: "alert")
        return opened.journal.accept(feed, Batch("", [alert(99)]), terms)

    doubt(store.opening.now())
    with pytest.raises(Retry, match=r"sink\.doubt"):
        take()
    doubt(old)
    assert take().accepted == 1


# Crashes

PROGRAM = textwrap.dedent("""
    import os, sys, threading
    from datetime import timedelta
    from pathlib import Path
    from gateway import registry, site, store
    from gateway.delivery import board
    from gateway.context import Quiet
    from gateway.runner import Runner
    from gateway.store.remotes import Remotes
    from gateway.telemetry import Metrics
    from tests.gateway import scripted_file

    folder, step, mutant = sys.argv[1:]
    if mutant == "forgets":
        board._found = lambda row: row
    registry.SHIPPED = {**registry.SHIPPED, "kept": "tests.gateway.scripted_file:adapter"}
    scripted_file.DIE["at"] = step
    keep = Remotes.keep

    def dies_in_the_settlement(self, transaction, dest, answers):
        keep(self, transaction, dest, answers)
        if answers and step == "settle":
            os.kill(os.getpid(), 9)

    Remotes.keep = dies_in_the_settlement
    here = site.open(Path(folder))
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    runner.start()
    runner.once(timedelta(seconds=5), lambda _: None)
    runner.close()
    opened.close()
""")


def run(root, step, mutant=""):
    return subprocess.run([sys.executable, "-c", PROGRAM, root, step, mutant], cwd=ROOT, check=False, timeout=60).returncode


@pytest.fixture
def waiting(here, opened, monkeypatch, tmp_path):
    """Five events that wait for a system in a file; returns where that is."""
    monkeypatch.setattr(registry, "SHIPPED", {**registry.SHIPPED, "kept": "tests.gateway.scripted_file:adapter"})
    target = tmp_path / "desk.jsonl"
    scripted_file.system(here.root, target)
    change(here, opened, "desk", "add")
    change(here, opened, "desk", "pause")
    scripted.system(here.root, "cad", [alert(number) for number in range(1, 6)])
    once(here, opened, timedelta(milliseconds=500))
    change(here, opened, "desk", "resume")
    (here.root / "systems" / "cad" / "system.yaml").unlink()
    opened.close()
    return target


@pytest.mark.parametrize("step", ["before", "half", "after", "settle"])
def test_a_kill_at_any_step_of_a_write_leaves_each_record_there_once(step, here, waiting):
    """Before the target is reached, in the middle, after it, and in the settling transaction."""
    assert run(here.root, step) == -9
    assert run(here.root, "never") == 0
    assert sorted(row["fields"]["number"] for row in scripted_file.rows(waiting)) == ["1", "2", "3", "4", "5"]
    with store.open(here.store_url(), site.keys(here)) as again:
        assert counts(again) == {"delivered": 5, "parked": 0, "withheld": 0, "expired": 0, "open": 0}
        assert again.ledger.verify() == []


def test_the_mutant_that_forgets_what_it_was_trying_is_caught(here, waiting):
    assert run(here.root, "after", "forgets") == -9
    assert run(here.root, "never", "forgets") == 0
    assert len(scripted_file.rows(waiting)) == 10
