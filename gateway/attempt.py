"""Which read is under way, in a file that outlives the process: so a record that kills it is found.

Before each read the feed's marker says at which cursor; after the commit it moves on, and at the
end of the poll it is gone.  A marker found at start means that the last process died there.  After
two deaths at one cursor the feed is suspected: it reads record by record, and while no other feed
reads, so a death then points at one record of one feed and accuses nobody who only stood beside it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.errors import Halt, Problem, code

LIMIT = 500
"""Records a read asks for."""

DEATHS = 2
"""So many deaths at one cursor, and the feed is suspected."""

DEADLY = code(
    "intake.deadly",
    "the process died each time it read one record of this feed",
    "Keep a copy of the document for the adapter's author, take it out of the pick-up folder or mend the record, then: copperline systems resume.",
)

_SIZE = 128


@dataclass(frozen=True, slots=True)
class Mark:
    """What a marker says: where, how often a process died there, and how many single reads are still to come."""

    cursor: str
    deaths: int = 0
    careful: int = 0


class Attempt:
    """The marker of one feed.  `begin` before a read, `done` after its commit, `put_off` where none was made, `rest` when the poll is over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._left = _read(path)
        self._mark = Mark("")

    @property
    def suspected(self) -> bool:
        """Whether processes died at this cursor before, and the stretch that follows it is not yet behind."""
        left = self._left
        return self._mark.careful > 0 or (left is not None and (left.careful > 0 or left.deaths + 1 >= DEATHS))

    def begin(self, cursor: str) -> int:
        """Mark the read at `cursor` and return the limit for it.  Raises Halt where one record kills the process."""
        here = hashlib.sha256(cursor.encode()).hexdigest()[:32]
        left, self._left = self._left, None
        careful = left.careful if left else self._mark.careful
        deaths = left.deaths + 1 if left and left.cursor == here else 0
        if left and left.cursor == here and careful:
            self.rest()
            raise Halt(Problem(DEADLY, where="the record that follows the last one journalled"))
        if deaths >= DEATHS:
            careful = LIMIT
        self._write(Mark(here, deaths, careful))
        return 1 if careful else LIMIT

    def done(self) -> None:
        """What was read is in the journal."""
        self._mark = Mark("", 0, max(0, self._mark.careful - 1))

    def put_off(self) -> None:
        """The source asks to be asked again: nothing was read, so what is known of deaths holds for the next try."""
        mark = self._mark
        self.rest()
        if mark.deaths:
            self._left = Mark(mark.cursor, mark.deaths - 1)  # which the next try counts again
        else:
            self._mark = Mark("", 0, mark.careful)

    def rest(self) -> None:
        """No read is under way: a process that ends now has not died of one."""
        self._left, self._mark = None, Mark("")
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._path.unlink(missing_ok=True)

    def _write(self, mark: Mark) -> None:
        if self._handle < 0:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        said = orjson.dumps({"cursor": mark.cursor, "deaths": mark.deaths, "careful": mark.careful})
        os.pwrite(self._handle, said.ljust(_SIZE), 0)  # one write in place: a death leaves the old or the new
        self._mark = mark


def _read(path: Path) -> Mark | None:
    try:
        return Mark(**orjson.loads(path.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return None
