"""Before a feed runs: is the database there, does it have what the settings name, and is the login harmless?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from adapters.odbc import unmarked
from adapters.odbc.connect import Budget, Link
from adapters.odbc.reader import MAIN, Reader, View
from adapters.odbc.settings import Settings
from adapters.odbc.sql import quoted_path
from gateway.adapter import Context
from gateway.errors import Halt, Problem, Retry, code

MAY_WRITE = code(
    "odbc.may-write",
    "the login may change the table, although the feed only reads it",
    "Give the feed a login of its own that may only read: GRANT SELECT, nothing else.",
)
NO_MARK = code(
    "odbc.no-mark",
    "more rows have no watermark than are read again at each poll, so only a reconciliation finds what changes among them",
    "Let the system fill the column, choose another watermark, or let the feed be reconciled: reconcile: in system.yaml.",
)
SKEW_S = 2.0
SKEW = code(
    "odbc.skew",
    "the database's clock and this machine's are apart",
    "Set both by NTP. Nothing is missed by it: the database's own clock decides; but times in reports will not agree.",
)

_GRANTED = "SELECT PRIVILEGE_TYPE FROM information_schema.{} WHERE PRIVILEGE_TYPE IN ('INSERT', 'UPDATE', 'DELETE')"

WRITES: Mapping[str, str] = {
    "postgresql": "SELECT CASE WHEN has_table_privilege(CAST(? AS text), 'INSERT') OR has_table_privilege(CAST(? AS text), 'UPDATE') "
    "OR has_table_privilege(CAST(? AS text), 'DELETE') THEN 1 ELSE 0 END",
    "mariadb": f"SELECT COUNT(*) FROM ({_GRANTED.format('USER_PRIVILEGES')} UNION ALL "
    f"{_GRANTED.format('SCHEMA_PRIVILEGES')} AND DATABASE() LIKE TABLE_SCHEMA UNION ALL "
    f"{_GRANTED.format('TABLE_PRIVILEGES')} AND TABLE_SCHEMA = DATABASE()) granted",
    "sqlserver": "SELECT HAS_PERMS_BY_NAME(?, 'OBJECT', 'INSERT') + HAS_PERMS_BY_NAME(?, 'OBJECT', 'UPDATE') "
    "+ HAS_PERMS_BY_NAME(?, 'OBJECT', 'DELETE')",
}
"""How a login is asked what it may do; each place is the table.  A database in a file has no logins."""


def probe(settings: Settings, context: Context) -> list[Problem]:
    """Connect, describe every table that is named, ask what the login may do and what the clock says."""
    link = Link(settings.connection, settings.limits, context.secret)
    try:
        if settings.table is None:
            return []
        reader = Reader(settings, link, Budget(settings.limits, context.clock))
        return [*_may_write(settings, link), *_unmarked(reader), *_skewed(reader, context)]
    finally:
        link.close()


def _may_write(settings: Settings, link: Link) -> Iterator[Problem]:
    sql = WRITES.get(link.profile.name)
    if sql is None:
        return
    for table in [str(settings.table), *(detail.table for detail in settings.details.values())]:
        try:
            may = link.rows(sql, [quoted_path(link.profile, table)] * sql.count("?"))[0][0]
        except (Retry, Halt):  # it may not even ask: so much the better
            continue
        if int(may or 0):
            yield Problem(MAY_WRITE, where=table)


def _unmarked(reader: Reader) -> Iterator[Problem]:
    main = reader.views.get(MAIN)
    if main is not None and main.nullable and reader.unmarked_count(unmarked.MOST + 1) > unmarked.MOST:
        yield Problem(NO_MARK, where=main.relation.table)


def _skewed(reader: Reader, context: Context) -> Iterator[Problem]:
    for view in reader.views.values():
        apart = _apart(reader, view, context)
        if apart is not None and abs(apart) > SKEW_S:
            yield Problem(SKEW, where=view.relation.table, rule=f"the database's clock is {apart:+.0f} s from this machine's")
            return


def _apart(reader: Reader, view: View, context: Context) -> float | None:
    """Seconds that the database's clock is ahead; None where it does not tell."""
    _, _, utc = reader.newest(view)
    if not utc:
        return None
    there = datetime.fromisoformat(str(utc).replace(" ", "T")).replace(tzinfo=context.clock().tzinfo)
    return (there - context.clock()).total_seconds()
