"""A system's folder is read whole, and every mistake in it is told by file, line and field before anything runs."""

from datetime import time, timedelta

import pytest

from gateway import site, system
from gateway.adapter import RawRecord
from gateway.errors import Refused, Reject
from tests.gateway import scripted


@pytest.fixture
def here(tmp_path, monkeypatch):
    scripted.install(monkeypatch)
    here = scripted.new_site(tmp_path / "riverton")
    scripted.system(here.root, "cad")
    return here


def change(here, old, new):
    path = here.systems / "cad" / "system.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def problems(here):
    with pytest.raises(Refused) as told:
        system.load(here, "cad")
    return [(problem.where, problem.path) for problem in told.value.problems]


def test_what_is_not_said_has_its_default(here):
    cad = system.load(here, "cad")
    feed = cad.feeds["calls"]
    assert cad.agency == "XX0000000"
    assert feed.schedule.every == timedelta(hours=1)
    assert feed.hold
    assert not feed.ordered
    assert feed.deadline == timedelta(seconds=1)


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("every: 1h", "every: often", ("system.yaml:8", "feeds.calls.every")),
        ("every: 1h", "evry: 1h", ("system.yaml:8", "feeds.calls.evry")),
        ("every: 1h", "every: 1h\n    at: ['02:00']", ("system.yaml:5", "feeds.calls")),
        ("every: 1h", "pause: ['22:00']", ("system.yaml:8", "feeds.calls.pause.0")),
        ("America/New_York", "America/Riverton", ("system.yaml:2", "zone")),
        ("system: cad", "system: rms", ("system.yaml:1", "system")),
        ("adapter: scripted", "adapter: nothing", ("system.yaml:6", "feeds.calls.adapter")),
        ("{script: cad}", "{skript: cad}", ("system.yaml:7", "feeds.calls.settings.script")),
        ("mappings/call.yaml", "mappings/none.yaml", ("system.yaml:9", "feeds.calls.mappings.call")),
        ("mappings/call.yaml", "../../site.yaml", ("system.yaml:9", "feeds.calls.mappings.call")),
    ],
)
def test_a_mistake_is_told_by_line_and_field(here, old, new, told):
    change(here, old, new)
    assert told in problems(here)


def test_a_feed_may_be_due_at_times_of_day_and_rest_in_windows(here):
    change(here, "every: 1h", "at: ['02:00', '14:30']\n    pause: ['22:00-06:00']")
    plan = system.load(here, "cad").feeds["calls"].schedule
    assert plan.at == (time(2), time(14, 30))
    assert plan.pause == ((time(22), time(6)),)


def test_a_kind_without_a_mapping_is_a_problem_of_its_record(here):
    feed = system.load(here, "cad").feeds["calls"]
    with pytest.raises(Reject, match=r"system\.no-mapping"):
        feed.translate(RawRecord("other", "1", "", "put", {}, b"", ""))
    assert feed.mapping_digest("other") == ""


def test_a_record_says_under_which_layout_and_mapping_it_was_read(here):
    before = system.load(here, "cad").feeds["calls"].mapping_digest("call")
    scripted.SCRIPTS["other"] = scripted.Script()
    change(here, "{script: cad}", "{script: other}")
    assert system.load(here, "cad").feeds["calls"].mapping_digest("call") != before


def test_the_digest_of_a_folder_counts_what_runs_and_not_its_samples(here):
    folder = here.systems / "cad"
    before = system.digest(folder)
    (folder / "samples").mkdir()
    (folder / "samples" / "calls.json").write_text("{}")
    assert system.digest(folder) == before
    change(here, "every: 1h", "every: 2h")
    assert system.digest(folder) != before


def test_every_shipped_system_loads_and_its_samples_give_what_is_expected(tmp_path):
    here = scripted.new_site(tmp_path / "shipped")
    from gateway import samples

    for name, template in site.templates().items():
        site.copy_template(template, here.systems / name)
        results = list(samples.run(system.load(here, name)))
        assert results
        assert [result.differs for result in results] == [()] * len(results)
