"""A real Access file through MDBTools, a driver that takes no parameters and answers no question about its tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.odbc import adapter
from adapters.odbc.reader import Reader
from gateway.errors import Halt
from gateway.testing import context, drained, records_of
from tests.adapters.odbc.databases import library


@pytest.fixture
def source(access, tmp_path):
    """Makes sources of the file's one table."""
    made = []

    def one(**more):
        connection = {"driver": library("libmdbodbc.so"), "database": str(access.path)}
        said = {"connection": connection, "kind": "circuit", "table": "Monitor_Authenticate", "key": "ID", **more}
        made.append(adapter.source(adapter.settings.model_validate(said), context(tmp_path)))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_the_table_is_read_whole_and_once(source, clock):
    reads = source()
    batches = drained(reads, clock)
    [record] = records_of(batches)
    assert batches[0].backfill
    assert record.key == "1"
    assert record.fields["LineNumber"] == "1234567890"  # a numeric, which this driver hands over as text
    assert record.fields["Graph_Day"] is True
    assert record.fields["LastVisit"] == "2000-06-17T20:36:24"
    assert not records_of(drained(reads, clock, after=batches[-1].cursor))


def test_a_restart_reads_it_once_more_and_the_same(source, clock):
    batches = drained(source(), clock)
    again = drained(source(), clock, after=batches[-1].cursor)
    assert [record.original for record in records_of(again)] == [record.original for record in records_of(batches)]


def test_columns_can_be_chosen(source, clock):
    [record] = records_of(drained(source(read=["ID", "Comment"]), clock))
    assert list(record.fields) == ["ID", "Comment"]


def test_a_table_that_is_not_there_halts(source):
    with pytest.raises(Halt) as halted:
        source(table="Nowhere").read("", 10)
    assert halted.value.problem.code.id == "odbc.table"


def test_rows_are_sorted_here_and_read_on_after_a_restart(source, clock, monkeypatch):
    """The file has one row; seven of them, as the driver would give them, in no order."""
    real = Reader.everything

    def seven(self):
        [row] = real(self)
        return [replace(row, key=(at,), values={**row.values, "ID": at}) for at in range(1, 8)]

    monkeypatch.setattr(Reader, "everything", seven)
    first = source()
    batch = first.read("", 3)
    assert [record.key for record in batch.records] == ["1", "2", "3"]
    rest = drained(source(), clock, after=batch.cursor, limit=3)
    assert [record.key for record in records_of(rest)] == ["4", "5", "6", "7"]
