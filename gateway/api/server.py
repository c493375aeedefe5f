"""The facade's server: uvicorn on a thread of its own, beside the loops, with patience that ends.

Connections that send nothing are closed after ten seconds with 408; TLS begins at 1.2.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.api.codes import MALFORMED, SLOW
from gateway.api.shortcut import ANSWER, COMPLETE
from gateway.errors import Code, Problem, Refused, code

if TYPE_CHECKING:
    from gateway.api.app import Facade
    from gateway.settings import Api
    from gateway.site import Site

HEADERS_S = 10.0
"""How long a request's headers may take to arrive."""
CONNECTIONS = 2000
"""More are answered 503."""
HEADER_BYTES = 64 * 1024
STOP_S = 10

TAKEN = code("api.taken", "the facade cannot listen at its address", "Choose another address under api: listen: in site.yaml, or end what listens there.")
CERTIFICATE = code("api.certificate", "the facade's certificate, key or list of clients cannot be used", "Correct the path, or the PEM file, under api: in site.yaml.")


def _refused(status: bytes, why: Code) -> bytes:
    """An answer to what never became a request."""
    said = f"# {why.id}: {why.meaning}. {why.remedy}".encode()
    return b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(said), said)


_SLOW, _BAD = _refused(b"408 Request Timeout", SLOW), _refused(b"400 Bad Request", MALFORMED)
_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_CLOSE = (b"connection", b"close")


class Together:
    """A transport that sends the head of an answer and the body that follows at once: one packet, and one turn of the kernel, fewer."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it with what waits; where nothing does, it waits until the loop has done what it is at."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._head = data
            self._loop.call_soon(self._flush)

    def write_now(self, data: bytes) -> None:
        """Send it, after what waits."""
        head, self._head = self._head, b""
        self._transport.write(head + data)

    def close(self) -> None:
        """Nothing that was written is kept back."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


def _answered(cycle: RequestResponseCycle, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
    """Send a whole answer in one piece.  False, and nothing is sent, where the client is gone or reads too slowly, or a header cannot be sent."""
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    pairs = [*cycle.default_headers, *headers]
    closes = _CLOSE in headers
    if not (cycle.keep_alive or closes):
        pairs.append(_CLOSE)
    head = STATUS_LINE[status] + b"".join([b"%b: %b\r\n" % pair for pair in pairs])
    if head.count(b"\n") != len(pairs) + 1:  # a header that would end before its end
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.keep_alive = cycle.keep_alive and not closes
    cycle.waiting_for_100_continue = False
    cycle.transport.write_now(head + b"\r\n" + body)  # type: ignore[attr-defined]  # it is a Together
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class Patient(HttpToolsProtocol):
    """HTTP that waits for headers only so long, takes only so many, and knows the certificate of its client."""

    _timer: asyncio.TimerHandle | None = None
    _begun = False
    """A request's headers have begun and are not complete."""
    _heard = 0
    _subject = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport: Any = Together(transport, self.loop)
        certificate = transport.get_extra_info("peercert")
        self._subject = subject_of(certificate) if certificate else ""
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._begun and self._timer is None:
            self._wait()
        if self._timer is not None:  # the headers are not complete
            self._heard += len(data)
            if self._heard > HEADER_BYTES:
                self._close(_LONG)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._close(_BAD)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self.scope["copperline.certificate"] = self._subject  # type: ignore[typeddict-unknown-key]  # ASGI lets a server add its own

    def on_headers_complete(self) -> None:
        self._begun = False
        self._rest()
        super().on_headers_complete()
        self.scope[ANSWER] = partial(_answered, self.cycle)  # type: ignore[literal-required]  # ASGI lets a server add its own

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope[COMPLETE] = True  # type: ignore[literal-required]  # as above

    def _wait(self) -> None:
        self._rest()
        self._heard = 0
        self._timer = self.loop.call_later(HEADERS_S, self._close, _SLOW)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, answer: bytes) -> None:
        self._rest()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


class Server:
    """One listening facade.  `start` returns when it takes connections."""

    def __init__(self, site: Site, api: Api, facade: Facade) -> None:
        """Raises Refused where the address is taken or a certificate cannot be used."""
        self._facade = facade
        context = _tls(site, api) if api.certificate else None
        self._socket = _listening(api)
        self.port = int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                facade.app,
                http=Patient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=STOP_S,
                ssl_context_factory=(lambda _config, _usual: context) if context is not None else None,
            )
        )
        self._thread = threading.Thread(target=self._run, name="facade", daemon=True)
        self.failed: BaseException | None = None

    def start(self) -> None:
        """Take connections; returns at once, since the socket listens already."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is under way, then close."""
        self._server.should_exit = True
        self._thread.join(STOP_S + 5)
        self._facade.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as e:  # noqa: BLE001 - the edge of a thread: whoever runs it sees it
            self.failed = e
        finally:
            self._socket.close()


def subject_of(certificate: dict[str, Any]) -> str:
    """The subject of a verified certificate as callers' files write it: "CN=cad-01,O=Riverton", the name first."""
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    parts = [(short.get(name, name), value) for entry in certificate.get("subject", ()) for name, value in entry]
    return ",".join(f"{name}={value}" for name, value in sorted(parts, key=lambda part: part[0] != "CN"))


def _listening(api: Api) -> socket.socket:
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        return socket.create_server((api.host, api.port), family=family, backlog=2048)
    except OSError as e:
        raise Refused(Problem(TAKEN, rule=f"{api.host}:{api.port}: {e.strerror or type(e).__name__}")) from e


def _tls(site: Site, api: Api) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(site.root / api.certificate, site.root / api.key)
        if api.clients:
            context.load_verify_locations(site.root / api.clients)
            context.verify_mode = ssl.CERT_OPTIONAL  # who shows none may still bring a key
    except (OSError, ssl.SSLError) as e:
        raise Refused(Problem(CERTIFICATE, rule=type(e).__name__)) from e
    return context
