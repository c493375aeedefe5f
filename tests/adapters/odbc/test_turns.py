"""While a driver hands over rows threads take short turns; afterwards they are as they were, whatever happened."""

import sys
import threading

import pytest

from adapters.odbc import turns


@pytest.fixture(autouse=True)
def usual():
    before = sys.getswitchinterval()
    yield before
    assert sys.getswitchinterval() == before


def test_turns_are_short_for_the_time_of_a_block(usual):
    with turns.short():
        assert sys.getswitchinterval() == pytest.approx(turns.TURN_S)
    assert sys.getswitchinterval() == usual


def test_they_are_as_they_were_after_a_fault(usual):
    with pytest.raises(ValueError, match="broken"), turns.short():
        raise ValueError("broken")
    assert sys.getswitchinterval() == usual


def test_they_stay_short_while_another_thread_fetches(usual):
    inside, leave = threading.Event(), threading.Event()

    def fetches():
        with turns.short():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=fetches)
    with turns.short():
        other.start()
        assert inside.wait(10)
    assert sys.getswitchinterval() == pytest.approx(turns.TURN_S)
    leave.set()
    other.join()
    assert sys.getswitchinterval() == usual
