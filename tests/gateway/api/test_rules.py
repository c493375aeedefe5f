"""Every operation of the document has a rule, and every cell of role by operation is tried."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from gateway.access import ROLES
from gateway.api.rules import rule_of
from gateway.api.serving import described
from tests.gateway.api import riverton as invented

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(method, path, said["x-rule"]) for path, item in DOCUMENT["paths"].items() for method, said in item.items()]
FILLED = {"system": "cad", "feed": "calls", "receipt": "0" * 32, "id": "0" * 32, "act": "0" * 32}
QUERY = {"/v1/receipts": {"system": "cad", "feed": "calls", "number": "1"}}
WHO = {"nobody": (), "none": (), **{role: (role,) for role in ROLES}}


@pytest.fixture(scope="module")
def riverton(tmp_path_factory):
    with invented.running(invented.made(tmp_path_factory.mktemp("riverton") / "site")) as running:
        for name, roles in WHO.items():
            if roles:
                running.caller(name, *roles, purpose="a test", limits={"per_minute": 100000})
        yield running


def test_the_committed_document_is_that_of_the_routes():
    assert described() == DOCUMENT, "run python3 dev.py docs"


def test_every_operation_has_a_rule():
    assert OPERATIONS
    assert not [(method, path) for method, path, rule in OPERATIONS if rule not in {*ROLES, "open", "anyone"}]


def test_every_route_is_behind_the_gate_and_has_a_rule_even_outside_the_document(riverton):
    from gateway import context, site
    from gateway.access import Book
    from gateway.api.app import build

    facade = build(riverton.runner, site.keys(riverton.here), Book(riverton.here.callers, context.now), context.Quiet())
    routes = list(facade.routes.routes)
    facade.close()
    assert len(routes) > len(OPERATIONS)
    assert all(isinstance(route, APIRoute) and rule_of(route.endpoint) is not None for route in routes)
    assert all(type(route).__name__ == "Guarded" for route in routes)


def test_only_health_and_what_describes_the_facade_are_open():
    assert {path for _, path, rule in OPERATIONS if rule == "open"} == {"/livez", "/readyz"}


@pytest.mark.parametrize("operation, who", list(product(OPERATIONS, WHO)), ids=lambda one: "-".join(one) if isinstance(one, tuple) else one)
def test_each_role_reaches_what_its_rule_says_and_nothing_else(riverton, operation, who):
    method, path, rule = operation
    filled = path.format_map(FILLED)
    known = who if who in riverton.keys else ""
    with riverton.client(known) as client, client.stream(method, filled, params=QUERY.get(path)) as answer:
        status = answer.status_code
        code = "" if status == 200 else json.loads(answer.read()).get("code", "")
    if rule == "open":
        assert status == 200
    elif not known:
        assert (status, code) == (401, "api.unknown-caller")
    elif rule in ("anyone", *WHO[who]):
        assert status in {200, 404, 422}, code  # let in: what it asked for is another question
    else:
        assert (status, code) == (403, "api.forbidden")
