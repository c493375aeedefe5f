"""What every test may ask for: real peers, the folder of real data; and the account at the end.

A test that did not run is named at the end with its reason, and each peer with the seconds it cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import peers

if TYPE_CHECKING:
    from tests.peers.access import AccessFile
    from tests.peers.helm import Helm
    from tests.peers.mariadb import MariaDb
    from tests.peers.npm import Npm
    from tests.peers.postgres import Postgres
    from tests.peers.rabbitmq import RabbitMQ
    from tests.peers.soap.java import Java
    from tests.peers.soap.node import Node
    from tests.peers.soap.php import Php

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Cost:
    """What one peer cost in this session: starting and ending it, and the tests that use it."""

    start_s: float = 0.0
    tests: int = 0
    tests_s: float = 0.0


COSTS = {name: Cost() for name in ("rabbitmq", "postgres", "mariadb", "access", "npm", "helm", "php", "java", "node")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shared", metavar="DIR", help="a folder whose data/ holds real files (default: ../shared)")
    parser.addoption("--require-peers", action="store_true", help="a peer that cannot start is an error")


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Path:
    """The folder of real data; without it the tests that read real files do not run."""
    given = request.config.getoption("--shared")
    data = Path(given or ROOT.parent / "shared").resolve() / "data"
    if not data.is_dir():
        pytest.skip(f"no real data in {given or '../shared'}: name its folder with --shared DIR")
    return data


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> Iterator[RabbitMQ]:
    """One RabbitMQ for the session; tests keep apart by the names of their queues."""
    from tests.peers.rabbitmq import RabbitMQ

    yield from _peer(request, "rabbitmq", RabbitMQ)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """One PostgreSQL for the session; `database()` gives each test its own."""
    from tests.peers.postgres import Postgres

    yield from _peer(request, "postgres", Postgres)


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[MariaDb]:
    """One MariaDB for the session; `database()` gives each test its own."""
    from tests.peers.mariadb import MariaDb

    yield from _peer(request, "mariadb", MariaDb)


@pytest.fixture(scope="session")
def npm(request: pytest.FixtureRequest) -> Iterator[Npm]:
    """Node with the packages that the tests use, installed once a session."""
    from tests.peers.npm import Npm

    yield from _peer(request, "npm", Npm)


@pytest.fixture(scope="session")
def access(request: pytest.FixtureRequest) -> Iterator[AccessFile]:
    """A file of Microsoft Access."""
    from tests.peers.access import AccessFile

    yield from _peer(request, "access", AccessFile)


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Iterator[Helm]:
    """The real helm: `helm("3", …)` and `helm("4", …)`."""
    from tests.peers.helm import Helm

    yield from _peer(request, "helm", Helm)


@pytest.fixture(scope="session")
def php(request: pytest.FixtureRequest) -> Iterator[Php]:
    """PHP's SoapServer for the session; `vault()` gives each test an evidence vault of its own."""
    from tests.peers.soap.php import Php

    yield from _peer(request, "php", Php)


@pytest.fixture(scope="session")
def java(request: pytest.FixtureRequest) -> Iterator[Java]:
    """JAX-WS RI with WSS4J for the session; a test resets it first."""
    from tests.peers.soap.java import Java

    yield from _peer(request, "java", Java)


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, npm: Npm) -> Iterator[Node]:
    """node-soap for the session; `vault()` and `repository()` give each test its own."""
    from tests.peers.soap.node import Node

    yield from _peer(request, "node", lambda: Node(npm))


def _peer(request, name, make):
    began = time.monotonic()
    peer = None
    try:
        peer = make()
        peer.start()
    except peers.Unavailable as e:
        if peer is not None:
            peer.close()
        (pytest.fail if request.config.getoption("--require-peers") else pytest.skip)(f"{name}: {e}")
    COSTS[name].start_s += time.monotonic() - began
    yield peer
    began = time.monotonic()
    peer.close()
    COSTS[name].start_s += time.monotonic() - began


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    began = time.monotonic()
    try:
        return (yield)
    finally:
        for name in COSTS.keys() & set(getattr(item, "fixturenames", ())):
            COSTS[name].tests += 1
            COSTS[name].tests_s += time.monotonic() - began


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes hands over what its peers cost."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["costs"] = {name: astuple(cost) for name, cost in COSTS.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """The process that started them adds it up."""
    for name, (start_s, tests, tests_s) in getattr(node, "workeroutput", {}).get("costs", {}).items():
        cost = COSTS[name]
        cost.start_s, cost.tests, cost.tests_s = cost.start_s + start_s, cost.tests + tests, cost.tests_s + tests_s


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    not_run = {
        report.nodeid: report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        for report in terminalreporter.stats.get("skipped", [])
    }
    terminalreporter.section("not run, and what the peers cost")
    for test, reason in sorted(not_run.items()):
        terminalreporter.write_line(f"not run: {test}: {reason.removeprefix('Skipped: ')}")
    if deselected := len(terminalreporter.stats.get("deselected", [])):
        terminalreporter.write_line(f"not run: {deselected} more that the options left out")
    for name, cost in sorted(COSTS.items()):
        used = f"{cost.start_s:.1f} s to start and end, {cost.tests_s:.1f} s in {cost.tests} tests"
        terminalreporter.write_line(f"{name}: {used if cost.start_s else 'not asked for'}")
