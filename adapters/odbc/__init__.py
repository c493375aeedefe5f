"""Databases through ODBC: read by keyset without missing a row, written back without doubling one."""

from adapters.odbc.discover import Reach, discover
from adapters.odbc.parts import parts
from adapters.odbc.probe import probe
from adapters.odbc.rows import decode
from adapters.odbc.settings import Settings
from adapters.odbc.sink import OdbcSink
from adapters.odbc.source import OdbcSource
from adapters.odbc.survey import OdbcSurvey
from gateway.adapter import Adapter

adapter = Adapter(
    kind="odbc",
    settings=Settings,
    source=OdbcSource,
    sink=OdbcSink,
    decode=decode,
    discover=discover,
    survey=OdbcSurvey,
    probe=probe,
    parts=parts,
    reach=Reach,
    summary="tables of a database, through the driver that its maker or the system provides",
)
