"""The settings of a flat-file feed: closed, typed, and the source of the reference page and of the editor's schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from adapters.flatfile.charset import keeps_ascii
from adapters.flatfile.layouts.delimited import Delimited
from adapters.flatfile.layouts.fixed import Fixed
from adapters.flatfile.layouts.json import Json
from adapters.flatfile.layouts.model import Part
from adapters.flatfile.layouts.multirecord import Multirecord
from adapters.flatfile.layouts.xml import Xml

MEGABYTE = 1024 * 1024


class Ready(Part):
    """How we know that a file is complete."""

    by: Literal["rename", "done", "trailer", "stable"] = "rename"
    suffix: str = Field(default="", description="Of unfinished files (rename, .part) or of the marker (done, .done).")
    seconds: float = Field(default=60, ge=0, description="How long a file must stay unchanged.")
    polls: int = Field(default=3, ge=1, description="At how many polls in a row.")

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:
        """Each sign has its own usual suffix and time."""
        if not isinstance(values, dict):
            return values
        usual: dict[str, Any] = {
            "rename": {"suffix": ".part"},
            "done": {"suffix": ".done"},
            "trailer": {"seconds": 3600},
        }
        return {**usual.get(values.get("by", "rename"), {}), **values}


class Compression(Part):
    """What the file is wrapped in, and how much may come out of it."""

    kind: Literal["none", "gzip", "zip"] = "none"
    entries: int = Field(default=100, ge=1, description="Entries of a zip.")
    ratio: int = Field(default=200, ge=1, description="Bytes out for each byte in.")
    total: int = Field(default=4 * 1024 * MEGABYTE, ge=1, description="Bytes out of one file.")


class Largest(Part):
    """Limits in bytes."""

    line: int = Field(default=MEGABYTE, ge=80)
    record: int = Field(default=4 * MEGABYTE, ge=80)
    document: int = Field(default=4 * 1024 * MEGABYTE, ge=1)


Layout = Annotated[Delimited | Fixed | Multirecord | Xml | Json, Field(discriminator="form")]


def _kind(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class Content(Part):
    """What a document looks like, wherever it comes from."""

    charset: str | None = Field(default=None, description="Default utf-8; XML says its own.")
    largest: Largest = Field(default=Largest(), description="Limits of a line, a record and a document, in bytes.")
    layout: Layout = Field(description="What the file looks like: form, key and columns or positions.")
    formulas: Literal["guard", "allow"] = Field(
        default="guard", description="As a sink: whether a cell that looks like a formula is guarded."
    )

    @field_validator("charset")
    @classmethod
    def _keeps_ascii(cls, name: str | None) -> str | None:
        if name is not None and not keeps_ascii(name):
            raise ValueError(f"{name}: no charset that is known here and keeps ASCII as it is")
        return name


class Settings(Content):
    """One folder, one layout."""

    folder: str = Field(min_length=1, description="The drop folder, inside the site's folder or absolute.")
    match: str = Field(default="*", pattern=r"^[^/\\\x00]+$", description="Which file names, as a shell pattern.")
    order: Literal["name", "modified"] = Field(default="name", description="Which of several files comes first.")
    ready: Ready = Field(
        default=Ready(by="rename", suffix=".part"), description="The sign that a file is complete: rename, done, trailer or stable."
    )
    compression: Annotated[Compression, BeforeValidator(_kind)] = Field(
        default=Compression(), description="none, gzip or zip, with limits of what may come out."
    )
    archive: Literal["delete", "keep", "encrypt"] = Field(
        default="delete", description="What becomes of a file once its originals are in the journal."
    )
    file: str = Field(
        default="", pattern=r"^([^./\\\x00][^/\\\x00]*)?$", description="As a sink: the name, with {id} in it."
    )

    @field_validator("file")
    @classmethod
    def _has_id(cls, name: str) -> str:
        if name and "{id}" not in name:
            raise ValueError("the name needs {id} in it, or files would overwrite each other")
        return name

    @model_validator(mode="after")
    def _agrees(self) -> Settings:
        if self.ready.by == "trailer" and getattr(self.layout, "trailer", None) is None:
            raise ValueError("ready by trailer needs a layout with a trailer")
        if self.ready.by == "trailer" and self.compression.kind != "none":
            raise ValueError("a trailer cannot be seen inside a compressed file; choose another sign")
        if self.ready.by in {"rename", "done"} and not self.ready.suffix.strip("."):
            raise ValueError("the suffix is empty")
        return self
