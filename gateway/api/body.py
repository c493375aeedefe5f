"""The body of a request, within limits of size and time, unpacked, as text of the charset that the feed reads."""

from __future__ import annotations

import asyncio
import codecs
import re
import time
import zlib

from fastapi import Request

from gateway.api.codes import CHARSET, EMPTY, ENCODING, SLOW, TOO_LARGE
from gateway.api.problems import Refusal, simple
from gateway.api.shortcut import COMPLETE
from gateway.errors import Problem

DEADLINE_S = 30.0
"""How long a body may take to arrive."""

PIECE = 64 * 1024
"""Bytes that are unpacked at once, before others have their turn."""
TURN_S = 0.0001
"""How long that turn is."""

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_DECLARED = re.compile(rb"""(<\?xml[^>]*?encoding\s*=\s*["'])([A-Za-z0-9._-]+)(["'])""")
_CLOSE = {"Connection": "close"}
"""What was not read of a body is not read any more."""


async def received(request: Request, most: int) -> bytes:
    """The whole body as it was sent: at most so many bytes.  Raises Refusal."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise Refusal(413, Problem(TOO_LARGE, rule=f"the caller may send {most} bytes"), headers=_CLOSE)
    if request.scope.get(COMPLETE):
        return await _gathered(request, most)
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await _gathered(request, most)
    except TimeoutError as e:
        raise Refusal(408, Problem(SLOW), headers=_CLOSE) from e


async def _gathered(request: Request, most: int) -> bytes:
    """The bytes as they come: counted, since what Content-Length says is only said."""
    parts, size, more = list[bytes](), 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise simple(400, SLOW, "the connection ended before the body did")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Refusal(413, Problem(TOO_LARGE, rule=f"the caller may send {most} bytes"), headers=_CLOSE)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def unpacked(data: bytes, encoding: str, most: int) -> bytes:
    """The body without its Content-Encoding.  Never more than `most` bytes are made.  Raises Refusal."""
    match encoding.strip().lower():
        case "" | "identity":
            plain = data
        case "gzip" | "x-gzip":
            plain = _gunzipped(data, most)
        case _:
            raise simple(415, ENCODING, "only gzip can be unpacked")
    if not plain or plain.isspace():
        raise simple(422, EMPTY)
    return plain


def _gunzipped(data: bytes, most: int) -> bytes:
    """On a thread, piece by piece: a body that unpacks to too much keeps no request waiting for a processor."""
    unpacker = zlib.decompressobj(wbits=31)
    pieces, size = list[bytes](), 0
    while data and not unpacker.eof:
        try:
            pieces.append(unpacker.decompress(data, PIECE))
        except zlib.error as e:
            raise simple(400, ENCODING, "it is no gzip") from e
        size += len(pieces[-1])
        if size > most:
            raise Refusal(413, Problem(TOO_LARGE, rule=f"it unpacks to more than {most} bytes"), headers=_CLOSE)
        data = unpacker.unconsumed_tail
        time.sleep(TURN_S)
    if not unpacker.eof or unpacker.unused_data:
        raise simple(400, ENCODING, "it is not one whole gzip")
    return b"".join(pieces)


def as_feed_reads(data: bytes, content_type: str, charset: str | None) -> bytes:
    """The body in the charset of the feed: None where the document says its own, as XML does.

    Only where the sender declares another one are bytes changed.  Raises Refusal.
    """
    found = _CHARSET.search(content_type)
    if found is None:
        return data
    said, kept = _codec(found[1]), _codec(charset or _own(data))
    if said == kept:
        return data
    try:
        text = data.decode(said)
        if charset is None:  # the document may say another one of itself
            return _DECLARED.sub(rb"\1utf-8\3", text.encode("utf-8"), count=1)
        return text.encode(kept)
    except UnicodeDecodeError as e:
        raise simple(415, CHARSET, f"byte {e.start} is not {said}") from e
    except UnicodeEncodeError as e:
        raise simple(415, CHARSET, f"character {e.start} is outside {kept}, which the feed reads") from e


def _own(data: bytes) -> str:
    found = _DECLARED.search(data[:1024])
    return found[2].decode("ascii") if found else "utf-8"


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as e:
        raise simple(415, CHARSET, "the charset that is declared is not known") from e
