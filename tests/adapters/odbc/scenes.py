"""A table in a database, as the suites of all plugins meet it: which system, on which driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.odbc import adapter
from gateway.adapter import Context
from gateway.testing import Clock, context
from tests.adapters.odbc import databases
from tests.adapters.odbc.databases import Calls, Postgresql


class Scene:
    """Before `SourceConformance` or `SurveyConformance`; a subclass names another `system` or `database`."""

    adapter = adapter
    system: ClassVar[Any] = Calls
    database: ClassVar[Any] = Postgresql

    @pytest.fixture
    def legacy(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Calls]:
        self.made = databases.made(self.database, request, tmp_path)
        self.calls = self.system(tmp_path, self.made)
        yield self.calls
        self.made.close()

    @pytest.fixture
    def given(self, tmp_path: Path, clock: Clock, legacy: Calls) -> Context:
        return replace(context(tmp_path, clock), secret=self.made.secret)

    def typed(self) -> Any:
        return self.adapter.settings.model_validate(self.calls.typed())
