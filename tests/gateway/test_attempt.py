"""A record that kills the process is found, and the feed halts there; nothing else makes it halt."""

import pytest

from gateway.attempt import LIMIT, Attempt
from gateway.errors import Halt


def test_a_read_that_ends_well_leaves_no_marker(tmp_path):
    attempt = Attempt(tmp_path / "1")
    assert attempt.begin("") == LIMIT
    attempt.done()
    attempt.rest()
    assert not (tmp_path / "1").exists()


def test_one_death_changes_nothing(tmp_path):
    Attempt(tmp_path / "1").begin("a")
    assert Attempt(tmp_path / "1").begin("a") == LIMIT


def test_two_deaths_at_one_cursor_make_it_read_one_by_one_and_a_third_halts(tmp_path):
    Attempt(tmp_path / "1").begin("a")
    Attempt(tmp_path / "1").begin("a")
    careful = Attempt(tmp_path / "1")
    assert careful.begin("a") == 1
    careful.done()
    assert careful.begin("b") == 1  # dies on this one
    with pytest.raises(Halt, match=r"intake\.deadly"):
        Attempt(tmp_path / "1").begin("b")


def test_after_a_halt_a_person_may_try_again(tmp_path):
    for _ in range(3):
        Attempt(tmp_path / "1").begin("a")
    with pytest.raises(Halt):
        Attempt(tmp_path / "1").begin("a")
    assert Attempt(tmp_path / "1").begin("a") == LIMIT


def test_deaths_at_different_places_are_not_a_deadly_record(tmp_path):
    for cursor in "abcdef":
        assert Attempt(tmp_path / "1").begin(cursor) == LIMIT


def test_careful_reading_ends_when_the_stretch_is_behind(tmp_path):
    for _ in range(2):
        Attempt(tmp_path / "1").begin("0")
    attempt = Attempt(tmp_path / "1")
    for number in range(LIMIT):
        assert attempt.begin(str(number)) == 1
        attempt.done()
    assert attempt.begin("after") == LIMIT


def test_a_feed_is_suspected_from_the_second_death_until_the_stretch_is_behind_or_a_read_finds_nothing(tmp_path):
    assert not Attempt(tmp_path / "1").suspected
    Attempt(tmp_path / "1").begin("a")
    assert not Attempt(tmp_path / "1").suspected
    Attempt(tmp_path / "1").begin("a")
    attempt = Attempt(tmp_path / "1")
    assert attempt.suspected
    attempt.begin("a")
    attempt.done()
    assert attempt.suspected
    attempt.rest()
    assert not attempt.suspected
    assert attempt.begin("b") == LIMIT


def test_a_source_that_asks_to_be_asked_again_hides_no_deadly_record(tmp_path):
    for _ in range(2):
        attempt = Attempt(tmp_path / "1")
        attempt.begin("a")
        attempt.put_off()
        assert not (tmp_path / "1").exists(), "a process that ends now has not died of a read"
        attempt.begin("a")  # dies on this one
    careful = Attempt(tmp_path / "1")
    assert careful.begin("a") == 1
    careful.put_off()
    assert careful.suspected
    assert careful.begin("a") == 1  # dies on this one
    with pytest.raises(Halt, match=r"intake\.deadly"):
        Attempt(tmp_path / "1").begin("a")


def test_a_stretch_that_is_read_with_care_goes_on_after_a_wait(tmp_path):
    for _ in range(2):
        Attempt(tmp_path / "1").begin("0")
    attempt = Attempt(tmp_path / "1")
    attempt.begin("0")
    attempt.done()
    attempt.begin("1")
    attempt.put_off()
    assert attempt.begin("1") == 1


def test_a_marker_that_a_power_cut_tore_counts_as_none(tmp_path):
    (tmp_path / "1").write_bytes(b"\0" * 128)
    assert Attempt(tmp_path / "1").begin("a") == LIMIT
