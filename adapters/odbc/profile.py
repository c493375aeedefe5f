"""How each driver behaves: what it corrupts in silence, and what has to be said to it so that it does not.

A profile is a value.  Whatever a driver would change on its way (a year beyond 9999, a zero date, the
digits of a decimal, a NUL in a text) is asked for in another form: as text, or as bytes.  So what
arrives is what the database holds, and a mapping's named conversions decide what it means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

WITNESS = "\u00e4\u03a9\u20ac\U0001f693"
"""One character of each length in UTF-8, of which no narrow charset has all."""

Take: TypeAlias = Literal["", "bytes", "hex", "raw"]
"""How a value arrives: as it is, as UTF-8 bytes, as bytes in hexadecimal digits, or as bytes of a charset of its own."""

_SAVEPOINT = ("SAVEPOINT one_record", "ROLLBACK TO SAVEPOINT one_record", "RELEASE SAVEPOINT one_record")


@dataclass(frozen=True, slots=True)
class Profile:
    """One driver.  Templates hold {} where a quoted name stands."""

    name: str
    match: str
    """A pattern that the driver's name or path fulfils."""
    keywords: Mapping[str, str]
    """Our setting → the driver's keyword."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Keywords that this driver needs to tell the truth; a setting that contradicts one is refused."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """Keywords that cost less, unless a setting says otherwise."""
    quote: tuple[str, str] = ('"', '"')
    session: tuple[str, ...] = ()
    """Said after connecting; {s} and {ms} are the statement's time-out."""
    exact: Mapping[str, str] = field(default_factory=dict)
    """Python type that the driver would give → the expression that loses nothing; always text."""
    text: str = ""
    """The expression of a text column; "" where the driver hands text over whole."""
    take: Take = ""
    """How that expression arrives."""
    raw: str = ""
    """The bytes of a column as they are stored, for a column whose charset is set."""
    stamp: str = "{}"
    """A time as text that sorts as the time does."""
    moment: str = "?"
    """A parameter that is compared with a time; {type} is the column's."""
    moment_type: str = ""
    type_of: str = ""
    """Asks what type a column is of, where the driver does not tell."""
    zoned: tuple[str, ...] = ()
    """Types that keep instants: they are read and compared in UTC, with these two."""
    zoned_stamp: str = ""
    zoned_moment: str = ""
    clocks: Mapping[str, str] = field(default_factory=dict)
    """local, utc → the database's clock in the form of `stamp`."""
    limit: Literal["limit", "top", "none"] = "limit"
    sorts: bool = True
    """Whether it can sort and take parameters; one that cannot is read whole."""
    charset: str = ""
    """What must be said to pyodbc of a driver without Unicode."""
    narrow: str = ""
    """A query for `WITNESS`: where that arrives whole as UTF-8, all text is asked for so, which costs less than UTF-16."""
    catalogue: bool = True
    """Whether it answers questions about its tables."""
    savepoint: tuple[str, str, str] = _SAVEPOINT
    """Marks a place in a transaction, goes back to it, forgets it."""
    ahead: bool = False
    """Whether it takes a whole answer over at once: a page that was asked for ahead then keeps no lock in the database."""
    writes: bool = True
    wants: Mapping[str, str] = field(default_factory=dict)
    """Encryption settings → keywords."""


_AS_TEXT = "CAST({} AS text)"
_AS_CHAR = "CAST({} AS CHAR)"
_SQLITE_TEXT = "CAST({} AS TEXT)"
_SQLITE_NUMBER = "CASE typeof({0}) WHEN 'real' THEN printf('%!.17g', {0}) ELSE CAST({0} AS TEXT) END"
_SQLITE_HEX = "CASE typeof({0}) WHEN 'null' THEN NULL WHEN 'real' THEN hex(printf('%!.17g', {0})) ELSE hex({0}) END"

