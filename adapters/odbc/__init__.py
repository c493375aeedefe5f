"""Databases through ODBC: read by keyset without missing a row, written back without doubling one."""

from adapters.odbc.rows import decode
from adapters.odbc.settings import Settings
from adapters.odbc.source import OdbcSource
from gateway.adapter import Adapter

adapter = Adapter(
    kind="odbc",
    settings=Settings,
    source=OdbcSource,
    decode=decode,
    summary="tables of a database, through the driver that its maker or the system provides",
)
