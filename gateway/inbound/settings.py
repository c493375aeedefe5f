"""The settings of an inbound feed: one publisher, what it speaks for, and how much it may send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, ValidationInfo, model_validator

from gateway.inbound import contract

Word = Annotated[str, StringConstraints(pattern=r"^\S{1,200}$")]


class Contract(BaseModel):
    """What the data of one kind of message must satisfy."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,200}$")] = Field(description="A JSON Schema (draft 2020-12) in the system's folder.")
    key: Word = Field(description="The field of the data that numbers the record.")


class Settings(BaseModel):
    """One publisher of the site's broker."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = Field(description="The publisher's log-in at the broker, which vouches for it (`user_id`).")
    source: Word = Field(description="What it speaks for: the `source` of its CloudEvents and entities, or how these begin before a `/`.")
    sender: Word | None = Field(default=None, description="The CAP `sender` that it speaks for; without it no CAP is taken.")
    events: dict[str, Word] = Field(
        default={}, description="Type of a CloudEvent → kind of record, which picks the mapping; `alert` for every other type."
    )
    contracts: dict[Word, Contract] = Field(
        default={}, description="Kind of record → its own contract; without one, data of CloudEvents is an alert of ours, and an entity what its mapping takes."
    )
    answers_for: list[Word] = Field(default=[], description="Agreements whose recipient it is: of their queues it may say what it has read and deleted.")
    per_minute: int = Field(default=60, ge=1, le=100_000, description="Messages a minute; what is beyond waits in the publisher's queue.")
    prefetch: int = Field(default=50, ge=1, le=1000, description="Messages taken from the broker and not yet acknowledged, at most.")
    largest: int = Field(default=1_000_000, ge=1000, le=16_000_000, description="Bytes of a message.")
    length: int = Field(default=100_000, ge=1, description="Messages that the publisher's queue holds; the broker refuses more.")

    _texts: dict[str, bytes] = PrivateAttr(default={})

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        """Read the contracts; where no folder is known, as for the topology, nobody decodes with them."""
        unknown = sorted(kind for kind in self.contracts if kind not in self.events.values() and not kind.startswith("ngsi-"))
        if unknown:
            raise ValueError(f"has a contract for {', '.join(unknown)}, which no type of `events` leads to")
        folder = (info.context or {}).get("folder")
        self._texts = {kind: _text(Path(folder), one.file) for kind, one in self.contracts.items()} if folder else {}
        for text in self._texts.values():
            contract.own(text)
        return self

    def broken(self, kind: str) -> contract.Broken:
        """What breaks the contract of a kind."""
        return contract.own(self._texts[kind]) if kind in self.contracts else contract.published("alert")

    @property
    def queue(self) -> str:
        """The publisher's own exchange and queue."""
        return queue(self.user)

    def speaks_for(self, source: str) -> bool:
        """Whether the publisher is bound to a source that a message names."""
        return source == self.source or source.startswith(self.source.rstrip("/") + "/")


def _text(folder: Path, name: str) -> bytes:
    path = folder / name
    if ".." in Path(name).parts or not path.is_file():
        raise ValueError(f"names {name}, which is no file of the system's folder")
    return path.read_bytes()


def queue(user: str) -> str:
    """What the exchange and the queue of a publisher are called."""
    return f"copperline.inbound.{user}"
