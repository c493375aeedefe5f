"""Invented NIBRS flat files, segment by segment from the published layout; deterministic by seed, streamed.

Positions in the comments are those of the specification, counted from 1.  Old and new segment
lengths are mixed in one file, as states really send them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_ORIS = tuple(f"XX{number:05d}00" for number in range(101, 140))
_FIRST = date(2026, 1, 1)
_THEFT = ("23C", "23D", "23F", "23H", "220", "240", "26A")
_VIOLENT = ("13A", "13B", "13C", "120")
_PLACES = ("20", "13", "08", "18", "07", "05", "14", "53")
_GOODS = ("20", "77", "75", "07", "06", "36")
_GROUP_B = ("90C", "90D", "90J", "90Z")
_RELATED = ("AQ", "OK", "ST", "SE", "BG", "RU")


@dataclass(frozen=True, slots=True)
class _Case:
    """What every segment of one incident shares."""

    dice: random.Random
    ori: str
    number: str
    new: bool
    """The longer segments of the newer layout."""

    def segment(self, level: str, body: str, length: int, action: str = "I") -> bytes:
        # 1-4 length, 5 level, 6 action, 7-12 month and year, 13-16 city, 17-25 ORI, 26-37 number
        text = f"{length:04d}{level}{action}012026    {self.ori:9}{self.number:12}{body}"
        return text.ljust(length).encode("ascii") + b"\r\n"


def submission(incidents: int, seed: int = 1) -> Iterator[bytes]:
    """A file: `incidents` Group A incidents, a third of them deleted first; Group B arrests, zero reports, blank lines."""
    dice = random.Random(seed)
    for number in range(1, incidents + 1):
        case = _Case(dice, dice.choice(_ORIS), f"ZZ{number:07d}", dice.random() < 0.6)
        if dice.random() < 0.3:
            yield _administrative(case, "D")
        yield from incident(case)
        if dice.random() < 0.3:
            yield from _group_b(dice, number)
        if number % 100 == 0:
            yield _Case(dice, dice.choice(_ORIS), "0" * 12, new=True).segment("0", "012026", 43, "A")
    yield b"\r\n\r\n"


def corners() -> Iterator[bytes]:
    """What a file rarely holds and a mapping must not miss, each once; for the sample beside the mapping."""
    case = _Case(random.Random(0), _ORIS[0], "ZZ9000001", new=True)
    drugs = "".join(f"{kind}{quantity:012d}{unit}" for kind, quantity, unit in (("E", 1500, "GM"), ("A", 2, "KG")))
    officer = f"002{'13A':30}L35  MWNR02   M{'':4}{'02RU':40}04GXX0010200"
    # report date instead of the incident's, no hour, cleared exceptionally, theft of cargo
    yield case.segment("1", f"20260110R  A20260112{'':30}Y", 88)
    # attempted, two suspected factors, premises and forced entry, activities, automatic weapon, five biases
    yield case.segment("2", f"220A{'DA':3}1402F{'PD':3}{'11A12':9}1112131421", 71)
    yield case.segment("2", f"13AC{'N':3}20  N{'N':3}{'40':9}88", 71)
    yield case.segment("3", f"1{'':190}", 307)
    yield case.segment("3", f"7{'03000012000':19}{'20000000001':19}{'':152}01  ", 307)
    yield case.segment("3", f"5{'0300001200020260112':190}  01", 307)
    yield case.segment("3", f"6{'10':190}    {drugs}X", 307)
    yield case.segment("4", f"001{'22013A':30}INB  FW  0102 MB   {'01SE02AQ':40}", 141)
    yield case.segment("4", officer, 141)
    yield case.segment("5", "012535MWN", 46)
    yield case.segment("5", "0200  U", 46)
    yield case.segment("6", "01T0001       20260113OC13A11A16 16  MW RR", 110)
    yield _Case(case.dice, _ORIS[1], "B900001", new=True).segment("7", "0220260114S90J01    99  FU", 66, "A")
    yield _Case(case.dice, _ORIS[2], "0" * 12, new=True).segment("0", "012026", 43, "A")


def incident(case: _Case) -> Iterator[bytes]:
    """One Group A incident, in the order of its segments."""
    violent = case.dice.random() < 0.4
    codes = case.dice.sample(_VIOLENT if violent else _THEFT, case.dice.choice((1, 1, 1, 2)))
    offenders = case.dice.choice((0, 1, 1, 2))
    yield _administrative(case, "I")
    for code in codes:
        yield _offence(case, code, violent)
    if not violent:
        yield from _property(case)
    yield _victim(case, codes, violent, offenders)
    for number in range(1, offenders + 1) if offenders else (0,):
        yield _offender(case, number)
    if offenders and case.dice.random() < 0.5:
        yield _arrestee(case, codes[0])


def _day(dice: random.Random) -> str:
    return (_FIRST + timedelta(days=dice.randrange(28))).strftime("%Y%m%d")


def _administrative(case: _Case, action: str) -> bytes:
    dice = case.dice
    hour = "  " if dice.random() < 0.05 else f"{dice.randrange(24):02d}"  # 47-48 blank: not known
    reported = "R" if dice.random() < 0.02 else " "  # 46
    cleared = f"B{_day(dice)}" if dice.random() < 0.03 else "N        "  # 49 reason, 50-57 day
    body = f"{_day(dice)}{reported}{hour}{cleared}{'':30}"
    return case.segment("1", body + ("N" if case.new else ""), 88 if case.new else 87, action)


def _offence(case: _Case, code: str, violent: bool) -> bytes:
    dice = case.dice
    entry = "  F" if code == "220" else "   "  # 47-48 premises, 49 entry
    activity, weapon = ("N  ", "40       ") if violent else ("   ", "         ")  # 50-52, 53-61
    if dice.random() < 0.05:
        weapon = "11A12    " if violent else weapon
    body = f"{code}{dice.choice('CCCCA')}N  {dice.choice(_PLACES)}{entry}{activity}{weapon}88"
    return case.segment("2", body, 71 if case.new else 63)


def _property(case: _Case) -> Iterator[bytes]:
    dice = case.dice
    items = "".join(f"{kind}{dice.randrange(1, 5000):09d}{'':8}" for kind in dice.sample(_GOODS, dice.randrange(1, 4)))
    yield case.segment("3", f"7{items:190}", 307)
    if dice.random() < 0.2:  # recovered, with the day
        yield case.segment("3", f"5{f'20{100:09d}{_day(dice)}':190}", 307)
    if dice.random() < 0.1:  # seized drugs: nine digits and three behind the point
        drug = f"E{dice.randrange(1, 90000):012d}GM"
        yield case.segment("3", f"6{'10':190}    {drug:45}", 307)


def _age(dice: random.Random) -> str:
    return dice.choice((f"{dice.randrange(10, 80)}  ", f"{dice.randrange(10, 80)}  ", "2535", "00  ", "NN  "))


def _victim(case: _Case, codes: list[str], violent: bool, offenders: int) -> bytes:
    dice = case.dice
    links = "".join(codes)
    if not violent and dice.random() < 0.3:
        body = f"001{links:30}B{'':58}"  # a business has no age, no sex and no injury
    else:
        injury = dice.choice("MN") if violent else " "
        related = "".join(f"{one:02d}{dice.choice(_RELATED)}" for one in range(1, offenders + 1)) or "00  "
        body = f"001{links:30}I{_age(dice)}{dice.choice('MF')}{dice.choice('WBAU')}NR{'':4} {injury:5}{related if violent else '':40}"
    return case.segment("4", body, 141 if case.new else 129)


def _offender(case: _Case, number: int) -> bytes:
    body = f"{number:02d}" + (f"{_age(case.dice)}{case.dice.choice('MF')}W" if number else "      ")
    return case.segment("5", body + ("N" if case.new and number else ""), 46 if case.new else 45)


def _arrestee(case: _Case, code: str) -> bytes:
    dice = case.dice
    body = f"01{dice.randrange(10**6):06d}{'':6}{_day(dice)}{dice.choice('OST')}N{code}01    {dice.randrange(18, 60)}  MWNR "
    return case.segment("6", body, 110)


def _group_b(dice: random.Random, number: int) -> Iterator[bytes]:
    """An arrest without an incident; one in four is deleted first, and some arrestees are young."""
    case = _Case(dice, dice.choice(_ORIS), f"B{number:06d}", new=True)
    age = dice.choice(("16", "22", "35", "51"))
    under = "R" if age == "16" else " "
    body = f"01{_day(dice)}{dice.choice('OST')}{dice.choice(_GROUP_B)}01    {age}  {dice.choice('MF')}W R{under}"
    if dice.random() < 0.25:
        yield case.segment("7", body, 66, "D")
    yield case.segment("7", body, 66, "A")
