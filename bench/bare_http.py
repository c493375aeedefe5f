"""`python -m bench.bare_http PORT DIGEST`: what row `rest-single` is measured against.

The same server and framework, the same key checked, the same body read, 202 answered; nothing kept.
"""

from __future__ import annotations

import hashlib
import hmac
import sys

import uvicorn
from fastapi import FastAPI, Request, Response


def main(port: str, digest: str) -> None:
    """Serve until ended."""
    app = FastAPI(openapi_url=None)

    @app.post("/v1/systems/{system}/{feed}", status_code=202)
    async def take(request: Request, system: str, feed: str) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(hashlib.sha256(key.encode()).hexdigest(), digest):
            return Response(status_code=401)
        body = await request.body()
        return Response(b'{"read": %d}' % len(body), 202, media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=int(port), http="httptools", loop="uvloop", log_config=None, access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
