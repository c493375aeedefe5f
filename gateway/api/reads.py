"""Records as they stand now, and events in the order of the journal: as JSON, CSV or XML, page by page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from gateway.api.answers import Format, answered, refusals
from gateway.api.codes import PARAMETER
from gateway.api.declared import Form, Forms, Page
from gateway.api.lens import Lens, Lenses, purpose
from gateway.api.problems import Refusal, wanted
from gateway.api.rules import rule
from gateway.api.standing import Stands, stands
from gateway.errors import Problem

if TYPE_CHECKING:
    from gateway.agreement import Projected
    from gateway.runner import Runner
    from gateway.store.rows import Outgoing

ENTITIES: Mapping[str, str] = {
    "incidents": "incident",
    "units": "unit",
    "evidence": "evidence",
    "recordings": "recording",
    "alerts": "alert",
    "custody-transfers": "custody-transfer",
}

MOST = 500
CURSOR, LEFT_OUT = "Read-Cursor", "Read-Left-Out"
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.")]
After = Annotated[str, Query(pattern="^([0-9a-f]{32})?$", description="The cursor of the page before.")]
Why = Annotated[str | None, Header(alias="X-Purpose", max_length=500, description="Why you read; recorded in the ledger. Not needed where the caller has a usual purpose.")]
_BAD = refusals(401, 403, 404, 422, 429)
_BAD_OF_RECORDS = refusals(401, 403, 404, 422, 429, 503)


class Record(BaseModel):
    """One record as it stands now, with the fields that the agreement allows."""

    id: str
    subject: str = Field(description="As in events: what the record is about.")
    source: str
    status: Literal["Actual", "Exercise", "Test"]
    partitionkey: str = Field(description="As in events: what stands for the record there.")
    sequence: int = Field(description="Grows with every version of the record.")
    recordedtime: str
    time: str | None = None
    expirytime: str | None = None
    data: dict[str, Any] = Field(description="As the contract of the entity says.")


class Records(BaseModel):
    """A page of records, in the order of their last change."""

    records: list[Record]
    next: str = Field(description="The cursor of the page that follows: also that of later changes, where more is false.")
    more: bool = Field(description="Whether there may be more now. A page may be empty and have more behind it.")
    stands: Stands | None = Field(default=None, description="On the first page: the moment before it was read, where the stream goes on.")


class Events(BaseModel):
    """A page of events: CloudEvents 1.0, in the order of the journal."""

    events: list[dict[str, Any]]
    next: str
    more: bool


class Reads:
    """Answers what callers ask for."""

    def __init__(self, runner: Runner, lenses: Lenses, forms: Forms) -> None:
        self._runner, self._lenses, self._forms = runner, lenses, forms

    def records(self, request: Request, collection: str, after: str, since: str, limit: int) -> Response:
        """A page of records."""
        caller, why = request.state.caller, purpose(request)
        lens = self._lenses.of(caller)
        place = lens.place(after) or (lens.before(_microseconds(since)) if since else 0)
        moment = {} if after else {"stands": stands(self._runner, lens)}
        form = self._forms.of(caller, wanted(request), ENTITIES[collection])
        found, last, more = lens.records(ENTITIES[collection], place, limit)
        going = {"next": lens.cursor(last), "more": more}
        if form is not None:
            page = form.page(found)
            self._lenses.noted(caller, lens, collection, page.given, why)
            return _document(form, page, _going_on(request, going))
        self._lenses.noted(caller, lens, collection, found, why)
        said = {"records": [_record(lens, out, seen) for out, seen in found], **going, **moment}
        return answered(request, said, "records", _table, headers=_going_on(request, going))

    def record(self, request: Request, collection: str, id: str, known: str | None) -> Response:
        """One record; 304 where the caller has it already."""
        caller, why = request.state.caller, purpose(request)
        lens = self._lenses.of(caller)
        form = self._forms.of(caller, wanted(request), ENTITIES[collection])
        out, seen = lens.record(ENTITIES[collection], id)
        said = _record(lens, out, seen)
        tag = _tag(said, form)
        if known is not None and tag in {part.strip().removeprefix("W/") for part in known.split(",")}:
            return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept"})
        if form is not None:
            page = form.one(out, seen)
            self._lenses.noted(caller, lens, collection, page.given, why)
            return _document(form, page, {"ETag": tag})
        self._lenses.noted(caller, lens, collection, [(out, seen)], why)
        return answered(request, said, "record", lambda body: _table({"records": [body]}), headers={"ETag": tag})

    def events(self, request: Request, after: str, limit: int) -> Response:
        """A page of events."""
        caller, why = request.state.caller, purpose(request)
        lens = self._lenses.of(caller)
        found, last, more = lens.events(lens.place(after), limit)
        self._lenses.noted(caller, lens, "events", found, why)
        said = {"events": [orjson.loads(seen.body) for _, seen in found], "next": lens.cursor(last), "more": more}
        return answered(request, said, "events", _event_table, headers=_going_on(request, said))


def _document(form: Form, page: Page, headers: Mapping[str, str]) -> Response:
    """Records in the terms of the caller's system.  How many cannot be said in them stands in a header."""
    return Response(page.document, 200, {"Vary": "Accept", LEFT_OUT: str(page.left_out), **headers}, form.media_type)


