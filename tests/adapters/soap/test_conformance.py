"""Each way of polling against the suites that every plugin has to pass, on a real SOAP stack."""

import pytest

from adapters.soap import adapter
from gateway.testing import SinkConformance, SourceConformance
from tests.adapters.soap import systems


class Served(SourceConformance):
    adapter = adapter

    @pytest.fixture(autouse=True)
    def served(self, php):
        self.system.serve(php.vault())


class TestTokens(Served):
    system = systems.Tokens


class TestTokens12(Served):
    system = systems.Tokens12


class TestQueue(Served):
    system = systems.Queue


class TestRepository(SinkConformance):
    adapter = adapter
    system = systems.Repository

    @pytest.fixture(autouse=True)
    def served(self, java):
        self.system.serve(java)
