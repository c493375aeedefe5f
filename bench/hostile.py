"""`python -m bench.hostile PORT KEY`: clients that would slow a server down, until ended.

500 sockets that send a letter of a header now and then and never a whole request; beside them bodies
beyond the limit and gzip bombs, one after the other, each of which must be refused with 413.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from itertools import cycle

import uvloop

SOCKETS = 500
LETTER_S = 2.0
REFUSED_S = 0.1
"""Between one body that is refused and the next."""
BEGINNING = b"POST /v1/systems/bulk/calls HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def main(port: str, key: str) -> None:
    """Says "ready" once every socket is open."""
    uvloop.run(_all(int(port), key))


async def _all(port: int, key: str) -> None:
    ready = asyncio.Semaphore(0)
    slow = [asyncio.create_task(_slow(port, ready)) for _ in range(SOCKETS)]
    for _ in slow:
        await ready.acquire()
    print("ready", flush=True)
    await asyncio.gather(_refused(port, key), *slow)


async def _slow(port: int, ready: asyncio.Semaphore) -> None:
    """One socket; when the server's patience ends, another."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(BEGINNING)
        ready.release()
        while not reader.at_eof():
            try:
                await asyncio.wait_for(reader.read(4096), LETTER_S)
            except TimeoutError:
                writer.write(b"a")
        writer.close()


async def _refused(port: int, key: str) -> None:
    head = f"POST /v1/systems/bulk/calls HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
    large = f"{head}Content-Length: {1 << 30}\r\n\r\n".encode() + b"x" * 65_536
    bomb = gzip.compress(bytes(64 << 20))
    packed = f"{head}Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb
    for body in cycle((large, packed)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(body)
        said = await reader.readline()
        if b" 413 " not in said:
            raise SystemExit(f"not refused: {said!r}")
        writer.close()
        await asyncio.sleep(REFUSED_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
