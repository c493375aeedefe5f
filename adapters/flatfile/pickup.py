"""The drop folder: which file is ready, how it is opened, how it is taken away.

Everything goes through a descriptor of the folder, follows no link, and touches regular files only.
A file is taken away only if it is still the one that was read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, TypeAlias

from adapters.flatfile.codes import REMOVE, REPLACED
from adapters.flatfile.settings import Settings
from gateway.errors import Halt, Problem

HIDDEN = ".copperline-"
LONGEST = 255
"""Bytes of a file name."""
LINKS = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO})
"""What opening a link or a device without following it gives."""
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""What a folder gives from which nothing may be removed."""
MOVED = (".1", ".2", ".3")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file is, apart from its name: enough to notice another in its place."""

    inode: int = 0
    size: int = 0
    modified_ns: int = 0


@dataclass(slots=True)
class _Watch:
    """A file that has to prove that it is complete."""

    identity: Identity
    since: datetime
    polls: int = 1


Found: TypeAlias = tuple[str, Identity]
Complete: TypeAlias = Callable[[BinaryIO, int], bool]


class Folder:
    """One drop folder."""

    def __init__(self, settings: Settings, root: Path, clock: Callable[[], datetime], complete: Complete) -> None:
        self._path = root / settings.folder
        self._match, self._order, self._ready = settings.match, settings.order, settings.ready
        self._clock, self._complete = clock, complete
        self._watched: dict[str, _Watch] = {}
        self._queue: deque[Found] = deque()

    @contextmanager
    def entered(self) -> Iterator[int]:
        """A descriptor of the folder."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def next(self, done: set[Found]) -> str | None:
        """The next file that is ready and not among those already read; None if there is none.

        The folder is looked through once for all files that are ready, not once for each.
        """
        with self.entered() as folder:
            if not self._queue:
                self._queue.extend(self._look(folder))
            while self._queue:
                name, identity = self._queue.popleft()
                if (name, identity) not in done and _lstat(folder, name) == identity:
                    return name
        return None

    def listed(self) -> list[Found]:
        """All files that fit by their names, ready or not."""
        with self.entered() as folder:
            return self._fitting(_present(folder))

    def _look(self, folder: int) -> list[Found]:
        """All files that are ready, in order."""
        present = _present(folder)
        self._watched = {name: watch for name, watch in self._watched.items() if name in present}
        ready = [(name, identity) for name, identity in self._fitting(present) if self._is_ready(folder, name, identity, present)]
        if self._order == "modified":
            return sorted(ready, key=lambda one: (one[1].modified_ns, one[0]))
        return sorted(ready)

    def _fitting(self, present: Mapping[str, os.stat_result]) -> list[Found]:
        regular = ((name, status) for name, status in present.items() if stat.S_ISREG(status.st_mode))
        return [(name, identity_of(status)) for name, status in regular if self._wanted(name)]

    def _wanted(self, name: str) -> bool:
        marker = self._ready.suffix if self._ready.by in {"rename", "done"} else ""
        if name.startswith(".") or (marker and name.endswith(marker)):
            return False
        return fnmatchcase(unicodedata.normalize("NFC", name), self._match)

    def _is_ready(self, folder: int, name: str, identity: Identity, present: dict[str, os.stat_result]) -> bool:
        match self._ready.by:
            case "rename":
                return True
            case "done":
                marker = present.get(name + self._ready.suffix)
                return marker is not None and stat.S_ISREG(marker.st_mode)
            case "trailer":
                return self._ends(folder, name, identity.size) or self._settled(name, identity, polls=1)
            case _:
                return self._settled(name, identity, polls=self._ready.polls)

    def _ends(self, folder: int, name: str, size: int) -> bool:
        with suppress(FileNotFoundError), open_regular(folder, name) as file:
            return self._complete(file, size)
        return False

    def _settled(self, name: str, identity: Identity, *, polls: int) -> bool:
        """Whether nothing about the file changed for long enough; a clock that ran back starts the wait anew."""
        now, watch = self._clock(), self._watched.get(name)
        if watch is None or watch.identity != identity or now < watch.since:
            self._watched[name] = _Watch(identity, now)
            return polls <= 1 and self._ready.seconds == 0
        watch.polls += 1
        return watch.polls >= polls and (now - watch.since).total_seconds() >= self._ready.seconds

    def pause(self) -> timedelta | None:
        """When to look again at files that only have to stay unchanged; None where there are none."""
        if self._ready.by != "stable" or not self._watched:
            return None
        return timedelta(seconds=max(1.0, self._ready.seconds / max(self._ready.polls - 1, 1)))

    def open(self, name: str) -> BinaryIO:
        """The file, for reading.  Raises FileNotFoundError where it is gone."""
        with self.entered() as folder:
            return open_regular(folder, name)

    def remove(self, name: str, same: Callable[[BinaryIO], bool]) -> None:
        """Takes the file away, and its marker before it; idempotent.  New content under the name stays.

        The file is first given a hidden name, so that nothing can take its place between the
        look and the unlink.  A crash leaves the hidden file, and the next call removes it.
        """
        with self.entered() as folder:
            hidden = _hidden(name)
            if _lstat(folder, hidden) is None and not self._is(folder, name, same):
                return
            try:
                if self._ready.by == "done":
                    _unlink(folder, name + self._ready.suffix)
                self._take_away(folder, name, hidden, same)
            except OSError as error:
                if error.errno in FORBIDDEN:
                    raise Halt(Problem(REMOVE)) from None
                raise
            os.fsync(folder)

    def _is(self, folder: int, name: str, same: Callable[[BinaryIO], bool]) -> bool:
        with suppress(FileNotFoundError), open_regular(folder, name) as file:
            return same(file)
        return False

    def _take_away(self, folder: int, name: str, hidden: str, same: Callable[[BinaryIO], bool]) -> None:
        if _lstat(folder, hidden) is None:
            os.rename(name, hidden, src_dir_fd=folder, dst_dir_fd=folder)
        if self._is(folder, hidden, same):
            os.unlink(hidden, dir_fd=folder)
            return
        _give_back(folder, hidden, name)


def _present(folder: int) -> dict[str, os.stat_result]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}


def _hidden(name: str) -> str:
    """The name of a file on its way out; always the same for a name, and never longer than a name may be."""
    hidden = HIDDEN + name
    return hidden if len(os.fsencode(hidden)) <= LONGEST else HIDDEN + hashlib.sha256(os.fsencode(name)).hexdigest()


def _give_back(folder: int, hidden: str, name: str) -> None:
    """Another file was caught: it gets its name again, or one beside it where that is taken by a newer one still."""
    for free in (name, *(name + suffix for suffix in MOVED)):
        with suppress(FileExistsError):
            os.link(hidden, free, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(hidden, dir_fd=folder)
            return
    raise Halt(Problem(REPLACED))


def open_regular(folder: int, name: str) -> BinaryIO:
    """A regular file of the folder itself.  Raises FileNotFoundError for anything else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in LINKS:
            raise FileNotFoundError from None
        raise
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise FileNotFoundError
    return file


def identity_of(status: os.stat_result) -> Identity:
    """The identity in a stat result."""
    return Identity(status.st_ino, status.st_size, status.st_mtime_ns)


def _lstat(folder: int, name: str) -> Identity | None:
    try:
        return identity_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