def _tag(said: Mapping[str, Any], form: Form | None) -> str:
    """The same for the same record under the same mapping."""
    under = form.digest.encode() if form is not None else b""
    return f'"{hashlib.sha256(orjson.dumps(said) + under).hexdigest()[:32]}"'


def _record(lens: Lens, out: Outgoing, seen: Projected) -> dict[str, Any]:
    said = orjson.loads(seen.body)
    kept = {key: said[key] for key in ("subject", "partitionkey", "source", "status", "recordedtime", "time", "expirytime", "data") if key in said}
    return {"id": lens.id(out), "sequence": int(said["sequence"]), **kept}


def _going_on(request: Request, said: Mapping[str, Any]) -> dict[str, str]:
    """Where to go on, for answers that have no room for it; and where the next page is, as RFC 8288 says it."""
    cursor = {CURSOR: said["next"]}
    if not said["more"]:
        return cursor
    query = {**request.query_params, "after": said["next"]}
    query.pop("since", None)
    return {**cursor, "Link": f'<{request.url.path}?{urlencode(query)}>; rel="next"'}


def _table(body: Mapping[str, Any]) -> list[list[Any]]:
    """Records as rows; the columns are the fields that occur, a list's items numbered."""
    return _rows([{**{key: value for key, value in one.items() if key != "data"}, **one["data"]} for one in body["records"]])


def _event_table(body: Mapping[str, Any]) -> list[list[Any]]:
    return _rows([{**{key: value for key, value in one.items() if key != "data"}, "data": one["data"]} for one in body["events"]])


def _rows(said: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    flat = [dict(_leaves(one, "")) for one in said]
    columns = list(dict.fromkeys(column for one in flat for column in one))
    return [columns, *([one.get(column, "") for column in columns] for one in flat)]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}.{name}" if path else name)
        case list():
            for number, inner in enumerate(value, 1):
                yield from _leaves(inner, f"{path}.{number}")
        case _:
            yield path, value


def _microseconds(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise Refusal(422, Problem(PARAMETER, path="since", rule="since: is a time of RFC 3339, such as 2026-03-01T12:00:00Z")) from e
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000_000)


def add(routes: APIRouter, reads: Reads) -> None:
    """The routes that show records and events."""

    @routes.get("/v1/events", tags=["read"], response_model=Events, responses=_BAD)
    @rule("read")
    def events(request: Request, after: After = "", limit: Limit = 100, _why: Why = None, _format: Format = None) -> Any:
        """Events in the order of the journal, as the bus carries them.  Keep `next`: it is where to go on, today or next week."""
        return reads.events(request, after, limit)

    for collection in ENTITIES:
        _add(routes, reads, collection)


def _add(routes: APIRouter, reads: Reads, collection: str) -> None:
    """The two routes of one collection."""

    @routes.get(f"/v1/{collection}", tags=["read"], response_model=Records, responses=_BAD_OF_RECORDS, name=collection)
    @rule("read")
    def records(
        request: Request,
        after: After = "",
        since: Annotated[str, Query(max_length=40, description="Only what changed from this time on; RFC 3339.")] = "",
        limit: Limit = 100,
        _why: Why = None,
        _format: Format = None,
    ) -> Any:
        """Records as they stand now, in the order of their last change.

        Where the caller's file names feeds under `reads_as`, they come by the mapping and in the layout of the one that has the
        entity and the format; Read-Cursor says where to go on, Read-Left-Out how many cannot be said in its terms.
        """
        return reads.records(request, collection, after, since, limit)

    unchanged: Any = {304: {"description": "The caller has it already."}}

    @routes.get(f"/v1/{collection}/{{id}}", tags=["read"], response_model=Record, responses=_BAD_OF_RECORDS | unchanged, name=f"one_of_{collection}")
    @rule("read")
    def record(
        request: Request,
        id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
        known: Annotated[str | None, Header(alias="If-None-Match")] = None,
        _why: Why = None,
        _format: Format = None,
    ) -> Any:
        """One record as it stands now; as the caller's feed says it, where its file names one under `reads_as`."""
        return reads.record(request, collection, id, known)
