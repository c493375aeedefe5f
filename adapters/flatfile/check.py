"""The first pass: the digest of the whole document, its beginning, and the totals of its trailer.

What fails here refuses the document as a whole, before any record of it was accepted.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from adapters.flatfile.codes import LARGE, TOTAL, TRAILER
from adapters.flatfile.container import CHUNK, Tick
from adapters.flatfile.decode import walk
from adapters.flatfile.layouts.items import Form, Head, Place, Skipped, Total, Track
from gateway.errors import Problem, Reject

NOTHING = Head()


@dataclass(frozen=True, slots=True)
class Checked:
    """What the first pass found: a head, or why the document is refused."""

    sha256: bytes
    size: int
    head: Head = NOTHING
    problems: tuple[Problem, ...] = ()


def checked(stream: BinaryIO, form: Form, largest: int, *, trailer: bool, tick: Tick) -> Checked:
    """Reads the whole document once."""
    sha256, size = digest(stream, tick)
    try:
        if size > largest:
            raise Reject(Problem(LARGE, rule=f"{size} bytes"))
        head = form.head(stream, size)
        if trailer:
            totals(stream, form, head, tick)
    except Reject as refusal:
        return Checked(sha256, size, problems=refusal.problems)
    return Checked(sha256, size, head)


def digest(stream: BinaryIO, tick: Tick) -> tuple[bytes, int]:
    """SHA-256 and size of everything in the stream."""
    stream.seek(0)
    sha, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        tick()
        sha.update(chunk)
        size += len(chunk)
    return sha.digest(), size


def totals(stream: BinaryIO, form: Form, head: Head, tick: Tick) -> None:
    """Raises Reject where the trailer is missing or does not agree with the document."""
    if not head.trailer:
        raise Reject(Problem(TRAILER))
    total = form.total(head) or Total()
    if total.digest and _hex(stream, head.end, total.by, tick) != total.digest:
        raise Reject(Problem(TOTAL, rule="the digest is another one"))
    if total.count is None:
        return
    found = _count(stream, form, head, lines=total.lines, tick=tick)
    if found != total.count:
        raise Reject(Problem(TOTAL, rule=f"it states {total.count}, there are {found}"))


def _count(stream: BinaryIO, form: Form, head: Head, *, lines: bool, tick: Tick) -> int:
    """The records of a document, those included that cannot be read; or its lines."""
    found = 0
    for item in walk(form, stream, head, Place(), "", Track()):
        if isinstance(item, Skipped):
            continue
        found += len([line for line in item.original.splitlines() if line.strip()]) if lines else 1
        if found % 1000 == 0:
            tick()
    return found


def _hex(stream: BinaryIO, end: int, by: str, tick: Tick) -> str:
    """The digest of the first `end` bytes."""
    stream.seek(0)
    crc, sha = 0, None if by == "crc32" else hashlib.new(by, usedforsecurity=False)
    while end > 0:
        tick()
        chunk = stream.read(min(CHUNK, end))
        end -= len(chunk) or end
        crc = zlib.crc32(chunk, crc)
        if sha:
            sha.update(chunk)
    return sha.hexdigest() if sha else f"{crc:08x}"
