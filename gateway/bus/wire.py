"""A projected event as the frames of one AMQP 0-9-1 publish.

pika builds each frame from objects and writes each on its own, 16 µs a message; most of that is
the table of headers, which hardly changes from one event to the next.  Here the parts that stay
are encoded once, and a batch of messages leaves as one piece.  A test holds every byte against
what pika would have written.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Literal

import pika
from pika import frame, spec

from gateway.agreement import PREFIX, Fixed, Projected
from gateway.agreement.envelope import text

APP_ID = "copperline"

_P = spec.BasicProperties
_FLAGS = (
    _P.FLAG_CONTENT_TYPE | _P.FLAG_HEADERS | _P.FLAG_DELIVERY_MODE | _P.FLAG_MESSAGE_ID
    | _P.FLAG_TIMESTAMP | _P.FLAG_TYPE | _P.FLAG_APP_ID
)  # fmt: skip
_TIMESTAMP = Struct(">Q").pack
_LENGTH = Struct(">I").pack
_FRAME = Struct(">BHI").pack  # type, channel, length of the payload
_HEADER = Struct(">BHIHxxQ").pack  # the same, then class, weight 0 and length of the body
_END = bytes([spec.FRAME_END])
_HEADER_FIXED = 12
_PERSISTENT = b"\x02"


class Frames:
    """Encodes for one channel and one exchange."""

    def __init__(self, channel: int, exchange: str, *, frame_max: int) -> None:
        self._channel = channel
        self._exchange = exchange
        self._room = frame_max - spec.FRAME_HEADER_SIZE - spec.FRAME_END_SIZE
        self._publish: dict[str, bytes] = {}

    def message(self, event: Projected) -> list[bytes]:
        """The frames of one publish, in pieces: method, header, body.  mandatory, persistent."""
        publish = self._publish.get(event.topic)
        if publish is None:
            publish = self._publish[event.topic] = self._method(event.topic)
        head = properties(event)
        body = event.body
        size = len(body)
        header = _HEADER(spec.FRAME_HEADER, self._channel, _HEADER_FIXED + len(head), _P.INDEX, size)
        pieces = [publish, header, head, _END]
        for start in range(0, size, self._room):
            part = body if size <= self._room else body[start : start + self._room]
            pieces += (_FRAME(spec.FRAME_BODY, self._channel, len(part)), part, _END)
        return pieces

    def _method(self, topic: str) -> bytes:
        publish = spec.Basic.Publish(exchange=self._exchange, routing_key=topic, mandatory=True)
        return bytes(frame.Method(self._channel, publish).marshal())


def properties(event: Projected) -> bytes:
    """The message's properties: id, time, type and every attribute of the envelope as a header."""
    before, after, fixed = _fixed(event.fixed)
    own = b"".join([piece for name, value in event.varying for piece in _entry(name, value)])
    table = _LENGTH(len(fixed) + len(own)) + fixed + own
    id = event.id.encode()
    return b"".join(
        (before, table, _PERSISTENT, bytes((len(id),)), id, _TIMESTAMP(event.recorded_us // 1_000_000), after)
    )


def _entry(name: str, value: str | Literal[True]) -> tuple[bytes, bytes, bytes]:
    encoded = text(value).encode()
    return _NAMES[name], _LENGTH(len(encoded)), encoded


class _Names(dict[str, bytes]):
    """Names of headers, each with the mark of a text behind it."""

    def __missing__(self, name: str) -> bytes:
        encoded = self[name] = _short(PREFIX + name) + b"S"
        return encoded


_NAMES = _Names()


@lru_cache(maxsize=4096)
def _fixed(fixed: Fixed) -> tuple[bytes, bytes, bytes]:
    """What precedes the headers, what follows the timestamp, and the headers that stay."""
    before = _FLAGS.to_bytes(2) + _short(fixed.content_type)
    after = _short(fixed.type) + _short(APP_ID)
    return before, after, b"".join(piece for name, value in fixed.attributes for piece in _entry(name, value))


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def plain(event: Projected) -> pika.BasicProperties:
    """The same properties as pika's own object: what a consumer gets, and what the tests compare with."""
    return pika.BasicProperties(
        content_type=event.fixed.content_type,
        headers=event.headers,
        delivery_mode=2,
        message_id=event.id,
        timestamp=event.recorded_us // 1_000_000,
        type=event.fixed.type,
        app_id=APP_ID,
    )
