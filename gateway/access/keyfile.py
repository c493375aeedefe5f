"""Keys of callers: 256 random bits, shown once, kept as their SHA-256.

A key is `cpl_<id>_<secret>`; the id is no secret and says which one is meant.  The file beside the
caller's own, `<name>.keys`, has one line a key: id, digest, and until when it holds ("-": no end).
The digest of 256 random bits confirms no guess, so the file may be under version control.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.errors import Problem, Refused, code

DAMAGED = code(
    "access.keys",
    "a caller's file of keys cannot be read; the caller is not admitted",
    "Restore the file from version control, or make a new key: copperline callers rotate NAME.",
)

KEY = re.compile(r"cpl_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_LINE = re.compile(r"([0-9a-f]{8}) ([0-9a-f]{64}) (\S+)")
_HEAD = "# Digests of keys, written by `copperline callers`: id, SHA-256, until when it holds.\n"
_REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without itself."""

    id: str
    sha256: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The keys of one caller.  A revoked caller is admitted by nothing, a certificate or a token included."""

    keys: tuple[Key, ...] = ()
    revoked: bool = False


def made() -> tuple[str, Key]:
    """A new key, and what is kept of it."""
    id = secrets.token_hex(4)
    text = f"cpl_{id}_{secrets.token_urlsafe(32)}"
    return text, Key(id, digest(text))


def digest(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(text: str) -> str:
    """Which key a text claims to be; "" where it has not the form of one."""
    found = KEY.fullmatch(text)
    return found[1] if found else ""


def read(path: Path) -> KeyFile:
    """The keys of a caller; none where the file is missing.  Raises Refused where a line is no key."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return KeyFile()
    except (OSError, UnicodeDecodeError) as e:
        raise Refused(Problem(DAMAGED, where=path.name, rule=type(e).__name__)) from e
    said = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    keys = tuple(_key(line, f"{path.name}:{number}") for number, line in said if line != _REVOKED)
    return KeyFile(keys, any(line == _REVOKED for _, line in said))


def write(path: Path, keys: Sequence[Key], *, revoked: bool = False) -> None:
    """Put the file into place at once: whoever reads sees the old one or the new one."""
    lines = [f"{key.id} {key.sha256} {key.until.isoformat() if key.until else '-'}\n" for key in keys]
    into = path.with_name(f".{path.name}.new")
    with into.open("w", encoding="ascii") as file:
        file.write(_HEAD + (f"{_REVOKED}\n" if revoked else "") + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
    into.rename(path)


def _key(line: str, where: str) -> Key:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Refused(Problem(DAMAGED, where=where))
    try:
        until = None if found[3] == "-" else datetime.fromisoformat(found[3])
    except ValueError as e:
        raise Refused(Problem(DAMAGED, where=where, rule="has no time to which the key holds")) from e
    if until is not None and until.tzinfo is None:
        raise Refused(Problem(DAMAGED, where=where, rule="has a time without a zone"))
    return Key(found[1], found[2], until)
