"""Settings that cannot work are refused before anything connects, by `copperline check` already."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from adapters.odbc.settings import Settings

READS = {"kind": "call", "table": "dbo.inmain", "key": "callno"}
LITE = {"driver": "SQLite3", "database": "x.db"}
ACCESS = {"driver": "MDBTools", "database": "x.mdb"}
MARK = {"by": "timestamp", "column": "changed"}
QUEUE = {"by": "queue", "table": "q", "id": "n", "key": ["a", "b"]}


@pytest.mark.parametrize(
    "said, why",
    [
        ({"connection": LITE}, "either table, to read it, or write"),
        ({"connection": LITE, "table": "x"}, "needs kind and key"),
        ({"connection": LITE, **READS, "table": "x; DROP TABLE y"}, "is a name of letters"),
        ({"connection": LITE, **READS, "key": 'a"b'}, "is a name of letters"),
        ({"connection": LITE, **READS, "key": "a]b"}, "is a name of letters"),
        ({"connection": {**LITE, "database": "x;PWD=y"}, **READS}, "match pattern"),
        ({"connection": {**LITE, "options": {"Password": "y"}}, **READS}, "password_from"),
        ({"connection": {**LITE, "options": {"BigInt": "0"}}, **READS}, "corrupts data in silence"),
        ({"connection": {**LITE, "password_from": "plain"}, **READS}, "match pattern"),
        ({"connection": {**LITE, "encryption": "trust"}, **READS}, "encryption is for SQL Server"),
        ({"connection": {"driver": "Unheard of"}, **READS}, "name its profile"),
        ({"connection": LITE, **READS, "read": ["place"]}, "lacks a column of the key"),
        ({"connection": LITE, **READS, "watermark": QUEUE}, "not as many columns"),
        ({"connection": LITE, **READS, "watermark": {**QUEUE, "key": "a"}, "only": {"x": "y"}}, "only cannot go with a queue"),
        ({"connection": LITE, **READS, "details": {"u": {"table": "u", "key": ["a", "b"], "row": "c"}}}, "not as many columns"),
        ({"connection": LITE, **READS, "dirty": True}, "SQL Server's"),
        ({"connection": LITE, **READS, "watermark": {"by": "change-tracking"}}, "SQL Server's"),
        ({"connection": LITE, **READS, "columns": {"x": {"charset": "klingon"}}}, "no charset"),
        ({"connection": ACCESS, **READS, "watermark": MARK}, "only read a whole table"),
        ({"connection": ACCESS, "write": {"table": "x", "key": "y"}}, "cannot write"),
        ({"connection": LITE, "write": {"table": "x"}}, "an upsert needs key"),
        ({"connection": LITE, "write": {"by": "procedure", "table": "x"}}, "its name and its arguments"),
        ({"connection": LITE, "write": {"by": "insert"}}, "the table that is written"),
        ({"connection": LITE, "write": {"by": "insert", "table": "x", "returns": "n"}}, "id or key"),
        ({"connection": LITE, "write": {"by": "insert", "table": "x", "remove": "delete"}}, "needs the table, and key"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(said, why):
    with pytest.raises(ValidationError, match=why):
        Settings.model_validate(said)


def test_a_name_may_hold_what_legacy_names_hold():
    Settings.model_validate({"connection": LITE, **READS, "table": "CAD Archive.dbo.Einsätze 2024", "key": "CALL#"})
