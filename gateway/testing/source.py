"""What every source holds to, against a legacy system that behaves as legacy systems do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.adapter import BATCH_BYTES, Adapter, Batch, Context, Document, RawRecord, Rejected, Source
from gateway.errors import REGISTER, GatewayError
from gateway.testing.lent import Clock, Heard, context
from gateway.testing.reading import drained, keys_of, names_of, polled, records_of


class LegacySystem:
    """The other side, as its own people use it.  A method that a system cannot offer is left out: its tests are skipped."""

    settings: ClassVar[dict[str, Any]] = {}
    """What `system.yaml` would say."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, count: int) -> list[str]:
        """So many more records, complete and ready; their keys, in order."""
        raise NotImplementedError

    def half(self) -> list[str]:
        """Begins to write and stops in the middle; the keys that will be there in the end."""
        pytest.skip("the system cannot write by halves")

    def finish(self) -> None:
        """Writes the other half."""

    def again(self) -> None:
        """Offers what was added last once more, unchanged."""
        pytest.skip("the system cannot offer the same thing twice")

    def spoiled(self, secret: str) -> list[str]:
        """Adds records of which one, holding `secret`, cannot be read; the keys of the others."""
        pytest.skip("the system cannot spoil a record")

    def one_instant(self, count: int) -> list[str]:
        """So many records that the system wrote at the very same time."""
        pytest.skip("the system keeps no times")

    def emptied(self) -> bool:
        """Whether the system was told that everything was taken."""
        pytest.skip("the system is not told")


class WithSystem:
    """What the suites begin with: a legacy system, what the gateway lends, and a source that reads the one with the other."""

    adapter: ClassVar[Adapter[Any]]
    system: ClassVar[type[LegacySystem]]

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def legacy(self, tmp_path: Path) -> LegacySystem:
        return self.system(tmp_path)

    @pytest.fixture
    def given(self, tmp_path: Path, clock: Clock) -> Context:
        return context(tmp_path, clock)

    @pytest.fixture
    def source(self, legacy: LegacySystem, given: Context) -> Iterator[Source]:
        source = self.opened(given)
        yield source
        source.close()

    def opened(self, given: Context) -> Source:
        """A new source, as after a start of the gateway."""
        assert self.adapter.source is not None
        return self.adapter.source(self.typed(), given)

    def typed(self) -> Any:
        """The settings, validated as the gateway does."""
        return self.adapter.settings.model_validate(self.system.settings)


