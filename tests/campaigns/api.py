"""The REST facade under requests that its own document describes, and under ones that it forbids.

Schemathesis makes them from docs/openapi.json, by every operation, well-formed and malformed, with a key
and without.  `server_errors`: answers of 500 and above; `violations`: answers that the document does
not allow, which `violated` names where there are any.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell
from tests.gateway.api import jail, riverton

STREAM = "/v1/events/stream"
"""It has no end: only how it begins is looked at."""

GOOD: dict[str, dict[str, Any]] = {
    "calls": {"body": riverton.HEADER + riverton.row("C-good"), "media_type": "text/csv"},
    "latin": {"body": riverton.HEADER + riverton.row("C-good") + riverton.row("C-bad", opened="never"), "media_type": "text/plain"},
    "xml": {"body": "<calls><call><number>C-x</number><record>r</record></call></calls>", "media_type": "text/plain"},
    "json": {"body": [{"number": "C-j", "record": "r"}], "media_type": "application/json"},
}
"""A document that each feed takes, so that what is taken is seen too."""

CALLERS: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("all", ("submit", "read", "fetch", "operate", "confirm"), {}),
    ("mapped", ("read",), {"reads_as": ["jail/csv", "jail/xml"]}),
    ("weak", ("operate",), {}),
]

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@dataclass
class Account:
    """What came of the requests."""

    cases: int = 0
    server_errors: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)


def campaign(count: int, seed_: int, tell: Tell) -> Tally:
    """`count` requests against one running facade."""
    tally = Tally("api", needs_faults=False)
    account = Account()
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder, riverton.running(jail.made(Path(folder) / "site", {"cases": "csv"})) as running:
        running.approve("cases")
        for name, roles, more in CALLERS:
            granted = {"cad": "all", "jail": "all"}
            running.caller(name, *roles, systems=granted, purpose="a campaign", limits={"per_minute": 10_000_000, "at_once": 1000}, **more)
        for number in range(20):
            running.send(riverton.HEADER + riverton.row(f"C-{number}"), caller="all")
        _run(running, count, seed_, account)
    tally.attempted = account.cases
    tally.extra = {"server_errors": account.server_errors, "violations": account.violations.total(), "answers": dict(sorted(account.answers.items()))}
    if account.violations:
        tally.extra["violated"] = dict(account.violations)
    for what, times in account.violations.most_common():
        tell(f"{times} times {what}")
    return tally


def _run(running: riverton.Riverton, count: int, seed_: int, account: Account) -> None:
    schema = schemathesis.openapi.from_url(f"{running.base}/openapi.json")
    strategies = list(_strategies(schema, running))
    with closing(requests.Session()) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while account.cases < count:
            share = (count - account.cases) // len(strategies) + 1
            for number, (strategy, key) in enumerate(strategies):
                _explore(strategy, share, seed_ + account.cases + number, partial(_one, running, session, key, account))


def _strategies(schema: Any, running: riverton.Riverton) -> Iterator[tuple[Any, str]]:
    """Each operation well-formed and malformed, by who may and who may not; and on what is really there."""
    keys = running.keys
    with running.client("all") as client:
        id = client.get("/v1/incidents?limit=1").json()["records"][0]["id"]
        receipt = running.send(riverton.HEADER + riverton.row("C-real"), caller="all").json()["receipt"]
    real = {"/v1/incidents/{id}": [{"id": id}], "/v1/receipts/{receipt}": [{"receipt": receipt}]}
    real |= {f"/v1/systems/{{system}}/mailbox{end}": [{"system": "jail"}] for end in ("", "/acknowledge")}
    real["/v1/systems/{system}/{feed}"] = [{"system": "cad", "feed": feed} for feed in ("calls", "xml", "json", "latin")]
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            yield operation.as_strategy(generation_mode=mode), keys["all"]
        yield operation.as_strategy(), keys["weak"]
        yield operation.as_strategy(), keys["mapped"]
        yield operation.as_strategy(), ""
        for given_ in real.get(operation.path, ()):
            yield operation.as_strategy(path_parameters=given_), keys["all"]
            yield operation.as_strategy(path_parameters=given_), keys["mapped"]
            yield operation.as_strategy(path_parameters=given_, **GOOD.get(given_.get("feed", ""), {})), keys["all"]


def _explore(strategy: Any, share: int, seed_: int, one: Callable[[Any], None]) -> None:
    quiet = settings(
        max_examples=share, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )

    @seed(seed_)
    @quiet
    @given(case=strategy)
    def explored(case: Any) -> None:
        one(case)

    with suppress(Unsatisfiable):  # an operation without parameters has nothing malformed
        explored()


def _one(running: riverton.Riverton, session: requests.Session, key: str, account: Account, case: Any) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    account.cases += 1
    if case.operation.path == STREAM:
        _stream(running, session, case, headers, account)
        return
    response = case.call(base_url=running.base, session=session, headers=headers, timeout=30)
    account.answers[response.status_code] += 1
    account.server_errors += response.status_code >= 500
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as e:
        for failure in e.exceptions:
            what = getattr(failure, "title", type(failure).__name__)
            account.violations[f"{case.method} {case.operation.path}: {response.status_code}: {what}"] += 1


def _stream(running: riverton.Riverton, session: requests.Session, case: Any, headers: dict[str, str], account: Account) -> None:
    sent = {**{name: str(value) for name, value in (case.headers or {}).items()}, **headers}
    try:
        with session.get(running.base + STREAM, params=case.query, headers=sent, stream=True, timeout=30) as answer:
            status, kind = answer.status_code, answer.headers["content-type"].partition(";")[0]
    except (requests.exceptions.InvalidHeader, UnicodeError):
        return  # no HTTP client sends it
    account.answers[status] += 1
    account.server_errors += status >= 500
    if kind != ("text/event-stream" if status == 200 else kind) or str(status) not in case.operation.definition.raw["responses"]:
        account.violations[f"GET {STREAM}: {status} {kind}"] += 1
