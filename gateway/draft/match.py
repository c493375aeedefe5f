"""Which column goes where: names and values together give a score, and the best pairs are taken first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.adapter import Column
from gateway.draft.targets import Target
from gateway.draft.values import CLOCKS, DATES, fit, one_shape
from gateway.draft.words import ideas, nearness

ENOUGH = 0.5
"""What scores less is no suggestion."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Columns, the place they go to, how sure that is, and why."""

    columns: tuple[str, ...]
    target: Target
    score: float
    because: str
    reads: str
    """The conversion, as it stands after `as:`; "" where none is needed."""


def suggestions(columns: Sequence[Column], targets: Sequence[Target]) -> list[Suggestion]:
    """At most one for each column and each target, the surest first."""
    pairs, alone = _pairs(columns)
    found = [*_of_pairs(pairs, targets), *_of_columns(alone, targets)]
    order = {target.name: index for index, target in enumerate(targets)}
    best = _best(sorted(found, key=lambda each: (-each.score - _NEEDED * each.target.needed, order[each.target.name], each.columns)))
    return sorted(best, key=lambda each: order[each.target.name])


_NEEDED = 0.05
"""What the contract requires goes first where two places are as good."""


def _best(found: Sequence[Suggestion]) -> Iterator[Suggestion]:
    filled: set[str] = set()
    placed: set[str] = set()
    for each in found:
        if each.score >= ENOUGH and each.target.name not in filled and not placed & {*each.columns}:
            filled.add(each.target.name)
            placed |= {*each.columns}
            yield each


def _of_columns(columns: Sequence[Column], targets: Sequence[Target]) -> Iterator[Suggestion]:
    for column in columns:
        for target in targets:
            near, why = _near(ideas(column.name), target)
            if target.form != "geo" and near >= ENOUGH:
                fits = fit(column, target.form)
                yield Suggestion((column.name,), target, round(near * fits.share, 2), f"{why}; {fits.because}", fits.reads)


def _near(own: frozenset[str], target: Target) -> tuple[float, str]:
    """How near a name is, and in words: the more usual of two names of a target weighs a little more."""
    tried = [(nearness(own, names) * (1 - 0.01 * index), names) for index, names in enumerate(target.names)]
    near, names = max(tried, key=lambda each: each[0])
    said = " ".join(sorted(names))
    if near > 0.9:
        return near if target.usual else near * 0.9, f"its name says {said}" if target.usual else f"the contract's own name, {said}"
    return near if target.usual else near * 0.8, f"its name shares {', '.join(sorted(own & names))} with {said}"


# Two columns for one place: a date and its time of day, a latitude and a longitude


@dataclass(frozen=True, slots=True)
class _Pair:
    columns: tuple[str, str]
    ideas: frozenset[str]
    reads: str
    because: str


def _pairs(columns: Sequence[Column]) -> tuple[list[_Pair], list[Column]]:
    pairs = [*_days_and_clocks(columns), *_places(columns)]
    used = {name for pair in pairs for name in pair.columns}
    return pairs, [column for column in columns if column.name not in used]


def _days_and_clocks(columns: Sequence[Column]) -> Iterator[_Pair]:
    clocks = {ideas(column.name): column for column in columns if one_shape(column) in CLOCKS}
    for day in columns:
        clock = clocks.get(ideas(day.name))
        if clock is not None and one_shape(day) in DATES:
            formats = f'{{time: ["{DATES[one_shape(day)]}", "{CLOCKS[one_shape(clock)]}"]}}'
            yield _Pair((day.name, clock.name), ideas(day.name), formats, "a date with its time of day")


def _places(columns: Sequence[Column]) -> Iterator[_Pair]:
    found = {idea: column for column in columns for idea in ("latitude", "longitude") if idea in ideas(column.name)}
    if len(found) == 2:
        lat, lon = found["latitude"], found["longitude"]
        yield _Pair((lat.name, lon.name), frozenset({"latitude", "longitude"}), "latlon", "two numbers of one place")


def _of_pairs(pairs: Sequence[_Pair], targets: Sequence[Target]) -> Iterator[Suggestion]:
    for pair in pairs:
        form = "geo" if pair.reads == "latlon" else "time"
        for target in targets:
            near, why = _near(pair.ideas, target)
            if target.form == form and near >= ENOUGH:
                yield Suggestion(pair.columns, target, round(near, 2), f"{why}; {pair.because}", pair.reads)
