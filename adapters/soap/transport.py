"""One POST to the one address of the settings: bounded in bytes and in time, and nothing is followed.

No proxy is taken from the environment, no redirect followed, no compressed body opened.  The answer
is written to a file without a name while it comes, so that its size costs no memory.
"""

from __future__ import annotations

import hashlib
import mmap
import shutil
import socket
import ssl
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from adapters.soap.codes import BROKEN, OVERLONG, SILENT, TLS, UNREACHABLE
from adapters.soap.settings import Settings
from gateway.errors import Halt, Problem, Retry

BLOCK = 256 * 1024
HUNG_UP = "the service hung up without a word; over TLS this is also how it refuses our certificate, or asks for one"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, before anybody has judged it."""

    status: int
    type: str
    """The whole Content-Type, in the sender's words."""
    encoding: str
    retry_after: str
    body: BinaryIO
    size: int
    sha256: bytes

    @property
    def place(self) -> str:
        """How it is called in a problem: by digest, never by content."""
        return f"answer {self.sha256.hex()[:12]}"

    @property
    def path(self) -> Path:
        """A path of exactly this open file."""
        self.body.flush()
        return Path(f"/dev/fd/{self.body.fileno()}")

    def holds(self, word: bytes) -> bool:
        """Whether these bytes occur in it anywhere."""
        self.body.flush()
        with mmap.mmap(self.body.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(word) >= 0


class Transport:
    """Calls one address.  Used by one worker at a time; `close` may come from another thread and ends what is under way."""

    def __init__(self, settings: Settings, root: Path, password: str | None = None) -> None:
        self._settings, self._root = settings, root
        self._closed = threading.Event()
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        self._pool = self._opened(password)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send and receive.  Raises Retry where there was no whole answer, Halt where it is too long or not to be trusted."""
        target = urlsplit(self._settings.address)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        until = time.monotonic() + self._settings.timeout.whole
        with edge(tls=target.scheme == "https"):
            opened = self._pool.urlopen(
                "POST", path, body=body, headers=headers, redirect=False, preload_content=False, decode_content=False
            )
        with edge(), opened as response:
            stream, size, sha256 = self._received(response, until)
        said = response.headers
        return Answer(
            status=response.status,
            type=said.get("Content-Type", ""),
            encoding=said.get("Content-Encoding", ""),
            retry_after=said.get("Retry-After", ""),
            body=stream,
            size=size,
            sha256=sha256,
        )

    def close(self) -> None:
        """Ends a call that is under way; every later one as well."""
        self._closed.set()
        for opened in list(self._sockets):
            _shut(opened)
        self._pool.close()

    def _received(self, response: urllib3.BaseHTTPResponse, until: float) -> tuple[BinaryIO, int, bytes]:
        assert isinstance(response, urllib3.HTTPResponse)
        stream = nameless(self._root)
        size, seen = 0, hashlib.sha256()
        try:
            while block := response.read1(BLOCK):  # what has come, so that a service that drips is noticed
                size += len(block)
                if size > self._settings.largest.answer:
                    raise Halt(Problem(OVERLONG, rule=f"more than {self._settings.largest.answer} bytes"))
                if time.monotonic() > until:
                    raise Retry(Problem(SILENT, rule=f"the answer was not complete after {self._settings.timeout.whole} s"))
                stream.write(block)
                seen.update(block)
        except BaseException:
            stream.close()
            response.close()
            raise
        return stream, size, seen.digest()

    def _opened(self, password: str | None) -> urllib3.HTTPConnectionPool:
        target = urlsplit(self._settings.address)
        timeout = urllib3.Timeout(connect=self._settings.timeout.connect, read=self._settings.timeout.silence)
        host, port = str(target.hostname), target.port
        pool: urllib3.HTTPConnectionPool
        if target.scheme == "https":
            context = _context(self._settings, password)
            pool = urllib3.HTTPSConnectionPool(host, port, timeout=timeout, retries=False, ssl_context=context)
            pool.ConnectionCls = self._watched(HTTPSConnection)
        else:
            pool = urllib3.HTTPConnectionPool(host, port, timeout=timeout, retries=False)
            pool.ConnectionCls = self._watched(HTTPConnection)
        return pool

    def _watched(self, kind: Any) -> Any:
        """A connection whose socket `close` can shut: a call that waits in it wakes up."""
        sockets, closed = self._sockets, self._closed

        class Watched(kind):  # type: ignore[misc]  # the kind is chosen at run time
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)
                if closed.is_set():
                    _shut(self.sock)

        return Watched


def nameless(root: Path) -> BinaryIO:
    """A file that nobody else can open, and that is gone when it is closed: inside the site, where there is one."""
    spool = root / "var"
    file: BinaryIO = tempfile.TemporaryFile(dir=spool if spool.is_dir() else None)  # noqa: SIM115 - whoever reads it closes it
    return file


def spooled(source: BinaryIO, root: Path) -> BinaryIO:
    """A copy of a stream that can be read from anywhere, in a file without a name."""
    file = nameless(root)
    shutil.copyfileobj(source, file, BLOCK)
    return file


def _shut(opened: Any) -> None:
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already


def _context(settings: Settings, password: str | None) -> ssl.SSLContext:
    tls = settings.tls
    try:
        context = ssl.create_default_context(cafile=settings.path(tls.authority) if tls.authority else None)
        # Alike on every Python: since 3.13 an old authority is refused for its form, and a named certificate is trusted though it is no root.
        context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
        if tls.certificate:
            context.load_cert_chain(settings.path(tls.certificate), settings.path(tls.key or tls.certificate), password)
    except (OSError, ssl.SSLError) as e:
        raise Halt(Problem(TLS, rule=f"a certificate or key of tls: cannot be read ({type(e).__name__})")) from e
    return context


@contextmanager
def edge(*, tls: bool = False) -> Iterator[None]:
    """What urllib3 and the sockets say, as what happens next.  `tls`: nothing of an answer has come over TLS yet."""
    try:
        yield
    except urllib3.exceptions.SSLError as e:
        if isinstance(_inner(e), ssl.SSLEOFError | ssl.SSLZeroReturnError):
            raise Retry(Problem(BROKEN, rule=HUNG_UP)) from None
        raise Halt(Problem(TLS, rule=_reason(_inner(e)))) from None
    except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError) as e:
        raise Retry(Problem(UNREACHABLE, rule=type(e).__name__)) from None
    except urllib3.exceptions.TimeoutError:
        raise Retry(Problem(SILENT)) from None
    except (urllib3.exceptions.HTTPError, OSError) as e:
        raise Retry(Problem(BROKEN, rule=_ended(e) if tls else type(e).__name__)) from None


def _ended(error: Exception) -> str:
    """How a line of TLS ended.  Since TLS 1.3 a service looks at our certificate when we believe that the handshake is over."""
    return HUNG_UP if any(isinstance(each, ConnectionError) for each in error.args) else type(error).__name__


def _inner(error: urllib3.exceptions.SSLError) -> Exception:
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, ssl.SSLError) else error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    said = error.reason if isinstance(error, ssl.SSLError) else ""  # e.g. SSLV3_ALERT_HANDSHAKE_FAILURE
    return said.lower().replace("_", " ") if said else type(error).__name__
