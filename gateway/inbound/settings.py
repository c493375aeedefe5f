"""The settings of an inbound feed: one publisher, what it speaks for, and how much it may send."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Word = Annotated[str, StringConstraints(pattern=r"^\S{1,200}$")]


class Settings(BaseModel):
    """One publisher of the site's broker."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = Field(description="The publisher's log-in at the broker, which vouches for it (`user_id`).")
    source: Word = Field(description="What it speaks for: the `source` of its CloudEvents and entities, or how these begin before a `/`.")
    sender: Word | None = Field(default=None, description="The CAP `sender` that it speaks for; without it no CAP is taken.")
    events: dict[str, Word] = Field(
        default={}, description="Type of a CloudEvent → kind of record, which picks the mapping; `alert` for every other type."
    )
    per_minute: int = Field(default=60, ge=1, le=100_000, description="Messages a minute; what is beyond waits in the publisher's queue.")
    prefetch: int = Field(default=50, ge=1, le=1000, description="Messages taken from the broker and not yet acknowledged, at most.")
    largest: int = Field(default=1_000_000, ge=1000, le=16_000_000, description="Bytes of a message.")
    length: int = Field(default=100_000, ge=1, description="Messages that the publisher's queue holds; the broker refuses more.")

    @property
    def queue(self) -> str:
        """The publisher's own exchange and queue."""
        return queue(self.user)

    def speaks_for(self, source: str) -> bool:
        """Whether the publisher is bound to a source that a message names."""
        return source == self.source or source.startswith(self.source.rstrip("/") + "/")


def queue(user: str) -> str:
    """What the exchange and the queue of a publisher are called."""
    return f"copperline.inbound.{user}"
