"""Whole documents, kept by their digest: where a site wants more than the originals in its journal.

`keep` is durable before it returns.  An encrypted document is sealed in pieces, each bound to its
place and to the end of the document, under a key of its own; forgetting one removes its file.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Halt, Problem, code
from gateway.event import Keys

DAMAGED = code(
    "archive.damaged",
    "a document in the archive is not what was put there",
    "Restore var/archive from a backup; the journal's own originals are not touched.",
)
CHANGED = code(
    "archive.changed",
    "a document changed while it was being archived",
    "Nothing: it is read again as a new document. If it recurs, the sender writes to files that it has released.",
)

_PIECE = 1 << 20
_SEALED = b"CPA1"


class Archive:
    """The archive of one site, a folder of files that only the gateway's user may read."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._key = keys.derive("archive")

    def keep(self, sha256: bytes, document: Path, *, encrypt: bool) -> None:
        """Hold a copy of the document durably before returning; a second call with the same digest does nothing."""
        plain, sealed = self._paths(sha256)
        if plain.exists() or sealed.exists():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        into = self._folder / f".{sha256.hex()}.{secrets.token_hex(4)}"
        try:
            with document.open("rb") as source:
                self._copy(source, into, sha256, encrypt=encrypt)
            into.rename(sealed if encrypt else plain)
            _sync_folder(self._folder)
        finally:
            into.unlink(missing_ok=True)

    def open(self, sha256: bytes) -> BinaryIO:
        """The document's bytes again.  Raises FileNotFoundError where it was never kept or has been erased."""
        plain, sealed = self._paths(sha256)
        if sealed.exists():
            return BufferedReader(_Opened(sealed.open("rb"), self._key))
        return plain.open("rb")

    def forget(self, sha256: bytes) -> bool:
        """Remove a document; False where it was not there."""
        found = [path for path in self._paths(sha256) if path.exists()]
        for path in found:
            path.unlink()
        if found:
            _sync_folder(self._folder)
        return bool(found)

    def _paths(self, sha256: bytes) -> tuple[Path, Path]:
        return self._folder / sha256.hex(), self._folder / f"{sha256.hex()}.sealed"

    def _copy(self, source: IO[bytes], into: Path, sha256: bytes, *, encrypt: bool) -> None:
        seen = hashlib.sha256()
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            pieces = _pieces(source, seen)
            for piece in _seal(pieces, self._key) if encrypt else (piece for piece, _ in pieces):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if seen.digest() != sha256:
            raise Halt(Problem(CHANGED))


def _pieces(source: IO[bytes], seen: hashlib._Hash) -> Iterator[tuple[bytes, bool]]:
    """Pieces of a stream, each with whether it is the last; an empty stream has one empty piece."""
    piece = source.read(_PIECE)
    while True:
        seen.update(piece)
        following = source.read(_PIECE)
        yield piece, not following
        if not following:
            return
        piece = following


def _seal(pieces: Iterator[tuple[bytes, bool]], key: bytes) -> Iterator[bytes]:
    salt = secrets.token_bytes(16)
    cipher = _cipher(key, salt)
    yield _SEALED + salt
    for number, (piece, last) in enumerate(pieces):
        yield cipher.encrypt(_nonce(number, last), piece, None)


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hashlib.blake2b(salt, key=key, digest_size=32).digest())


def _nonce(number: int, last: bool) -> bytes:
    return bytes([last]) + number.to_bytes(11)


class _Opened(RawIOBase):
    """Reads a sealed document piece by piece.  Raises Halt where a piece is not what was sealed."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        head = file.read(len(_SEALED) + 16)
        self._file = file
        self._cipher = _cipher(key, head[len(_SEALED) :])
        self._number = 0
        self._next = file.read(_PIECE + 16)
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed wants the wider Buffer
        if not self._ready and self._next:
            self._ready = self._unsealed()
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _unsealed(self) -> bytes:
        sealed, self._next = self._next, self._file.read(_PIECE + 16)
        try:
            piece = self._cipher.decrypt(_nonce(self._number, not self._next), sealed, None)
        except InvalidTag as e:
            raise Halt(Problem(DAMAGED)) from e
        self._number += 1
        return piece


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
