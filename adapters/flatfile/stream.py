"""Reading bytes that were promised to be there."""

from __future__ import annotations

from datetime import timedelta
from typing import BinaryIO

from adapters.flatfile.codes import BUSY
from gateway.errors import Problem, Retry


def exactly(document: BinaryIO, count: int) -> bytes:
    """`count` bytes.  Raises Retry where the document is shorter than it was: somebody changed it."""
    data = document.read(count)
    while len(data) < count:
        more = document.read(count - len(data))
        if not more:
            raise Retry(Problem(BUSY), after=timedelta(seconds=5))
        data += more
    return data
