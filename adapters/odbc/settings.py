"""The settings of a feed that is a database: closed, typed, and the source of the reference page and the editor's schema."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from adapters.odbc.profile import Profile, named, of_driver

_CREDENTIAL = re.compile(r"pwd|password|uid|user|user\s*id|username|secret|token|accesstoken|authtoken", re.IGNORECASE)

_NAME = re.compile(r"[^\W\d][\w $#@-]{0,127}")  # no quote and no bracket: nothing that could end a quoted name


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """YAML reads a bare 5432 as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _charset(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"{name}: no charset that is known here") from None
    return name


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is a name of letters, digits, blanks, _ $ # @ and -")
    return name


def _path(path: str) -> str:
    if len([_identifier(name) for name in path.split(".")]) > 4:
        raise ValueError("has more parts than server.database.schema.table")
    return path


class Part(BaseModel):
    """A piece of the settings: closed, so that a misspelt word is an error, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Identifier = Annotated[str, AfterValidator(_identifier)]
"""One name of a table or column, as the database spells it."""
Table = Annotated[str, AfterValidator(_path)]
"""A table or view, with its schema and database where needed: "dbo.inmain"."""
Names = Annotated[list[Identifier], BeforeValidator(_several), Field(min_length=1)]
Text = Annotated[str, BeforeValidator(_text)]
Charset = Annotated[str, AfterValidator(_charset)]
Reference = Annotated[str, Field(pattern=r"^(env:.+|file:/.+)$")]
"""Where a secret is: env:NAME or file:/path."""
Value = Annotated[str, Field(pattern=r"^[^;{}\x00-\x1f]*$")]


class Connection(Part):
    """How to reach the database.  No secret stands here."""

    driver: Value = Field(min_length=1, description="A name of odbcinst.ini, or the path of the driver's library.")
    server: Value = Field(default="", description="Host name or address.")
    port: int | None = Field(default=None, ge=1, le=65535)
    database: Value = Field(default="", description="Its name; of SQLite and Access the path of the file.")
    user_from: Reference | None = Field(default=None, description="`env:NAME` or `file:/path`.")
    password_from: Reference | None = Field(default=None, description="`env:NAME` or `file:/path`.")
    options: dict[str, Annotated[Value, BeforeValidator(_text)]] = Field(
        default={}, description="Further keywords of the driver's connection string."
    )
    profile: Literal["", "postgresql", "mariadb", "sqlite", "access", "sqlserver"] = Field(
        default="", description="How the driver behaves, where its name does not tell."
    )
    charset: Charset | None = Field(default=None, description="Of all text, where the driver is not told by its profile.")
    encryption: Literal["", "strict", "yes", "trust", "no"] = Field(
        default="", description="SQL Server only; see copperline docs odbc."
    )

    @field_validator("options")
    @classmethod
    def _no_secret(cls, options: dict[str, str]) -> dict[str, str]:
        for name in options:
            if _CREDENTIAL.fullmatch(name.strip()):
                raise ValueError(f"{name}: name it by user_from or password_from instead")
            if not re.fullmatch(r"[\w .-]+", name):
                raise ValueError("a keyword is letters, digits, blanks and _")
        return options

    @model_validator(mode="after")
    def _tells_the_truth(self) -> Connection:
        known = self.behaves
        if known is None:
            raise ValueError("the driver's name does not tell how it behaves; name its profile")
        fixed = {name.lower(): value for name, value in known.fixed.items()}
        for name, value in self.options.items():
            if fixed.get(name.lower(), value) != value:
                raise ValueError(f"options.{name}: with this value the driver corrupts data in silence; leave it out")
        if self.encryption and not known.wants:
            raise ValueError("encryption is for SQL Server; name the driver's own keywords under options")
        if known.wants:
            self._agrees_with_sql_server()
        return self

    def _agrees_with_sql_server(self) -> None:
        """Raises ValueError where its driver would pass over what is said, or find out too late."""
        said = {name.lower().strip(): value.lower() for name, value in self.options.items()}
        if said.get("applicationintent", "readonly") not in {"readonly", "readwrite"}:
            raise ValueError("options.ApplicationIntent: is ReadOnly or ReadWrite")
        if said.get("trusted_connection", "no") not in {"yes", "no"}:
            raise ValueError("options.Trusted_Connection: is yes or no")
        if said.get("trusted_connection") == "yes" and (self.user_from or self.password_from):
            raise ValueError("options.Trusted_Connection: the ticket is the login; leave user_from and password_from out")
        if self.encryption and said.keys() & {"encrypt", "trustservercertificate"}:
            raise ValueError("encryption: is said twice; leave Encrypt and TrustServerCertificate out of options")

    @property
    def behaves(self) -> Profile | None:
        """What is known of the driver; None where neither its name nor `profile` tells."""
        return named(self.profile) if self.profile else of_driver(self.driver)


class Limits(Part):
    """What the gateway may ask of the database."""

    connect_s: int = Field(default=10, ge=1, description="Seconds for a connection to be made.")
    statement_s: float = Field(default=60, gt=0, description="Seconds for one statement; past it, it is cancelled.")
    rows: int = Field(default=500, ge=1, le=10_000, description="Rows of one fetch, at most.")
    queries_a_minute: int | None = Field(default=None, ge=10, description="Statements a minute, at most.")


class Column(Part):
    """What has to be said of one column, because the database does not."""

    charset: Charset | None = Field(default=None, description="The charset its bytes are really in.")
    nul: Literal["reject", "cut", "drop"] = Field(
        default="reject", description="A NUL in a text: reject the record, cut the text there, or drop the NUL."
    )
    trim: Literal["none", "right", "both"] = Field(default="none", description="Blanks taken off.")


class Timestamp(Part):
    """Rows carry the time of their last change, by the database's own clock."""

    by: Literal["timestamp"]
    column: Identifier
    overlap_s: int = Field(default=900, ge=0, description="Longer than the longest transaction of the system.")
    tick_s: float = Field(
        default=2, ge=0, description="How long two changes of one row may bear the same time; rows so young are looked at twice."
    )
    clock: Literal["local", "utc"] = Field(default="local", description="Which of the database's clocks writes the column.")
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9 ]*(\(\d\))?$")] | None = Field(
        default=None, description="The column's type, where it is not the profile's usual one: `datetime`."
    )


