"""Every command, as a person types it."""

import subprocess
import sys
import threading
import time
from dataclasses import replace

import click
import pytest

from gateway import acts, cli, site, store
from gateway.context import Quiet
from gateway.errors import Code, Problem, Retry
from gateway.runner import Runner
from gateway.store.rows import Settlement
from gateway.telemetry import Metrics
from tests.gateway import scripted


def every_command(group=None, path=()):
    group = group or cli.copperline
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield pytest.param((*path, name), command, id=" ".join((*path, name)))


READS = "list show plan status receipts check preview test tail verify proof consistency doctor export".split()


@pytest.mark.parametrize("path, command", list(every_command()))
def test_every_command_says_what_it_does_and_every_reading_one_has_json(path, command):
    assert command.help, path
    options = {option for parameter in command.params for option in parameter.opts}
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option)), path
    if path[-1] in READS and path[-1] != "export":  # which prints JSON always
        assert "--json" in options, path


def test_once_then_status_then_tail(riverton, copperline):
    ran = copperline("run", "--once", "--json")
    assert (ran.json["read"], ran.json["accepted"], ran.json["quarantined"]) == (3, 2, 1)
    assert (ran.json["delivered"], ran.json["in_progress"]) == (2, 0)
    said = copperline("status", "--json").json
    assert said["systems"][0]["accepted"] == 2
    assert said["destinations"][0]["delivered"] == 2
    assert said["quarantined"] == 1
    assert len(copperline("tail").out.splitlines()) == 2
    assert "quarantine list" in copperline("status").err


def test_once_says_which_system_did_not_answer_and_ends_with_its_own_code(riverton, copperline):
    def away(source):
        source._script.steps[0] = away  # and so whenever it is asked
        raise Retry(Problem(Code("test.away", "the system does not answer", "Wait.")))

    scripted.system(riverton, "rms", away)
    ran = copperline("run", "--once", "--json", "--timeout", "1s", code=4)
    assert ran.json["accepted"] == 2
    assert "rms: test.away: the system does not answer (feed calls)\nWhat to do: Wait." in ran.err


def test_a_place_that_cannot_be_written_is_named_and_refused(copperline):
    said = copperline("init", "/proc/copperline", code=3).err
    assert "command.files: " in said
    assert "/proc/copperline" in said


def test_a_number_that_no_store_holds_is_not_understood(riverton, copperline):
    copperline("run", "--once")
    copperline("quarantine", "show", 2**63, code=2)
    copperline("replay", "--agreement", "internal", 2**63, "--reason", "a test", code=2)


def test_remap_of_a_feed_that_the_system_does_not_have_is_refused(riverton, copperline):
    copperline("run", "--once")
    assert "journal.no-feed" in copperline("remap", "cad", "--feed", "nothing", "--dry-run", code=3).err


def test_once_says_why_deliveries_wait(riverton, copperline):
    agreement = riverton / "agreements" / "internal.yaml"
    agreement.write_text(agreement.read_text().replace("to: 2035-12-31", "to: 2021-12-31"))
    assert "internal/log: agreement.changed: " in copperline("run", "--once", "--timeout", "1s", code=4).err
    copperline("agreements", "approve", "internal", "--as", "B. Sample", "--reason", "a test")
    assert "internal/log: delivery.not-in-force: " in copperline("run", "--once", "--timeout", "1s", code=4).err


def test_a_discarded_record_is_called_so(riverton, copperline):
    copperline("run", "--once")
    (row,) = copperline("quarantine", "list", "--json").json
    discard = ("quarantine", "discard", row["position"], "--reason", "a test")
    assert "second person" in copperline(*discard).err
    assert copperline(*discard, "--by", "B. Sample").out == f"{row['position']}: discarded\n"


def test_a_second_run_changes_nothing(riverton, copperline):
    copperline("run", "--once")
    assert copperline("run", "--once", "--json").json["accepted"] == 0
    assert copperline("ledger", "verify", "--json").json["problems"] == []


def test_values_are_masked_until_a_reason_is_given_and_recorded(riverton, copperline):
    copperline("run", "--once")
    assert "CANARY" not in copperline("tail", "--json").out
    assert "reason" in copperline("tail", "--json", "--reveal", code=3).err
    before = copperline("status", "--json").json["ledger"]
    shown = copperline("tail", "--json", "--reveal", "--reason", "a test")
    assert "CANARY one" in shown.out
    assert copperline("status", "--json").json["ledger"] == before + 1


