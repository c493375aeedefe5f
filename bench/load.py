"""`python -m bench.load PORT KEY CONNECTIONS FILE`: posts every body of a file over so many connections; its cost as JSON.

The least client that can be written: requests are bytes put together beforehand, and of an answer
only its status and length are looked at.  Every answer but 202 ends it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from bench.baselines import Cost, Watch, bodies

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
PATH = "/v1/systems/bulk/calls"


class Client(asyncio.Protocol):
    """One connection: one request at a time, until there are no more."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests, self._done = requests, done
        self._heard = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._done.set_exception(ConnectionError(f"{head[:40]!r} {body[:300]!r}"))
            return
        self._heard = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server hung up"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)


def main(port: str, key: str, connections: str, file: str) -> Cost:
    """Post everything; the time is that from the first request to the last answer."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n"
    made = [(head % len(body)).encode() + body for body in bodies(Path(file))]
    return uvloop.run(_posted(int(port), int(connections), made))


async def _posted(port: int, connections: int, made: list[bytes]) -> Cost:
    loop, requests = asyncio.get_running_loop(), iter(made)
    watch = Watch()
    ends = [loop.create_future() for _ in range(connections)]
    clients = [Client(requests, end) for end in ends]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
    await asyncio.gather(*ends)
    return watch.cost(len(made))


if __name__ == "__main__":
    print(json.dumps(asdict(main(*sys.argv[1:]))))
