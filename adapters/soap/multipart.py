"""Answers in several parts (MTOM, SOAP with attachments): where each part lies in the bytes that came.

Nothing is copied or decoded: the first part is read where it is, the others stay in the archived
answer, named by their Content-ID as the records name them.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesHeaderParser
from typing import BinaryIO

from adapters.soap.codes import UNREADABLE
from adapters.soap.transport import Answer
from gateway.errors import Halt, Problem

HEADER_BYTES = 64 * 1024


def media(content_type: str) -> tuple[str, Mapping[str, str]]:
    """The media type of a Content-Type, and its parameters."""
    message = Message()
    message["Content-Type"] = content_type
    parameters = {str(name): str(value) for name, value in message.get_params([], unquote=True)[1:]}
    return message.get_content_type() if content_type else "", parameters


def root(answer: Answer, parameters: Mapping[str, str]) -> tuple[int, int, str]:
    """Where the root part begins and ends, and its Content-Type.  Raises Halt where the parts are not as they say."""
    boundary = parameters.get("boundary", "")
    if not boundary or not answer.size:
        raise Halt(Problem(UNREADABLE, where=answer.place, rule="the parts have no boundary"))
    answer.body.flush()
    with mmap.mmap(answer.body.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _root(data, answer, b"--" + boundary.encode("latin-1", "replace"), parameters.get("start", ""))


def _root(data: mmap.mmap, answer: Answer, mark: bytes, wanted: str) -> tuple[int, int, str]:
    at = data.find(mark)
    while at >= 0 and data[at + len(mark) : at + len(mark) + 2] != b"--":
        following = data.find(b"\r\n" + mark, at + len(mark))
        body = data.find(b"\r\n\r\n", at, at + HEADER_BYTES)
        if following < 0 or not 0 <= body < following:
            break
        head = BytesHeaderParser().parsebytes(data[at + len(mark) : body].lstrip(b"\r\n"))
        if not wanted or str(head.get("Content-ID", "")).strip() == wanted:
            return body + 4, following, str(head.get("Content-Type", ""))
        at = following + 2
    raise Halt(Problem(UNREADABLE, where=answer.place, rule="its parts do not hold what they announce, or the last one has no end"))


class Window(io.RawIOBase):
    """A stretch of a file as a stream of its own."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        super().__init__()
        self._file, self._start, self._stop, self._at = file, start, stop, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """From its own beginning; nothing else is needed."""
        assert whence == io.SEEK_SET
        self._at = self._start + offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        left = self._stop - self._at
        self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data