def test_quarantine_is_shown_and_released_under_the_mapping_that_holds_now(riverton, copperline):
    copperline("run", "--once")
    (row,) = copperline("quarantine", "list", "--json").json
    assert row["problems"][0]["code"]
    shown = copperline("quarantine", "show", row["position"], "--json").json
    assert "number" not in shown["original"]
    copperline("quarantine", "release", row["position"], code=3)  # no reason
    mapping = riverton / "systems" / "cad" / "mappings" / "call.yaml"
    mapping.write_text(mapping.read_text().replace("from: text, optional: false", "from: text, optional: true"))
    done = copperline("quarantine", "release", row["position"], "--reason", "headline may be blank", "--json").json
    assert done["events"] == 1
    assert copperline("quarantine", "list", "--json").json == []
    assert copperline("run", "--once", "--json").json["delivered"] == 1


def test_quarantine_discards_with_a_reason(riverton, copperline):
    copperline("run", "--once")
    (row,) = copperline("quarantine", "list", "--json").json
    for who in ("A. Sample", "B. Sample"):
        copperline("quarantine", "discard", row["position"], "--by", who, "--reason", "a test record")
    (row,) = copperline("quarantine", "list", "--state", "discarded", "--json").json
    assert row["reason"] == "a test record"


def test_a_copy_of_a_template_takes_the_name_it_is_given_and_the_agency_of_the_site(tmp_path, copperline):
    copperline("init", tmp_path / "shelby", "--agency", "VT0040100")
    said = copperline("new", "dispatch", "--from", "cad-export", "--site", tmp_path / "shelby")
    assert "systems add dispatch" in said.err
    text = (tmp_path / "shelby" / "systems" / "dispatch" / "system.yaml").read_text()
    assert text.startswith("system: dispatch\n")
    assert "agency: VT0040100" in text


def test_what_is_parked_is_listed_with_its_cause_and_goes_out_once_a_person_says_so(riverton, copperline):
    copperline("run", "--once")
    here = site.open(riverton)
    opened = store.open(here.store_url(), site.keys(here))
    try:
        to = opened.deliveries.destinations()[0]
        opened.deliveries.replay(to.id, [1], by="somebody", reason="sample")
        (row,) = opened.deliveries.exceptions(to.id)
        opened.deliveries.settle(to.id, Settlement(exceptions=[replace(row, state="parked", attempts=8, code="delivery.unrouted")]))
    finally:
        opened.close()
    assert copperline("status", "--json").json["destinations"][0]["parked"] == 1
    assert "deliveries list" in copperline("status").err
    assert [(said["position"], said["problem"]) for said in copperline("deliveries", "list", "--json").json] == [(1, "delivery.unrouted")]
    assert "command.no-reason" in copperline("deliveries", "retry", "internal", code=3).err
    assert "delivery.no-destination" in copperline("deliveries", "retry", "nobody", "--reason", "x", code=3).err
    assert copperline("deliveries", "retry", "internal", "--reason", "mended", "--json").json["events"] == 1
    assert copperline("run", "--once", "--json").json["delivered"] == 1
    assert copperline("deliveries", "list", "--json").json == []


def test_remap_shows_a_difference_first_and_corrects_then(riverton, copperline):
    copperline("run", "--once")
    mapping = riverton / "systems" / "cad" / "mappings" / "call.yaml"
    mapping.write_text(mapping.read_text() + "  note: {value: mapped again}\n")
    found = copperline("remap", "cad", "--dry-run", "--json").json
    assert {row["entity"] for row in found} == {"alert"}
    assert copperline("run", "--once", "--json").json["delivered"] == 0
    done = copperline("remap", "cad", "--reason", "a note was wanted", "--json").json
    assert done["events"] == 2
    assert copperline("run", "--once", "--json").json["delivered"] == 2
    assert copperline("remap", "cad", "--dry-run", "--json").json == []


def test_erase_leaves_nothing_of_a_record_and_every_proof_valid(riverton, copperline):
    copperline("run", "--once")
    for who in ("A. Sample", "B. Sample"):
        copperline("erase", "--system", "cad", "--kind", "call", "--key", "1", "--by", who, "--reason", "a court said so", "--json")
    shown = copperline("tail", "--json", "--reveal", "--reason", "a test").out
    assert "CANARY one" not in shown
    assert "CANARY three" in shown
    assert copperline("ledger", "verify", "--json").json["problems"] == []
    assert copperline("ledger", "proof", "1", "--json").json["position"] == 1


