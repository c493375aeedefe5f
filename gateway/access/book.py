"""Who is who: from what a request presents to the caller it proves, as the site's files now say.

The files are looked at again once a second at most, so a key that was revoked opens nothing a
second later.  A caller whose file cannot be used is not admitted; the others are.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.access.caller import Caller, load_all
from gateway.access.keyfile import Key, digest, id_of
from gateway.errors import Refused

LOOK_S = 1.0
"""How often the files are looked at, in seconds."""


@dataclass(frozen=True, slots=True)
class _Index:
    """One reading of the files."""

    seen: tuple[tuple[str, int, int], ...] = ()
    callers: Mapping[str, Caller] = field(default_factory=dict)
    wrong: Mapping[str, Refused] = field(default_factory=dict)
    keys: Mapping[str, tuple[Key, Caller]] = field(default_factory=dict)
    certificates: Mapping[str, Caller] = field(default_factory=dict)
    tokens: Mapping[str, Caller] = field(default_factory=dict)


class Book:
    """The callers of one site.  Safe from any thread.

    `present`: a caller and its key that stand in no file, for a site that is read on this machine only.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime], present: tuple[Caller, Key] | None = None) -> None:
        self._folder, self._clock, self._present = folder, clock, present
        self._lock = threading.Lock()
        self._next = 0.0
        self._index = _Index()

    def by_key(self, text: str) -> Caller | None:
        """The caller whose key this is, where the key still holds."""
        found = self._now().keys.get(id_of(text))
        if found is None:
            return None
        key, caller = found
        same = hmac.compare_digest(digest(text), key.sha256)
        return caller if same and key.holds(self._clock()) else None

    def by_certificate(self, subject: str) -> Caller | None:
        """The caller of a client certificate that was verified, by its subject."""
        return self._now().certificates.get(subject)

    def by_token(self, subject: str) -> Caller | None:
        """The caller of a token that was verified, by its `sub`."""
        return self._now().tokens.get(subject)

    def callers(self) -> Mapping[str, Caller]:
        """Everybody who may enter, by name."""
        return self._now().callers

    def admits(self, caller: Caller) -> bool:
        """Whether a caller that was let in before would be let in now, with what it then had."""
        return caller.everywhere or self._now().callers.get(caller.name) == caller

    def wrong(self) -> Mapping[str, Refused]:
        """The callers whose files cannot be used, and why."""
        return self._now().wrong

    def _now(self) -> _Index:
        if time.monotonic() >= self._next:
            with self._lock:
                self._next = time.monotonic() + LOOK_S
                seen = self._seen()
                if seen != self._index.seen:
                    self._index = self._read(seen)
        return self._index

    def _seen(self) -> tuple[tuple[str, int, int], ...]:
        try:
            files = [(path, path.stat()) for path in sorted(self._folder.iterdir()) if path.suffix in (".yaml", ".keys")]
        except FileNotFoundError:
            return (("", 0, 0),)
        return (("", 0, 0), *((path.name, stat.st_mtime_ns, stat.st_size) for path, stat in files))

    def _read(self, seen: tuple[tuple[str, int, int], ...]) -> _Index:
        found, wrong = load_all(self._folder)
        open = {name: caller for name, caller in found.items() if not caller.keys.revoked}
        keys = {key.id: (key, caller) for caller in open.values() for key in caller.keys.keys}
        if self._present is not None:
            keys[self._present[1].id] = (self._present[1], self._present[0])
        return _Index(seen, open, wrong, keys, _of_one(open, "certificates"), _of_one(open, "tokens"))


def _of_one(callers: Mapping[str, Caller], how: str) -> dict[str, Caller]:
    """Subject → caller; one that two callers claim proves neither."""
    claims = [(subject, caller) for caller in callers.values() for subject in getattr(caller, how)]
    counts = Counter(subject for subject, _ in claims)
    return {subject: caller for subject, caller in claims if counts[subject] == 1}
