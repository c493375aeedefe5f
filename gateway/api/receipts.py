"""Receipts: what became of each document of a caller, as long as the journal keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from gateway import agreement
from gateway.agreed import agreements
from gateway.agreement import Projected
from gateway.api.answers import Format, answered, refusals
from gateway.api.codes import MISSING
from gateway.api.problems import Refusal, entry, simple
from gateway.api.rules import rule
from gateway.errors import Problem
from gateway.store.submissions import Aside, SubmissionRow, Submitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.event import Keys
    from gateway.runner import Runner

Outcome = Literal["accepted", "unchanged", "late", "quarantined"]


class Wrong(BaseModel):
    """One thing wrong with one record."""

    code: str
    message: str
    hint: str
    pointer: str | None = Field(default=None, description="JSON pointer to the field.")
    column: str | None = None
    where: str | None = Field(default=None, description="The place in the document.")
    row: int | None = Field(default=None, description="The line of the document, from 1.")


class Result(BaseModel):
    """What became of one record of the document."""

    record: int = Field(description="Its number in the document, from 1.")
    outcome: Outcome
    where: str | None = None
    errors: list[Wrong] | None = None


class Digest(BaseModel):
    """The document as it was received."""

    sha256: str
    size: int


class Delivered(BaseModel):
    """Where the document's events stand at one destination."""

    destination: str
    delivered: int
    in_progress: int
    parked: int
    withheld: int


class Proof(BaseModel):
    """Where the first record's row is in the ledger: RFC 6962 paths, in hexadecimal."""

    leaf: int
    leaf_hash: str
    entry: str
    batch_index: int
    batch_size: int
    batch_path: list[str]
    tree_size: int
    tree_path: list[str]
    root: str


class Receipt(BaseModel):
    """What became of one document.  read = accepted + unchanged + late + quarantined."""

    receipt: str = Field(description="The id of this receipt.")
    url: str
    state: Literal["accepted", "partly quarantined", "quarantined"]
    system: str
    feed: str
    received: str = Field(description="When it was journalled, RFC 3339.")
    document: Digest
    read: int
    accepted: int
    unchanged: int
    late: int
    quarantined: int
    results: list[Result]
    deliveries: list[Delivered] | None = None
    ledger: Proof | None = None


class Receipts(BaseModel):
    """The caller's receipts of the documents in which one of its records came, the latest first."""

    receipts: list[Receipt]


def given(submitted: Submitted, *, system: str, feed: str, sha256: bytes, size: int) -> dict[str, Any]:
    """The receipt of a document that has just been journalled."""
    counts = submitted.accepted
    row = submitted.row
    return _said(
        row,
        system,
        feed,
        {"sha256": sha256.hex(), "size": size},
        {key: getattr(counts, key) for key in ("read", "accepted", "unchanged", "late", "quarantined")},
        submitted.problems,
    )


def _said(
    row: SubmissionRow, system: str, feed: str, document: Mapping[str, Any], counts: Mapping[str, int],
    problems: Mapping[int, Sequence[Mapping[str, str]]],
) -> dict[str, Any]:  # fmt: skip
    bad, read = counts["quarantined"], counts["read"]
    aside = {each.number: each for each in row.aside}
    return {
        "receipt": row.id,
        "url": f"/v1/receipts/{row.id}",
        "state": "accepted" if not bad else "quarantined" if bad == read else "partly quarantined",
        "system": system,
        "feed": feed,
        "received": _instant(row.at),
        "document": document,
        **counts,
        "results": [
            _result(aside[number], problems) if number in aside else {"record": number, "outcome": "accepted"}
            for number in range(1, read + 1)
        ],
    }


