"""Imports run one way only, and each library has one place.

The rules of the layout, read from the source itself: no module is imported to be judged.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Later layers may import earlier ones and their own; never the other way.
LAYERS = [
    {"errors"},
    {"adapter", "attempt", "backoff", "breaker", "contracts", "convert", "profile", "schedule", "settings", "telemetry", "workers"}
    | {"xml", "yamlfile"},
    {"agreement", "archive", "event", "format", "mapping", "mock", "site"},
    {"store"},
    {"agreed"},
    {"access", "bus", "consumers", "context", "delivery", "dirty", "figures", "inbound", "intake", "lane", "mark", "registry", "rights", "room", "space", "topology"},
    {"draft", "samples", "system"},
    {"acts", "line", "outbound", "pull", "reconcile", "rota", "sink"},
    {"api", "demo", "runner", "standing", "testing"},
    {"cli"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# library -> the only places that know it
OWNERS = {
    "fastapi": {"gateway.api"},
    "joserfc": {"gateway.api"},
    "lxml": {"gateway.xml", "adapters.flatfile", "adapters.soap"},
    "pika": {"gateway.bus", "gateway.demo.consumer"},  # the latter stands for a city service, outside the gateway
    "psycopg": {"gateway.store"},
    "pyodbc": {"adapters.odbc"},
    "sqlite3": {"gateway.store"},
    "starlette": {"gateway.api"},
    "uvicorn": {"gateway.api"},
    "zeep": {"adapters.soap"},
}

FOR_ADAPTERS = {"gateway.adapter", "gateway.errors", "gateway.convert", "gateway.profile", "gateway.xml"}

# What costs too much to load before a command is known.
HEAVY = {"cryptography", "fastapi", "jsonschema_rs", "lxml", "pika", "psycopg", "pydantic", "structlog", "tenacity", "tqdm", "uvicorn"}

SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b", re.DOTALL)


def sources() -> dict[str, Path]:
    """Every module of the three packages, by its dotted name."""
    found = {}
    for package in ("gateway", "adapters", "contracts"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not path.name.startswith("test_") and "shipped" not in parts:
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


SOURCES = sources()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def imported(module: str) -> Iterator[tuple[str, int]]:
    """Every dotted name that a module imports, wherever in it, with its line."""
    package = module if SOURCES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in SOURCES else base), node.lineno


def layer(module: str) -> str:
    """The unit that the layers speak of: gateway.store.crypto → store, contracts.parts → contracts."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "gateway" else first


def test_every_module_of_the_gateway_has_a_layer():
    unknown = {layer(module) for module in SOURCES if module.startswith("gateway.")} - RANK.keys()
    assert not unknown, f"give {sorted(unknown)} a layer in LAYERS"


def test_no_module_imports_a_later_layer():
    wrong = [
        f"{module}:{line} imports {target}"
        for module in SOURCES
        if layer(module) in RANK
        for target, line in imported(module)
        if target.startswith(("gateway.", "contracts")) and RANK.get(layer(target), 0) > RANK[layer(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_imports_go_round_in_a_ring():
    graph = {
        module: {target for target, _ in imported(module) if target in SOURCES and target != module}
        for module in SOURCES
    }
    for module, targets in graph.items():
        # A package's own modules load it first; what it re-exports from them is no ring.
        targets -= {parent for parent in targets if module.startswith(f"{parent}.")}
    list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_each_library_has_one_place(library):
    wrong = [
        f"{module}:{line}"
        for module in SOURCES
        for target, line in imported(module)
        if target.partition(".")[0] == library
        and not any(module == owner or module.startswith(f"{owner}.") for owner in OWNERS[library])
    ]
    assert not wrong, f"only {sorted(OWNERS[library])} may import {library}: {wrong}"


def test_an_adapter_sees_the_plugin_contract_and_nothing_else():
    wrong = [
        f"{module}:{line} imports {target}"
        for module in SOURCES
        if module.startswith("adapters.")
        for target, line in imported(module)
        if target.partition(".")[0] in {"gateway", "contracts", "adapters"}
        and target not in FOR_ADAPTERS
        and target.split(".")[:2] != module.split(".")[:2]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_gateway_finds_adapters_by_registration_only():
    wrong = [
        f"{module}:{line} imports {target}"
        for module in SOURCES
        if not module.startswith("adapters")
        for target, line in imported(module)
        if target.partition(".")[0] in {"adapters", "tests", "bench"}
    ]
    assert not wrong, "\n".join(wrong)


def test_the_running_gateway_reads_the_published_contracts_not_their_models():
    wrong = [
        f"{module}:{line} imports {target}"
        for module in SOURCES
        if module.startswith("gateway.") and layer(module) != "cli"
        for target, line in imported(module)
        if target.partition(".")[0] == "contracts" and target not in {"contracts", "contracts.schema", "contracts.majors"}
    ]
    assert not wrong, "\n".join(wrong)


def test_sql_is_written_in_the_store_and_for_databases_in_their_adapter():
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        if layer(module) != "store" and not module.startswith("adapters.odbc")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert not wrong, wrong


@pytest.mark.skipif("gateway.cli" not in SOURCES, reason="there is no command line in this checkout")
def test_the_command_line_loads_nothing_heavy_before_it_knows_the_command():
    program = f"import sys, gateway.cli; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