class Rowversion(Part):
    """Each change gives the row a new and higher number."""

    by: Literal["rowversion"]
    column: Identifier
    overlap: int | None = Field(
        default=None, ge=0, description="How many numbers back are looked at again. SQL Server needs none; others 10,000."
    )


class Id(Part):
    """Rows are only ever added, each with a higher number."""

    by: Literal["id"]
    column: Identifier
    gap_s: int = Field(default=3600, ge=1, description="How long a gap in the numbers may still be filled.")


class Queue(Part):
    """A table that a trigger fills: one row a change, with the key of what changed."""

    by: Literal["queue"]
    table: Table
    id: Identifier = Field(description="The queue's own increasing number.")
    key: Names = Field(description="Its columns that hold the record's key, in the key's order.")
    gap_s: int = Field(default=3600, ge=1, description="How long a gap in the numbers may still be filled.")
    delete: bool = Field(default=False, description="Whether rows are deleted once they are in the journal.")


class Tracking(Part):
    """SQL Server's Change Tracking, read like a queue."""

    by: Literal["change-tracking"]


class Whole(Part):
    """Nothing tells what changed: the whole table is read each time."""

    by: Literal["none"] = "none"


Watermark = Annotated[Timestamp | Rowversion | Id | Queue | Tracking | Whole, Field(discriminator="by")]
DetailWatermark = Annotated[Timestamp | Rowversion, Field(discriminator="by")]


class Detail(Part):
    """A table whose rows belong to those of the main one; they become a list inside the record."""

    table: Table
    key: Names = Field(description="Its columns that hold the main record's key, in the key's order.")
    row: Names = Field(description="Its columns that tell its rows of one record apart; also their order.")
    read: list[Identifier] = Field(default=[], description="Columns; all where none is named.")
    columns: dict[Identifier, Column] = Field(default={}, description="What has to be said of a column.")
    watermark: DetailWatermark | None = Field(default=None, description="How its own changes show.")


