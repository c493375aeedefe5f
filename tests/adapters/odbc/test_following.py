"""What moves in a table is read, in whatever order it becomes visible; what did not move is not read again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gateway.errors import Halt
from tests.adapters.odbc.databases import Calls, Log, Queued, WithUnits
from tests.adapters.odbc.feeds import TIMES

UNITS = {"units": {"table": "units", "key": "call_number", "row": "unit", "watermark": TIMES}}


@pytest.fixture
def calls(postgresql, tmp_path):
    return Calls(tmp_path, postgresql)


def test_the_snapshot_is_marked_and_nothing_else_is(calls, feed):
    calls.add(5)
    made = feed(calls.database, watermark=TIMES)
    made.poll(limit=2)
    assert [batch.backfill for batch in made.batches if batch.records] == [True, True, True]
    calls.add(1)
    assert len(made.poll()) == 1
    assert not made.batches[-1].backfill


def test_a_row_that_commits_late_is_found(calls, feed, postgresql):
    made = feed(postgresql, watermark=TIMES)
    made.poll()
    slow = postgresql.session()
    slow.execute("INSERT INTO calls VALUES ('LATE', 'x', CAST(clock_timestamp() AS timestamp))")
    first = calls.insert("y")
    assert made.keys() == [first]
    slow.commit()
    slow.close()
    assert made.keys() == ["LATE    "]
    assert made.keys() == []


def test_a_row_that_was_rolled_back_leaves_no_trace(calls, feed, postgresql):
    made = feed(postgresql, watermark=TIMES)
    slow = postgresql.session()
    slow.execute("INSERT INTO calls VALUES ('NEVER', 'x', CAST(clock_timestamp() AS timestamp))")
    made.poll()
    slow.rollback()
    slow.close()
    first = calls.insert("y")
    assert made.keys() == [first]


def test_a_busy_window_is_not_read_twice_not_even_after_a_restart(calls, feed):
    made = feed(calls.database, watermark={**TIMES, "tick_s": 0})
    calls.add(30)
    assert len(made.poll()) == 30
    for _ in range(3):
        assert made.keys() == []
    made.restart()
    assert made.keys() == []


def test_rows_of_one_time_on_both_sides_of_a_page_all_come(calls, feed):
    calls.add(1)
    made = feed(calls.database, watermark=TIMES)
    made.poll()
    keys = calls.one_instant(9)
    calls.database.run("UPDATE calls SET changed = (SELECT MAX(changed) + interval '1 second' FROM calls) WHERE place = 'Main St'")
    assert sorted(made.keys(limit=2)) == sorted(keys)


def test_a_second_change_within_one_tick_is_not_missed(calls, feed):
    """A column of whole seconds: both changes bear the same time."""
    key = calls.insert("first", "date_trunc('second', clock_timestamp())")
    made = feed(calls.database, watermark={**TIMES, "tick_s": 60})
    made.poll()
    calls.database.run("UPDATE calls SET place = 'second'")
    assert [record.fields["place"] for record in made.poll()] == ["second"]
    assert made.keys() == []
    made.restart()
    assert made.keys() == []
    assert key


def test_a_clock_that_is_set_back_loses_nothing(calls, feed, clock):
    now = "CAST(clock_timestamp() AS timestamp)"
    ahead = f"{now} + interval '2 hours'"
    calls.insert("before", ahead)
    made = feed(calls.database, watermark=TIMES)
    made.poll()
    clock.move(timedelta(minutes=10))
    key = calls.insert("after", now)
    assert made.keys() == [key]


def test_a_time_in_the_far_future_hides_nothing(calls, feed):
    calls.insert("sentinel", "'9999-12-31'")
    made = feed(calls.database, watermark=TIMES)
    made.poll()
    for _ in range(3):
        key = calls.insert("now")
        assert made.keys() == [key]


def test_a_set_back_clock_is_told_and_read_behind(sqlite, feed, clock, tmp_path, monkeypatch):
    """The database's clock itself jumps an hour back: rows written since then lie below the window."""
    calls = Calls(tmp_path, sqlite)
    sqlite.run("CREATE TABLE clock (now text)")
    sqlite.run("INSERT INTO clock VALUES ('2026-03-01 12:00:00.000')")
    made = feed(sqlite, watermark=TIMES)
    with_clock(made, monkeypatch)
    calls.insert("before", "'2026-03-01 11:59:59.000'")
    made.poll()
    clock.move(timedelta(minutes=5))
    sqlite.run("UPDATE clock SET now = '2026-03-01 11:05:00.000'")
    key = calls.insert("after", "'2026-03-01 11:01:00.000'")
    assert made.keys() == [key]
    assert any("set back" in line for line in made.heard())


