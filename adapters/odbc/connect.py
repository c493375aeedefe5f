"""One connection: made from the settings, guarded by the watchdog, counted by the budget, its errors translated.

pyodbc is imported when the first connection is made, so that a site without databases needs none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.odbc import codes, faults, turns
from adapters.odbc.ahead import Ahead
from adapters.odbc.profile import WITNESS, Profile
from adapters.odbc.settings import Connection, Limits
from adapters.odbc.watchdog import Watchdog
from gateway.errors import GatewayError, Halt, Problem, Retry

if TYPE_CHECKING:
    import pyodbc

MINUTE = timedelta(minutes=1)
CONNECT = "connecting"


class RowFault(Exception):
    """A statement failed by the content of a row: a fetch that cannot be handed over, a write that is refused."""


class Closed(Exception):
    """Somebody closed the link while it was used."""


def profile_of(connection: Connection) -> Profile:
    """How this connection's driver behaves."""
    assert connection.behaves is not None  # the settings were validated
    return connection.behaves


def string(connection: Connection, limits: Limits, secret: Callable[[str], str]) -> str:
    """The driver's connection string, secrets resolved: never kept, never shown."""
    profile = profile_of(connection)
    library = connection.driver
    parts = [f"DRIVER={library}" if library.startswith("/") else f"DRIVER={{{library}}}"]
    said = {
        "server": _server(connection, profile),
        "port": str(connection.port) if connection.port and "port" in profile.keywords else "",
        "database": connection.database,
        "user": secret(connection.user_from) if connection.user_from else "",
        "password": secret(connection.password_from) if connection.password_from else "",
        "connect_s": str(limits.connect_s),
        "silence_s": str(int(limits.statement_s) + limits.connect_s),
        "busy_ms": str(int(limits.statement_s * 1000)),
    }
    parts += [f"{word}={_braced(said[name])}" for name, word in profile.keywords.items() if said[name]]
    given = {name.lower() for name in connection.options}
    parts += [f"{name}={value}" for name, value in {**profile.usual, **profile.fixed}.items() if name.lower() not in given]
    parts += [f"{name}={value}" for name, value in connection.options.items()]
    if connection.encryption:
        parts.append(profile.wants[connection.encryption])
    return ";".join(parts) + ";"


def _server(connection: Connection, profile: Profile) -> str:
    """Some drivers have no keyword for the port, and take it behind the host."""
    if connection.port and "port" not in profile.keywords:
        return f"{connection.server},{connection.port}"
    return connection.server


def _braced(value: str) -> str:
    """A value of a connection string; one with a mark of its grammar stands in braces."""
    return "{" + value.replace("}", "}}") + "}" if set(value) & set(";{}[](),?*=!@ ") else value