def test_systems_show_what_would_change_before_it_does(riverton, copperline):
    (row,) = copperline("systems", "plan", "--json").json
    assert (row["system"], row["change"]) == ("cad", "new")
    copperline("systems", "add", "cad", "--shadow", code=3)  # no reason
    said = copperline("systems", "add", "cad", "--shadow", "--reason", "let us look first")
    assert "new -> shadow" in said.err
    assert copperline("run", "--once", "--json").json["delivered"] == 0
    copperline("systems", "promote", "cad", "--reason", "it looks right")
    (row,) = copperline("systems", "list", "--json").json
    assert (row["state"], row["reason"]) == ("running", "it looks right")
    copperline("systems", "promote", "cad", "--reason", "twice", code=3)


def test_a_running_gateway_is_asked_and_carries_it_out(riverton, copperline):
    here = site.open(riverton)
    opened = store.open(here.store_url(), site.keys(here))
    runner = Runner(here, opened, site.keys(here), log=Quiet(), metrics=Metrics(), stop=threading.Event())
    its = acts.World(here, opened, site.keys(here), runner.refresh)
    with site.hold(here):
        runner.start()
        thread = threading.Thread(target=runner.run, args=(lambda: acts.pending(its), lambda: None))
        thread.start()
        try:
            copperline("run", "--once", code=3)  # the site is held
            assert copperline("systems", "pause", "cad", "--reason", "its server moves", "--json").json["state"] == "paused"
            assert runner.lines["cad"].state == "paused"
        finally:
            runner.stop.set()
            thread.join()
            runner.close()
            opened.close()


def test_check_names_file_line_and_field(riverton, copperline):
    assert copperline("check", "--json").json == []
    said = riverton / "systems" / "cad" / "system.yaml"
    said.write_text(said.read_text().replace("every: 1h", "evry: 1h"))
    (problem,) = copperline("check", "--json", code=1).json
    assert problem["where"] == "systems/cad/system.yaml:8"
    assert problem["path"] == "feeds.calls.evry"


def test_preview_shows_shape_not_content(riverton, copperline, tmp_path):
    (tmp_path / "calls.json").write_text('{"number": "7", "text": "CANARY"}')
    said = copperline("preview", "cad", tmp_path / "calls.json")
    assert "alert" in said.out
    assert "CANARY" not in said.out
    assert "CANARY" in copperline("preview", "cad", tmp_path / "calls.json", "--reveal", "--reason", "a test").out


def test_samples_are_run_and_their_results_kept(riverton, copperline):
    samples = riverton / "systems" / "cad" / "samples"
    samples.mkdir()
    (samples / "calls-one.json").write_text('{"number": "7", "text": "invented"}')
    assert copperline("test", "--json", code=1).json[0]["differs"] == ["(missing)"]
    copperline("test", "--update")
    assert copperline("test", "--json").json[0]["differs"] == []
    (samples / "calls-one.json").write_text('{"number": "7", "text": "another"}')
    assert copperline("test", "--json", code=1).json[0]["differs"] == ["[0].data.headline"]


def test_adapters_are_listed_shown_and_begun(riverton, copperline, tmp_path):
    names = [row["adapter"] for row in copperline("adapters", "list", "--json").json]
    assert "flatfile" in names
    assert "folder" in copperline("adapters", "show", "flatfile", "--json").json["settings"]["properties"]
    copperline("adapters", "new", "invented", "--in", tmp_path)
    package = tmp_path / "copperline-invented"
    assert (package / "copperline_invented" / "__init__.py").is_file()
    compile((package / "copperline_invented" / "__init__.py").read_text(), "adapter", "exec")
    copperline("adapters", "new", "invented", "--in", tmp_path, code=3)


