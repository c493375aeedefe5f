"""The conformance suites catch what they are there to catch: each of these sources and sinks breaks one promise."""

import inspect
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.adapter import Adapter, Batch, Outcome, OutRecord, RawRecord
from gateway.testing import Clock, LegacySystem, LegacyTarget, SinkConformance, SourceConformance, context


class Nothing(BaseModel):
    """No settings."""


class Table(LegacySystem):
    """Rows in a list; tells that it was emptied."""

    rows: list[str]

    def __init__(self, root):
        super().__init__(root)
        self.count = 0
        Table.rows = []

    def add(self, count):
        keys = [f"K{number}" for number in range(self.count, self.count + count)]
        self.count += count
        Table.rows += keys
        return keys


class Reader:
    """A right source; `fault` names the promise that it breaks."""

    def __init__(self, fault):
        self.fault, self.closed, self.taken = fault, False, 0

    def read(self, after, limit):
        if self.closed and self.fault != "gives after close":
            return Batch(after, more=False)
        start = self.taken if self.fault == "forgets its cursor" else int(after or 0)
        if self.fault == "skips at resume" and after and not self.taken:
            start += 1
        rows = Table.rows[start:] if self.fault == "ignores the limit" else Table.rows[start : start + limit]
        self.taken = start + len(rows)
        records = [self.record(row) for row in rows]
        return Batch(str(self.taken), records, more=bool(rows) and self.taken < len(Table.rows))

    def record(self, row):
        fields = {"id": row, "seen": b"bytes" if self.fault == "gives bytes" else "x"}
        original = json.dumps({"id": row, "seen": "y" if self.fault == "keeps another original" else "x"}).encode()
        return RawRecord("row", row, "1", "put", fields, original, f"row {row}")

    def acknowledge(self, cursor):
        if self.fault == "reads at acknowledge":
            Table.rows.clear()

    def close(self):
        self.closed = True


def decode(settings, document):
    fields = json.loads(document.body)
    yield RawRecord("row", fields["id"], "1", "put", fields, document.body, "row")


def suite(fault):
    class Suite(SourceConformance):
        adapter = Adapter("table", Nothing, source=lambda *_: Reader(fault), decode=decode)
        system = Table

    return Suite()


def failures(suite, root: Path, kind):
    """The names of the tests of a suite that fail, run one by one as pytest would."""
    failed = []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if not name.startswith("test_"):
            continue
        folder = root / name
        folder.mkdir()
        clock = Clock()
        given = context(folder, clock)
        offered = {"clock": clock, "given": given, "limit": 2, kind: suite.system(folder)}
        offered["source" if kind == "legacy" else "sink"] = suite.opened(given)
        try:
            test(**{key: offered[key] for key in inspect.signature(test).parameters})
        except pytest.skip.Exception:
            continue
        except (AssertionError, TypeError, ValueError, pytest.fail.Exception):
            failed.append(name)
    return failed


def test_a_right_source_passes(tmp_path):
    assert failures(suite(""), tmp_path, "legacy") == []


@pytest.mark.parametrize(
    "fault, caught_by",
    [
        ("forgets its cursor", "test_reading_goes_on_from_every_cursor"),
        ("skips at resume", "test_reading_goes_on_from_every_cursor"),
        ("ignores the limit", "test_a_batch_keeps_to_its_limit"),
        ("gives bytes", "test_fields_are_plain_json"),
        ("keeps another original", "test_every_original_decodes_to_its_fields_again"),
        ("gives after close", "test_a_closed_source_gives_nothing_and_does_not_hang"),
        ("reads at acknowledge", "test_what_comes_later_comes_after"),
    ],
)
def test_a_source_that_breaks_a_promise_is_caught(tmp_path, fault, caught_by):
    assert caught_by in failures(suite(fault), tmp_path, "legacy")


class Shelf(LegacyTarget):
    """Records in a list."""

    held: list[OutRecord]

    def __init__(self, root):
        super().__init__(root)
        Shelf.held = []

    def records(self, count):
        return [OutRecord(f"e{number}", f"K{number}", "", "put", {"id": str(number)}) for number in range(count)]

    def holds(self):
        return [dict(record.fields) for record in Shelf.held]

    def misfit(self):
        return OutRecord("bad", "bad", "", "put", {"id": "misfit-value"})


class Writer:
    """A right sink that asks the target what it holds; `fault` names the promise that it breaks."""

    def __init__(self, fault):
        self.fault = fault

    def write(self, records):
        outcomes = [self.one(record) for record in records]
        return outcomes[::-1] if self.fault == "answers out of order" else outcomes

    def one(self, record):
        if record.id == "bad":
            return Outcome("refused")
        if self.fault == "writes twice" or record.id not in {held.id for held in Shelf.held}:
            fields = {"id": "other"} if self.fault == "changes values" else record.fields
            Shelf.held.append(replace(record, fields=fields))
        return Outcome("written")

    def follow(self, remote_id):
        return Outcome("written")

    def close(self):
        pass


@pytest.mark.parametrize(
    "fault, caught_by",
    [
        ("writes twice", "test_a_record_that_arrives_twice_is_written_once"),
        ("writes twice", "test_a_restart_remembers_what_was_written"),
        ("changes values", "test_what_was_written_reads_back_the_same"),
        ("", "test_a_refusal_says_why_without_the_value"),
    ],
)
def test_a_sink_that_breaks_a_promise_is_caught(tmp_path, fault, caught_by):
    class Suite(SinkConformance):
        adapter = Adapter("shelf", Nothing, sink=lambda *_: Writer(fault))
        system = Shelf

    assert caught_by in failures(Suite(), tmp_path, "target")