def with_clock(made, monkeypatch):
    """This feed's database takes the time from a table."""
    from dataclasses import replace

    from adapters.odbc import connect
    from adapters.odbc.profile import SQLITE

    frozen = replace(SQLITE, clocks=dict.fromkeys(("local", "utc"), "(SELECT now FROM clock)"))
    monkeypatch.setattr(connect, "profile_of", lambda _connection: frozen)


def test_a_detail_alone_reads_its_record_again(postgresql, feed, tmp_path):
    calls = WithUnits(tmp_path, postgresql)
    keys = calls.add(3)
    made = feed(postgresql, watermark=TIMES, details=UNITS)
    made.poll()
    assert made.keys() == []
    calls.status(keys[1], "1A2", "arrived")
    [record] = made.poll()
    assert record.key == keys[1]
    assert [(unit["unit"], unit["status"]) for unit in record.fields["units"]] == [("1A1", "dispatched"), ("1A2", "arrived")]


def test_details_of_another_case_and_padding_belong_to_their_record(maria, feed, tmp_path):
    maria.run("CREATE TABLE calls (callno char(8) PRIMARY KEY, place varchar(40), changed datetime(6))")
    maria.run("CREATE TABLE units (call_number varchar(12), unit varchar(8), changed datetime(6))")
    maria.run("INSERT INTO calls VALUES ('c1', 'x', NOW(6))")
    maria.run("INSERT INTO units VALUES ('C1', '1A1', NOW(6))")
    [record] = feed(maria, watermark=TIMES, details=UNITS).poll()
    assert [unit["unit"] for unit in record.fields["units"]] == ["1A1"]


def test_a_gap_in_the_numbers_is_filled_when_it_arrives(postgresql, feed, tmp_path):
    log = Log(tmp_path, postgresql)
    log.add(2)
    made = feed(postgresql, watermark={"by": "id", "column": "n"})
    made.poll()
    slow = postgresql.session()
    slow.execute("INSERT INTO calls VALUES (5000000003, 'GAP', 'x')")
    next(log._numbers)
    last = log.insert("y")
    assert made.keys() == [last]
    made.restart()
    slow.commit()
    slow.close()
    assert made.keys() == ["GAP     "]
    assert made.keys() == []


def test_a_gap_that_stays_is_given_up_and_told(postgresql, feed, tmp_path, clock):
    log = Log(tmp_path, postgresql)
    log.add(1)
    next(log._numbers)
    log.add(1)
    made = feed(postgresql, watermark={"by": "id", "column": "n", "gap_s": 60})
    made.poll()
    assert '"gaps":[[5000000002,5000000002' in made.cursor
    clock.move(timedelta(minutes=2))
    log.add(1)
    made.poll()
    assert "gaps" not in made.cursor
    assert any("given up" in line for line in made.heard())


def test_a_queue_names_what_changed_and_what_is_gone(postgresql, feed, tmp_path):
    calls = Queued(tmp_path, postgresql)
    keys = calls.add(3)
    made = feed(postgresql, watermark={**Queued.watermark, "delete": True})
    made.poll()
    postgresql.run("DELETE FROM calls WHERE callno = ?", keys[0])
    postgresql.run("INSERT INTO queue VALUES (101, ?), (102, ?), (103, ?)", keys[0], keys[2], keys[2])
    assert [(record.key, record.change) for record in made.poll()] == [(keys[0], "remove"), (keys[2], "put")]
    assert postgresql.ask("SELECT COUNT(*) FROM queue WHERE n > 100") == [(0,)]
    assert made.keys() == []


def test_a_table_that_tells_nothing_is_read_whole_and_only_what_changed_is_passed_on(sqlite, feed, tmp_path):
    calls = Calls(tmp_path, sqlite)
    keys = calls.add(7)
    made = feed(sqlite)
    assert made.keys(limit=3) == keys
    assert made.keys(limit=3) == []
    sqlite.run("UPDATE calls SET place = 'elsewhere' WHERE callno = ?", keys[4])
    assert made.keys(limit=3) == [keys[4]]


