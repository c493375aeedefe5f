"""The input of the rows `e2e`, `intake` and `mapping`: delimited records of 40 columns and 1.2 KB, all values invented.

The columns are those of a computer-aided dispatch export: a call, its place, its times, and the
free text that dispatchers leave behind.  Deterministic by seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

COLUMNS = (
    "call_no", "agency", "type_code", "type_text", "first_type_code", "first_type_text", "priority", "first_priority",
    "status", "source", "opened", "dispatched", "enroute", "arrived", "closed", "disposition", "disposition_text",
    "self_initiated", "beat", "zone", "district", "block_address", "cross_street", "city", "postcode", "lat", "lon",
    "place_name", "unit", "unit_type", "second_unit", "call_taker", "dispatcher", "report_no", "case_status", "alarm_level",
    "hazard", "language", "remarks", "narrative",
)  # fmt: skip

_TYPES = (("21", "COMPLAINT"), ("62A", "BURGLAR ALARM"), ("94F", "FIREWORKS"), ("20", "COLLISION"), ("103", "NOISE"))
_STREETS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Hawthorn", "Juniper", "Larch", "Maple")
_WORDS = (
    "caller states vehicle parked across the drive unit advised to check the rear gate no contact made with "
    "resident neighbour reports loud voices earlier quiet on arrival area searched nothing found report to follow"
).split()


def _clock(second: int) -> str:
    day, second = divmod(second, 86_400)
    month, day = divmod(day, 28)
    hour, second = divmod(second, 3600)
    return f"2025-{month % 12 + 1:02d}-{day + 1:02d}T{hour:02d}:{second // 60:02d}:{second % 60:02d}-05:00"


def _text(dice: random.Random, size: int) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(dice.choice(_WORDS))
    return " ".join(words)[:size]


def record(number: int, dice: random.Random) -> list[str]:
    """One record's 40 values as text, about 1.2 KB in all."""
    code, text = dice.choice(_TYPES)
    opened = 29 * number + dice.randrange(240)
    street, cross = dice.sample(_STREETS, 2)
    return [
        f"C{number:09d}", "ZZ0010000", code, text, code, text, f"{dice.randrange(1, 4)}", "2", "CLOSED", "PHONE",
        _clock(opened), _clock(opened + 181), _clock(opened + 223), _clock(opened + 667), _clock(opened + 2821), "NAT",
        "NECESSARY ACTION TAKEN", dice.choice("YN"), f"{dice.randrange(1, 40):02d}", f"Z{dice.randrange(9)}",
        f"{dice.randrange(1, 9)}", f"{dice.randrange(1, 99)}XX {street} St", f"{cross} Ave", "Copperton",
        f"{dice.randrange(10000, 99999)}", f"{40 + dice.random():.6f}", f"{-75 - dice.random():.6f}", "", f"U{dice.randrange(60):02d}",
        "PATROL", "", f"T{dice.randrange(30):02d}", f"D{dice.randrange(12):02d}", f"R{number:09d}", "OPEN", "0", "NONE", "en",
        _text(dice, 160), _text(dice, 700),
    ]  # fmt: skip


def lines(count: int, seed: int = 1) -> Iterator[str]:
    """The header and `count` records as lines with their line ends."""
    dice = random.Random(seed)
    yield ",".join(COLUMNS) + "\n"
    for number in range(count):
        yield ",".join(record(number, dice)) + "\n"


def write(path: Path, count: int, seed: int = 1) -> Path:
    """Write the file, streaming; returns its path."""
    with path.open("w", encoding="ascii", newline="") as file:
        file.writelines(lines(count, seed))
    return path
