"""From an envelope to its records: one walk for the source, for kept originals, and for samples.

The envelope is first read as a whole, without keeping it: it must be well-formed, and libxml2 says
whether all of it obeys the schema.  Then records are cut out with their own bytes.  Only where the
schema was not obeyed is each record judged alone, inside the envelope that is left when all other
records are taken away; which is also how a kept original is read again.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeAlias

from adapters.soap import paths, violations
from adapters.soap.answer import declared
from adapters.soap.codes import NO_KEY, UNREADABLE
from adapters.soap.settings import Poll, Settings
from adapters.soap.wsdl import operation, schema_of
from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Halt, Problem, Reject
from gateway.xml import MALFORMED, Cutter, Element, Naming, Piece, check, parse

VIOLATIONS = "#violations"
"""The field that lists what was left out of a record, where the feed says `invalid: report`."""
OVERLONG, LOST = "overlong", "lost"
"""Ranges that are not in the journal; the archived answer has them."""
BETWEEN_BYTES = 4 * 1024 * 1024
END = re.compile(rb"</(?:[^\s:<>]+:)?Envelope\s*>(?:\s|<!--.*?-->|<\?.*?\?>)*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Bytes that are no record, by name."""

    length: int
    what: str


Item: TypeAlias = RawRecord | Rejected | Skipped


class Records:
    """How the records of one feed are found and read."""

    def __init__(self, settings: Settings) -> None:
        assert settings.poll is not None
        self._poll: Poll = settings.poll
        self._longest = settings.largest.record
        self._path = f"Envelope/Body/{self._poll.records}"
        self._naming = Naming(settings.namespaces, frozenset(self._poll.lists))
        schema = schema_of(settings, self._poll.operation)
        if schema is None:
            raise Halt(Problem(UNREADABLE, rule=f"{self._poll.operation} has no answer that could hold records"))
        self._schema = schema
        self._payload = operation(settings, self._poll.operation).payload

    def walk(self, stream: BinaryIO, encoding: str, declaration: bytes = b"") -> Walk:
        """Everything in an envelope, in order.  Raises Reject where it has a DOCTYPE or holds too much besides records."""
        stream.seek(0)
        try:
            valid = check(stream, self._schema, encoding=encoding)
        except Reject as e:
            if e.problems[0].code != MALFORMED:
                raise
            valid = False  # a record that breaks harms no other
        ended = valid or _closed(stream)
        if ended and not valid:
            self._judge_envelope(stream, encoding)
        stream.seek(0)
        return Walk(self, stream, encoding, declaration, valid=valid, ended=ended)

    def _judge_envelope(self, stream: BinaryIO, encoding: str) -> None:
        """Raises Reject where what does not obey the schema lies around the records, unless it may be reported only."""
        stream.seek(0)
        kept, held = bytearray(), False
        for piece in self.cutter(stream, encoding).pieces():
            if piece.what == "between" or (piece.what == "record" and not held):
                kept += piece.data
                held = held or piece.what == "record"
            if len(kept) > BETWEEN_BYTES + self._longest:
                raise Reject(Problem(UNREADABLE, rule=f"more than {BETWEEN_BYTES} bytes around the records"))
        root = parse(bytes(kept), encoding=encoding)
        found = violations.around(root, _at_path(root, self._path, self._naming) if held else None, self._schema)
        if found and (self._poll.invalid == "refuse" or not self._expected(root)):
            raise Reject(*(each.problem("around the records") for each in found))

    def _expected(self, root: Element) -> bool:
        """Whether there is one body, and in it the one answer that was asked for."""
        bodies = [child for child in root if child.tag == f"{root.tag.removesuffix('Envelope')}Body"]
        return len(bodies) == 1 and [child.tag for child in bodies[0]] == [self._payload]

    def cutter(self, stream: BinaryIO, encoding: str, *, whole: bool = False) -> Cutter:
        """Cuts at the record path.  `whole`: the envelope is known to be well-formed."""
        return Cutter(stream, self._path, self._naming, longest=self._longest, encoding=encoding, whole=whole)

    def reader(self) -> Callable[..., dict[str, Any]]:
        """Elements to fields."""
        return self._naming.reader()

    def record(self, fields: dict[str, Any], original: bytes, where: str) -> RawRecord | Rejected:
        """A record with its key, version and change; rejected where it has no key."""
        poll = self._poll
        parts = [_text(fields, name) for name in poll.key]
        if not all(parts):
            return Rejected(original, where, (Problem(NO_KEY, path=poll.key[parts.index("")], where=where),), kind=poll.kind)
        gone = poll.change is not None and _text(fields, poll.change.field) in poll.change.remove
        version = _text(fields, poll.version) if poll.version else ""
        return RawRecord(poll.kind, "|".join(parts), version, "remove" if gone else "put", fields, original, where)

    def judged(self, preamble: bytes, closing: bytes, original: bytes, where: str, encoding: str) -> RawRecord | Rejected:
        """A record of an envelope that does not obey its schema, judged alone."""
        try:
            root = parse(preamble + original + closing, encoding=encoding)
        except Reject as e:
            return Rejected(original, where, _placed(e.problems, where), kind=self._poll.kind)
        element = _at_path(root, self._path, self._naming)
        if element is None:
            return Rejected(original, where, (Problem(UNREADABLE, where=where),), kind=self._poll.kind)
        whole = self.record(self.reader()(element), original, where)
        found = violations.judge(root, element, self._schema)
        if not found or isinstance(whole, Rejected):
            return whole
        problems = tuple(each.problem(where) for each in found)
        if self._poll.invalid == "refuse":
            return Rejected(original, where, problems, whole.kind, whole.key, whole.version)
        fields = self.reader()(element)
        fields[VIOLATIONS] = [f"{each.path}: {each.rule}" if each.path else each.rule for each in found]
        kept = self.record(fields, original, where)  # a key that did not validate is no key
        return replace(kept, problems=(*kept.problems, *problems)) if isinstance(kept, Rejected) else kept


