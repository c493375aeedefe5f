"""Answers in the format that was asked for, and how OpenAPI speaks of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from gateway.api.codes import FORMAT
from gateway.api.problems import elements, simple, soap_answer, wanted

Table: TypeAlias = Callable[[Mapping[str, Any]], Sequence[Sequence[Any]]]
"""An answer as rows, the first of which names the columns."""

Format = Annotated[
    Literal["json", "xml", "csv", "text"] | None, Query(alias="format", description="For clients that cannot set Accept.")
]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ErrorEntry(BaseModel):
    """One thing wrong in the document."""

    code: str
    message: str
    hint: str
    pointer: str | None = None
    column: str | None = None
    where: str | None = None
    row: int | None = None


class ProblemDetails(BaseModel):
    """RFC 9457, with a stable code and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="docs/errors.md lists every code.")
    hint: str
    pointer: str | None = None
    errors: list[ErrorEntry] | None = None


_MEANS = {
    400: "The request cannot be read.",
    401: "The request does not prove who sends it.",
    403: "The caller may not do this.",
    404: "There is nothing at this address that the caller may see.",
    406: "The answer cannot be given in the format that was asked for.",
    408: "The request did not arrive in time.",
    409: "The first request with this Idempotency-Key is not answered yet.",
    413: "The body is too large.",
    415: "The body is packed or encoded in a way that cannot be read.",
    422: "Nothing of it was kept: the problem says why.",
    429: "Too much, or too many wrong keys; Retry-After says when to come back.",
    500: "The gateway failed; in a SOAP envelope every refusal.",
    503: "Not now; Retry-After says when to come back.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI speaks of the ways in which a route refuses."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    content = {
        "application/problem+json": {"schema": schema},
        "application/problem+xml": {"schema": {"type": "string"}},
        "text/plain": {"schema": {"type": "string"}},
    }
    return {status: {"description": _MEANS[status], "content": content} for status in sorted({*statuses, 406})}


def answered(
    request: Request, body: Mapping[str, Any], root: str, table: Table | None = None, *, status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """An answer as JSON, XML, CSV or text, or in the envelope that the request came in.  Raises Refusal."""
    soap = getattr(request.state, "soap", "")
    if soap:
        return soap_answer(soap, body)
    said = {"Vary": "Accept", **(headers or {})}
    match wanted(request):
        case "json":
            return Response(orjson.dumps(body), status, said, "application/json")
        case "xml":
            return Response(as_xml(root, body), status, said, "application/xml")
        case "csv" | "text" as kind if table is not None:
            return Response(as_csv(table(body)), status, said, "text/csv; charset=utf-8" if kind == "csv" else "text/plain; charset=utf-8")
        case _:
            raise simple(406, FORMAT)


def as_xml(root: str, body: Mapping[str, Any]) -> bytes:
    """The members as elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="urn:copperline:{root}">{elements(body)}</{root}>\n'.encode()


def as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows with CRLF, as RFC 4180 says; a cell that a spreadsheet would take for a formula is guarded."""
    text = io.StringIO()
    csv.writer(text).writerows([[guarded(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def guarded(cell: Any) -> Any:
    """The cell, with an apostrophe before what a spreadsheet would compute; numbers are left alone."""
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _number(cell):
        return "'" + cell
    return cell


def _number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdecimal()
