"""The head of an answer waits for its body, and for nothing else."""

from types import SimpleNamespace

import pytest

from gateway.api.server import Together


class Wire:
    """What a socket's transport was asked for."""

    def __init__(self):
        self.sent, self.closed = [], False

    def write(self, data):
        self.sent.append(bytes(data))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


@pytest.fixture
def wire():
    return Wire()


def after(wire, *steps):
    """What was sent after these steps, and once the loop has had its next turn."""
    soon = []
    together = Together(wire, SimpleNamespace(call_soon=soon.append))
    for step in steps:
        step(together)
    before = list(wire.sent)
    for call in soon:
        call()
    return before, list(wire.sent)


def test_head_and_body_are_sent_as_one(wire):
    before, _ = after(wire, lambda to: to.write(b"head "), lambda to: to.write(b"body"))
    assert before == [b"head body"]


def test_what_nothing_follows_is_sent_in_the_next_turn(wire):
    assert after(wire, lambda to: to.write(b"event")) == ([], [b"event"])


def test_an_empty_body_sends_its_head(wire):
    assert after(wire, lambda to: to.write(b"head"), lambda to: to.write(b""))[0] == [b"head"]


def test_nothing_is_kept_back_where_the_connection_is_closed(wire):
    before, later = after(wire, lambda to: to.write(b"last"), lambda to: to.close())
    assert before == later == [b"last"]
    assert wire.closed


def test_all_else_is_the_transports_own(wire):
    after(wire, lambda to: to.close())
    assert Together(wire, SimpleNamespace()).is_closing()
