"""`discover` and `draft`, as a person types them, on a system whose mapping does not exist yet."""

import pytest

from tests.gateway import offers, scripted

SYSTEM = "system: old\nzone: America/New_York\nfeeds:\n  calls: {adapter: scripted, settings: {script: old}}\n"


@pytest.fixture
def old(riverton, monkeypatch):
    """A system of which only the way to reach it is known."""
    scripted.discovering(monkeypatch, offers.discover)
    (riverton / "systems" / "old").mkdir()
    (riverton / "systems" / "old" / "system.yaml").write_text(SYSTEM)
    return riverton


def test_discover_lists_what_there_is_and_shows_a_table_without_a_value_of_a_person(old, copperline):
    listed = copperline("discover", "old")
    assert "dbo.calls  200   16       CALLNO" in listed.out
    shown = copperline("discover", "old", "dbo.calls")
    assert "codes: 62A 67, 21 67, 103F 66" in shown.out
    assert "personal: its name speaks of a name" in shown.out
    whole = copperline("discover", "old", "--json")
    assert whole.json["exhibits"]["rows"] == 120
    assert not [canary for canary in (*offers.CANARIES, "CANARY") if canary in listed.out + shown.out + whole.out]


def test_a_draft_is_written_with_its_code_lists_and_checks_out(old, copperline):
    said = copperline("draft", "old", "dbo.calls", "--to", "incident")
    mapping = old / "systems" / "old" / "mappings" / "dbo-calls.yaml"
    assert mapping.is_file()
    assert (old / "codes" / "old-calltype.csv").is_file()
    assert "15 of 16 columns are placed" in said.out
    (old / "systems" / "old" / "system.yaml").write_text(
        SYSTEM.replace("{script: old}}", "{script: old}, mappings: {call: mappings/dbo-calls.yaml}}")
    )
    copperline("check", "old")
    again = copperline("draft", "old", "dbo.calls", "--to", "incident", code=3)
    assert "draft.exists" in again.err
    printed = copperline("draft", "old", "dbo.calls", "--to", "incident", "--print")
    assert printed.out == mapping.read_text()


def test_a_table_that_is_not_offered_is_named(old, copperline):
    assert "discover.no-offer" in copperline("discover", "old", "nothing", code=3).err


def test_a_system_that_cannot_say_what_it_offers_is_refused(riverton, copperline):
    assert "system.no-discovery" in copperline("discover", "cad", code=3).err
    assert "system.missing" in copperline("discover", "nowhere", code=3).err
