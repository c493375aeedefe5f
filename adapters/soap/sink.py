"""Hands records to an operation, one call each, and says what became of each by what the service answered.

Whoever sends, and hears nothing that can be believed, does not know.  So after such a call the service
is asked whether the record has arrived, before anything is sent again: at once, and once more before
the next try.  Where there is no way to ask, a person decides.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.soap import faults, rules
from adapters.soap.answer import Envelope
from adapters.soap.codes import INVALID, NO_CALL, REFUSED, TLS, UNCERTAIN, UNREACHABLE
from adapters.soap.encode import encode
from adapters.soap.faults import Fault
from adapters.soap.service import Service
from adapters.soap.settings import Exchange, Settings
from adapters.soap.wsdl import schema_of
from gateway.adapter import Context, Outcome, OutRecord
from gateway.errors import Halt, Problem, Reject, Retry
from gateway.xml import Naming, check, parse

REMEMBERED = 10_000
"""Outcomes of this process, by event id: a record that arrives twice is not sent twice."""
ANSWER_BYTES = 1024 * 1024


class SoapSink:
    """One operation as a sink."""

    def __init__(self, settings: Settings, context: Context) -> None:
        if settings.submit is None:
            raise Halt(Problem(NO_CALL, rule="the feed is a sink, and its settings have no submit:"))
        self._settings, self._submit = settings, settings.submit
        self._service = Service(settings, context)
        self._read = Naming(settings.namespaces).reader()
        self._settled: OrderedDict[str, Outcome] = OrderedDict()
        self._unsure: set[str] = set()
        """Ids that were sent and not answered."""
        self._stop: Halt | None = None
        """Why nothing more may be sent, though what became of the last record had to be said first."""

    def write(self, records: Sequence[OutRecord]) -> Sequence[Outcome]:
        """One call each, in order.  Raises Retry or Halt where the first of them has not been handed over."""
        outcomes: list[Outcome] = []
        for record in records:
            try:
                self._go_on()
                outcomes.append(self._one(record))
            except (Retry, Halt) as e:
                if not outcomes:
                    raise
                return [*outcomes, *(self._put_off(each, e) for each in records[len(outcomes) :])]
            if outcomes[-1].uncertain:  # the next would end the same way
                return [*outcomes, *(self._put_off(each) for each in records[len(outcomes) :])]
        return outcomes

    def follow(self, remote_id: str) -> Outcome:
        """Asks what became of a pending record.  Raises Retry or Halt where the service cannot be asked."""
        if self._submit.follow is None:
            return Outcome("ambiguous", remote_id, (Problem(NO_CALL, rule="there is no operation under follow:"),))
        return self._exchanged(self._submit.follow, {"remote": remote_id}, remote_id) or Outcome("ambiguous", remote_id)

    def close(self) -> None:
        """Ends what is under way."""
        self._service.close()

    def _one(self, record: OutRecord) -> Outcome:
        known = self._settled.get(record.id)
        if known is not None:
            return known
        try:
            outcome = self._handed_over(record, self._values(record))
        except Reject as e:
            outcome = Outcome("refused", record.remote_id, e.problems)
        if outcome.state in {"written", "pending"}:
            self._unsure.discard(record.id)
            self._settled[record.id] = outcome
            if len(self._settled) > REMEMBERED:
                self._settled.popitem(last=False)
        return outcome

    def _handed_over(self, record: OutRecord, values: Mapping[str, Any]) -> Outcome:
        if record.uncertain or record.id in self._unsure:
            if self._submit.find is None and not self._submit.idempotent:
                return Outcome("ambiguous", record.remote_id, (Problem(UNCERTAIN),))
            found = self._found(values, record.remote_id)
            if found is not None:
                return found
        exchange = self._exchange(record)
        try:
            outcome = self._exchanged(exchange, values, record.remote_id)
        except (Retry, Halt) as e:
            if not self._service.sent or e.problem.code in {UNREACHABLE, TLS}:
                raise  # it never left
            return self._in_doubt(record, values, e)
        return outcome or Outcome("ambiguous", record.remote_id, (Problem(UNCERTAIN),))

    def _in_doubt(self, record: OutRecord, values: Mapping[str, Any], silence: Retry | Halt) -> Outcome:
        """It may have arrived: ask, and only where the service says no, send it again later."""
        self._unsure.add(record.id)
        if self._submit.find is None and self._submit.idempotent:
            raise silence
        outcome = self._asked(record, values, silence)
        if outcome is None:
            raise silence
        if isinstance(silence, Halt):
            self._stop = silence
        return outcome

    def _asked(self, record: OutRecord, values: Mapping[str, Any], silence: Retry | Halt) -> Outcome | None:
        """What the service says of a record in doubt; None: it does not have it."""
        if self._submit.find is None:
            return Outcome("ambiguous", record.remote_id, (Problem(UNCERTAIN), silence.problem))
        try:
            return self._found(values, record.remote_id)
        except (Retry, Halt):
            return self._put_off(record, silence)

    def _put_off(self, record: OutRecord, why: Retry | Halt | None = None) -> Outcome:
        """To be tried again, at once unless the service named a time; that one may have arrived stays known."""
        after = why.after if isinstance(why, Retry) else None
        problems = (why.problem,) if why is not None else ()
        uncertain = record.uncertain or record.id in self._unsure
        return Outcome("retry", record.remote_id, problems, after=after or timedelta(0), uncertain=uncertain)

    def _go_on(self) -> None:
        """Raises what was left unsaid when the last record's outcome came first."""
        stop, self._stop = self._stop, None
        if stop is not None:
            raise stop

    def _found(self, values: Mapping[str, Any], remote_id: str) -> Outcome | None:
        """What the service says of a record that may have arrived; None where it does not have it, or cannot be asked."""
        return self._exchanged(self._submit.find, values, remote_id) if self._submit.find is not None else None

    def _exchange(self, record: OutRecord) -> Exchange:
        submit = self._submit
        if record.change == "remove":
            if submit.remove is None:
                raise Reject(Problem(NO_CALL, rule="the record is gone, and there is no operation under remove:"))
            return submit.remove
        return submit.update if submit.update is not None and record.remote_id else submit

    def _exchanged(self, exchange: Exchange, values: Mapping[str, Any], remote_id: str) -> Outcome | None:
        """One call and what its answer means; None where that is: there is no such record."""
        found = self._service.call(exchange, values)
        if isinstance(found, Fault):
            return self._faulted(found, remote_id)
        body: dict[str, Any] = {}
        answer = b""
        if found is not None:
            with found.answer.body:
                answer = found.data()
            if not self._valid(exchange, answer, found):
                return Outcome("ambiguous", remote_id, (Problem(INVALID, where=found.answer.place),), answer[:ANSWER_BYTES])
            body = self._read(next(parse(answer, encoding=found.encoding).iterchildren("{*}Body")))
        rule = rules.fitting(exchange, body)
        if rule is not None and rule.then == "absent":
            return None
        state = rule.then if rule is not None and rule.then != "absent" else "ambiguous"
        after = rule.after if rule is not None else None
        return Outcome(
            state=state,
            remote_id=rules.remote(exchange, body) or remote_id,
            problems=rules.problems(exchange, body) or (() if rule is not None else (Problem(UNCERTAIN, rule="the answer fits no rule"),)),
            answer=answer[:ANSWER_BYTES],
            after=after or (self._submit.again if state == "pending" else None),
        )

    def _valid(self, exchange: Exchange, answer: bytes, envelope: Envelope) -> bool:
        try:
            return check(io.BytesIO(answer), schema_of(self._settings, exchange.operation), encoding=envelope.encoding)
        except Reject:
            return False

    def _faulted(self, fault: Fault, remote_id: str) -> Outcome:
        action, wait = faults.meaning(fault, self._settings.faults)
        match action:
            case "done":
                return Outcome("written", remote_id, answer=fault.original)
            case "reject":
                said = fault.problem()
                return Outcome("refused", remote_id, (Problem(REFUSED, where=said.where, rule=said.rule),), fault.original)
            case "restart":
                raise Retry(fault.problem(), after=wait)
            case _:
                raise faults.raised(fault, action, wait)

    def _values(self, record: OutRecord) -> dict[str, Any]:
        """What a request may name."""
        values: dict[str, Any] = {
            "id": record.id,
            "key": record.key,
            "remote": record.remote_id,
            "change": record.change,
            "fields": dict(record.fields),
        }
        if self._submit.document is not None and record.change == "put":
            written = encode(self._settings, [record])
            values |= {"document": written.decode("utf-8"), "documentBytes": written}
        return values


