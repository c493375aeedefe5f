"""One message as the broker gave it, and as it is kept: its body is the original, the rest its preamble."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from gateway.adapter import Document

MOST = 64
"""Headers that are kept."""


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived: `user` is the publisher as the broker vouches for it, "" where it does not."""

    body: bytes
    user: str = ""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> Document:
        """As a document: everything but the body that the message cannot be read without."""
        said = {"user": self.user, "type": self.content_type, "headers": dict(list(self.headers.items())[:MOST])}
        return Document("message", hashlib.sha256(self.body).digest(), len(self.body), orjson.dumps(said), self.body)


def of(document: Document) -> Message:
    """The message that a document was made of; a sample has no preamble, and stands for a message that is in order."""
    body = document.body or b""
    if not document.preamble:
        return Message(body)
    said = orjson.loads(document.preamble)
    return Message(body, said["user"], said["type"], said["headers"])
