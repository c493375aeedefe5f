"""A service that means harm, or a network that does: it answers with the bytes that a test gives it, and cuts the line where told."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket, bytes], None]


class Hostile:
    """One address on loopback.  `script` decides what becomes of each connection after its request was read."""

    def __init__(self, port: int, script: Script) -> None:
        self.url = f"http://127.0.0.1:{port}/soap"
        self.port = port
        self.script = script
        self.requests: list[bytes] = []


@contextmanager
def serving(script: Script) -> Iterator[Hostile]:
    """Serve for the time of a block."""
    hostile = Hostile(0, script)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                asked = request(self.request)
                if asked:
                    hostile.requests.append(asked)
                    hostile.script(self.request, asked)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        hostile.port = server.server_address[1]
        hostile.url = f"http://127.0.0.1:{hostile.port}/soap"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hostile
        finally:
            server.shutdown()


def request(connection: socket.socket) -> bytes:
    """One whole HTTP request; empty where the line ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def response(body: bytes, *, status: str = "200 OK", type: str = "text/xml; charset=utf-8", more: str = "", length: int | None = None) -> bytes:
    """An HTTP answer; `length`: what it claims to be."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + body


def reset(connection: socket.socket) -> None:
    """End the line as a crash does: no goodbye, but a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


class Relay:
    """Between a client and a real service: hands on each request; where `lose` says so, its answer is lost on the way.

    Each connection carries one request, and its answer says so.
    """

    def __init__(self, port: int, lose: Callable[[bytes], bool]) -> None:
        self._port, self._lose = port, lose

    def __call__(self, connection: socket.socket, asked: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=30) as service:
            service.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            answer = b""
            while more := service.recv(65536):
                answer += more
        if self._lose(asked):
            reset(connection)
        else:
            connection.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
