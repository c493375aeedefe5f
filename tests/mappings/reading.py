"""Running a file through a feed, without a journal: what comes of every record, and of every byte."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gateway.adapter import Document, RawRecord
from gateway.errors import Reject


@dataclass
class Read:
    """What a feed made of a file."""

    records: list[RawRecord] = field(default_factory=list)
    rejected: list[Any] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    data: list[dict[str, Any]] = field(default_factory=list)
    drafts: list[Any] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(f"{record.kind} {record.change}" for record in self.records)

    def of(self, key: str) -> dict[str, Any]:
        """The one canonical record whose source key it is."""
        (found,) = [data for data in self.data if data["sourceRecord"]["key"] == key]
        return found


def read(feed, body: bytes) -> Read:
    """Decode and translate a whole file."""
    done = Read()
    document = Document("file", hashlib.sha256(body).digest(), len(body), body=body)
    for record in feed.decode(document):
        if not isinstance(record, RawRecord):
            done.rejected.append(record)
            continue
        done.records.append(record)
        if record.change == "put":
            _translate(feed, record, done)
    return done


def _translate(feed, record, done):
    try:
        drafts = feed.translate(record)
    except Reject as e:
        done.problems.update(f"{p.code.id} {p.path}: {p.rule}" for p in e.problems)
        return
    done.drafts += drafts
    done.data += [json.loads(draft.data) for draft in drafts]


def fields_of(value: Any, path: str = "") -> set[str]:
    """Dotted names of what a decoded record holds and is not blank; lists have no index."""
    if isinstance(value, dict):
        return {name for key, item in value.items() for name in fields_of(item, f"{path}.{key}" if path else key)}
    if isinstance(value, list):
        return {name for item in value for name in fields_of(item, path)}
    return {path} if value not in (None, "") else set()
