"""Where a source stands: what the next request says, and how far into which answer reading has come."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that has been taken and is not yet read to its end."""

    sha256: str
    size: int
    start: int
    stop: int
    encoding: str
    declaration: str
    offset: int = 0
    """The next byte of the message."""
    started: bool = False


@dataclass(frozen=True, slots=True)
class At:
    """One place: the values of the next request, and the answer under way."""

    since: str = ""
    high: str = ""
    """The highest time that was met; asked from once the pages or tokens have come to their end."""
    token: str = ""
    last: str = ""
    page: int | None = None
    taken: int = 0
    """How many answers were taken from a service that forgets them: so no two cursors of one feed are the same."""
    reading: Reading | None = None
    receipt: dict[str, str] = field(default_factory=dict)
    """What `confirm` needs of the answer that ends here; empty where there is nothing to confirm."""

    def text(self) -> str:
        """As a cursor; only what is set."""
        return json.dumps({name: value for name, value in asdict(self).items() if value or (name == "page" and value is not None)}, separators=(",", ":"))


def parsed(cursor: str) -> At:
    """The place of a cursor; "" is the beginning."""
    said: dict[str, Any] = json.loads(cursor) if cursor else {}
    reading = said.pop("reading", None)
    return At(**said, reading=Reading(**reading) if reading else None)


def later(one: str, other: str) -> str:
    """The later of two times as services write them; what is no time counts as none."""
    moments = [(moment, text) for text in (one, other) if (moment := moment_of(text)) is not None]
    return max(moments)[1] if moments else ""


def moment_of(text: str) -> datetime | None:
    """A time of XML Schema as an instant; without a zone it is taken as UTC, for comparing only."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def earlier(text: str, by: timedelta) -> str:
    """A time so much earlier, written with a zone only where it had one."""
    try:
        return (datetime.fromisoformat(text) - by).isoformat()
    except ValueError:
        return text
