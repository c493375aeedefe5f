"""Delivery: order of a subject, positions that never lead, and what happens to what cannot be delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.agreement import Projected, Projector, Withheld, matcher
from gateway.delivery.board import TRIES, takes_back
from gateway.delivery.flow import Flow
from gateway.delivery.gate import Leaves
from gateway.lane import Heard
from gateway.store.rows import BACK, GIVEN, Exceptional, Outgoing, Settlement

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE = 60_000_000


def outgoing(position: int, subject: str = "", *, action: str = "created", expires: str = "", **other: Any) -> Outgoing:
    data = other.get("data", orjson.dumps({"incidentId": f"sample {position}"}))
    return Outgoing(
        position=position, feed=other.get("feed", 1), system="cad", topic=f"police.a.incident.{action}.v1",
        event=position.to_bytes(16), subject=(subject or str(position)).encode().ljust(16), partition=b"p" * 16,
        sequence=position, time="", recorded=NOW, mapping="ab" * 8, status="Actual", expires=expires, extra=None, data=data,
    )  # fmt: skip


def flow(
    exceptions: Sequence[Exceptional] = (),
    *,
    topics: str = "police.#",
    position: int = 0,
    feeds: int = 1,
    known: Sequence[Outgoing] = (),
) -> Flow:
    projector = Projector(
        key=bytes(32), wants=matcher([topics]), allowed=None, outside=False, backfill=False
    )  # fmt: skip
    positions = dict.fromkeys(range(1, feeds + 1), position)
    return Flow(Alone(projector, known), positions, exceptions, draw=lambda _low, high: high)


class Alone:
    """A gate that knows of no other version: what the projector says is what happens."""

    def __init__(self, projector: Projector, known: Sequence[Outgoing]) -> None:
        self.concerns = projector.concerns
        self._projector = projector
        self._known = known

    def judge(self, out: Outgoing) -> Leaves | Withheld:
        made = self._projector.project(out)
        if isinstance(made, Withheld):
            return made
        return Leaves(made, BACK if takes_back(out.topic) else GIVEN)

    def handed_over(self, out: Outgoing, turn: int) -> None:
        pass

    def told(self, partition: bytes, turn: int) -> int:
        return 0

    def in_doubt(self, feed: int, position: int) -> bool:
        return False

    def events(self, positions: Iterable[int]) -> list[Outgoing]:
        return [out for out in self._known if out.position in positions]


def admit(flow: Flow, *rows: Outgoing) -> list[int]:
    """Which of them go now."""
    flow.admit(flow.tracks[rows[0].feed], rows, NOW)
    return sent(flow.take_batch())


def sent(batch: Sequence[tuple[int, Projected]]) -> list[int]:
    return [ticket for ticket, _ in batch]


def confirm(flow: Flow, *tickets: int) -> list[int]:
    """Which others go because of it."""
    flow.hear(Heard(confirmed=tickets), NOW)
    return sent(flow.take_batch())


def settled(flow: Flow) -> Settlement:
    settlement = flow.settlement()
    assert settlement is not None
    return settlement


def test_one_event_of_a_subject_at_a_time_and_others_pass() -> None:
    one = flow()
    assert admit(one, outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "b"), outgoing(4, "a")) == [1, 3]
    assert confirm(one, 3) == []
    assert confirm(one, 1) == [2]
    assert confirm(one, 2) == [4]
    assert confirm(one, 4) == []
    assert one.quiet is False
    assert settled(one).feeds[0].position == 4
    assert one.quiet


def test_the_same_subject_in_two_feeds_is_two_orders() -> None:
    one = flow(feeds=2)
    assert admit(one, outgoing(1, "a")) == [1]
    assert admit(one, outgoing(2, "a", feed=2)) == [2]


def test_a_position_never_leads_and_nothing_is_counted_before_it() -> None:
    one = flow()
    admit(one, *(outgoing(number) for number in range(1, 6)))
    confirm(one, 2, 3, 5)
    early = settled(one)
    assert (early.feeds, [row.position for row in early.disclosed]) == ([], [2, 3, 5])
    confirm(one, 1)
    feed = settled(one).feeds[0]
    assert (feed.position, feed.delivered) == (3, 3)
    confirm(one, 4)
    feed = settled(one).feeds[0]
    assert (feed.position, feed.delivered) == (5, 2)


def test_what_was_lost_is_read_again_and_what_was_confirmed_is_not_sent_twice() -> None:
    one = flow()
    rows = [outgoing(1, "a"), outgoing(2, "b"), outgoing(3, "a")]
    admit(one, *rows)
    confirm(one, 2)
    one.hear(Heard(lost=True), NOW)
    assert one.tracks[1].read_to == 0
    assert admit(one, *rows) == [1]
    assert confirm(one, 1) == [3]
    confirm(one, 3)
    feed = settled(one).feeds[0]
    assert (feed.position, feed.delivered) == (3, 3)


def test_a_settlement_names_what_was_disclosed() -> None:
    one = flow()
    admit(one, outgoing(1), outgoing(2))
    confirm(one, 1, 2)
    settlement = settled(one)
    assert len(settlement.disclosed) == 2
    assert [(len(one.id), len(one.body), one.position, one.kind) for one in settlement.disclosed] == [(16, 32, 1, GIVEN), (16, 32, 2, GIVEN)]
    assert settlement.fields == ["incident.*"]


def test_other_topics_move_the_position_and_count_nowhere() -> None:
    one = flow(topics="police.*.unit.#")
    assert admit(one, outgoing(1), outgoing(2)) == []
    feed = settled(one).feeds[0]
    assert (feed.position, feed.delivered, feed.withheld, feed.expired) == (2, 0, 0, 0)


def test_expired_and_withheld_events_are_counted_and_hold_nobody() -> None:
    one = flow()
    rows = [
        outgoing(1, "a", expires="2026-05-31T23:59:59Z"),
        outgoing(2, "a", data=b""),
        outgoing(3, "a", expires="2026-06-01T01:00:00Z"),
    ]
    assert admit(one, *rows) == [3]
    confirm(one, 3)
    feed = settled(one).feeds[0]
    assert (feed.position, feed.delivered, feed.withheld, feed.expired) == (3, 1, 1, 1)


def test_a_returned_event_is_tried_later_its_subject_waits_and_others_pass() -> None:
    one = flow()
    admit(one, outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "b"))
    one.hear(Heard(unrouted=[1], confirmed=[3]), NOW)
    settlement = settled(one)
    assert settlement.feeds[0].position == 3
    assert [(row.position, row.state, row.attempts) for row in settlement.exceptions] == [
        (1, "retry", 1),
        (2, "waiting", 0),
    ]
    assert settlement.exceptions[0].code == "delivery.unrouted"
    assert due(one, NOW) == []
    assert due(one, NOW + MINUTE) == [1]
    one.again([outgoing(1, "a")], NOW)
    assert sent(one.take_batch()) == [1]
    assert due(one, NOW + MINUTE) == []
    confirm(one, 1)
    assert due(one, NOW) == [2]
    one.again([outgoing(2, "a")], NOW)
    one.take_batch()
    confirm(one, 2)
    settlement = settled(one)
    assert settlement.settled == [1, 2]
    assert (settlement.feeds[0].position, settlement.feeds[0].delivered) == (3, 2)
    assert len(one.board) == 0


def due(flow: Flow, now: int) -> list[int]:
    return flow.board.due(now, flow.busy(), lambda feed, position: flow.tracks[feed].position >= position)


def test_an_exception_is_not_tried_before_the_position_has_passed_it() -> None:
    one = flow()
    admit(one, outgoing(1), outgoing(2))
    one.hear(Heard(unrouted=[2]), NOW)
    assert due(one, NOW + MINUTE) == []
    confirm(one, 1)
    assert due(one, NOW + MINUTE) == [2]


def test_after_the_last_try_it_is_parked_and_holds_its_subject_but_no_withdrawal() -> None:
    one = flow([Exceptional(1, 1, "retry", b"a".ljust(16), attempts=TRIES - 1)], position=1)
    assert admit(one, outgoing(2, "a"), outgoing(3, "a", action="withdrawn")) == [3]
    one.again([outgoing(1, "a")], NOW)
    one.take_batch()
    one.hear(Heard(refused=(1, "too large")), NOW)
    assert one.board.parked() == 1
    assert one.board.take_newly_behind() == [2]
    assert due(one, NOW) == []
    assert admit(one, outgoing(4, "a", action="removed"), outgoing(5, "a"), outgoing(6, "b")) == [4, 6]


def test_what_takes_back_goes_while_an_earlier_event_is_under_way_and_older_versions_that_wait_stay_here() -> None:
    one = flow()
    assert admit(one, outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "a")) == [1]
    assert admit(one, outgoing(4, "a", action="withdrawn")) == [4]
    assert confirm(one, 4) == []
    assert confirm(one, 1) == []
    settlement = settled(one)
    assert (settlement.feeds[0].position, settlement.feeds[0].delivered, settlement.feeds[0].withheld) == (4, 2, 2)
    assert [(row.position, row.kind) for row in settlement.disclosed] == [(1, GIVEN), (4, BACK)]


def test_a_parked_version_stays_here_once_its_record_is_taken_back() -> None:
    one = flow([Exceptional(1, 1, "parked", b"a".ljust(16), attempts=TRIES)], position=1, known=[outgoing(1, "a")])
    assert admit(one, outgoing(2, "a", action="removed")) == [2]
    confirm(one, 2)
    settlement = settled(one)
    assert settlement.settled == [1]
    assert (settlement.feeds[0].delivered, settlement.feeds[0].withheld) == (1, 1)


def test_what_is_taken_back_ahead_of_its_turn_is_counted_once() -> None:
    one = flow()
    admit(one, outgoing(1, "a"))
    back = outgoing(5, "b", action="removed")
    made = one._gate.judge(back)
    assert isinstance(made, Leaves)
    one.take_back(back, made.event, NOW)
    one.take_back(back, made.event, NOW)
    assert sent(one.take_batch()) == [5]
    confirm(one, 5)
    assert [row.position for row in settled(one).disclosed] == [5]
    confirm(one, 1)
    assert admit(one, outgoing(2, "c"), back, outgoing(6, "b")) == [2, 6]
    confirm(one, 2, 6)
    settlement = settled(one)
    assert (settlement.feeds[0].position, settlement.feeds[0].delivered) == (6, 4)
    assert [row.position for row in settlement.disclosed] == [1, 2, 6]


def test_a_row_that_takes_back_ahead_of_its_turn_does_not_hold_up_what_is_read_meanwhile() -> None:
    back = outgoing(2, "b", action="removed")
    one = flow([Exceptional(2, 1, "retry", b"b".ljust(16), attempts=1)], known=[back])
    made = one._gate.judge(back)
    assert isinstance(made, Leaves)
    one.take_back(back, made.event, NOW)
    assert sent(one.take_batch()) == [2]
    assert admit(one, outgoing(1, "a"), back, outgoing(3, "c")) == [1, 3]
    confirm(one, 1, 2, 3)
    settlement = settled(one)
    assert (settlement.feeds[0].position, settlement.feeds[0].delivered, settlement.settled) == (3, 3, [2])


def test_messages_are_numbered_without_a_gap_whatever_becomes_of_them() -> None:
    one = flow()
    one.admit(one.tracks[1], [outgoing(number) for number in (1, 2, 3)], NOW)
    assert [event.body[:19] for _, event in one.take_batch()] == [b'{"agreementseq":"%d"' % number for number in (1, 2, 3)]
    one.hear(Heard(unrouted=[2]), NOW)
    assert confirm(one, 1, 3) == []
    assert settled(one).number == 1
    one.admit(one.tracks[1], [outgoing(4)], NOW)
    assert [event.headers["cloudEvents_agreementseq"] for _, event in one.take_batch()] == ["2"]
    confirm(one, 4)
    assert settled(one).number == 3


def test_what_is_parked_is_tried_again_when_a_person_says_so() -> None:
    rows = [
        Exceptional(1, 1, "parked", b"a".ljust(16), attempts=TRIES, code="delivery.unrouted"),
        Exceptional(2, 1, "waiting", b"a".ljust(16)),
    ]
    one = flow(rows, position=2)
    assert due(one, NOW + MINUTE) == []
    one.board.refresh([replace(rows[0], state="retry", attempts=0, next_at=NOW), rows[1]], under_way=())
    assert due(one, NOW) == [1]
    one.again([outgoing(1, "a")], NOW)
    assert sent(one.take_batch()) == [1]
    confirm(one, 1)
    assert due(one, NOW) == [2]


def test_after_a_restart_rows_beyond_the_position_that_are_exceptions_are_not_sent_again() -> None:
    one = flow([Exceptional(2, 1, "parked", b"b".ljust(16), attempts=TRIES)])
    assert admit(one, outgoing(1, "a"), outgoing(2, "b"), outgoing(3, "b")) == [1]
    confirm(one, 1)
    settlement = settled(one)
    assert (settlement.feeds[0].position, settlement.feeds[0].delivered) == (3, 1)
    assert [(row.position, row.state) for row in settlement.exceptions] == [(3, "waiting")]


def test_a_replay_that_a_person_asked_for_is_taken_over_from_the_store() -> None:
    one = flow(position=5)
    one.refresh([Exceptional(2, 1, "retry", b"a".ljust(16), replay=True)])
    assert due(one, NOW) == [2]
    assert one.board.replayed([2]) == {2}
    assert admit(one, outgoing(6, "a"), outgoing(7, "b")) == [7]
    one.again([outgoing(2, "a")], NOW)
    one.refresh([])
    assert sent(one.take_batch()) == [2]
    confirm(one, 2, 7)
    one.refresh([Exceptional(2, 1, "retry", b"a".ljust(16), replay=True)])
    assert due(one, NOW) == [6]
    assert settled(one).settled == [2]
    one.refresh([])
    assert len(one.board) == 0


def test_a_thousand_failures_stop_new_events_and_a_replay_of_thousands_does_not() -> None:
    assert flow([Exceptional(n, 1, "parked", n.to_bytes(16)) for n in range(1, 1001)]).board.full
    assert not flow([Exceptional(n, 1, "retry", n.to_bytes(16), replay=True) for n in range(1, 3001)]).board.full
