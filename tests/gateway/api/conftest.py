"""One running facade for the tests of a module, on loopback, and clean sites for those that need one."""

from __future__ import annotations

import pytest

from tests.gateway.api import riverton as invented


@pytest.fixture(scope="module")
def riverton(tmp_path_factory):
    """Shared by a module: each test uses records and callers of its own."""
    with invented.running(invented.made(tmp_path_factory.mktemp("riverton") / "site")) as running:
        running.caller("vendor", "submit", limits={"per_minute": 100000, "at_once": 64, "body": 1 << 20})
        yield running