class SourceConformance(WithSystem):
    """What every source holds to."""

    def test_every_record_comes_once_and_in_order(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        keys = legacy.add(7)
        assert keys_of(drained(source, clock)) == keys

    def test_what_comes_later_comes_after(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        first = legacy.add(3)
        batches = drained(source, clock)
        assert keys_of(batches) == first
        second = legacy.add(2)
        assert keys_of(drained(source, clock, after=batches[-1].cursor)) == second

    def test_a_source_with_nothing_new_says_so(self, source: Source) -> None:
        batch = source.read("", 10)
        assert not batch.records
        assert not batch.more

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_a_batch_keeps_to_its_limit(self, legacy: LegacySystem, source: Source, clock: Clock, limit: int) -> None:
        keys = legacy.add(7)
        batches = drained(source, clock, limit=limit)
        assert keys_of(batches) == keys
        assert max(len(batch.records) for batch in batches) <= limit
        assert all(len(batch.records) == 1 or _bytes(batch) <= BATCH_BYTES for batch in batches)

    def test_reading_goes_on_from_every_cursor(self, legacy: LegacySystem, given: Context, clock: Clock) -> None:
        keys = legacy.add(6)
        source = self.opened(given)
        batches = drained(source, clock, limit=1, acknowledge=False)
        source.close()
        seen: list[str] = []
        for batch in batches:
            seen += keys_of([batch])
            later = self.opened(given)
            assert seen + keys_of(drained(later, clock, after=batch.cursor, acknowledge=False)) == keys
            later.close()

    def test_a_crash_before_the_commit_repeats_the_same_batch(
        self, legacy: LegacySystem, given: Context, clock: Clock
    ) -> None:
        legacy.add(5)
        lost = self.opened(given)
        first = polled(lost, clock, "", 3)
        lost.close()
        again = self.opened(given)
        assert names_of([polled(again, clock, "", 3)]) == names_of([first])
        again.close()

    def test_a_crash_between_commit_and_acknowledge_repeats_nothing(
        self, legacy: LegacySystem, given: Context, clock: Clock
    ) -> None:
        keys = legacy.add(5)
        dying = self.opened(given)
        batches = drained(dying, clock, acknowledge=False)
        dying.close()
        after = self.opened(given)
        after.acknowledge(batches[-1].cursor)
        after.acknowledge(batches[-1].cursor)
        assert keys_of(batches) == keys
        assert keys_of(drained(after, clock, after=batches[-1].cursor)) == []
        after.close()

    def test_the_system_is_told_only_when_everything_is_durable(
        self, legacy: LegacySystem, source: Source, clock: Clock
    ) -> None:
        legacy.add(3)
        batches = drained(source, clock, acknowledge=False)
        assert not legacy.emptied()
        for batch in batches:
            source.acknowledge(batch.cursor)
        assert legacy.emptied()

    def test_what_is_half_written_is_left_alone(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        keys = legacy.half()
        assert keys_of(drained(source, clock)) == []
        legacy.finish()
        assert keys_of(drained(source, clock)) == keys

    def test_the_same_thing_offered_twice_can_be_told(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        legacy.add(4)
        first = drained(source, clock)
        legacy.again()
        second = drained(source, clock, after=first[-1].cursor)
        assert names_of(second) == names_of(first)

    def test_records_of_one_instant_all_come(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        keys = legacy.one_instant(9)
        assert sorted(keys_of(drained(source, clock, limit=2))) == sorted(keys)

    def test_a_clock_that_runs_back_loses_nothing(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        first = legacy.add(3)
        batches = drained(source, clock)
        clock.move(timedelta(hours=-2))
        second = legacy.add(3)
        assert keys_of(batches) == first
        assert keys_of(drained(source, clock, after=batches[-1].cursor)) == second

    def test_every_original_decodes_to_its_fields_again(
        self, legacy: LegacySystem, source: Source, clock: Clock
    ) -> None:
        legacy.add(5)
        for batch in drained(source, clock):
            for record in records_of([batch]):
                again = self.decoded(record, batch.document)
                assert again.fields == record.fields
                assert (again.kind, again.key, again.change) == (record.kind, record.key, record.change)

    def decoded(self, record: RawRecord, document: Document | None) -> RawRecord:
        """The record read again from what was kept of it."""
        assert self.adapter.decode is not None, "kept originals must be readable again"
        kept = document or Document("record", hashlib.sha256(record.original).digest(), len(record.original))
        found = list(self.adapter.decode(self.typed(), replace(kept, body=record.original)))
        assert len(found) == 1
        assert isinstance(found[0], RawRecord)
        return found[0]

    def test_every_byte_of_a_document_is_answered_for(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        legacy.add(6)
        answered: dict[bytes, int] = {}
        complete: dict[bytes, int] = {}
        for batch in drained(source, clock, limit=2):
            if batch.document is None:
                assert not batch.skipped
                continue
            digest = batch.document.sha256
            answered[digest] = answered.get(digest, 0) + _bytes(batch) + sum(length for _, length, _ in batch.skipped)
            if batch.complete:
                complete[digest] = batch.document.size
        if not answered:
            pytest.skip("the source has no documents")
        assert answered == complete

    def test_a_record_that_cannot_be_read_harms_no_other(
        self, legacy: LegacySystem, source: Source, clock: Clock, given: Context
    ) -> None:
        keys = legacy.spoiled("ALDERGATE7")
        batches = drained(source, clock)
        rejected = [record for batch in batches for record in batch.records if isinstance(record, Rejected)]
        assert keys_of(batches) == keys
        assert rejected
        assert any(b"ALDERGATE7" in record.original for record in rejected), "the original bytes are kept"
        problems = [problem for record in rejected for problem in record.problems]
        assert problems
        assert all(problem.code.id in REGISTER for problem in problems)
        said = " ".join(map(str, problems)) + " ".join(given.log.lines if isinstance(given.log, Heard) else [])
        assert "ALDERGATE7" not in said, "a problem names path, rule and place, never the value"

    def test_fields_are_plain_json(self, legacy: LegacySystem, source: Source, clock: Clock) -> None:
        legacy.add(3)
        for record in records_of(drained(source, clock)):
            assert json.loads(json.dumps(record.fields, allow_nan=False)) == record.fields
            assert record.key
            assert record.where

    def test_a_closed_source_gives_nothing_and_does_not_hang(self, legacy: LegacySystem, source: Source) -> None:
        legacy.add(3)
        source.close()
        assert closed_read(source) == []

    def test_closing_from_another_thread_unblocks_a_read(self, legacy: LegacySystem, source: Source) -> None:
        legacy.add(50)
        reader = threading.Thread(target=_until_closed, args=(source,), daemon=True)
        reader.start()
        source.close()
        reader.join(timeout=5)
        assert not reader.is_alive()


def _bytes(batch: Batch) -> int:
    return sum(len(record.original) for record in batch.records)


def closed_read(source: Source) -> list[str]:
    """What a closed source still gives, read on a thread that is given five seconds."""
    found: list[str] = []
    reader = threading.Thread(target=_tried, args=(source, found), daemon=True)
    reader.start()
    reader.join(timeout=5)
    assert not reader.is_alive(), "a closed source must not wait"
    return found


def _tried(source: Source, found: list[str]) -> None:
    with suppress(GatewayError):
        found += keys_of([source.read("", 10)])


def _until_closed(source: Source) -> None:
    after = ""
    for _ in range(1000):
        try:
            batch = source.read(after, 1)
        except GatewayError:
            return
        if not batch.more:
            return
        after = batch.cursor
