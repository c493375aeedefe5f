"""Files that are wrapped: gzip and zip, opened with limits.

What comes out goes to an unnamed file, so that reading can go on at any byte, and nothing of it
is left when the process ends.  Names inside an archive are checked and never used.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from adapters.flatfile.codes import CONTAINER
from adapters.flatfile.settings import Compression
from gateway.errors import Problem, Reject

CHUNK = 256 * 1024
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile and zlib raise for damaged, encrypted or unknown content."""

Tick: TypeAlias = Callable[[], None]
"""Called between blocks; raises where reading has to stop."""


def documents(file: BinaryIO, compression: Compression) -> int:
    """How many documents the file holds.  Raises Reject where a rule for archives is broken."""
    if compression.kind != "zip":
        return 1
    with _damage(), zipfile.ZipFile(file) as archive:
        return len(_entries(archive, compression))


def unwrapped(file: BinaryIO, compression: Compression, index: int, spool: Path, tick: Tick) -> BinaryIO:
    """One document of the file, to be read from any byte.  Raises Reject where it is damaged or breaks a limit."""
    file.seek(0)
    if compression.kind == "none":
        _no_archive(file.read(4), "it is compressed, but the settings say that it is not")
        return file
    size = file.seek(0, 2)
    file.seek(0)
    limit = min(compression.total, compression.ratio * size)
    out: BinaryIO = tempfile.TemporaryFile(dir=spool)  # noqa: SIM115 - it is handed to the caller, who closes it
    try:
        with _damage():
            chunks = _gunzip(file) if compression.kind == "gzip" else _unzip(file, compression, index)
            _spool(chunks, out, limit, tick)
    except BaseException:
        out.close()
        raise
    return out


def _spool(chunks: Iterator[bytes], out: BinaryIO, limit: int, tick: Tick) -> None:
    total = 0
    for chunk in chunks:
        tick()
        total += len(chunk)
        if total > limit:
            raise Reject(Problem(CONTAINER, rule="more comes out of it than the limits allow"))
        out.write(chunk)
    out.seek(0)
    _no_archive(out.read(4), "an archive inside an archive")


def _no_archive(first: bytes, rule: str) -> None:
    if first.startswith((GZIP, ZIP)):
        raise Reject(Problem(CONTAINER, rule=rule))


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    """The members of a gzip file, a bounded piece at a time.  Raises EOFError where the last is cut short."""
    data = file.read(CHUNK)
    while data:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if not data:
                data = file.read(CHUNK)
                if not data:
                    raise EOFError
            yield member.decompress(data, CHUNK)
            data = member.unconsumed_tail
        data = (member.unused_data or file.read(CHUNK)).lstrip(b"\0")  # tapes pad with zeros


def _unzip(file: BinaryIO, compression: Compression, index: int) -> Iterator[bytes]:
    with zipfile.ZipFile(file) as archive:
        entry = _entries(archive, compression)[index]
        with archive.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


def _entries(archive: zipfile.ZipFile, compression: Compression) -> list[zipfile.ZipInfo]:
    """The files in a zip, in its order.  Raises Reject where one of them is not harmless."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    names = {entry.filename.casefold() for entry in entries}
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    for broken, rule in (
        (not entries, "it is empty"),
        (len(entries) > compression.entries, f"more than {compression.entries} entries"),
        (len(names) < len(entries), "two entries have the same name"),
        (unpacked > compression.total, "more would come out of it than the limits allow"),
        (unpacked > compression.ratio * max(packed, 1), "its ratio is beyond the limit"),
        (any(_strange(entry) for entry in entries), "an entry has a name or a kind that is not allowed"),
    ):
        if broken:
            raise Reject(Problem(CONTAINER, rule=rule))
    return entries


def _strange(entry: zipfile.ZipInfo) -> bool:
    """A path that leads out, a link, a stream, an encrypted entry, a method that we do not open, an archive inside."""
    name = entry.filename
    mode = stat.S_IFMT(entry.external_attr >> 16)
    return (
        name.startswith("/")
        or ".." in name.split("/")
        or any(sign in name for sign in "\\:\0")
        or any(ord(sign) < 32 for sign in name)
        or mode not in {0, stat.S_IFREG}
        or bool(entry.flag_bits & 0x1)
        or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        or name.lower().endswith((".zip", ".gz", ".7z", ".rar", ".tar"))
    )


@contextmanager
def _damage() -> Iterator[None]:
    """Turns what zipfile and zlib raise into a refusal of the file."""
    try:
        yield
    except DAMAGE:
        raise Reject(Problem(CONTAINER, rule="it is damaged, encrypted, or of another kind")) from None
