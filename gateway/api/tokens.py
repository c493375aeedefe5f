"""Bearer tokens that the agency's own issuer signed: verified here, with the issuer's public keys.

The keys come from a file, or from the issuer's address inside the agency's own network.  A token that
does not hold has them read again, aside and at most once a minute, for the issuer may have changed
them: its caller comes in at the next try.  Only the `sub` is believed; what it may do stands in the
caller's file.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

if TYPE_CHECKING:
    from gateway.adapter import Log
    from gateway.settings import Api

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Public keys only: a token signed with a shared secret, or with none, is none."""
AGAIN_S = 60.0
LONGEST = 16 * 1024
"""Characters of a token."""
LEEWAY_S = 30
"""By which clocks may differ, in seconds."""


class Issuer:
    """One issuer.  Safe from any thread."""

    def __init__(self, api: Api, root: Path, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._api, self._root, self._log, self._clock = api, root, log, clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._keys: KeySet | None = None
        self._refresh()

    def subject(self, token: str) -> str:
        """The `sub` of a token that holds now; "" of one that does not.  Never waits for the issuer."""
        keys = self._keys
        if keys is not None and len(token) <= LONGEST:
            try:
                claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
                self._registry().validate(claims)
                return str(claims["sub"])
            except (JoseError, ValueError, KeyError, TypeError):
                pass  # said to be none; perhaps the keys are old
        if time.monotonic() >= self._next:
            threading.Thread(target=self._refresh, name="issuer's keys", daemon=True).start()
        return ""

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._api.issuer},
            aud={"essential": True, "value": self._api.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _refresh(self) -> None:
        """Read the keys, unless that was done within the last minute."""
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + AGAIN_S
        try:
            self._keys = KeySet.import_key_set(_read(self._api.jwks, self._root))
        except (OSError, ValueError, JoseError) as e:
            self._log.warning("keys of the issuer not read", fault=type(e).__name__)


def _read(place: str, root: Path) -> Any:
    """The key set.  No proxy of the environment is used, and no address is followed to another."""
    if not place.startswith(("http://", "https://")):
        return json.loads((root / place).read_bytes())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    with opener.open(place, timeout=5) as answer:
        return json.loads(answer.read(1 << 20))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are not followed."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
