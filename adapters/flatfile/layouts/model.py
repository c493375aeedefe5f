"""The settings that several forms share, with the same names and the same meaning in each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _text(value: Any) -> Any:
    """YAML reads a bare 5 as a number; a position or a type is text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _forward(at: str) -> str:
    span(at)
    return at


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Position = Annotated[
    str, BeforeValidator(_text), Field(pattern=r"^[1-9]\d{0,5}(-[1-9]\d{0,5})?$"), AfterValidator(_forward)
]
"""First and last position, counted from 1, both included: "38-45"; or one alone: "46"."""
Names = Annotated[list[str], BeforeValidator(_several), Field(min_length=1)]
Trim = Literal["none", "left", "right", "both"]


class Part(BaseModel):
    """A piece of the settings: closed, so that a misspelt word is an error, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(Part):
    """Where a record says that its key is gone."""

    field: str
    remove: list[Text] = Field(min_length=1, description="The values that mean: remove.")
    put: str = Field(default="", description="What a sink writes for a record that is not removed.")


class Version(Part):
    """The field that holds the origin's own version of a record."""

    field: str


class Trailer(Part):
    """The last line of a document, and the totals it states."""

    starts: str = Field(min_length=1, description="What the last line begins with.")
    count: Position | None = None
    counts: Literal["records", "lines"] = "records"
    digest: Position | None = None
    by: Literal["sha256", "sha1", "md5", "crc32"] = "sha256"


class Repeat(Part):
    """Pieces of equal width, one after the other."""

    count: int = Field(ge=2, le=1000)
    fields: dict[str, Position] = Field(default_factory=dict, description="Positions inside one piece.")


class Several(Part):
    """A field that repeats inside its positions."""

    at: Position
    repeat: Repeat | int = Field(description="How often; or how often and the fields of each piece.")

    @property
    def count(self) -> int:
        return self.repeat if isinstance(self.repeat, int) else self.repeat.count

    @property
    def fields(self) -> dict[str, str]:
        return {} if isinstance(self.repeat, int) else self.repeat.fields

    @model_validator(mode="after")
    def _fits(self) -> Several:
        width = span(self.at).stop - span(self.at).start
        if self.count < 1 or width % self.count:
            raise ValueError(f"{self.at} cannot be cut into {self.count} equal pieces")
        if any(span(at).stop > width // self.count for at in self.fields.values()):
            raise ValueError(f"a field lies outside its piece of {width // self.count} positions")
        return self


FieldAt = Position | Several


class Named(Part):
    """How fields become a record of a kind with a key."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    key: Names
    change: Change | None = None
    version: Literal["document"] | Version = "document"


def span(at: str) -> slice:
    """The slice of a position as specifications write it: "38-45" → [37:45]."""
    first, _, last = at.partition("-")
    start, stop = int(first) - 1, int(last or first)
    if stop <= start:
        raise ValueError(f"{at}: the last position lies before the first")
    return slice(start, stop)
