"""What a driver says, as what happens next.  SQLSTATE passes; the driver's words may hold values, and stay here."""

from __future__ import annotations

import re

from adapters.odbc import codes
from gateway.errors import Code, GatewayError, Halt, Problem, Retry

# What only a connection in the making can meet; elsewhere such a word is somebody's name.  The first that fits.
_CONNECTING: tuple[tuple[str, Code], ...] = (
    (r"certificate verify|self.signed|certificate.*(not trusted|expired)|hostname mismatch|target principal name", codes.CERTIFICATE),
    (r"unsupported protocol|no protocols available|alert protocol version|wrong version|(dh|ee) key too small|legacy sigalg", codes.PROTOCOL),
    (r"encryption (is )?not supported|does not support (ssl|encryption)|server has no encryption", codes.NO_ENCRYPTION),
    (r"encryption is required|requires encryption|(ssl|secure transport).* (is )?required", codes.WANTS_ENCRYPTION),
    (r"prelogin|\btds 8", codes.STRICT),
    (r"kerberos|gss|sspi provider", codes.TICKET),
    (r"ssl provider|ssl error|\btls\b", codes.ENCRYPTION),
)
# The first that fits: SQLSTATE, words of the driver (several drivers say everything under HY000), the code.
_FATAL: tuple[tuple[str, str, Code], ...] = (
    (r"01000|IM00[1-6]", r"can't open lib|data source name not found|driver's sqlallochandle", codes.DRIVER),
    (r"28...", r"", codes.LOGIN),
    (r"08...|42000|HY000|3D000", r"authentication failed|role .* does not exist|database .* does not exist", codes.LOGIN),
    (r"08...|42000|HY000|3D000", r"no pg_hba|login failed|cannot open database|\((1044|1045|1049|4060|18456)\)", codes.LOGIN),
    (r"42501", r"", codes.RIGHTS),
    (r"42000|HY000", r"permission denied|\((1142|1143|229|230)\)|readonly database|read-only", codes.RIGHTS),
    (r"42S02|42P01", r"", codes.TABLE),
    (r"0000", r"couldn't parse sql", codes.TABLE),
    (r"HY000", r"no such table", codes.TABLE),
    (r"42S22|42703|42804|42883|42846|22...", r"", codes.COLUMN),
    (r"HY000", r"no such column", codes.COLUMN),
    (r"IM001|HYC00|07...", r"", codes.QUERY),
    (r"HY000", r"syntax error", codes.QUERY),
)
_LAST: tuple[tuple[str, str, Code], ...] = ((r"42...", r"", codes.QUERY),)
_PASSING: tuple[tuple[str, str, Code], ...] = (
    (r"57014|HYT00|HYT01|HY008|HY018|70100", r"", codes.TIMEOUT),
    (r"HY000", r"interrupted|\(1969\)", codes.TIMEOUT),
    (r"40001|40P01|55P03", r"", codes.BUSY),
    (r"HY000|42000", r"locked|deadlock|\((1205|1213|1222)\)", codes.BUSY),
    (r"08...|57P..|53300", r"", codes.UNREACHABLE),
    (r"HY000", r"can't connect|connect failed|did not supply an error|lost connection|gone away", codes.UNREACHABLE),
)


def meaning(sqlstate: str, words: str, *, where: str, connecting: bool = False) -> GatewayError:
    """The error to raise: Halt where a person must look, Retry where time helps."""
    if connecting and sqlstate == "HYT00":
        return Retry(Problem(codes.UNREACHABLE, where=where, rule="no connection in time (SQLSTATE HYT00)"))
    for said, code in _CONNECTING if connecting else ():
        if re.search(said, words, re.IGNORECASE):
            return Halt(_problem(code, sqlstate, where))
    for known, make in ((_FATAL, Halt), (_PASSING, Retry), (_LAST, Halt)):
        for state, said, code in known:
            if re.fullmatch(state, sqlstate) and re.search(said, words, re.IGNORECASE):
                return make(_problem(code, sqlstate, where))
    return Retry(Problem(codes.DATABASE, where=where, rule=f"SQLSTATE {sqlstate}"))


def _problem(code: Code, sqlstate: str, where: str) -> Problem:
    return Problem(code, where=where, rule=f"{code.meaning.rstrip('.')} (SQLSTATE {sqlstate})")


def of_row(sqlstate: str, words: str) -> bool:
    """Whether it is about one row: its content cannot be converted, or the database's rules refuse it."""
    if sqlstate == "HY000":
        return bool(re.search(r"constraint failed|datatype mismatch", words, re.IGNORECASE))
    return sqlstate[:2] in {"22", "23", "44", "45"} or sqlstate == "P0001"