def test_two_rows_of_one_key_halt(sqlite, feed, tmp_path):
    sqlite.run("CREATE TABLE calls (callno text, place text)")
    sqlite.run("INSERT INTO calls VALUES ('C1', 'a'), ('C1', 'b')")
    with pytest.raises(Halt) as halted:
        feed(sqlite).poll()
    assert halted.value.problem.code.id == "odbc.unique"


def test_only_the_rows_that_are_asked_for_come(postgresql, feed, tmp_path):
    calls = Calls(tmp_path, postgresql)
    mine = calls.insert("mine")
    calls.insert("theirs")
    made = feed(postgresql, watermark=TIMES, only={"place": ["mine", "ours"]})
    assert made.keys() == [mine]
    ours = calls.insert("ours")
    calls.insert("theirs")
    assert made.keys() == [ours]


def test_a_times_zone_is_kept_and_compared_in_utc(postgresql, feed, tmp_path):
    postgresql.run("CREATE TABLE calls (callno char(8) PRIMARY KEY, place text, changed timestamptz)")
    postgresql.run("INSERT INTO calls VALUES ('C1', 'x', clock_timestamp())")
    made = feed(postgresql, watermark=TIMES)
    [record] = made.poll()
    assert re.search(r"[+-]\d\d$", record.fields["changed"])
    assert made.keys() == []
    postgresql.run("INSERT INTO calls VALUES ('C2', 'x', clock_timestamp())")
    assert made.keys() == ["C2      "]


def test_a_budget_of_queries_makes_the_feed_wait_and_loses_nothing(postgresql, feed, tmp_path, clock):
    from gateway.errors import Retry

    calls = Calls(tmp_path, postgresql)
    keys = calls.add(40)
    made = feed(postgresql, watermark=TIMES, limits={"queries_a_minute": 10, "rows": 2})
    seen, waits = [], 0
    while len(seen) < 40 and waits < 20:
        try:
            batch = made.source.read(made.cursor, 100)
        except Retry as wait:
            clock.move(wait.after)
            waits += 1
            continue
        made.cursor = batch.cursor
        seen += [record.key for record in batch.records]
    assert seen == keys
    assert waits > 1


# Rows without a watermark


def stripped(keys):
    return [key.strip() for key in keys]


@pytest.fixture(params=["postgresql", "maria", "sqlite"])
def unmarked(request, tmp_path):
    """Calls that get their time late, or never."""
    made = Calls(tmp_path, request.getfixturevalue(request.param))
    made.add(3)
    for _ in range(3):
        made.insert("no time", "NULL")
    return made


def test_a_row_without_a_watermark_is_found_when_it_comes_and_when_it_changes(unmarked, feed):
    made = feed(unmarked.database, watermark=TIMES)
    assert len(made.poll()) == 6
    assert made.keys() == []
    late = unmarked.insert("no time yet", "NULL")
    assert stripped(made.keys()) == [late]
    unmarked.database.run("UPDATE calls SET place = 'moved' WHERE callno = ?", late)
    [moved] = made.poll(limit=2)
    assert moved.fields["place"] == "moved"
    assert made.keys() == []
    unmarked.database.run(f"UPDATE calls SET changed = {unmarked.database.now} WHERE callno = ?", late)
    assert stripped(made.keys()) == [late]
    assert made.keys() == []


def test_a_restart_reads_rows_without_a_watermark_once_more_and_then_no_more(unmarked, feed):
    made = feed(unmarked.database, watermark=TIMES)
    made.poll()
    made.restart()
    assert len(made.poll(limit=2)) == 3
    assert made.keys() == []


def test_too_many_rows_without_a_watermark_are_left_to_a_reconciliation(unmarked, feed, monkeypatch):
    monkeypatch.setattr("adapters.odbc.unmarked.MOST", 2)
    made = feed(unmarked.database, watermark=TIMES)
    made.poll()
    assert [batch.reconcile for batch in made.batches].count(True) == 1
    unmarked.insert("no time", "NULL")
    assert made.keys() == []
    assert [batch.reconcile for batch in made.batches].count(True) == 1
    unmarked.database.run("DELETE FROM calls WHERE changed IS NULL")
    late = unmarked.insert("no time", "NULL")
    assert stripped(made.keys()) == [late]


def test_a_column_that_is_never_null_is_not_asked_for_nulls(postgresql, feed, tmp_path):
    Calls(tmp_path, postgresql).add(1)
    postgresql.run("ALTER TABLE calls ALTER COLUMN changed SET NOT NULL")
    made = feed(postgresql, watermark=TIMES)
    made.poll()
    assert not made.source._opened().views[""].nullable