@lru_cache(maxsize=64)  # documents that share a commit came at one time
def _instant(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _result(aside: Aside, problems: Mapping[int, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    said: dict[str, Any] = {"record": aside.number, "outcome": aside.outcome, "where": aside.where}
    if aside.position:
        said["errors"] = [entry(problem, aside.where) for problem in problems.get(aside.position, ())]
    return said


def table(body: Mapping[str, Any]) -> list[list[Any]]:
    """A receipt as rows: one for each record, and of a record that is quarantined one for each problem."""
    rows: list[list[Any]] = [["receipt", "record", "outcome", "row", "code", "message", "hint"]]
    for result in body["results"]:
        for wrong in result.get("errors") or [{}]:
            said = (wrong.get(key, "") for key in ("row", "code", "message", "hint"))
            rows.append([body["receipt"], result["record"], result["outcome"], *said])
    return rows


class Counter:
    """Answers for what was taken in."""

    def __init__(self, runner: Runner, keys: Keys) -> None:
        self._runner, self._keys = runner, keys

    def find(self, id: str, caller: str) -> SubmissionRow:
        """One document of a caller.  Another caller's is as if it were not there."""
        row = self._runner.store.submissions.find(id)
        if row is None or row.caller != caller:
            raise simple(404, MISSING)
        return row

    def by_key(self, caller: str, key: str) -> SubmissionRow | None:
        """What a caller sent under an idempotency key."""
        return self._runner.store.submissions.by_key(caller, key)

    def again(self, row: SubmissionRow) -> dict[str, Any]:
        """The receipt of a document that was journalled before."""
        feed = next(each for each in self._runner.store.journal.feeds() if each.id == row.feed)
        receipt = self._runner.store.journal.receipt(row.receipt)
        assert receipt is not None
        problems = {each.position: self._problems(each.position) for each in row.aside if each.position}
        counts = {key: getattr(receipt, key) for key in ("read", "accepted", "unchanged", "late", "quarantined")}
        document = {"sha256": receipt.sha256.hex(), "size": receipt.size}
        return _said(row, feed.system, feed.feed, document, counts, problems)

    def whole(self, row: SubmissionRow) -> dict[str, Any]:
        """The receipt with where its events stand and what the ledger has of it."""
        said = self.again(row)
        if row.low:
            said["deliveries"] = self._deliveries(row)
            said["ledger"] = self._proof(row.low)
        return said

    def of_record(self, caller: str, system: str, feed: str, number: str) -> list[SubmissionRow]:
        """A caller's documents that held the record with this number of its own."""
        way = self._runner.way_known(system, feed)
        if way is None:
            return []
        journal = self._runner.store.journal
        positions = [journal.locate(system, kind, number) for kind in way.feed.mappings]
        receipts = {row.receipt for position in positions if position for row in journal.history(position)}
        return self._runner.store.submissions.of_receipts(caller, sorted(receipts - {0}))

    def _problems(self, position: int) -> Sequence[Mapping[str, str]]:
        entry = self._runner.store.quarantine.entry(position)
        return entry.problems if entry is not None else ()

    def _deliveries(self, row: SubmissionRow) -> list[dict[str, Any]]:
        """Each open destination that asks for one of the events, and where those stand there."""
        events = self._runner.store.deliveries.events(range(row.low, row.high + 1))
        opened = {(each.agreement, each.name): each.id for each in self._runner.store.deliveries.destinations()}
        found = []
        for agreed in agreements(self._runner.site, self._runner.store):
            projector = agreement.compile(agreed, self._keys)
            wants = agreement.concerned(agreed.topics)
            mine = [event for event in events if wants(event.topic)]
            going = {event.position for event in mine if isinstance(projector.project(event), Projected)}
            for to in agreed.destinations:
                if mine and (agreed.name, to.name) in opened:
                    stand = self._stand(opened[agreed.name, to.name], row.feed, mine, going)
                    found.append({"destination": f"{agreed.name}/{to.name}", **stand})
        return found

    def _stand(self, destination: int, feed: int, events: Sequence[Any], going: set[int]) -> dict[str, int]:
        settled = self._runner.store.deliveries.positions(destination).get(feed, 0)
        aside = {each.position: each.state for each in self._runner.store.deliveries.exceptions(destination, limit=100_000)}
        counts = dict.fromkeys(("delivered", "in_progress", "parked", "withheld"), 0)
        for event in events:
            state = aside.get(event.position)
            if state is not None:
                counts["parked" if state == "parked" else "in_progress"] += 1
            elif event.position > settled:
                counts["in_progress"] += 1
            else:
                counts["delivered" if event.position in going else "withheld"] += 1
        return counts

    def _proof(self, position: int) -> dict[str, Any]:
        proof = self._runner.store.ledger.inclusion(position)
        return {
            "leaf": proof.leaf.index,
            "leaf_hash": proof.leaf.hash.hex(),
            "entry": proof.entry.hex(),
            "batch_index": proof.batch_index,
            "batch_size": proof.batch_size,
            "batch_path": [step.hex() for step in proof.batch_path],
            "tree_size": proof.tree_size,
            "tree_path": [step.hex() for step in proof.tree_path],
            "root": proof.root.hex(),
        }


def add(routes: APIRouter, counter: Counter) -> None:
    """The routes of receipts."""

    @routes.get("/v1/receipts/{receipt}", tags=["receipts"], response_model=Receipt, responses=refusals(401, 403, 404, 429))
    @rule("submit")
    def receipt_of_a_document(
        request: Request,
        receipt: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the answer to the document named it.")],
        _format: Format = None,
    ) -> Any:
        """What became of one document: its records, where their events stand, the ledger's proof."""
        row = counter.find(receipt, request.state.caller.name)
        return answered(request, counter.whole(row), "receipt", table)

    @routes.get("/v1/receipts", tags=["receipts"], response_model=Receipts, responses=refusals(401, 403, 404, 422, 429))
    @rule("submit")
    def receipts_of_a_record(
        request: Request,
        system: Annotated[str, Query(pattern="^[a-z][a-z0-9-]{0,62}$")],
        feed: Annotated[str, Query(pattern="^[a-z][a-z0-9-]{0,62}$")],
        number: Annotated[str, Query(min_length=1, max_length=500, description="The caller's own number of the record: its key.")],
        _format: Format = None,
    ) -> Any:
        """Every document of the caller that held one record, by the caller's own number of it; the latest first."""
        caller = request.state.caller
        if not caller.reaches(system, feed):
            raise Refusal(404, Problem(MISSING))
        rows = counter.of_record(caller.name, system, feed, number)
        return answered(request, {"receipts": [counter.again(row) for row in rows]}, "receipts")
