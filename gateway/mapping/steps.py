"""Builds what a sentence does with a value: its conversions and code lists, checked when the mapping is compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from gateway.convert import CONVERSIONS, Convert, Unreadable, build
from gateway.convert.clock import clock
from gateway.mapping.codes import Table, UnknownCode
from gateway.mapping.language import CONVERSION, FORM, UNSAID, ZONE, Sentence
from gateway.mapping.reading import Complaints
from gateway.mapping.runtime import chain


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done with the values of a sentence's sources, each part None where the sentence does not ask for it."""

    convert: Convert | None = None
    zoned: Callable[[str], Convert] | None = None
    """Instead of `convert` where the record names its own zone."""
    codes: Mapping[str, Any] | None = None
    """A code list that needs no day, ready to be looked up; `look` has the rest."""
    look: Callable[..., Any] | None = None
    worded: bool = False
    """The second source holds the words of the code."""
    dated: bool = False


class Deeds:
    """Builds deeds; complains of what cannot be built, with the line."""

    def __init__(
        self,
        *,
        tables: Mapping[str, Table],
        zone: str,
        sink: bool,
        complaints: Complaints,
        unmapped: Counter[tuple[str, str]],
    ) -> None:
        self._tables = tables
        self.zone = zone
        self.sink = sink
        self._complaints = complaints
        self._unmapped = unmapped

    def deed(self, sentence: Sentence, path: str) -> Deed:
        """What this sentence does with its values."""
        many = max(1, len(sentence.sources))
        if many > 1 and not sentence.steps and not (sentence.table and many == 2 and not self.sink):
            self._wrong(FORM, sentence, path, "several sources need one conversion after as: that takes them all")
            return Deed()
        convert, zoned = self._convert(sentence, path, many)
        if not sentence.table:
            return Deed(convert, zoned)
        table = self._tables.get(sentence.table)
        if table is None:
            return Deed()
        if self.sink:
            write = table.writer()
            return Deed(convert, zoned, look=write if sentence.default is UNSAID else _or_nothing(write))
        look = table.reader(reject=sentence.unknown == "reject", unmapped=self._unmapped)
        worded = many == 2 and not sentence.steps
        return Deed(convert, zoned, None if worded else table.plain_codes() or None, look, worded, table.dated)

    def constant(self, sentence: Sentence, value: Any, path: str) -> Any:
        """A constant or default as it stands in the record.  None where it cannot be made, with a complaint."""
        deed = self.deed(replace(sentence, default=UNSAID), path)
        try:
            if deed.zoned is not None:
                value = deed.zoned(self.zone)(value)
            elif deed.convert is not None:
                value = deed.convert(value)
            return value if deed.look is None or value is None else deed.look(value)
        except ValueError as e:
            said = str(e) if isinstance(e, Unreadable) else "cannot be converted"
            self._wrong(FORM, sentence, path, f"the {'default' if sentence.value is UNSAID else 'value'} {said}")
            return None

    def _convert(
        self, sentence: Sentence, path: str, many: int
    ) -> tuple[Convert | None, Callable[[str], Convert] | None]:
        if not sentence.steps:
            return None, None
        if isinstance(sentence.zone, str):
            zone = sentence.zone or self.zone
            if not is_zone(zone):
                self._wrong(ZONE, sentence, path, "there is no such time zone")
                return None, None
            return self._chain(sentence, path, many, zone), None
        if self._chain(sentence, path, many, self.zone) is None:
            return None, None

        @cache
        def zoned(zone: str) -> Convert:
            if not is_zone(zone):
                raise Unreadable("names a time zone that does not exist")
            made = self._chain(sentence, path, many, zone)
            assert made is not None
            return made

        return None, zoned

    def _chain(self, sentence: Sentence, path: str, many: int, zone: str) -> Convert | None:
        made = []
        for position, step in enumerate(sentence.steps):
            sources = many if position == 0 else 1
            known = CONVERSIONS.get(step.name)
            if known is None:
                close = get_close_matches(step.name, CONVERSIONS, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self._wrong(CONVERSION, sentence, path, f"there is no conversion named {step.name}{hint}")
            elif sources > 1 and not known.several:
                self._wrong(CONVERSION, sentence, path, f"{step.name} takes one source")
            else:
                try:
                    made.append(build(step.name, *step.arguments, zone=zone, sources=sources))
                except (ValueError, TypeError) as e:
                    self._wrong(CONVERSION, sentence, path, str(e))
        if len(made) < len(sentence.steps):
            return None
        return made[0] if len(made) == 1 else chain(made)

    def _wrong(self, code: Any, sentence: Sentence, path: str, rule: str) -> None:
        self._complaints.add(code, sentence.line, path, rule)


def _or_nothing(look: Callable[[Any], str]) -> Callable[[Any], str | None]:
    """A code without a row gives nothing, so that the default stands."""

    def looked(value: Any) -> str | None:
        try:
            return look(value)
        except UnknownCode:
            return None

    return looked


@cache
def is_zone(zone: str) -> bool:
    """There is an IANA zone of this name."""
    try:
        clock(zone)
    except ValueError:
        return False
    return True
