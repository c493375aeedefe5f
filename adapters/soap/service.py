"""One port of one service: a request goes out, and what comes back is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.soap import request as filling
from adapters.soap import security, violations, wsdl
from adapters.soap.answer import Envelope, judged
from adapters.soap.attach import message
from adapters.soap.codes import REQUEST
from adapters.soap.faults import Fault
from adapters.soap.settings import Call, Settings
from adapters.soap.transport import Answer, Transport
from gateway.adapter import Context
from gateway.errors import Halt, Problem, Reject
from gateway.xml import Element

ACCEPT = "text/xml, application/soap+xml, multipart/related, application/xop+xml"


class Service:
    """Calls operations.  Used by one worker at a time; `close` may come from another thread."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._context = settings, context
        password = context.secret(settings.tls.password_from) if settings.tls.password_from else None
        self._transport = Transport(settings, context.root, password)
        self._security = security.of(settings, context)
        self._call = wsdl.client(settings, self._send, self._security)
        self._asked = ""
        self.sent = False
        """Whether the last call's request was handed to the network."""
        self._soap12 = "soap-envelope" in wsdl.binding(settings).nsmap["soap-env"]

    def call(self, call: Call, values: Mapping[str, Any]) -> Envelope | Fault | None:
        """What an operation answered: a message, a fault, or None.  An answer that nobody can read is archived first.

        Raises Retry, Halt, and Reject where the request cannot be built.
        """
        self._asked, self.sent = call.operation, False
        request, header = filling.filled(call.request, values), filling.filled(call.header, values)
        answer: Answer = self._call(call.operation, request, header)
        found: Envelope | Fault | None = None
        try:
            found = judged(answer)
            if isinstance(found, Envelope | Fault) and self._settings.security.expect is not None:
                security.verify(found.data() if isinstance(found, Envelope) else found.original, self._settings, self._context.clock())
        except Halt:
            if answer.size:
                self.keep(answer)
            found = None
            raise
        finally:
            if isinstance(found, Fault):
                self.keep(answer)
            if not isinstance(found, Envelope):
                answer.body.close()
        return found

    def keep(self, answer: Answer) -> None:
        """The whole answer into the archive, durably."""
        self._context.archive.keep(answer.sha256, answer.path, encrypt=True)

    def close(self) -> None:
        """Ends what is under way."""
        self._transport.close()

    def _send(self, envelope: Element, headers: Mapping[str, str]) -> Answer:
        self._check(envelope)
        submit = self._settings.submit
        cdata, attach = (submit.cdata, submit.attach) if submit is not None else ([], [])
        body, content_type = message(envelope, cdata, attach, soap12=self._soap12, action=headers.get("SOAPAction", ""))
        said = {"Content-Type": content_type, "Accept": ACCEPT, "User-Agent": "copperline"}
        if not self._soap12:
            said["SOAPAction"] = headers.get("SOAPAction", '""')
        self.sent = True
        return self._transport.post(body, said)

    def _check(self, envelope: Element) -> None:
        """What we send obeys the schema, too.  Raises Reject with every element that does not, and why."""
        schema = wsdl.schema_of(self._settings, self._asked, asked=True)
        if schema is None or schema.validate(envelope):
            return
        found = violations.judge(envelope, envelope, schema)
        raise Reject(*(Problem(REQUEST, path=each.path.removeprefix("Body."), rule=each.rule) for each in found))