class Write(Part):
    """As a sink: where records go, and how one that was written is found again."""

    by: Literal["insert", "upsert", "procedure"] = Field(
        default="upsert", description="`insert` only, insert or update, or call a stored procedure."
    )
    table: Table | None = Field(default=None, description="The table that is written, and in which is read back.")
    procedure: Table | None = Field(default=None, description="The stored procedure that is called.")
    arguments: list[Identifier] = Field(default=[], description="Fields that are its arguments, in order.")
    key: Annotated[list[Identifier], BeforeValidator(_several)] = Field(
        default=[], description="Fields that name the row in the target."
    )
    id: Identifier | None = Field(
        default=None, description="A column, or an argument, that keeps the event's id, so that a repeat is seen."
    )
    returns: Identifier | None = Field(default=None, description="The column with the number that the target gave.")
    remove: Literal["refuse", "delete"] = Field(default="refuse", description="What a removal does.")

    @model_validator(mode="after")
    def _agrees(self) -> Write:
        if self.by == "procedure" and not (self.procedure and self.arguments):
            raise ValueError("a procedure needs its name and its arguments")
        if self.by != "procedure" and self.table is None:
            raise ValueError("needs the table that is written")
        if self.by == "upsert" and not (self.key or self.returns):
            raise ValueError("an upsert needs key, or returns: without either the row to change cannot be found; or say by: insert")
        if self.returns and not (self.table and (self.id or self.key)):
            raise ValueError("returns needs the table, and id or key, by which the row is found")
        if self.remove == "delete" and not (self.table and (self.key or self.returns)):
            raise ValueError("a removal that deletes needs the table, and key or returns")
        return self


class Settings(Part):
    """One database, one kind of record."""

    connection: Connection = Field(description="Driver, server, database; secrets by reference.")
    kind: str = Field(default="", pattern=r"^([a-z][a-z0-9-]*)?$", description="Which mapping reads the record.")
    table: Table | None = Field(default=None, description="The table or view that is read.")
    key: Annotated[list[Identifier], BeforeValidator(_several)] = Field(
        default=[], description="The columns that name the record."
    )
    read: list[Identifier] = Field(default=[], description="Columns to read; all where none is named.")
    only: dict[Identifier, Annotated[list[Text], BeforeValidator(_several), Field(min_length=1)]] = Field(
        default={}, description="Only rows whose column has one of these values."
    )
    watermark: Watermark = Field(default=Whole(), description="How changes show: timestamp, rowversion, id, queue, change-tracking or none.")
    details: dict[Identifier, Detail] = Field(default={}, description="Tables whose rows become a list inside the record.")
    columns: dict[Identifier, Column] = Field(default={}, description="What has to be said of a column: charset, NUL, trim.")
    dirty: bool = Field(default=False, description="SQL Server only: read without locks; may skip or repeat rows.")
    limits: Limits = Field(default=Limits(), description="Seconds, rows and queries that the database is asked for.")
    write: Write | None = Field(default=None, description="As a sink: where records go.")

    @model_validator(mode="after")
    def _agrees(self) -> Settings:
        if (self.table is None) == (self.write is None):
            raise ValueError("has either table, to read it, or write")
        if self.table is not None and not (self.kind and self.key):
            raise ValueError("a table that is read needs kind and key")
        if self.read and not set(self.key) <= set(self.read):
            raise ValueError("read lacks a column of the key")
        for name, detail in self.details.items():
            if len(detail.key) != len(self.key):
                raise ValueError(f"details.{name}.key has not as many columns as key")
            if detail.read and not set(detail.row) <= set(detail.read):
                raise ValueError(f"details.{name}.read lacks a column of its row")
            if name in self.read:
                raise ValueError(f"details.{name} has the name of a column")
        if isinstance(self.watermark, Queue) and len(self.watermark.key) != len(self.key):
            raise ValueError("watermark.key has not as many columns as key")
        if isinstance(self.watermark, Queue | Tracking) and self.only:
            raise ValueError("only cannot go with a queue: a row that is gone cannot be told from one of others; read a view")
        self._fit_the_driver()
        return self

    def _fit_the_driver(self) -> None:
        """Raises ValueError where its driver cannot do what is asked."""
        known = self.connection.behaves
        assert known is not None
        if not known.sorts and (not isinstance(self.watermark, Whole) or self.details or self.only):
            raise ValueError(f"{known.name}: its driver can only read a whole table: no watermark, details or only")
        if not known.writes and self.write is not None:
            raise ValueError(f"{known.name}: its driver cannot write")
        if known.name != "sqlserver" and (isinstance(self.watermark, Tracking) or self.dirty):
            raise ValueError("change-tracking and dirty are SQL Server's")
