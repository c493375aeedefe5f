"""What is written is there once, whatever dies in between; what nobody can know is told to a person."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from adapters.odbc import adapter, codes
from gateway.errors import Halt, Problem, Retry
from gateway.testing import context
from tests.adapters.odbc.databases import MariaDb, Postgresql, Sqlite
from tests.adapters.odbc.targets import Calls, record
from tests.campaigns.faults import Proxy

ONLY_KEY = {"by": "upsert", "table": "calls", "key": "callno"}
BLIND = {"by": "insert", "table": "calls"}


@pytest.fixture
def sink(tmp_path):
    """Makes sinks; all are closed in the end."""
    made = []

    def one(database, write=Calls.write, **more):
        said = {"connection": database.connection, "write": write, **more}
        given = replace(context(tmp_path), secret=database.secret)
        made.append(adapter.sink(adapter.settings.model_validate(said), given))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture(params=[Postgresql, MariaDb, Sqlite])
def target(request, opened, tmp_path):
    return Calls(tmp_path, opened(request.param))


def states(outcomes):
    return [outcome.state for outcome in outcomes]


def test_the_number_that_the_target_gave_comes_back_and_finds_the_row_again(target, sink):
    writes = sink(target.database)
    [first] = writes.write([record("1", "Elm St")])
    assert first.remote_id == "1"
    moved = record("1", "Oak St", id="event-later", remote_id=first.remote_id)
    assert writes.write([moved])[0].remote_id == "1"
    assert target.holds() == [{"callno": "1", "place": "Oak St"}]


def test_an_update_of_a_key_changes_the_row_that_is_there(target, sink):
    writes = sink(target.database, ONLY_KEY)
    assert writes.write([record("1", "Elm St"), record("1", "Oak St", id="event-2")])[1].remote_id == "1"
    assert target.holds() == [{"callno": "1", "place": "Oak St"}]


def test_where_rows_are_only_added_another_row_of_the_key_is_a_conflict(target, sink):
    writes = sink(target.database, {**ONLY_KEY, "by": "insert"})
    writes.write([record("1", "Elm St")])
    again, other = writes.write([record("1", "Elm St", id="event-1"), record("1", "Oak St", id="event-2")])
    assert again.state == "written"
    assert other.problems[0].code.id == "odbc.conflict"
    assert target.holds() == [{"callno": "1", "place": "Elm St"}]


def test_a_removal_deletes_where_that_is_allowed_and_is_refused_elsewhere(target, sink):
    gone = record("1", "", change="remove", fields={}, remote_id="1")
    writes = sink(target.database)
    writes.write([record("1", "Elm St")])
    assert writes.write([gone])[0].problems[0].code.id == "odbc.removal"
    deletes = sink(target.database, {**Calls.write, "remove": "delete"})
    assert states(deletes.write([gone, gone])) == ["written", "written"]
    assert target.holds() == []


@pytest.mark.parametrize("value", [{"nested": 1}, ["a"], "a\0b"])
def test_a_value_that_no_column_takes_is_refused_before_it_is_sent(target, sink, value):
    [outcome] = sink(target.database).write([record("1", value)])
    assert outcome.problems[0].code.id == "odbc.value"
    assert outcome.problems[0].path == "place"
    assert target.holds() == []


def test_a_value_that_is_too_long_is_refused_and_not_cut(maria, sink, tmp_path):
    target = Calls(tmp_path, maria)
    [outcome] = sink(maria).write([record("1", "x" * 60)])
    assert outcome.state == "refused"
    assert "SQLSTATE 22001" in str(outcome.problems[0])
    assert target.holds() == []


def test_times_keep_their_microseconds(maria, sink):
    maria.run("CREATE TABLE log (callno varchar(8) PRIMARY KEY, at datetime(6))")
    writes = sink(maria, {**ONLY_KEY, "table": "log"})
    writes.write([record("1", "", fields={"callno": "1", "at": "2026-03-01 12:00:00.123456"})])
    assert str(maria.ask("SELECT at FROM log")[0][0]) == "2026-03-01 12:00:00.123456"


def test_numbers_and_decimals_as_text_find_their_column(postgresql, sink):
    postgresql.run("CREATE TABLE log (callno varchar(8) PRIMARY KEY, price numeric(18,4), open boolean, n bigint, at timestamptz)")
    fields = {"callno": "1", "price": "12345678901234.5678", "open": True, "n": 9007199254740993, "at": "2026-03-01T12:00:00-05:00"}
    assert states(sink(postgresql, {**ONLY_KEY, "table": "log"}).write([record("1", "", fields=fields)])) == ["written"]
    [(price, n, same)] = postgresql.ask("SELECT CAST(price AS text), n, at = '2026-03-01 17:00:00+00' FROM log")
    assert (price, n, str(same)) == ("12345678901234.5678", 9007199254740993, "True")


def test_a_rule_that_is_looked_at_at_the_commit_refuses_its_record_only(postgresql, sink):
    postgresql.run("CREATE TABLE types (code varchar(4) PRIMARY KEY)")
    postgresql.run("CREATE TABLE log (callno varchar(8) PRIMARY KEY, code varchar(4) REFERENCES types DEFERRABLE INITIALLY DEFERRED)")
    postgresql.run("INSERT INTO types VALUES ('A')")
    records = [record(str(at), "", fields={"callno": str(at), "code": code}) for at, code in enumerate("AZA")]
    outcomes = sink(postgresql, {**ONLY_KEY, "table": "log"}).write(records)
    assert states(outcomes) == ["written", "refused", "written"]
    assert postgresql.ask("SELECT callno FROM log ORDER BY callno") == [("0",), ("2",)]


# Procedures


def test_a_procedure_is_called_and_its_number_comes_back(postgresql, sink):
    postgresql.run("CREATE TABLE log (n bigserial PRIMARY KEY, callno text, event_id text UNIQUE)")
    postgresql.run(
        "CREATE FUNCTION add_call(c text, e text) RETURNS bigint LANGUAGE sql AS "
        "'INSERT INTO log (callno, event_id) VALUES (c, e) RETURNING n'"
    )
    write = {"by": "procedure", "procedure": "add_call", "arguments": ["callno", "event_id"], "id": "event_id", "table": "log"}
    writes = sink(postgresql, write)
    one = record("1", "", fields={"callno": "1"})
    assert writes.write([one])[0].remote_id == "1"
    assert states(writes.write([one, replace(one, uncertain=True)])) == ["written", "written"]
    assert postgresql.ask("SELECT n, callno FROM log") == [(1, "1")]


def test_a_procedure_that_refuses_says_so(maria, sink):
    maria.run("CREATE PROCEDURE add_call(IN c varchar(8)) BEGIN IF c = '13' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no 13'; END IF; END")
    writes = sink(maria, {"by": "procedure", "procedure": "add_call", "arguments": ["callno"]})
    fine, refused = writes.write([record("1", "x"), record("13", "x")])
    assert fine.state == "written"
    assert refused.state == "refused"
    assert "no 13" not in str(refused.problems[0])


# What dies in between


def test_what_may_have_arrived_and_cannot_be_asked_is_ambiguous_and_not_written(target, sink):
    [outcome] = sink(target.database, BLIND).write([record("1", "Elm St", uncertain=True)])
    assert outcome.state == "ambiguous"
    assert outcome.problems[0].code.id == "odbc.ambiguous"
    assert target.holds() == []


def loses_its_answer(proxy, made, *, before):
    """The connection breaks at the commit: before it arrives, or after it took hold."""
    link = made._opened()
    commit = link.commit

    def broken():
        if before:
            proxy.drop()
            commit()
        else:  # the driver keeps no answer back: it is given, and forgotten
            commit()
            proxy.drop()
            raise Retry(Problem(codes.UNREACHABLE))

    link.commit = broken


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", [Postgresql, MariaDb])
def test_a_commit_without_an_answer_is_looked_for(kind, opened, tmp_path, sink, before):
    target = Calls(tmp_path, opened(kind))
    proxy = Proxy(target.database.connection["port"])
    target.database.connection = {**target.database.connection, "port": proxy.port}
    writes = sink(target.database)
    loses_its_answer(proxy, writes, before=before)
    records = target.records(3)
    assert states(writes.write(records)) == ["retry" if before else "written"] * 3
    assert len(target.holds()) == (0 if before else 3)
    assert states(writes.write(records)) == ["written"] * 3
    assert len(target.holds()) == 3
    proxy.close()


@pytest.mark.parametrize("before", [True, False])
def test_a_commit_without_an_answer_into_a_target_that_cannot_be_asked_is_ambiguous(opened, tmp_path, sink, before):
    target = Calls(tmp_path, opened(Postgresql))
    proxy = Proxy(target.database.connection["port"])
    target.database.connection = {**target.database.connection, "port": proxy.port}
    writes = sink(target.database, BLIND)
    loses_its_answer(proxy, writes, before=before)
    assert states(writes.write(target.records(2))) == ["ambiguous"] * 2
    proxy.close()


def test_a_statement_over_its_time_has_written_nothing_and_is_tried_again(postgresql, sink, tmp_path):
    target = Calls(tmp_path, postgresql)
    holder = postgresql.session()
    holder.execute("INSERT INTO calls (callno, place, event_id) VALUES ('00000001', 'held', 'x')")
    writes = sink(postgresql, limits={"statement_s": 0.5})
    records = target.records(3)
    with pytest.raises(Retry) as waited:
        writes.write(records)
    assert waited.value.problem.code.id == "odbc.timeout"
    holder.rollback()
    holder.close()
    assert target.holds() == []
    assert states(writes.write(records)) == ["written"] * 3


def test_a_table_that_is_gone_halts(postgresql, sink):
    with pytest.raises(Halt) as halted:
        sink(postgresql, ONLY_KEY).write([record("1", "x")])
    assert halted.value.problem.code.id == "odbc.table"


def test_a_column_that_is_not_there_halts_and_names_no_value(postgresql, sink, tmp_path):
    Calls(tmp_path, postgresql)
    with pytest.raises(Halt) as halted:
        sink(postgresql, ONLY_KEY).write([record("1", "", fields={"callno": "1", "colour": "ALDERGATE7"})])
    assert halted.value.problem.code.id == "odbc.column"
    assert "ALDERGATE7" not in str(halted.value)


def test_closing_from_another_thread_ends_a_write_that_waits(postgresql, sink, tmp_path):
    Calls(tmp_path, postgresql)
    holder = postgresql.session()
    holder.execute("LOCK TABLE calls")
    writes = sink(postgresql)
    ended = threading.Event()

    def tries():
        with pytest.raises(Retry):
            writes.write([record("1", "x")])
        ended.set()

    threading.Thread(target=tries, daemon=True).start()
    postgresql.until("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    writes.close()
    assert ended.wait(5)
    holder.close()
