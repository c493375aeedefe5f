"""The settings of a SOAP feed: closed, typed, and the source of the reference page and of the editor's schema."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)

MEGABYTE = 1024 * 1024
DURATION = re.compile(r"(\d+)([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Part(BaseModel):
    """A piece of the settings: closed, so that a misspelt word is an error, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


def _duration(value: Any) -> Any:
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None and not isinstance(value, timedelta):
        raise ValueError("is a time such as 30s, 15m, 2h or 1d")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]]) if found else value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Names = Annotated[list[str], BeforeValidator(_several), Field(min_length=1)]
Texts = Annotated[list[str], BeforeValidator(_several)]
Path_ = Annotated[str, Field(pattern=r"^[^/\s][^\s]*$")]
"""Elements from the body inward, `GetCallsResponse/calls/call`; a prefix where `namespaces:` names it."""
Reference = Annotated[str, Field(pattern=r"^(env:.+|file:/.+)?$")]


class Timeout(Part):
    """Limits of one call, in seconds."""

    connect: float = Field(default=10, gt=0)
    silence: float = Field(default=30, gt=0, description="Without a byte from the service.")
    whole: float = Field(default=120, gt=0, description="From the request to the last byte of the answer.")


class Largest(Part):
    """Limits in bytes."""

    answer: int = Field(default=64 * MEGABYTE, ge=1)
    record: int = Field(default=4 * MEGABYTE, ge=80)


class Tls(Part):
    """Certificates of the connection; paths inside the site's folder or absolute."""

    authority: str = Field(default="", description="PEM file of those who may vouch for the service; the machine's own if not given.")
    certificate: str = Field(default="", description="PEM file of our own certificate.")
    key: str = Field(default="", description="PEM file of its key, where that is another file.")
    password_from: Reference = Field(default="", description="The key's password, by reference.")


class User(Part):
    """WS-Security UsernameToken."""

    name: str = Field(min_length=1)
    password_from: Reference = Field(description="The password, by reference.")
    digest: bool = Field(default=False, description="Send a digest of the password instead of its text.")


class Signing(Part):
    """WS-Security signature of what we send: body and timestamp, by X.509."""

    certificate: str = Field(min_length=1, description="PEM file.")
    key: str = Field(min_length=1, description="PEM file.")
    password_from: Reference = ""


class Expecting(Part):
    """The signature that every answer must bear."""

    certificate: str = Field(min_length=1, description="PEM file of the service's certificate; no other key is taken.")
    sha1: bool = Field(default=False, description="Take SHA-1 where the service can do nothing better.")


class Security(Part):
    """WS-Security."""

    user: User | None = None
    timestamp: Duration | None = Field(default=None, description="Send a timestamp that expires after so long.")
    sign: Signing | None = None
    expect: Expecting | None = None


class FaultRule(Part):
    """What a fault means.  It fits where everything that the rule names is so; the first that fits counts."""

    code: str = Field(default="", description="The fault's code or a subcode, without its prefix.")
    detail: str = Field(default="", description="The element in the fault's detail, without its prefix.")
    says: str = Field(default="", description="A part of the fault's text.")
    then: Literal["retry", "reject", "halt", "done", "restart"] = Field(
        description="retry: ask again later. reject: the record is refused. halt: a person must look. "
        "done: what was asked for is so already, or there is nothing newer. restart: forget the token, ask by the date again."
    )
    after: Duration | None = None


class Call(Part):
    """An operation, and what its request holds."""

    operation: str = Field(min_length=1)
    request: dict[str, Any] = Field(default={}, description="The request as its message type has it; `$name` stands for a value.")
    header: dict[str, Any] = Field(default={}, description="SOAP headers that the WSDL declares, likewise.")


class Since(Part):
    """A time from which on the service is asked."""

    begin: str = Field(description="The first time to ask from, written as the service does.")
    field: str = Field(default="", description="The field of a record that holds its time; the highest is asked from next.")
    at: str = Field(default="", description="Or the element of the answer with the time that the service itself names.")
    overlap: Duration = Field(default=timedelta(minutes=15), description="Ask from so much earlier: some records come late.")

    @model_validator(mode="after")
    def _one(self) -> Since:
        if bool(self.field) == bool(self.at):
            raise ValueError("has either field or at")
        return self


class Page(Part):
    """A page number that counts up until a page is empty."""

    first: int = 1


class Position(Part):
    """How reading goes on.  What several of these hold is remembered together."""

    since: Since | None = None
    token: str = Field(default="", description="The element of the answer with the token for the next call.")
    last: str = Field(default="", description="The field of the last record to ask from.")
    page: Page | None = None


class Changed(Part):
    """Where a record says that its key is gone."""

    field: str
    remove: Texts = Field(min_length=1)


class Poll(Call):
    """A source: which operation to ask, and what its answer holds."""

    records: Path_ = Field(description="The elements that are records: `ListResponse/items/item`.")
    kind: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    key: Names = Field(description="Its key: a field, or several.")
    version: str = Field(default="", description="The field with the service's own version of a record.")
    change: Changed | None = None
    lists: list[str] = Field(default=[], description="Fields that are always a list.")
    cursor: Position = Field(default=Position())
    more: str = Field(default="", description="The element of the answer that says whether there is more (true, 1, Y).")
    empties: bool = Field(default=False, description="The service forgets what it has answered: an answer is durable before it is read.")
    confirm: Call | None = Field(default=None, description="The operation that tells the service what was taken.")
    invalid: Literal["refuse", "report"] = Field(
        default="refuse", description="A record that does not obey its schema: refuse it, or take what is valid of it and list the rest."
    )