def test_a_new_plugin_passes_its_own_conformance_test(copperline, tmp_path):
    copperline("adapters", "new", "invented", "--in", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        env={"PYTHONPATH": f"{site.Path.cwd()}:{tmp_path / 'copperline-invented'}", "PATH": ""},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_doctor_finds_nothing_wrong_with_a_new_site_and_a_key_that_others_may_read(riverton, copperline):
    assert all(not row["problems"] for row in copperline("doctor", "--json").json)
    (riverton / "var" / "site.key").chmod(0o644)
    found = {row["check"]: row["problems"] for row in copperline("doctor", "--json", code=1).json}
    assert found["site key"][0]["code"] == "site.key-open"


@pytest.mark.parametrize(
    "arguments, code",
    [(("status",), 3), (("nonsense",), 2), (("systems", "pause"), 2), (("tail", "--agreement", "../x"), 3)],
)
def test_what_cannot_be_done_ends_with_its_exit_code_and_says_what_to_do(copperline, tmp_path, monkeypatch, arguments, code):
    monkeypatch.setenv("COPPERLINE_SITE", str(tmp_path))
    said = copperline(*arguments, code=code)
    assert said.err


def test_status_loads_nothing_that_it_does_not_need(riverton):
    program = (
        "import sys\nfrom gateway import cli\ntry:\n    cli.main(['status', '--json'])\nexcept SystemExit as e:\n    assert not e.code\n"
        "heavy = {'pydantic', 'structlog', 'pika', 'lxml', 'jsonschema_rs', 'tenacity', 'tqdm', 'psycopg'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tail_follows(riverton, copperline):
    copperline("run", "--once")
    assert len(copperline("tail", "--limit", "1").out.splitlines()) == 1
    assert len(copperline("tail", "--from", "1").out.splitlines()) == 1




def test_replay_shows_how_many_and_sends_them_again_under_their_ids(riverton, copperline):
    copperline("run", "--once")
    named = ("replay", "--agreement", "internal", "--destination", "log", "--system", "cad", "--json")
    assert copperline(*named, "--dry-run").json["events"] == 2
    assert copperline("run", "--once", "--json").json["delivered"] == 0
    assert copperline(*named, "--reason", "the consumer lost them", "--by", "A. Sample").json == {"asked": "replay", "by": "A. Sample"}
    assert copperline("run", "--once", "--json").json["delivered"] == 0
    assert copperline(*named, "--reason", "the consumer lost them", "--by", "B. Sample").json["events"] == 2
    assert copperline("status", "--json").json["destinations"][0]["in_progress"] == 2
    assert copperline("run", "--once", "--json").json["delivered"] == 2
    assert copperline("status", "--json").json["destinations"][0]["delivered"] == 2


def test_a_fault_of_our_own_is_told_by_type_and_place_never_by_its_message(riverton, copperline, monkeypatch):
    monkeypatch.setattr(store.Store, "free_bytes", lambda _: int("CANARY"))
    said = copperline("status", code=6)
    assert "ValueError" in said.err
    assert "CANARY" not in said.err


def test_the_gateway_runs_until_it_is_told_to_stop_and_finishes_what_it_began(riverton, copperline, tmp_path):
    inbox = riverton / "inbox"
    inbox.mkdir()
    cad = riverton / "systems" / "cad"
    said = (cad / "system.yaml").read_text().replace("adapter: scripted", "adapter: flatfile").replace("every: 1h", "every: 100ms")
    layout = "{folder: inbox, layout: {form: delimited, header: true, kind: call, key: [number]}}"
    (cad / "system.yaml").write_text(said.replace("{script: cad}", layout))
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", "run"], stderr=subprocess.PIPE, text=True)
    try:
        (inbox / "a.csv.part").write_text("number,text\n1,CANARY one\n2,\n")
        (inbox / "a.csv.part").rename(inbox / "a.csv")
        until(lambda: copperline("status", "--json").json["systems"][0]["read"] == 2)
        until(lambda: copperline("status", "--json").json["running"])
        (row,) = copperline("quarantine", "list", "--json").json
        for who in ("A. Sample", "B. Sample"):
            copperline("quarantine", "discard", row["position"], "--by", who, "--reason", "a test")
        assert copperline("systems", "pause", "cad", "--reason", "a test", "--json").json["state"] == "paused"
        assert copperline("status", "--json").json["systems"][0]["state"] == "paused"
    finally:
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "CANARY" not in err
    assert not list(inbox.iterdir())


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_one_person_alone_gives_up_and_destroys_nothing(riverton, copperline):
    copperline("run", "--once")
    (row,) = copperline("quarantine", "list", "--json").json
    for command in (("quarantine", "discard", row["position"]), ("erase", "1", "--yes")):
        copperline(*command, "--by", "A. Sample", "--reason", "first")
        assert "act.same-person" in copperline(*command, "--by", "a. sample", "--reason", "again", code=3).err
    copperline("erase", "1", "3", "--yes", "--by", "B. Sample", "--reason", "something else")  # is asked for anew
    assert copperline("quarantine", "list", "--json").json
    assert "CANARY one" in copperline("tail", "--json", "--reveal", "--reason", "a test").out
    copperline("replay", "--agreement", "internal", "1", "--by", "A. Sample", "--reason", "a few events take one person")
    copperline("erase", "1", "--yes", "--by", "B. Sample", "--reason", "second")
    assert "CANARY one" not in copperline("tail", "--json", "--reveal", "--reason", "a test").out
