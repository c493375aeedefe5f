"""The one safe XML parser.  Bytes in; no document type, no entity, no network, no file; streamed by record path."""

from gateway.xml.cutter import Cutter, Piece
from gateway.xml.naming import Naming
from gateway.xml.safe import DOCTYPE, MALFORMED, OVERLONG, TRUNCATED, Element, line_of, parse, parser, written
from gateway.xml.whole import check, opening

__all__ = [
    "DOCTYPE",
    "MALFORMED",
    "OVERLONG",
    "TRUNCATED",
    "Cutter",
    "Element",
    "Naming",
    "Piece",
    "check",
    "line_of",
    "opening",
    "parse",
    "parser",
    "written",
]