class Walk:
    """One envelope on its way through; what lies around the records is known when all have been taken."""

    def __init__(self, records: Records, stream: BinaryIO, encoding: str, declaration: bytes, *, valid: bool, ended: bool) -> None:
        self._records, self._encoding, self._valid = records, encoding, valid
        self.ended = ended
        """Whether the envelope is closed at its end: otherwise it was cut off on the way."""
        self._cutter = records.cutter(stream, encoding, whole=valid)
        self._pieces = self._cutter.pieces()
        self._between = bytearray()
        self._head = bytearray()
        self._first = self._start()
        self.preamble = declaration + bytes(self._head) if self._first is not None else b""
        """What stands before the first record: a record's bytes cannot be read without it."""
        self._closing = _closing(self._cutter.stack)
        self.lost = False
        """Whether something was met after which nothing can be trusted."""

    @property
    def empty(self) -> bool:
        """Whether there is no record in it."""
        return self._first is None

    def items(self) -> Iterator[Item]:
        """Records, rejected records and ranges that are neither; each byte once."""
        if self._head:
            yield Skipped(len(self._head), "envelope")
        read, offset = self._records.reader(), len(self._head)
        piece = self._first
        while piece is not None:
            if piece.fields is not None:  # most are, so nothing more is made of them
                yield self._records.record(piece.fields, piece.data, f"byte {offset}")
            elif self._valid and piece.element is not None:
                yield self._records.record(read(piece.element, piece.flat), piece.data, f"byte {offset}")
            else:
                yield from self._item(piece, offset)
            offset += len(piece.data) + piece.more
            piece = next(self._pieces, None)

    def around(self) -> dict[str, Any]:
        """The body of the answer without its records.  Complete once all items have been taken."""
        root = parse(bytes(self._head + self._between), encoding=self._encoding)
        body = next(root.iterchildren("{*}Body"))
        return self._records.reader()(body)

    def _start(self) -> Piece | None:
        """The first record; what lies before it goes to the head."""
        for piece in self._pieces:
            if piece.what in {"record", "broken", "lost"}:
                return piece
            self._head += piece.data
            if len(self._head) > BETWEEN_BYTES:
                raise Reject(Problem(UNREADABLE, rule=f"more than {BETWEEN_BYTES} bytes before the first record"))
        return None

    def _item(self, piece: Piece, offset: int) -> Iterator[Item]:
        where = f"byte {offset}"
        if piece.element is not None:
            yield self._records.judged(self.preamble, self._closing, piece.data, where, self._encoding)
        elif piece.problem is not None:
            self.lost = self.lost or piece.what == "lost"
            yield Rejected(piece.data, where, (Problem(piece.problem, where=where),))
            if piece.more:
                yield Skipped(piece.more, OVERLONG if piece.what == "broken" else LOST)
        else:
            self._between += piece.data
            if len(self._between) > BETWEEN_BYTES:
                raise Reject(Problem(UNREADABLE, where=where, rule=f"more than {BETWEEN_BYTES} bytes around the records"))
            yield Skipped(len(piece.data), "envelope")


def decode(settings: Settings, document: Document) -> Iterator[RawRecord | Rejected]:
    """The records of a whole envelope, or of one record's own bytes inside the envelope that is its preamble."""
    assert document.body is not None
    records = Records(settings)
    if not document.preamble:
        walk = records.walk(io.BytesIO(document.body), declared(document.body))
        yield from (item for item in walk.items() if not isinstance(item, Skipped))
        return
    encoding = declared(document.preamble)
    cutter = records.cutter(io.BytesIO(document.preamble), encoding)
    deque(cutter.pieces(), maxlen=0)  # only what is open at its end is of interest
    yield records.judged(document.preamble, _closing(cutter.stack), document.body, "byte 0", encoding)


def _text(fields: dict[str, Any], name: str) -> str:
    """The text of a field, which most often is one."""
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else paths.text(fields, name.replace(".", "/"))


def _closed(stream: BinaryIO) -> bool:
    """Whether the root element is closed at the very end."""
    stream.seek(0)
    data = stream.read(BETWEEN_BYTES)
    while block := stream.read(BETWEEN_BYTES):
        data = data[-BETWEEN_BYTES:] + block
    return END.search(data[-BETWEEN_BYTES:]) is not None


def _closing(stack: bytes) -> bytes:
    """The end tags of start tags that are open."""
    names = [tag.lstrip(b"<").split(None, 1)[0].rstrip(b"/>") for tag in stack.split(b"<")[1:]]
    return b"".join(b"</" + name + b">" for name in reversed(names))


def _at_path(root: Element, path: str, naming: Naming) -> Element | None:
    """The last element at a path: the record that was put into the envelope."""
    found = [root]
    for name in path.split("/")[1:]:
        found = [child for element in found[-1:] for child in element if naming.of(str(child.tag)) == name]
    return found[-1] if found else None


def _placed(problems: Sequence[Problem], where: str) -> tuple[Problem, ...]:
    return tuple(replace(problem, where=where) for problem in problems)
