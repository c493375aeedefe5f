"""`python -m bench.bare_http PORT CALLERS`: what row `rest-single` is measured against.

The same server and framework, the same key, lock-out and limits checked by the same code, the same
body read, 202 answered; nothing kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response

from gateway import context
from gateway.access import Book
from gateway.api.gate import Gate


def main(port: str, callers: str) -> None:
    """Serve until ended.  A wrong key is an error of the server: nobody here sends one."""
    app = FastAPI(openapi_url=None)
    gate = Gate(Book(Path(callers), context.now), context.Quiet())

    @app.post("/v1/systems/{system}/{feed}", status_code=202)
    async def take(request: Request, system: str, feed: str) -> Response:
        caller = gate.enter(request, "submit")
        try:
            body = await request.body()
            return Response(b'{"read": %d}' % len(body), 202, media_type="application/json")
        finally:
            gate.leave(caller)

    uvicorn.run(app, host="127.0.0.1", port=int(port), http="httptools", loop="uvloop", log_config=None, access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
