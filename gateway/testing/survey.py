"""What every survey holds to: it says what the source says, finds records by their keys, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gateway.adapter import Context, RawRecord, Rejected, Source, Survey
from gateway.testing.lent import Clock
from gateway.testing.reading import drained, records_of
from gateway.testing.source import LegacySystem, WithSystem


class SurveyConformance(WithSystem):
    """For an adapter with `survey`: subclassed as `SourceConformance` is."""

    @pytest.fixture
    def survey(self, legacy: LegacySystem, given: Context) -> Iterator[Survey]:
        opened = self._opened_survey(given)
        yield opened
        opened.close()

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_a_survey_gives_every_record_once_as_the_source_does(
        self, legacy: LegacySystem, source: Source, survey: Survey, clock: Clock, limit: int
    ) -> None:
        legacy.add(7)
        read = _said(records_of(drained(source, clock)))
        found = surveyed(survey, limit)
        assert len(found) == 7
        assert _said(found) == read

    def test_a_survey_looks_at_what_there_is_now(self, legacy: LegacySystem, survey: Survey) -> None:
        legacy.add(2)
        assert len(surveyed(survey, 10)) == 2
        legacy.add(1)
        assert len(surveyed(survey, 10)) == 3

    def test_records_are_found_by_their_keys_and_what_is_not_there_is_not(self, legacy: LegacySystem, survey: Survey) -> None:
        keys = legacy.add(5)
        found = surveyed(survey, 10)
        kind = found[0].kind
        assert _said(survey.find(kind, keys[1:3])) == {name: fields for name, fields in _said(found).items() if name[1] in keys[1:3]}
        assert list(survey.find(kind, ["there is no such key"[: len(keys[0])]])) == []
        assert list(survey.find(kind, [])) == []

    def test_a_survey_takes_nothing_away_from_the_source(self, legacy: LegacySystem, source: Source, survey: Survey, clock: Clock) -> None:
        keys = legacy.add(4)
        surveyed(survey, 2)
        assert sorted(record.key for record in records_of(drained(source, clock))) == sorted(keys)

    def test_every_day_is_one_or_none(self, legacy: LegacySystem, survey: Survey) -> None:
        legacy.add(3)
        days = [survey.day(record) for record in surveyed(survey, 10) if isinstance(record, RawRecord)]
        assert all(day == "" or (len(day) == 10 and day[4] == day[7] == "-") for day in days)

    def test_a_survey_may_be_closed_twice(self, legacy: LegacySystem, given: Context) -> None:
        opened = self._opened_survey(given)
        opened.close()
        opened.close()

    def _opened_survey(self, given: Context) -> Survey:
        assert self.adapter.survey is not None
        return self.adapter.survey(self.typed(), given, "")


def surveyed(survey: Survey, limit: int) -> list[RawRecord | Rejected]:
    """Everything that a survey gives, from its beginning."""
    found: list[RawRecord | Rejected] = []
    cursor, more = "", True
    while more:
        batch = survey.read(cursor, limit)
        assert len(batch.records) <= limit
        found += batch.records
        cursor, more = batch.cursor, batch.more
    return found


def _said(records: Sequence[RawRecord | Rejected]) -> dict[tuple[str, str], Any]:
    return {(record.kind, record.key): dict(getattr(record, "fields", {})) for record in records}