class Link:
    """One open connection.  Used by one worker at a time; `close` may come from another thread."""

    def __init__(self, connection: Connection, limits: Limits, secret: Callable[[str], str], *, reads: bool = True) -> None:
        self.profile = profile_of(connection)
        self.limits = limits
        self._where = "database"
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._cursor: pyodbc.Cursor | None = None
        self._used = False
        self._ahead: Ahead | None = None
        self._dog: Watchdog | None = None
        self._connection = self._connected(connection, string(connection, limits, secret), autocommit=reads)
        for statement in self.profile.session:
            said = statement.format(ms=max(1, round(limits.statement_s * 1000)), s=f"{limits.statement_s:g}")
            self.run(said)
        if not reads:
            self.commit()  # what was set must outlive a rollback

    def rows(self, sql: str, parameters: Sequence[Any] = (), *, at_most: int = 0) -> list[Any]:
        """All rows of a statement, or the first of them; raises RowFault where the content of one is in the way."""
        with self._statement(sql, parameters) as cursor:
            return list(cursor.fetchmany(at_most) if at_most else cursor.fetchall())

    def ahead(self, sql: str, parameters: Sequence[Any]) -> None:
        """Let the database begin what `rows` will be asked for next; where something else is asked for first, in vain."""
        self._begun()
        with self._edge():
            cursor = self._new_cursor()
        self._ahead = Ahead(sql, parameters, cursor, lambda: self._executed(cursor, sql, parameters))
        self._ahead.begin()

    def described(self, sql: str) -> list[tuple[str, str]]:
        """Name and Python type of each column of a query."""
        with self._statement(sql, ()) as cursor:
            return [(column[0], column[1].__name__) for column in cursor.description]

    def may_be_null(self, sql: str) -> bool:
        """Whether the one column of a query may be NULL, as far as the driver knows."""
        with self._statement(sql, ()) as cursor:
            return bool(cursor.description[0][6] is not False)

    def catalogue(self, ask: Callable[[pyodbc.Cursor], Any]) -> list[Any]:
        """The rows of a question about the database itself, which the driver answers."""
        self._begun()
        with self._edge(), self._watched(self._new_cursor()) as cursor:
            return list(ask(cursor))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """A statement without rows; how many it changed."""
        with self._statement(sql, parameters) as cursor:
            return int(cursor.rowcount)

    def answer(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """What a procedure says: the rows of its first result, or nothing."""
        with self._statement(sql, parameters) as cursor:
            while cursor.description is None:
                if not cursor.nextset():
                    return []
            return list(cursor.fetchall())

    def commit(self) -> None:
        """Make what was written durable."""
        with self._edge(), self._using():
            self._connection.commit()

    def rollback(self) -> None:
        """Take back what was written; a link that is gone has done so."""
        with suppress(Exception), self._using():
            self._connection.rollback()

    def close(self) -> None:
        """Cancel what somebody waits for, and give the connection back; what was begun ahead ends by itself."""
        with self._lock, suppress(Exception):
            self._closed.set()
            if not self._used:
                self._connection.close()
            elif self._cursor is not None and self._ahead is None:
                self._cursor.cancel()  # whoever uses it closes the connection
        if (ahead := self._ahead) is not None:
            ahead.let_end()

    @contextmanager
    def _statement(self, sql: str, parameters: Sequence[Any]) -> Iterator[pyodbc.Cursor]:
        with self._edge(), turns.short():
            begun = self._begun(sql, parameters)
            with self._watched(begun or self._new_cursor()) as cursor:
                yield begun or cursor.execute(sql, *parameters)

    def _begun(self, sql: str = "", parameters: Sequence[Any] = ()) -> pyodbc.Cursor | None:
        """The cursor of the statement that was begun ahead, where it is this one; any other is given up."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.answers(sql, parameters):
            return ahead.cursor()
        if ahead is not None:
            self._give_back(ahead.abandoned())
        return None

    def _new_cursor(self) -> pyodbc.Cursor:
        """Handles are made, cancelled and given back one at a time: two threads at it in one driver end the process."""
        with self._lock:
            if self._closed.is_set():
                raise Closed
            return self._connection.cursor()

    def _give_back(self, cursor: pyodbc.Cursor) -> None:
        with self._lock, suppress(Exception):
            cursor.close()

    def _executed(self, cursor: pyodbc.Cursor, sql: str, parameters: Sequence[Any]) -> None:
        """Execute ahead, in another thread than the link's."""
        with turns.short(), self._guarded(cursor):
            cursor.execute(sql, *parameters)

    @contextmanager
    def _watched(self, cursor: pyodbc.Cursor) -> Iterator[pyodbc.Cursor]:
        """For all that is done with a cursor, which is closed with it."""
        try:
            with self._guarded(cursor):
                yield cursor
        finally:
            self._give_back(cursor)

    @contextmanager
    def _guarded(self, cursor: pyodbc.Cursor) -> Iterator[None]:
        """While a cursor is used: the watchdog cancels it when its time is up, `close` at once, and leaves the rest to this."""
        with self._using(cursor):
            self._dog = Watchdog(cursor.cancel, self.limits.statement_s)
            with self._dog:
                yield

    @contextmanager
    def _using(self, cursor: pyodbc.Cursor | None = None) -> Iterator[None]:
        """While the driver is at work; whoever closes the link meanwhile leaves it to this to give the connection back."""
        with self._lock:
            if self._closed.is_set():
                raise Closed
            self._used, self._cursor = True, cursor
        try:
            yield
        finally:
            with self._lock, suppress(Exception):
                self._used, self._cursor = False, None
                if self._closed.is_set():
                    self._connection.close()

    @contextmanager
    def _edge(self) -> Iterator[None]:
        """The one place that knows pyodbc's exceptions."""
        import pyodbc

        try:
            yield
        except pyodbc.Error as e:
            if self._closed.is_set():
                raise Closed from None
            state, words = _said(e)
            if faults.of_row(state, words):
                raise RowFault(state) from None
            fault = faults.meaning(state, words, where=self._where)
            raise self._for_its_time(fault) from None
        except (UnicodeError, ValueError, OverflowError, MemoryError) as e:  # pyodbc could not make a value of what came
            raise RowFault(type(e).__name__) from None

    def _for_its_time(self, fault: GatewayError) -> GatewayError:
        """Of a statement that was cancelled for its time drivers say many things, or nothing; a lock is still a lock."""
        locked = isinstance(fault, Retry) and fault.problem.code is codes.BUSY
        if self._dog is None or not self._dog.struck or locked:
            return fault
        return Retry(Problem(codes.TIMEOUT, where=self._where, rule=f"{codes.TIMEOUT.meaning.rstrip('.')} after {self.limits.statement_s:g} s"))

    def _connected(self, connection: Connection, text: str, *, autocommit: bool) -> pyodbc.Connection:
        pyodbc = loaded()
        try:
            made = pyodbc.connect(text, timeout=self.limits.connect_s, autocommit=autocommit)
        except pyodbc.Error as e:
            raise faults.meaning(*_said(e), where=CONNECT, connecting=True) from None
        charset = connection.charset or self.profile.charset
        if charset:
            made.setencoding(charset, ctype=pyodbc.SQL_CHAR)
            made.setdecoding(pyodbc.SQL_CHAR, charset, ctype=pyodbc.SQL_CHAR)
            made.setdecoding(pyodbc.SQL_WCHAR, charset, ctype=pyodbc.SQL_CHAR)
        elif self.profile.narrow:
            _narrowed(made, self.profile.narrow)
        return made


class Budget:
    """How many statements of a minute are left; on the gateway's clock."""

    def __init__(self, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._most = limits.queries_a_minute
        self._clock = clock
        self._began = datetime.min.replace(tzinfo=UTC)
        self._used = 0

    @property
    def counts(self) -> bool:
        """Whether there is a limit."""
        return self._most is not None

    def spend(self, statements: int) -> None:
        """Raises Retry, with the time to wait, where the minute's are used up."""
        if self._most is None:
            return
        now = self._clock()
        if not timedelta(0) <= now - self._began < MINUTE:
            self._began, self._used = now, 0
        if self._used and self._used + statements > self._most:
            raise Retry(Problem(codes.BUDGET), after=self._began + MINUTE - now)
        self._used += statements


def loaded() -> Any:
    """pyodbc, with the driver manager's pool off: it would hide dead connections.  Raises Halt where it is missing."""
    try:
        import pyodbc
    except ImportError:
        raise Halt(Problem(codes.LIBRARY)) from None
    pyodbc.pooling = False
    pyodbc.native_uuid = True
    return pyodbc


def _narrowed(connection: pyodbc.Connection, query: str) -> None:
    """Take text as UTF-8 where the driver hands over all of it so; what it makes of it depends on this machine's locale."""
    pyodbc = loaded()
    connection.setdecoding(pyodbc.SQL_WCHAR, "utf-8", ctype=pyodbc.SQL_CHAR)
    try:
        whole = connection.execute(query, WITNESS).fetchval() == WITNESS
    except (pyodbc.Error, UnicodeError):
        whole = False
    if not whole:
        connection.setdecoding(pyodbc.SQL_WCHAR, "utf-16le", ctype=pyodbc.SQL_WCHAR)


def _said(error: Exception) -> tuple[str, str]:
    """SQLSTATE and words of an error."""
    state, words = (*map(str, error.args), "", "")[:2]
    return state, words
