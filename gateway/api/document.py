"""The facade described: OpenAPI 3.1 from the routes themselves, with the rule of each.

What every route has in common is added here: how callers prove who they are, the formats an answer
may come in, and the shape of a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import FastAPI, Response
from fastapi.routing import APIRoute

from gateway.api.answers import ErrorEntry, ProblemDetails, refusals
from gateway.api.rules import rule, rule_of

RULE = "x-rule"
"""Who may use an operation: a role; `anyone` who is known; `open`."""

_TEXT = {"schema": {"type": "string"}}
_FORMATS = {"application/xml": _TEXT, "text/csv": _TEXT, "text/plain": _TEXT}
_SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "A caller's key, or a token of the issuer that site.yaml names."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "The key as the password, for old clients."},
}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document of a facade."""
    said = app.openapi()
    schemas = said.setdefault("components", {}).setdefault("schemas", {})
    schemas["ProblemDetails"] = _schema(ProblemDetails)
    schemas["ErrorEntry"] = _schema(ErrorEntry)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    said["components"]["securitySchemes"] = _SECURITY
    for route, operation in _operations(app, said):
        _describe(route, operation)
    return said


def add(app: FastAPI) -> None:
    """The route that gives the document itself."""
    made: list[bytes] = []

    @app.router.get("/openapi.json", include_in_schema=False)
    @rule("open")
    async def the_document() -> Response:
        """The facade described."""
        if not made:
            made.append(orjson.dumps(openapi(app)))
        return Response(made[0], media_type="application/json")


def _operations(app: FastAPI, said: dict[str, Any]) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, said["paths"][route.path_format][method.lower()]


def _describe(route: APIRoute, operation: dict[str, Any]) -> None:
    rule = rule_of(route.endpoint)
    operation[RULE] = rule
    operation["security"] = [] if rule == "open" else [{name: []} for name in _SECURITY]
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        answers["422"] = refusals(422)[422]
    answers["400"] = answers.get("400", refusals(400)[400])  # what is no HTTP may be sent to any address
    if rule != "open":
        answers["500"] = answers.get("500", refusals(500)[500])
    for status, answer in answers.items():
        content = answer.get("content", {})
        if status in {"200", "202"} and "application/json" in content and rule != "open":
            content.update(_FORMATS)
    if status_of_soap := operation.pop("x-soap", None):
        answers["200"] = {"description": status_of_soap, "content": {"text/xml": _TEXT, "application/soap+xml": _TEXT}}
        answers["500"]["content"] |= {"text/xml": _TEXT, "application/soap+xml": _TEXT}


def _schema(model: Any) -> dict[str, Any]:
    said: dict[str, Any] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    said.pop("$defs", None)
    return said
