"""Documents of one feed gather at the desk, and nobody who is alone waits for that."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep
from types import SimpleNamespace
from typing import Any

from gateway.api import desk
from tests.gateway.api.riverton import rows

FEED = 1


def wait(there: int, coming: int, *, callers: int) -> int:
    """How often a desk waits where so many documents are there, so many come meanwhile, and so many were seen to send at one time."""
    line, waited = deque[Any](range(there)), list[float]()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) <= coming:
            line.append(None)

    here = desk.Desk(None, None, sleep=sleep)  # type: ignore[arg-type]  # it only waits
    here._waiting[FEED], here._callers[FEED] = line, callers
    here._let_gather(FEED)
    here.close()
    assert set(waited) <= {desk.QUIET_S}
    return len(waited)


def test_who_sends_one_document_after_another_never_waits():
    assert wait(1, 0, callers=1) == 0


def test_it_is_waited_until_all_have_come_who_sent_before():
    assert wait(1, 20, callers=6) == 5


def test_it_is_waited_while_others_come():
    assert wait(1, 3, callers=64) == 4


def test_nobody_is_waited_for_who_was_not_there_before():
    assert wait(2, 10, callers=2) == 0


def test_it_is_not_waited_for_more_than_share_a_commit():
    assert wait(desk.GATHER, 10, callers=1000) == 0
    assert wait(desk.GATHER - 3, 10, callers=1000) == 3


def test_documents_that_come_together_share_commits(riverton):
    before = accepted(riverton)
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda number: riverton.send(rows(1, 700_000 + number)), range(160)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["receipt"] for answer in answers}) == 160
    assert 0 < accepted(riverton) - before < 160


def test_who_came_while_others_were_journalled_is_expected_the_next_time(riverton, monkeypatch):
    seen = list[int]()
    let_gather = desk.Desk._let_gather
    monkeypatch.setattr(desk.Desk, "_let_gather", lambda self, feed: (seen.append(self._callers.get(feed, 1)), let_gather(self, feed))[1])
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda number: riverton.send(rows(1, 730_000 + number)), range(80)))
    assert 1 < max(seen[1:]) <= 8  # the first is what an earlier test left


def test_who_sends_again_once_answered_is_counted_once(monkeypatch):
    here = desk.Desk(None, None)  # type: ignore[arg-type]  # nothing is journalled
    monkeypatch.setattr(here, "_taken", lambda pieces: [None for _ in pieces])
    monkeypatch.setattr(here, "_tell", lambda pieces, _answers: here._waiting.setdefault(FEED, deque()).extend(pieces))
    here._waiting[FEED] = deque(piece(FEED) for _ in range(3))
    here._serve(FEED)
    here.close()
    assert here._callers[FEED] == 3


def test_a_feed_has_its_turn_while_as_many_others_as_there_are_workers_never_come_to_an_end(monkeypatch):
    here, over, served = desk.Desk(None, None), Event(), Event()  # type: ignore[arg-type]  # nothing is journalled
    monkeypatch.setattr(here, "_tell", lambda _pieces, _answers: None)
    lines = {feed: deque([piece(feed)]) for feed in range(desk.WORKERS + 1)}

    def taken(pieces: list[desk.Piece]) -> list[Any]:
        feed = pieces[0].way.feed_id
        if feed == desk.WORKERS:
            served.set()
        elif not over.is_set():
            lines[feed].append(piece(feed))
        return [None for _ in pieces]

    monkeypatch.setattr(here, "_taken", taken)
    here._waiting.update(lines)
    for feed in lines:
        here._workers.submit(here._serve, feed)
    assert served.wait(10)
    over.set()
    here.close()
    assert here._waiting == {}


def test_a_desk_that_is_closed_finishes_what_waits(monkeypatch):
    here, journalled, begun = desk.Desk(None, None), list[int](), Event()  # type: ignore[arg-type]  # nothing is journalled
    monkeypatch.setattr(here, "_tell", lambda _pieces, _answers: None)
    monkeypatch.setattr(desk, "GATHER", 1)

    def taken(pieces: list[desk.Piece]) -> list[Any]:
        begun.set()
        sleep(0.05)  # the desk is closed meanwhile
        journalled.extend(each.size for each in pieces)
        return [None for _ in pieces]

    monkeypatch.setattr(here, "_taken", taken)
    here._waiting[FEED] = deque(piece(FEED, size) for size in range(5))
    here._workers.submit(here._serve, FEED)
    assert begun.wait(10)
    here.close()
    assert journalled == [0, 1, 2, 3, 4]


def piece(feed: int, size: int = 0) -> desk.Piece:
    return desk.Piece(SimpleNamespace(feed_id=feed), "vendor", "", b"", b"", size, b"")  # type: ignore[arg-type]  # no feed is asked


def accepted(riverton) -> int:
    """How many leaves of the ledger are over what was journalled."""
    ledger = riverton.runner.store.ledger
    return sum(ledger.leaf(index).kind == "accepted" for index in range(ledger.size()))


def test_a_large_document_is_refused_for_what_a_small_one_is_and_its_neighbours_are_taken(riverton):
    small = b"some,other,columns\n1,2,3\n"
    large = small * (2 * desk.SMALL_BYTES // len(small))
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(riverton.send, [small, large, rows(1, 710_000), rows(400, 720_000), large, small]))
    assert [answer.status_code for answer in answers] == [422, 422, 202, 202, 422, 422]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 422} == {"flatfile.header"}
