"""Writes records into a table, or hands them to a stored procedure; one transaction a batch.

Before a record is written the target is asked whether it has it: by the event's id, by the number that
it gave last time, or by its key.  So a record that arrives twice is written once, also when the answer
to a commit got lost.  Where the target can be asked none of these, and an earlier try may have reached
it, nothing is written: a person is told that nobody can know.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from adapters.odbc import codes
from adapters.odbc.connect import Budget, Closed, Link, RowFault, profile_of
from adapters.odbc.settings import Settings, Write
from adapters.odbc.target import Statement, Target
from gateway.adapter import Context, Outcome, OutRecord
from gateway.errors import GatewayError, Halt, Problem, Refused, Reject, Retry


class Unknown(Exception):
    """The commit was sent, and no answer came."""


class OdbcSink:
    """One table or procedure of one database as a sink."""

    def __init__(self, settings: Settings, context: Context) -> None:
        if settings.write is None:
            raise Refused(Problem(codes.SETTING, path="write", rule="says where a sink writes"))
        self._settings, self._write = settings, settings.write
        self._target = Target(profile_of(settings.connection), settings.write)
        self._secret = context.secret
        self._budget = Budget(settings.limits, context.clock)
        self._lock = threading.Lock()
        self._link: Link | None = None

    def write(self, records: Sequence[OutRecord]) -> Sequence[Outcome]:
        """All records in one transaction; a refused one is taken back alone.  Raises Retry or Halt where none was written."""
        with self._lock, self._edge():
            self._budget.spend(3 * len(records))
            return self._batch(records)

    def follow(self, remote_id: str) -> Outcome:
        """Nothing is ever pending: what was committed is written."""
        return Outcome("written", remote_id)

    def close(self) -> None:
        """Gives the connection back; a call under way is cancelled."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _batch(self, records: Sequence[OutRecord]) -> list[Outcome]:
        link = self._opened()
        outcomes = [self._one(link, record) for record in records]
        try:
            self._committed(link)
        except Unknown:
            self._leave()
            return self._found_again(records, outcomes)
        except RowFault as e:  # a rule that is looked at no earlier: all of it was taken back
            link.rollback()
            return [_refused(e)] if len(records) == 1 else self._singly(records)
        return outcomes

    def _singly(self, records: Sequence[OutRecord]) -> list[Outcome]:
        """Each record in a transaction of its own; once one is written, what fails later is no longer raised."""
        outcomes: list[Outcome] = []
        for record in records:
            try:
                outcomes += self._batch([record])
            except (Retry, Halt) as e:
                outcomes += [Outcome("retry", problems=(e.problem,))] * (len(records) - len(outcomes))
                break
        return outcomes

    def _one(self, link: Link, record: OutRecord) -> Outcome:
        """One record, or why not; what was done for one that is refused is taken back."""
        if record.uncertain and not _recognises(self._write):
            return Outcome("ambiguous", problems=(Problem(codes.AMBIGUOUS),))
        mark, back, release = link.profile.savepoint
        link.run(mark)
        try:
            outcome = self._remove(link, record) if record.change == "remove" else self._put(link, record, self._target.values(record))
        except RowFault as e:
            link.run(back)
            return _refused(e)
        except Reject as e:
            link.run(back)
            return Outcome("refused", problems=e.problems)
        if release:
            link.run(release)
        return outcome

    def _put(self, link: Link, record: OutRecord, values: Mapping[str, Any]) -> Outcome:
        write = self._write
        if write.id and write.table and (found := self._ask(link, self._target.find({write.id: record.id}))):
            return Outcome("written", self._number(record, found))
        if write.by == "procedure":
            return self._call(link, record, values)
        for place in self._target.places(record):
            if found := self._ask(link, self._target.find(place)):
                return self._there(link, record, values, place, found)
        link.run(*self._target.insert(values))
        return Outcome("written", self._number(record, self._written(link, record)))

    def _there(self, link: Link, record: OutRecord, values: Mapping[str, Any], place: Mapping[str, Any], found: Sequence[Any]) -> Outcome:
        """The row is there: it is changed, or, where rows are only added, it must be this very one."""
        if self._write.by == "insert":
            if not self._ask(link, self._target.find({**record.fields, **place})):
                raise Reject(Problem(codes.CONFLICT))
        else:
            link.run(*self._target.update(values, place))
        return Outcome("written", self._number(record, found))

    def _remove(self, link: Link, record: OutRecord) -> Outcome:
        places = self._target.places(record)
        if self._write.remove == "refuse" or not places:
            raise Reject(Problem(codes.REMOVAL))
        link.run(*self._target.delete(places[0]))
        return Outcome("written", record.remote_id)

    def _call(self, link: Link, record: OutRecord, values: Mapping[str, Any]) -> Outcome:
        said = link.answer(*self._target.call(values))
        if self._write.returns:
            return Outcome("written", self._number(record, self._written(link, record)), answer=_kept(said))
        number = str(said[0][0]) if said and said[0] and said[0][0] is not None else record.remote_id
        return Outcome("written", number, answer=_kept(said))

    def _written(self, link: Link, record: OutRecord) -> Sequence[Any]:
        """What the target made of a new row, where the settings ask for its number."""
        if not self._write.returns:
            return ()
        by_id: list[Mapping[str, Any]] = [{self._write.id: record.id}] if self._write.id else []
        for place in [*by_id, *self._target.places(record)]:
            if found := self._ask(link, self._target.find(place)):
                return found
        return ()

    def _number(self, record: OutRecord, found: Sequence[Any]) -> str:
        """What the target calls the record: the number it gave, or the record's key in its terms."""
        if self._write.returns:
            return str(found[0]) if found else record.remote_id
        return "|".join(str(record.fields.get(name, "")) for name in self._write.key) or record.remote_id

    def _found_again(self, records: Sequence[OutRecord], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """After a commit without an answer: what is there was written, what is not can be tried again."""
        if not _recognises(self._write):
            lost = Outcome("ambiguous", problems=(Problem(codes.AMBIGUOUS),))
            return [lost if outcome.state == "written" else outcome for outcome in outcomes]
        link = self._opened()  # raises Retry where it is not reached: a repeat is recognised
        return [self._looked(link, record, outcome) for record, outcome in zip(records, outcomes, strict=True)]

    def _looked(self, link: Link, record: OutRecord, outcome: Outcome) -> Outcome:
        if outcome.state != "written":
            return outcome
        write = self._write
        place = {write.id: record.id} if write.id else {**record.fields, **(self._target.places(record) or [{}])[0]}
        gone = record.change == "remove"
        there = bool(self._ask(link, self._target.find(self._target.places(record)[0] if gone else place)))
        return outcome if there != gone else Outcome("retry", problems=(Problem(codes.UNREACHABLE),))

    def _ask(self, link: Link, statement: Statement) -> Sequence[Any]:
        """The first row of an answer; nothing where there is none."""
        rows = link.rows(*statement, at_most=1)
        return tuple(rows[0]) if rows else ()

    def _committed(self, link: Link) -> None:
        try:
            link.commit()
        except (Retry, Closed):
            raise Unknown from None

    def _opened(self) -> Link:
        if self._link is None:
            self._link = Link(self._settings.connection, self._settings.limits, self._secret, reads=False)
        return self._link

    @contextmanager
    def _edge(self) -> Iterator[None]:
        """Whatever fails before the commit has written nothing."""
        try:
            yield
        except Closed:
            self._leave()
            raise Retry(Problem(codes.CLOSED)) from None
        except RowFault as e:
            self._leave()
            raise Retry(Problem(codes.DATABASE, rule=f"SQLSTATE {e}")) from None
        except GatewayError:
            self._leave()
            raise

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.rollback()
            link.close()


def _recognises(write: Write) -> bool:
    """Whether the target can be asked if it has a record."""
    return bool(write.table and (write.id or write.key))


def _refused(fault: RowFault) -> Outcome:
    rule = f"{codes.REFUSED.meaning.rstrip('.')} (SQLSTATE {fault})"
    return Outcome("refused", problems=(Problem(codes.REFUSED, rule=rule),))


def _kept(rows: Sequence[Any]) -> bytes:
    return orjson.dumps([list(row) for row in rows], default=str) if rows else b""
