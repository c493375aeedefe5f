"""A file system whose power can be cut: what was written and not synced is then gone.

Every write stays in the memory of its process until fsync; kill the process and look into the
backing folder.  Directory entries and sizes are durable at once, so it proves nothing about
directory syncs.  `lying` answers fsync and does nothing.  `torn` is the share of unsynced writes
that reach the disk anyway, as a kernel may write back in any order.

    python -m tests.campaigns.powerfs BACKING MOUNT [lying] [torn=0.3] [seed=1] [syncs=40] [writes=900]

With `syncs` or `writes` it cuts its own power: as the last of so many of them comes, before it is
carried out.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class PowerFs:
    """A mounted folder, as a context; `cut()` takes the power away, and `backing` holds what survived."""

    def __init__(
        self, parent: Path, *, lying: bool = False, torn: float = 0.0, seed: int = 0, syncs: int = 0, writes: int = 0
    ) -> None:
        self.backing = parent / "disk"
        self.mount = parent / "mount"
        self._options = [
            *(["lying"] if lying else []),
            f"torn={torn}",
            f"seed={seed}",
            f"syncs={syncs}",
            f"writes={writes}",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.backing.mkdir(exist_ok=True)
        self.mount.mkdir(exist_ok=True)
        command = [sys.executable, "-m", __name__, str(self.backing), str(self.mount), *self._options]
        log = self.mount.with_name("mount.log")
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, stderr=output)
        until = time.monotonic() + 20
        while not os.path.ismount(self.mount):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the power-cut file system did not mount: {log.read_text()}")
            time.sleep(0.01)
        return self

    @property
    def gone(self) -> bool:
        """It has cut its own power."""
        return self._process is not None and self._process.poll() is not None

    def cut(self) -> None:
        """Kill the file system: whatever it held in memory is lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        subprocess.run(["fusermount3", "-u", "-z", "-q", str(self.mount)], check=False)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()


@dataclass(slots=True)
class _File:
    """One file as its users see it, and which parts of that the disk does not have yet."""

    view: bytearray
    disk: int
    pending: list[tuple[int, int]] = field(default_factory=list)
    handles: int = 0

    def sync(self) -> None:
        for offset, length in self.pending:
            os.pwrite(self.disk, self.view[offset : offset + length], offset)
        self.pending.clear()


class _Operations:
    """The calls of the kernel, on files by inode number of the backing folder."""

    use_ns = True

    def __init__(self, backing: str, *, lying: bool, torn: float, seed: int, syncs: int, writes: int) -> None:
        self._backing = backing
        self._lying = lying
        self._torn = torn
        self._random = random.Random(seed)
        self._left = {"syncs": syncs, "writes": writes}
        self._files: dict[int, _File] = {}

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        try:
            found = os.fstat(fh) if fh else os.lstat(self._at(path))
        except OSError as e:
            raise _fuse_error(e.errno) from None
        names = ("st_mode", "st_ino", "st_nlink", "st_uid", "st_gid", "st_size")
        attributes = {name: getattr(found, name) for name in names}
        attributes |= {f"st_{which}": getattr(found, f"st_{which}_ns") for which in ("atime", "mtime", "ctime")}
        if stat.S_ISREG(found.st_mode) and found.st_ino in self._files:
            attributes["st_size"] = len(self._files[found.st_ino].view)
        return attributes

    def create(self, path: str, mode: int, fi: int | None = None) -> int:
        fh = os.open(self._at(path), os.O_RDWR | os.O_CREAT, mode)
        self._files.pop(os.fstat(fh).st_ino, None)  # an inode that was given out before
        return self._opened(fh)

    def open(self, path: str, flags: int) -> int:
        fh = os.open(self._at(path), os.O_RDWR)
        if flags & os.O_TRUNC:
            self._opened(fh)
            return self._truncated(fh, 0)
        return self._opened(fh)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._file(fh).view[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._counted("writes")
        file = self._file(fh)
        if offset > len(file.view):
            file.view.extend(bytes(offset - len(file.view)))
        file.view[offset : offset + len(data)] = data
        file.pending.append((offset, len(data)))
        if self._torn and self._random.random() < self._torn:
            os.pwrite(file.disk, data, offset)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        if fh:
            self._truncated(fh, length)
            return 0
        own = self.open(path, 0)
        self._truncated(own, length)
        return self.release(path, own)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._counted("syncs")
        if not self._lying:
            self._file(fh).sync()
        return 0

    def release(self, path: str, fh: int) -> int:
        found = os.fstat(fh)
        file = self._files[found.st_ino]
        file.handles -= 1
        os.close(fh)
        if not file.handles and not found.st_nlink:
            os.close(self._files.pop(found.st_ino).disk)
        return 0

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(entry.name for entry in os.scandir(self._at(path)))]

    def mkdir(self, path: str, mode: int) -> int:
        return self._tried(os.mkdir, self._at(path), mode)

    def rmdir(self, path: str) -> int:
        return self._tried(os.rmdir, self._at(path))

    def unlink(self, path: str) -> int:
        return self._tried(os.unlink, self._at(path))

    def rename(self, old: str, new: str) -> int:
        return self._tried(os.rename, self._at(old), self._at(new))

    def link(self, target: str, source: str) -> int:
        return self._tried(os.link, self._at(source), self._at(target))

    def chmod(self, path: str, mode: int) -> int:
        return self._tried(os.chmod, self._at(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> int:
        return self._tried(os.chown, self._at(path), uid, gid)

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        if times is None:
            return self._tried(os.utime, self._at(path))
        os.utime(self._at(path), ns=times)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._backing)
        names = (
            "f_bavail",
            "f_bfree",
            "f_blocks",
            "f_bsize",
            "f_favail",
            "f_ffree",
            "f_files",
            "f_frsize",
            "f_namemax",
        )
        return {name: getattr(found, name) for name in names}

    def _counted(self, what: str) -> None:
        self._left[what] -= 1
        if self._left[what] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _at(self, path: str) -> str:
        return self._backing + path

    def _file(self, fh: int) -> _File:
        return self._files[os.fstat(fh).st_ino]

    def _opened(self, fh: int) -> int:
        found = os.fstat(fh)
        if found.st_ino not in self._files:
            view = bytearray(os.pread(fh, found.st_size, 0))
            self._files[found.st_ino] = _File(view, os.open(f"/proc/self/fd/{fh}", os.O_RDWR))
        self._files[found.st_ino].handles += 1
        return fh

    def _truncated(self, fh: int, length: int) -> int:
        file = self._file(fh)
        os.ftruncate(file.disk, length)
        file.view[length:] = b""
        file.view.extend(bytes(length - len(file.view)))
        file.pending = [(at, min(size, length - at)) for at, size in file.pending if at < length]
        return fh

    @staticmethod
    def _tried(call: Callable[..., None], *arguments: Any) -> int:
        try:
            call(*arguments)
        except OSError as e:
            raise _fuse_error(e.errno) from None
        return 0


def _fuse_error(number: int | None) -> Exception:
    import mfusepy

    error: Exception = mfusepy.FuseOSError(number or errno.EIO)
    return error


def _serve(backing: str, mount: str, *options: str) -> None:
    import mfusepy

    given = dict(option.partition("=")[::2] for option in options)
    numbers = {name: int(given.get(name, 0)) for name in ("seed", "syncs", "writes")}
    operations = _Operations(backing, lying="lying" in given, torn=float(given.get("torn", 0)), **numbers)
    mfusepy.FUSE(operations, mount, foreground=True, nothreads=True, default_permissions=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
