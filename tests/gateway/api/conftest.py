"""One running facade for the tests of a module, on loopback, and clean sites for those that need one."""

from __future__ import annotations

import pytest

from tests import peers
from tests.gateway.api import riverton as invented


@pytest.fixture(scope="module")
def riverton(tmp_path_factory):
    """Shared by a module: each test uses records and callers of its own."""
    with invented.running(invented.made(tmp_path_factory.mktemp("riverton") / "site")) as running:
        running.caller("vendor", "submit", limits={"per_minute": 100000, "at_once": 64, "body": 1 << 20})
        yield running


@pytest.fixture(scope="session")
def browser(request):
    """A real Chromium that can reach this machine only."""
    from playwright.sync_api import sync_playwright

    try:
        program = peers.program("chromium", "/usr/bin/chromium")
    except peers.Unavailable as e:
        (pytest.fail if request.config.getoption("--require-peers") else pytest.skip)(f"chromium: {e}")
    blocked = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-sync", *quiet, blocked])
        yield browser
        browser.close()
