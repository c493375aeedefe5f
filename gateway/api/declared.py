"""What leaves in the terms of the caller's own system: by the mapping and in the layout that a feed of it declares.

The mapping and the writer are those of sinks and mailboxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.api.codes import MISSING
from gateway.api.problems import Refusal, simple
from gateway.errors import Problem, Reject
from gateway.sink import terms
from gateway.sink.codes import NO_FEED, UNMAPPABLE

if TYPE_CHECKING:
    from gateway.access import Caller
    from gateway.adapter import OutRecord
    from gateway.agreement import Projected
    from gateway.event import Keys
    from gateway.runner import Runner
    from gateway.store.rows import Outgoing
    from gateway.system import Feed

TYPES = {"delimited": "text/csv", "xml": "application/xml", "json": "application/json", "fixed": "text/plain"}
_ASKED = {"delimited": "csv", "xml": "xml", "json": "json", "fixed": "text"}
"""By which format a layout is asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """Records as one document.  `given`: those in it; `left_out`: how many cannot be said in the system's terms."""

    document: bytes
    given: Sequence[tuple[Outgoing, Projected]]
    left_out: int
    problems: Sequence[Problem]
    """Of the first that is left out."""


class Forms:
    """The forms that callers declared."""

    def __init__(self, runner: Runner, keys: Keys) -> None:
        self._runner, self._keys = runner, keys

    def of(self, caller: Caller, asked: str, entity: str) -> Form | None:
        """How a caller's records come in a format; None for the general form.  Raises Refusal where a feed that it names is not there."""
        for way in caller.reads_as:
            feed = self._runner.way_out(*way.split("/"))
            if feed is None:
                raise Refusal(503, Problem(NO_FEED, where=way))
            if _ASKED.get(_layout(feed.settings)) == asked and entity in feed.writes and feed.adapter.encode is not None:
                return Form(feed, self._keys, entity)
        return None


class Form:
    """How one feed says the records of an entity."""

    def __init__(self, feed: Feed, keys: Keys, entity: str) -> None:
        self._feed, self._keys = feed, keys
        self.digest = feed.writes[entity].digest
        self.media_type = media_type(feed.settings)

    def page(self, found: Sequence[tuple[Outgoing, Projected]]) -> Page:
        """Records as one document.  What its mapping does not take is not in it; what does not fit is counted."""
        records: list[OutRecord] = []
        given: list[tuple[Outgoing, Projected]] = []
        problems: list[Sequence[Problem]] = []
        for out, seen in found:
            try:
                record = terms.stated(self._feed, self._keys, seen, out.partition)
                if record is not None:
                    terms.document(self._feed, [record])
                    records.append(record)
                    given.append((out, seen))
            except Reject as e:
                problems.append(e.problems)
        return Page(terms.document(self._feed, records), given, len(problems), problems[0] if problems else ())

    def one(self, out: Outgoing, seen: Projected) -> Page:
        """One record.  Raises Refusal where it cannot be said, or the mapping does not take it."""
        page = self.page([(out, seen)])
        if page.left_out:
            raise Refusal(422, Problem(UNMAPPABLE), *page.problems)
        if not page.given:
            raise simple(404, MISSING)
        return page


def media_type(settings: Any) -> str:
    """What a document of a feed is, as far as its settings say."""
    kind = TYPES.get(_layout(settings), "application/octet-stream")
    charset = getattr(settings, "charset", None)
    return f"{kind}; charset={charset}" if charset and kind != "application/json" else kind


def _layout(settings: Any) -> str:
    form: str = getattr(getattr(settings, "layout", None), "form", "")
    return form
