"""What ODBC needs on this machine: the driver manager, pyodbc, and a driver for each kind of database.

Where something is missing, the exact line that brings it stands beside it.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.adapter import Part
from gateway.errors import Problem, code

MISSING = code("odbc.part-missing", "a part of ODBC is not on this machine", "Run the line that stands beside it.")
NOT_LOADED = code(
    "odbc.part-broken",
    "a driver is registered, and its library cannot be loaded",
    "Run the line that stands beside it, or correct the path in odbcinst.ini.",
)

PACKAGES = {
    "libsqlite3odbc.so": ("SQLite3", "libsqliteodbc"),
    "psqlodbcw.so": ("PostgreSQL Unicode", "odbc-postgresql"),
    "libmaodbc.so": ("MariaDB Unicode", "odbc-mariadb"),
    "libmdbodbc.so": ("MDBTools, for Access files", "odbc-mdbtools"),
    "libtdsodbc.so": ("FreeTDS, for SQL Server and Sybase", "tdsodbc"),
}
"""Library → what it is for, and the Debian package that brings it."""

PAST = {"libsqliteodbc.so": "nothing brings it any more: name the driver SQLite3 instead"}
"""Libraries that packages still register, of databases that are no longer made."""

_LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
LOADING_S = 20


def parts() -> list[Part]:
    """The manager, pyodbc, every driver that is registered, and those that a package would bring."""
    registered = list(_registered())
    return [_manager(), *registered, *_offered({part.found for part in registered})]


def _manager() -> Part:
    try:
        import pyodbc
    except ImportError as e:
        line = "apt-get install unixodbc" if "libodbc" in str(e) else "pip install 'copperline[odbc]'"
        return Part("pyodbc", "", [Problem(MISSING, "pyodbc", rule=f"run: {line}")], line)
    return Part("pyodbc", f"{pyodbc.version}")


def _registered() -> Iterator[Part]:
    """The drivers of odbcinst.ini, each loaded in a process of its own: a broken one takes nothing with it."""
    said = configparser.ConfigParser(interpolation=None, strict=False)
    said.read([*_files()])
    for name in said.sections():
        path = said[name].get("Driver", "").strip()
        if path:
            yield _driver(name, path)


def _files() -> Iterator[Path]:
    yield Path(os.environ.get("ODBCSYSINI", "/etc")) / os.environ.get("ODBCINSTINI", "odbcinst.ini")
    yield Path.home() / ".odbcinst.ini"


def _driver(name: str, path: str) -> Part:
    library = _found(path)
    if library is None and path in PAST:
        return Part(name, "", (), PAST[path])
    line = f"apt-get install {PACKAGES[Path(path).name][1]}" if Path(path).name in PACKAGES else f"install the package that brings {path}"
    if library is None:
        return Part(name, "", [Problem(NOT_LOADED, name, path, f"the library is not there; run: {line}")], line)
    done = subprocess.run([sys.executable, "-c", _LOAD, str(library)], capture_output=True, text=True, check=False, timeout=LOADING_S)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it could not be loaded"])[-1].removeprefix("OSError: ")
        return Part(name, "", [Problem(NOT_LOADED, name, str(library), f"{last}; run: {line}")], line)
    return Part(name, str(library))


def _found(path: str) -> Path | None:
    """A driver is registered by its path, or by its name in the folder where packages put them."""
    if path.startswith("/"):
        return Path(path) if Path(path).is_file() else None
    return next(iter(sorted(Path("/usr/lib").glob(f"*/odbc/{path}"))), None)


def _offered(found: set[str]) -> Iterator[Part]:
    there = {Path(path).name for path in found}
    for library, (name, package) in PACKAGES.items():
        if library not in there:
            yield Part(name, "", (), f"apt-get install {package}")