class Rule(Part):
    """What an answer means: the state where the element at `at` is one of `is`; without `at`, in any case."""

    at: str = ""
    is_: Texts = Field(default=[], alias="is")
    then: Literal["written", "pending", "refused", "ambiguous", "retry", "absent"]
    after: Duration | None = None


class Violations(Part):
    """Where the service says what is wrong with a record."""

    each: Path_ = Field(description="The elements that are violations.")
    code: str = Field(default="", description="Inside one: its code.")
    text: str = Field(default="", description="Inside one: what it says.")
    path: str = Field(default="", description="Inside one: which element is meant.")
    level: str = Field(default="", description="Inside one: how bad it is.")
    warnings: Texts = Field(default=[], description="The levels that are only warnings.")


class Exchange(Call):
    """A call whose answer says what became of a record."""

    answer: list[Rule] = Field(default=[Rule(then="written")], description="The first rule that fits counts; none: ambiguous.")
    remote: str = Field(default="", description="The element with the service's own number of the record.")
    violations: Violations | None = None


class Shape(Part):
    """The XML document that a record becomes, `$document` in a request."""

    root: str = Field(min_length=1, description="Its root element, with the prefix of its namespace.")
    attributes: dict[str, str] = {}
    schema_: str = Field(alias="schema", min_length=1, description="The file of the bundle that it must obey.")


class Submit(Exchange):
    """A sink: which operation to hand records to."""

    update: Exchange | None = Field(default=None, description="For a record that the service has a number for; else as a new one.")
    remove: Exchange | None = Field(default=None, description="For a record that is gone.")
    find: Exchange | None = Field(default=None, description="Asks whether a record has arrived, by `$id` or `$key`.")
    follow: Exchange | None = Field(default=None, description="Asks what became of a pending record, by `$remote`.")
    again: Duration = Field(default=timedelta(minutes=1), description="Ask after a pending record so often.")
    idempotent: bool = Field(default=False, description="The service takes a record with the same `$id` once, however often it is sent.")
    document: Shape | None = None
    cdata: list[str] = Field(default=[], description="Elements of the request whose text goes as CDATA.")
    attach: list[str] = Field(default=[], description="Elements of the request whose base64 goes as an MTOM attachment.")


class Port(Part):
    """One port of the services that a bundle describes."""

    bundle: str = Field(default="wsdl", min_length=1, description="Folder of the reviewed WSDL and schemas, in the system's folder or absolute.")
    service: str = Field(default="", description="The service of the WSDL, where it has several.")
    port: str = Field(default="", description="The port of the service, where it has several.")
    _home: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _placed(self, info: ValidationInfo) -> Self:
        self._home = Path((info.context or {}).get("folder", ""))
        return self

    @computed_field(description="The digest of the bundle's index: part of how a record was read.")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def bundle_digest(self) -> str:
        try:
            return hashlib.sha256((self.folder / "bundle.json").read_bytes()).hexdigest()[:16]
        except OSError:
            return ""

    @property
    def folder(self) -> Path:
        """Where the bundle lies."""
        return (self._home / self.bundle).absolute()

    def path(self, name: str) -> Path:
        """A file that the settings name: in the system's folder, or absolute."""
        return self._home / name


class Reach(Port):
    """What is enough to read a WSDL."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Settings(Port):
    """One port of one service, and what a feed does there."""

    address: str = Field(pattern=r"^https?://", description="Where the service is; what the WSDL says of it does not count.")
    clear_text: bool = Field(default=False, description="Allow http:// to another machine.")
    timeout: Timeout = Field(default=Timeout(), description="connect, silence and whole, in seconds.")
    largest: Largest = Field(default=Largest(), description="Limits of an answer and of a record, in bytes.")
    tls: Tls = Field(default=Tls(), description="Certificates of the connection.")
    security: Security = Field(default=Security(), description="WS-Security: user, timestamp, sign, expect.")
    namespaces: dict[str, str] = Field(default={}, description="Prefix → namespace, for names that need one; without it names are bare.")
    faults: list[FaultRule] = Field(default=[], description="What faults of this service mean.")
    poll: Poll | None = Field(default=None, description="As a source.")
    submit: Submit | None = Field(default=None, description="As a sink.")

    @field_validator("address")
    @classmethod
    def _whole(cls, address: str) -> str:
        parts = urlsplit(address)
        if not parts.hostname or parts.username is not None or parts.fragment:
            raise ValueError("is http(s)://host[:port]/path, without a user or a fragment")
        return address

    @model_validator(mode="after")
    def _agrees(self) -> Settings:
        parts = urlsplit(self.address)
        if parts.scheme == "http" and not self.clear_text and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("http:// to another machine shows everything to everybody between; use https://, or say clear_text: true")
        if self.poll is None and self.submit is None:
            raise ValueError("has poll, submit or both")
        if self.poll is not None and self.poll.records.split("/")[0].endswith("Fault"):
            raise ValueError("poll.records leads into a fault")
        return self
