"""The facade for a person to try: Swagger UI, served from the package itself, with nothing fetched from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from starlette.responses import RedirectResponse

from gateway.api.rules import rule

_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add(routes: APIRouter) -> None:
    """The pages; what they show is the facade's own document."""

    @routes.get("/docs", include_in_schema=False)
    @rule("open")
    async def to_the_page() -> Response:
        """The page is a folder, so that its parts lie beside it."""
        return RedirectResponse("/docs/", 308)

    @routes.get("/docs/", include_in_schema=False)
    @rule("open")
    async def page() -> Response:
        """Every operation, to be read and tried."""
        return Response(_part("page.html"), media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})

    @routes.get("/docs/{part}", include_in_schema=False)
    @rule("open")
    async def part(part: Annotated[Literal["swagger-ui-bundle.js", "swagger-ui.css", "start.js"], Path()]) -> Response:
        """One part of the page."""
        return Response(_part(part), media_type=_TYPES[part])


@cache
def _part(name: str) -> bytes:
    return files("gateway.api").joinpath("swagger", name).read_bytes()
