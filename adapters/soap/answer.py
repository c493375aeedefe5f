"""Judges what came back: HTTP status and media type first, then what the envelope holds."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import BinaryIO

from adapters.soap import faults, multipart
from adapters.soap.codes import ADDRESS, DENIED, NOT_SOAP, STATUS, UNREADABLE
from adapters.soap.faults import Fault
from adapters.soap.schema import ENVELOPES
from adapters.soap.transport import Answer
from gateway.errors import Halt, Problem, Reject, Retry
from gateway.xml import opening, parse

XML = frozenset({"text/xml", "application/soap+xml", "application/xml"})
FAULT_BYTES = 1024 * 1024
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
CHARSETS = frozenset(
    {"ascii", "utf-8", "iso8859-1", "iso8859-2", "iso8859-9", "iso8859-15", "cp1250", "cp1252", "cp1254"}
)
"""Those that keep ASCII as it is, so that a record can be cut out of them."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer that is a SOAP message: where it lies in the bytes that came."""

    answer: Answer
    start: int
    stop: int
    encoding: str
    declaration: bytes
    """An XML declaration that says the encoding, where the message itself does not."""
    payload: str
    """The element in its body, "{namespace}name"; "" where the body is empty."""

    def stream(self) -> BinaryIO:
        """The message alone, from its beginning."""
        return multipart.Window(self.answer.body, self.start, self.stop)  # type: ignore[return-value]  # reads as one

    def data(self) -> bytes:
        """The message alone, in memory."""
        return self.stream().read()


def judged(answer: Answer) -> Envelope | Fault | None:
    """The message, the fault, or None for an answer without content, as a one-way operation gets.

    Raises Retry where it is no answer of the service, Halt where a person must look.
    """
    kind, parameters = multipart.media(answer.type)
    _status(answer, kind)
    if not answer.size and answer.status < 300:
        return None
    start, stop, declared = 0, answer.size, answer.type
    if kind == "multipart/related":
        start, stop, declared = multipart.root(answer, parameters)
    try:
        envelope = _envelope(answer, start, stop, multipart.media(declared)[1].get("charset", ""))
    except Halt:
        if answer.status < 500:
            raise
        raise Retry(Problem(STATUS, where=answer.place, rule=f"status {answer.status}, and no SOAP with it")) from None
    if envelope.payload.rpartition("}")[2] == "Fault" and envelope.payload.startswith(tuple(f"{{{e}}}" for e in ENVELOPES)):
        return _fault(envelope)
    if answer.status >= 300:
        raise Retry(Problem(STATUS, where=answer.place, rule=f"status {answer.status} without a fault"))
    return envelope


def _status(answer: Answer, kind: str) -> None:
    said = f"status {answer.status}, {kind or 'no content type'}"
    if 300 <= answer.status < 400 or answer.status in {404, 405, 410}:
        raise Halt(Problem(ADDRESS, where=answer.place, rule=said))
    if answer.status in {401, 403, 407}:
        raise Halt(Problem(DENIED, where=answer.place, rule=said))
    soap = kind in XML or kind == "multipart/related"
    if answer.status in {408, 425, 429} or (answer.status >= 500 and not (soap and answer.size)):
        raise Retry(Problem(STATUS, where=answer.place, rule=said), after=_after(answer.retry_after))
    if (answer.size and not soap) or answer.encoding not in {"", "identity"}:
        raise (Halt if 400 <= answer.status < 500 else Retry)(Problem(NOT_SOAP, where=answer.place, rule=said))


def _after(text: str) -> timedelta | None:
    return timedelta(seconds=min(int(text), 3600)) if text.isascii() and text.isdigit() else None


def _envelope(answer: Answer, start: int, stop: int, charset: str) -> Envelope:
    stream: BinaryIO = multipart.Window(answer.body, start, stop)  # type: ignore[assignment]  # reads as one
    encoding, declaration = _encoding(stream.read(1024), charset, answer)
    stream.seek(0)
    try:
        tags = opening(stream, "Envelope", "Body", encoding=encoding)
    except Reject as e:
        raise Halt(Problem(e.problems[0].code, where=f"{answer.place}, {e.problems[0].where or 'its head'}")) from None
    if len(tags) < 2 or not tags[0].startswith(tuple(f"{{{each}}}Envelope" for each in ENVELOPES)):
        raise Halt(Problem(UNREADABLE, where=answer.place, rule="it is XML, and no SOAP envelope"))
    return Envelope(answer, start, stop, encoding, declaration, tags[2] if len(tags) > 2 else "")


def declared(head: bytes) -> str:
    """The encoding that a document says of itself, else UTF-8.  Raises Reject where it is not one that can be cut."""
    said = DECLARED.search(head[:1024].removeprefix(codecs.BOM_UTF8))
    name = said[1].decode("ascii") if said else "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (found := _known(name)) not in CHARSETS:
        raise Reject(Problem(UNREADABLE, rule="its charset is not one that can be read here"))
    return found


def _encoding(head: bytes, charset: str, answer: Answer) -> tuple[str, bytes]:
    """What Content-Type and XML declaration agree on, and a declaration where only the former says it."""
    try:
        said = declared(head)
        named = declared(f'<?xml encoding="{charset}"?>'.encode("latin-1", "replace")) if charset else said
    except Reject as e:
        raise Halt(replace(e.problems[0], where=answer.place)) from None
    if named == said:
        return said, b""
    if DECLARED.search(head.removeprefix(codecs.BOM_UTF8)):
        raise Halt(Problem(UNREADABLE, where=answer.place, rule="its Content-Type and its own beginning name different charsets"))
    return named, f'<?xml version="1.0" encoding="{named}"?>'.encode()


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _fault(envelope: Envelope) -> Fault:
    place = envelope.answer.place
    if envelope.stop - envelope.start > FAULT_BYTES:
        raise Halt(Problem(UNREADABLE, where=place, rule="the fault is longer than a megabyte"))
    data = envelope.data()
    try:
        element = next(parse(data, encoding=envelope.encoding).iter("{*}Fault"))
    except Reject as e:
        raise Halt(Problem(e.problems[0].code, where=f"{place}, {e.problems[0].where}")) from None
    return faults.read(element, data, place)
