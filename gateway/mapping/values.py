"""Writes how one value comes about: its sources read and stripped, converted, looked up in a code list."""

from __future__ import annotations

from typing import Any

from gateway.mapping.language import Sentence, Source
from gateway.mapping.lines import Lines
from gateway.mapping.reach import Reach
from gateway.mapping.steps import Deed, Deeds


class Values:
    """The statements that leave the value of a sentence in `v`."""

    def __init__(self, out: Lines, reach: Reach, deeds: Deeds) -> None:
        self._out, self._reach, self._deeds = out, reach, deeds

    def made_of(self, sentence: Sentence) -> tuple[Any, ...] | None:
        """What tells a plain conversion from others; None of what is more than that."""
        if not sentence.steps or sentence.table or sentence.ref or sentence.pick or sentence.zone:
            return None
        return sentence.steps, tuple(self._reach.read(source) for source in sentence.sources)

    def given(self, sentence: Sentence, deed: Deed) -> str:
        """Read the sources; the condition under which there is something to go on with."""
        if len(sentence.sources) == 1:
            self._out.add(f"v = {self._reach.read(sentence.sources[0])}", "if v.__class__ is str: v = v.strip()")
            return "v or v == 0"
        names = [f"v{number}" for number in range(len(sentence.sources))]
        for name, source in zip(names, sentence.sources, strict=True):
            self._out.add(
                f"{name} = {self._reach.read(source)}",
                f"if {name}.__class__ is str: {name} = {name}.strip() or None",
                f"elif not {name} and {name} != 0: {name} = None",
            )
        return "v0 is not None" if deed.worded else " or ".join(f"{name} is not None" for name in names) or "False"

    def convert(self, sentence: Sentence, deed: Deed) -> None:
        """From what was given to the result; what the statements raise is a ValueError."""
        count = len(sentence.sources)
        values = "v" if count == 1 else ", ".join(f"v{number}" for number in range(count))
        if deed.zoned is not None and isinstance(sentence.zone, Source):
            zone = f"clean({self._reach.read(sentence.zone)}) or {self._deeds.zone!r}"
            self._out.add(f"v = {self._out.bind('c', deed.zoned)}({zone})({values})")
        elif deed.convert is not None:
            self._out.add(f"v = {self._out.bind('c', deed.convert)}({values})")
        if deed.look is not None:
            self._look(deed, self._out.bind("c", deed.look))

    def _look(self, deed: Deed, look: str) -> None:
        day = ", day" if deed.dated else ", ''"
        if deed.worded:
            self._out.add(f"v = {look}(v0{day}, v1)")
        elif deed.codes:
            quick = self._out.bind("c", deed.codes.get)
            self._out.add(
                f"if v.__class__ is str: v = {quick}(v) or {look}(v{day})",
                f"elif v is not None: v = {look}(v{day})",
            )
        else:
            self._out.add(f"if v is not None: v = {look}(v{'' if self._deeds.sink else day})")
