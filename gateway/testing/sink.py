"""What every sink holds to: one outcome each, each record once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.adapter import Adapter, Context, Outcome, OutRecord, Sink
from gateway.testing.lent import context


class LegacyTarget:
    """A legacy system that is written to."""

    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, root: Path) -> None:
        self.root = root

    def records(self, count: int) -> list[OutRecord]:
        """So many records that fit."""
        raise NotImplementedError

    def holds(self) -> list[dict[str, Any]]:
        """The fields of all records that arrived, in order of arrival; a record that arrived twice is there twice."""
        raise NotImplementedError

    def misfit(self) -> OutRecord:
        """A record that the target refuses."""
        pytest.skip("the target refuses nothing")

    def takes_away(self) -> None:
        """Takes what was written, as it does in its own time."""
        pytest.skip("the target does not take anything away")

    def dies_after_commit(self, sink: Sink) -> None:
        """Lets the next write reach the target, and its answer get lost."""
        pytest.skip("the answer of this target cannot get lost")


class SinkConformance:
    """What every sink holds to."""

    adapter: ClassVar[Adapter[Any]]
    system: ClassVar[type[LegacyTarget]]

    @pytest.fixture
    def target(self, tmp_path: Path) -> LegacyTarget:
        return self.system(tmp_path)

    @pytest.fixture
    def given(self, tmp_path: Path) -> Context:
        return context(tmp_path)

    @pytest.fixture
    def sink(self, target: LegacyTarget, given: Context) -> Iterator[Sink]:
        sink = self.opened(given)
        yield sink
        sink.close()

    def opened(self, given: Context) -> Sink:
        """A new sink, as after a start of the gateway."""
        assert self.adapter.sink is not None
        return self.adapter.sink(self.adapter.settings.model_validate(self.system.settings), given)

    def test_what_was_written_reads_back_the_same(self, target: LegacyTarget, sink: Sink) -> None:
        records = target.records(4)
        assert _states(sink.write(records)) == ["written"] * 4
        assert target.holds() == [dict(record.fields) for record in records]

    def test_there_is_one_outcome_each_in_order(self, target: LegacyTarget, sink: Sink) -> None:
        first, second = target.records(2)
        assert _states(sink.write([first, target.misfit(), second])) == ["written", "refused", "written"]
        assert target.holds() == [dict(first.fields), dict(second.fields)]

    def test_a_refusal_says_why_without_the_value(self, target: LegacyTarget, sink: Sink) -> None:
        record = target.misfit()
        outcome = sink.write([record])[0]
        assert outcome.problems
        said = " ".join(map(str, outcome.problems))
        assert not [value for value in map(str, record.fields.values()) if len(value) > 5 and value in said]

    def test_a_record_that_arrives_twice_is_written_once(self, target: LegacyTarget, sink: Sink) -> None:
        records = target.records(3)
        sink.write(records)
        assert _states(sink.write(records[1:])) == ["written"] * 2
        assert _states(sink.write([*records, records[0]])) == ["written"] * 4
        assert len(target.holds()) == 3

    def test_a_record_twice_in_one_call_is_written_once(self, target: LegacyTarget, sink: Sink) -> None:
        record = target.records(1)[0]
        assert _states(sink.write([record, record])) == ["written"] * 2
        assert len(target.holds()) == 1

    def test_a_restart_remembers_what_was_written(self, target: LegacyTarget, sink: Sink, given: Context) -> None:
        records = target.records(3)
        sink.write(records)
        sink.close()
        after = self.opened(given)
        assert _states(after.write([replace(record, uncertain=True) for record in records])) == ["written"] * 3
        assert len(target.holds()) == 3
        after.close()

    def test_what_the_target_took_away_is_not_written_again(self, target: LegacyTarget, sink: Sink) -> None:
        records = target.records(2)
        sink.write(records)
        target.takes_away()
        assert _states(sink.write(records)) == ["written"] * 2
        assert target.holds() == []

    def test_an_answer_that_got_lost_is_found_again(self, target: LegacyTarget, sink: Sink, given: Context) -> None:
        records = target.records(3)
        target.dies_after_commit(sink)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - however the fault shows itself in this adapter
            sink.write(records)
        after = self.opened(given)
        assert _states(after.write([replace(record, uncertain=True) for record in records])) == ["written"] * 3
        assert target.holds() == [dict(record.fields) for record in records]
        after.close()

    def test_closing_twice_harms_nothing(self, sink: Sink) -> None:
        sink.close()
        sink.close()


def _states(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]
