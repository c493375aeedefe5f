"""The flood guard, and the last check of a document: every byte answered for."""

import pytest

from gateway import store
from gateway.adapter import Batch, Document, Rejected
from gateway.errors import Halt, Problem
from gateway.intake import FLOOD, IN_A_ROW, WINDOW, FloodGuard, Intake
from tests.gateway.store.scene import KEYS, put, translate


def test_fifty_rejects_in_a_row_halt_even_across_batches() -> None:
    guard = FloodGuard()
    guard([False] * 10 + [True] * 30)
    guard([True] * 19)
    with pytest.raises(Halt) as halted:
        guard([True])
    assert halted.value.problem.code.id == "intake.flood"


def test_a_good_record_between_them_ends_the_row() -> None:
    guard = FloodGuard()
    for _ in range(10):
        guard([True] * 10 + [False] * 90)


def test_a_fifth_of_a_thousand_halts() -> None:
    guard = FloodGuard()
    batch = ([True] + [False] * 4) * 20
    for _ in range(9):
        guard(batch)
    with pytest.raises(Halt):
        guard(batch)


def test_just_under_a_fifth_passes_and_the_next_thousand_starts_afresh() -> None:
    guard = FloodGuard()
    for _ in range(5):
        guard(([True] + [False] * 4) * 199 + [False] * 5)


def test_a_batch_that_halted_leaves_no_trace() -> None:
    guard = FloodGuard()
    for _ in range(3):
        with pytest.raises(Halt):
            guard([True] * IN_A_ROW)
    guard([True] * (IN_A_ROW - 1))


def test_a_person_may_let_the_next_thousand_through() -> None:
    guard = FloodGuard()
    guard.let_through()
    for _ in range(WINDOW // 100):
        guard([True] * 100)
    with pytest.raises(Halt):
        guard([True] * 100)


class Feed:
    """As much of a feed as intake asks for."""

    system, agency, hold, ordered = "cad", "XX0000000", True, False
    translate = staticmethod(translate)

    def mapping_digest(self, kind: str) -> str:
        return ""

    def entity(self, kind: str) -> str:
        return "incident"


@pytest.mark.parametrize("size", [0, 1])
def test_a_document_with_bytes_that_nobody_answered_for_halts(tmp_path, size: int) -> None:
    record = put("1", "v1")
    document = Document("file", bytes(32), len(record.original) + size)
    batch = Batch("end", (record,), document, complete=True)
    with store.open(f"sqlite:///{tmp_path}/store.db", KEYS) as opened:
        intake = Intake(opened, Feed(), opened.journal.feed("cad", "calls").id, wake=lambda: None)
        if not size:
            assert intake.take(batch).accepted == 1
            return
        with pytest.raises(Halt) as halted:
            intake.take(batch)
        assert halted.value.problem.code.id == "intake.uncovered"
        assert opened.journal.totals()["cad"].accepted == 1  # what was read is kept


def test_a_flood_names_the_place_where_it_begins(tmp_path) -> None:
    good = put("1", "v1")
    bad = [Rejected(b"x\n", f"line {line}, byte {line * 2}", (Problem(FLOOD),)) for line in range(2, IN_A_ROW + 2)]
    with store.open(f"sqlite:///{tmp_path}/store.db", KEYS) as opened:
        intake = Intake(opened, Feed(), opened.journal.feed("cad", "calls").id, wake=lambda: None)
        with pytest.raises(Halt) as halted:
            intake.take(Batch("end", (good, *bad)))
    assert halted.value.problem.where == "line 2, byte 4"