POSTGRESQL = Profile(
    name="postgresql",
    match=r"psqlodbc|postgres",
    keywords={"server": "Server", "port": "Port", "database": "Database", "user": "UID", "password": "PWD"},
    # Without these a boolean is the text '1', and long texts and bytes are cut.
    fixed={"BoolsAsChar": "0", "ByteaAsLongVarBinary": "1", "MaxLongVarcharSize": "100000000"},
    # No page is asked for twice: to prepare it is a round trip for nothing.
    usual={"UseServerSidePrepare": "0"},
    session=("SET statement_timeout = {ms}",),
    # The driver makes 1000-11-23 of a date in the year 10000, and 9999-12-31 of infinity; it drops the zone.
    exact=dict.fromkeys(("date", "datetime", "time", "UUID"), _AS_TEXT),
    raw="convert_to({}, getdatabaseencoding())",
    stamp=_AS_TEXT,
    moment="CAST(? AS {type})",
    moment_type="timestamp",
    narrow="SELECT CAST(? AS text)",
    type_of="CAST(pg_typeof(MAX({})) AS text)",
    zoned=("timestamp with time zone", "timestamptz"),
    zoned_stamp="CAST({} AT TIME ZONE 'UTC' AS text)",
    zoned_moment="CAST(? AS timestamp) AT TIME ZONE 'UTC'",
    clocks={
        "local": "CAST(CAST(clock_timestamp() AS timestamp) AS text)",
        "utc": "CAST(clock_timestamp() AT TIME ZONE 'UTC' AS text)",
    },
    ahead=True,
)
POSTGRESQL_ANSI = replace(POSTGRESQL, match=r"psqlodbca|postgresql ansi", charset="utf-8", narrow="")
MARIADB = Profile(
    name="mariadb",
    match=r"libmaodbc|mariadb|myodbc|mysql",
    keywords={
        "server": "SERVER",
        "port": "PORT",
        "database": "DATABASE",
        "user": "UID",
        "password": "PWD",
        "connect_s": "CONN_TIMEOUT",  # pyodbc's own is not heeded
        "silence_s": "READ_TIMEOUT",
    },
    quote=("`", "`"),
    # Outside strict mode a value that does not fit is cut, and stored.
    session=("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "SET SESSION max_statement_time = {s}"),
    # 0000-00-00 would be NULL; a time beyond 24 hours would fail its whole fetch.
    exact=dict.fromkeys(("date", "datetime", "time"), _AS_CHAR),
    # A text would end at its first NUL.
    text="CAST(CONVERT({} USING utf8mb4) AS BINARY)",
    take="bytes",
    raw="CAST({} AS BINARY)",
    stamp=_AS_CHAR,
    moment="CAST(? AS {type})",
    moment_type="datetime(6)",
    clocks={"local": "CAST(CURRENT_TIMESTAMP(6) AS CHAR)", "utc": "CAST(UTC_TIMESTAMP(6) AS CHAR)"},
    ahead=True,
)
SQLITE = Profile(
    name="sqlite",
    match=r"sqlite",
    keywords={"database": "Database", "busy_ms": "Timeout"},
    # Without it, numbers beyond 32 bits in an expression come as -1.
    fixed={"BigInt": "1", "NoCreat": "1"},
    # A column may hold any type, and the driver makes NULL of what is not of the declared one; decimals lose digits.
    exact={
        **dict.fromkeys(("int", "bool", "date", "datetime", "time"), _SQLITE_TEXT),
        **dict.fromkeys(("float", "Decimal"), _SQLITE_NUMBER),
    },
    text=_SQLITE_HEX,
    take="hex",
    raw=_SQLITE_HEX,
    stamp=_SQLITE_TEXT,
    clocks={
        "local": "strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime')",
        "utc": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    },
)
ACCESS = Profile(
    name="access",
    match=r"mdb",
    keywords={"database": "DBQ"},
    limit="none",
    sorts=False,
    catalogue=False,
    writes=False,
)
_ISO = "CONVERT(varchar(33), {}, 126)"
_SQLSERVER_ENCRYPTION = {
    "strict": "Encrypt=strict",
    "yes": "Encrypt=yes;TrustServerCertificate=no",
    "trust": "Encrypt=yes;TrustServerCertificate=yes",
    "no": "Encrypt=no",
}
SQLSERVER = Profile(
    name="sqlserver",
    match=r"msodbcsql|odbc driver \d+ for sql server|sql server|tdsodbc|freetds",
    keywords={"server": "Server", "database": "Database", "user": "UID", "password": "PWD"},
    quote=("[", "]"),
    session=("SET LOCK_TIMEOUT {ms}",),
    # The driver cuts the seventh digit of a second.
    exact={**dict.fromkeys(("date", "datetime", "time"), _ISO), "UUID": "CAST({} AS varchar(36))"},
    raw="CAST({} AS varbinary(max))",
    stamp=_ISO,
    moment="CONVERT({type}, ?, 126)",
    moment_type="datetime2",
    # A datetime that is compared with a datetime2 is not equal to itself: the parameter takes the column's own type.
    type_of="CAST(SQL_VARIANT_PROPERTY(CAST(MAX({}) AS sql_variant), 'BaseType') AS varchar(20))",
    zoned=("datetimeoffset",),
    zoned_stamp="CONVERT(varchar(33), CAST(SWITCHOFFSET({}, 0) AS datetime2), 126)",
    zoned_moment="TODATETIMEOFFSET(CONVERT(datetime2, ?, 126), 0)",
    clocks={"local": "CONVERT(varchar(33), SYSDATETIME(), 126)", "utc": "CONVERT(varchar(33), SYSUTCDATETIME(), 126)"},
    limit="top",
    savepoint=("SAVE TRANSACTION one_record", "ROLLBACK TRANSACTION one_record", ""),
    wants=_SQLSERVER_ENCRYPTION,
)

PROFILES = (POSTGRESQL_ANSI, POSTGRESQL, MARIADB, SQLITE, ACCESS, SQLSERVER)


def named(name: str) -> Profile:
    """The profile of that name."""
    return {profile.name: profile for profile in PROFILES}[name]


def of_driver(driver: str) -> Profile | None:
    """The profile that a driver's name or path tells; None where it tells none."""
    return next((profile for profile in PROFILES if re.search(profile.match, driver, re.IGNORECASE)), None)
