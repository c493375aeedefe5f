"""What goes wrong with databases, each with a stable code, its meaning and what a person does about it."""

from __future__ import annotations

from gateway.errors import code

LIBRARY = code(
    "odbc.library",
    "pyodbc or the driver manager cannot be loaded.",
    "Install unixodbc and the extra copperline[odbc], then start the gateway again.",
)
DRIVER = code(
    "odbc.driver",
    "The ODBC driver cannot be loaded.",
    "Install the driver's package, or correct `driver`: a name of odbcinst.ini or the path of the library.",
)
LOGIN = code(
    "odbc.login",
    "The database refuses the login, or the database that is named.",
    "Check user, password and database; the gateway does not try again by itself, so that no account is locked.",
)
CERTIFICATE = code(
    "odbc.certificate",
    "The server's certificate is not trusted by this machine, or is made out to another name.",
    "Have this machine trust who signed it, and name the server as the certificate does; "
    "where the server made its certificate itself, `encryption: trust` encrypts without asking with whom.",
)
PROTOCOL = code(
    "odbc.tls-version",
    "The server offers no version or strength of TLS that this machine accepts.",
    "Let the server speak TLS 1.2 (SQL Server 2012 to 2014 need an update for it); until then `encryption: no` on a line that is closed.",
)
NO_ENCRYPTION = code(
    "odbc.not-encrypted",
    "Encryption is asked for, and the server has none.",
    "Turn encryption on at the server; until then `encryption: no` on a line that is closed.",
)
WANTS_ENCRYPTION = code(
    "odbc.must-encrypt",
    "The server takes encrypted connections only, and this one is not.",
    "Take `encryption: no` away; `encryption: trust` where the server made its certificate itself.",
)
STRICT = code(
    "odbc.strict",
    "The server does not answer to `encryption: strict`, or takes nothing else.",
    "`strict` is for SQL Server 2022 and later, with a certificate that this machine trusts: for older ones say `encryption: yes`; "
    "a server that forces strict encryption needs `encryption: strict`.",
)
ENCRYPTION = code(
    "odbc.encryption",
    "The driver and the server cannot agree on encryption.",
    "Compare what the server offers with `encryption`: copperline docs odbc.",
)
TICKET = code(
    "odbc.ticket",
    "There is no valid Kerberos ticket for the database.",
    "Get one for the account that the gateway runs as (kinit with its keytab, renewed), or name user_from and password_from.",
)
RIGHTS = code(
    "odbc.rights",
    "The login may not do this.",
    "Grant it: reading the table and its detail tables; for a sink, what its writing needs.",
)
TABLE = code(
    "odbc.table",
    "A table that the settings name is not there.",
    "If it was renamed, correct the settings; if the connection leads elsewhere, correct the connection.",
)
COLUMN = code(
    "odbc.column",
    "A column that the settings name is not there, or is of another type than before.",
    "Compare the settings with the table; after a change by the vendor correct the settings and the mapping.",
)
QUERY = code(
    "odbc.query",
    "The database cannot carry out a query that the settings lead to.",
    "Compare the settings with the table; the SQLSTATE says what the database did not like.",
)
UNREACHABLE = code(
    "odbc.unreachable",
    "The database does not answer, or the connection was cut.",
    "Nothing; it is tried again. If it repeats, check server, port, firewall and whether the database runs.",
)
TIMEOUT = code(
    "odbc.timeout",
    "A query took longer than it may, and was cancelled.",
    "It is tried again. If it repeats: an index on watermark and key is missing, or `limits.statement_s` is too low.",
)
BUSY = code(
    "odbc.busy",
    "The database is locked, or chose this query to give way.",
    "Nothing; it is tried again.",
)
DATABASE = code(
    "odbc.database",
    "The database reported an error that has no better name.",
    "It is tried again. If it repeats, look the SQLSTATE up in the driver's documentation.",
)
BUDGET = code(
    "odbc.budget",
    "The queries of this minute are used up.",
    "Nothing; it goes on by itself. Raise `limits.queries_a_minute` if the database can bear more.",
)
SETTING = code(
    "odbc.setting",
    "The settings do not fit the driver.",
    "See copperline docs odbc.",
)
CLOSED = code(
    "odbc.closed",
    "The connection was closed while it was used.",
    "Nothing; it goes on from its cursor when the gateway starts again.",
)
ROW = code(
    "odbc.row",
    "The driver cannot hand the row over.",
    "Look at the row in the database by its place; correct it there, or read the column as another type by a view.",
)
CHARSET = code(
    "odbc.charset",
    "Bytes that are not in the charset of the column.",
    "Find out in which charset the system writes, set it under `columns`, and release the record.",
)
NUL = code(
    "odbc.nul",
    "A text holds a NUL.",
    "Say what it means: `nul: cut` or `nul: drop` for the column under `columns`, then release the record.",
)
KEY = code(
    "odbc.key",
    "A column that names the record is empty.",
    "A record without a name cannot be followed; correct the row in the database and discard this one.",
)
UNIQUE = code(
    "odbc.unique",
    "Two rows have the same key.",
    "Name under `key` the columns that tell every row apart, or read a view in which they do.",
)
FORGOTTEN = code(
    "odbc.forgotten",
    "The database no longer keeps all changes since the last read.",
    "Let the retention of Change Tracking be longer than any outage; then reconcile, and resume.",
)
REFUSED = code(
    "odbc.refused",
    "The database's own rules refuse the record.",
    "The SQLSTATE says which kind of rule; correct the mapping or the record, then try the delivery again.",
)
CONFLICT = code(
    "odbc.conflict",
    "The target has another row under this key.",
    "Compare the two; where the row is to be changed, say `by: upsert`; otherwise discard the delivery.",
)
VALUE = code(
    "odbc.value",
    "The value cannot be written into a column.",
    "A column takes text, numbers, true and false; let the mapping make one of these, without a NUL.",
)
AMBIGUOUS = code(
    "odbc.ambiguous",
    "Nobody can tell whether the record was written: the target has neither a key nor the event's id.",
    "Look for it in the target, then settle the delivery by hand. With `key` or `id` under `write` the gateway finds out.",
)
REMOVAL = code(
    "odbc.removal",
    "The record is to be removed, and the settings do not allow it.",
    "Remove it in the target by hand, or say `remove: delete` under `write`.",
)
