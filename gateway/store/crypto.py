"""Every record is sealed under a key of its own, and erased by destroying its salt.

The key is HMAC-SHA256(body key of the site, 16 random bytes kept in the row).  Because a key is
used for one original and one body only, their two nonces can be constants.  What the ledger
keeps of a record is a hash that begins with the salt: without the salt it confirms no guess.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Halt, Problem, code
from gateway.event import keyed

SALT = 16
ORIGINAL = b"original\x00\x00\x00\x00"
BODY = b"body\x00\x00\x00\x00\x00\x00\x00\x00"
"""The nonces: 12 bytes each, one use per key."""

UNREADABLE = code(
    "store.unreadable",
    "what is stored cannot be opened: the site's key is another one, or the stored bytes were changed",
    "Check that the site's key is the one this store was made with; run `copperline doctor` to find changed rows.",
)

_sha256 = hashlib.sha256


def salts(count: int) -> Iterator[bytes]:
    """So many fresh salts, from one call to the system's random source."""
    pool = os.urandom(SALT * count)
    return (pool[at : at + SALT] for at in range(0, len(pool), SALT))


class Vault:
    """Seals and opens what the store keeps, under keys derived from the site's body key."""

    __slots__ = ("_key",)

    def __init__(self, body_key: bytes) -> None:
        self._key = keyed(body_key)

    def cipher(self, salt: bytes) -> AESGCM:
        """The cipher of one record."""
        return AESGCM(self._key(salt))

    def seal(self, nonce: bytes, data: bytes, binds: bytes) -> bytes:
        """A small value with a salt of its own in front of it."""
        salt = os.urandom(SALT)
        return salt + self.cipher(salt).encrypt(nonce, data, binds)

    def open(self, salt: bytes, nonce: bytes, sealed: bytes, binds: bytes) -> bytes:
        """What was sealed.  Raises Halt where key, salt, bytes or what they are bound to differ."""
        try:
            return self.cipher(salt).decrypt(nonce, sealed, binds)
        except InvalidTag as e:
            raise Halt(Problem(UNREADABLE)) from e

    def unseal(self, nonce: bytes, sealed: bytes, binds: bytes) -> bytes:
        """What `seal` made."""
        return self.open(sealed[:SALT], nonce, sealed[SALT:], binds)


def entry(salt: bytes, stated: bytes, original: bytes, body: bytes) -> bytes:
    """What the ledger commits to of one row: a leaf hash over its two contents and what the row states.

    The digests of original and body begin with the salt, so they can be shown (with the salt) to
    prove a content, and say nothing once the salt is gone.
    """
    first = _sha256(salt + ORIGINAL + original).digest()
    second = _sha256(salt + BODY + body).digest()
    return _sha256(b"\x00" + first + second + salt + stated).digest()
