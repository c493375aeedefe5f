"""What looks at systems as they are at this moment: `check --connect`, `preview` without a file, `doctor --odbc`."""

import pytest

from gateway.errors import Code, Halt, Problem, Retry
from tests.gateway import tabled

WRITES = Code("test.writes", "the login may write", "Give it another.")
AWAY = Code("test.away", "the system does not answer", "Wait.")


@pytest.fixture
def table(riverton, monkeypatch):
    tabled.install(monkeypatch)
    return tabled.system(riverton, "old")


def test_a_preview_without_a_file_shows_records_as_they_are_now_side_by_side_and_masked(table, copperline):
    for number in range(9):
        table.put(f"C{number}", "CANARY")
    shown = copperline("preview", "old", "--limit", "2")
    assert shown.out.count("-- call at row") == 2
    first = [" ".join(line.split()) for line in shown.out.splitlines()[1:5]]
    assert first == ["source is canonical is", "number <text, 2> => alertId <text, 2>", "text <text, 6> => headline <text, 6>", "day <text, 10>"]
    assert "CANARY" not in shown.out
    assert "copperline preview old --reveal --reason TEXT" in shown.err
    revealed = copperline("preview", "old", "--limit", "1", "--reveal", "--reason", "to see")
    assert "CANARY" in revealed.out
    assert table.closed == 2


def test_a_preview_shows_the_problem_under_the_record_that_has_it(table, copperline):
    table.put("C1", "")
    table.put("C2", "unreadable")
    shown = copperline("preview", "old", code=1)
    assert shown.out.count("!! ") == 2
    assert "test.unreadable" in shown.out


def test_what_cannot_be_previewed_without_a_file_says_so(table, copperline):
    assert "reconcile.not-offered" in copperline("preview", "cad", code=3).err
    table.fails.append(Retry(Problem(AWAY)))
    assert "test.away" in copperline("preview", "old", code=4).err


@pytest.mark.parametrize(
    "said, code",
    [
        (lambda *_: [], 0),
        (lambda *_: [Problem(WRITES, where="calls")], 1),
    ],
)
def test_check_connect_tells_what_the_system_says_of_itself(riverton, monkeypatch, copperline, said, code):
    tabled.install(monkeypatch, probe=said)
    tabled.system(riverton, "old")
    found = copperline("check", "old", "--connect", code=code)
    assert ("systems/old: feed calls, calls: : the login may write [test.writes]" in found.out) == bool(code)
    copperline("check", "old")


@pytest.mark.parametrize("error", [Retry(Problem(AWAY)), Halt(Problem(AWAY))])
def test_check_connect_tells_what_cannot_be_reached_and_goes_on(riverton, monkeypatch, copperline, error):
    def away(*_):
        raise error

    tabled.install(monkeypatch, probe=away)
    tabled.system(riverton, "old")
    tabled.system(riverton, "older")
    found = copperline("check", "--connect", "--json", code=1).json
    assert [problem["where"] for problem in found] == ["systems/old: feed calls", "systems/older: feed calls"]


def test_what_a_file_says_wrongly_is_told_before_anything_is_reached(riverton, monkeypatch, copperline):
    asked = []
    tabled.install(monkeypatch, probe=lambda *_: asked.append(1) or [])
    tabled.system(riverton, "old")
    said = riverton / "systems" / "old" / "mappings" / "call.yaml"
    said.write_text(said.read_text().replace("alertId", "nothing"))
    copperline("check", "old", "--connect", code=1)
    assert asked == []


def test_doctor_lists_the_drivers_of_odbc_and_the_line_that_brings_each_other(riverton, monkeypatch, copperline, tmp_path):
    (tmp_path / "odbcinst.ini").write_text("[Old One]\nDriver = /nowhere/libmaodbc.so\n")
    monkeypatch.setenv("ODBCSYSINI", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = copperline("doctor", "--odbc", code=1)
    assert "BAD  Old One" in found.out
    assert "apt-get install odbc-mariadb" in found.err
    assert "apt-get install odbc-postgresql" in found.out
    parts = {part["part"]: part for part in copperline("doctor", "--odbc", "--json", code=1).json}
    assert parts["pyodbc"]["found"]
    assert parts["Old One"]["problems"][0]["code"] == "odbc.part-broken"
