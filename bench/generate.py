"""Invented files in the shapes of the shipped systems: the samples beside the mappings, and bulk for benches.

Every value is made up; the dirt is not: blank times, cut texts, two lengths of one segment in a file,
local times beside times with an offset, a delete and the insert that follows it.  One seed always
gives the same bytes, and everything is written as it is made, so a file may be larger than memory.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bench import nibrs

Row = Sequence[str]

CALLS = (
    "nopd_item", "type_", "typetext", "priority", "initialtype", "initialtypetext", "initialpriority", "mapx", "mapy",
    "timecreate", "timedispatch", "timearrive", "timeclosed", "disposition", "dispositiontext", "selfinitiated",
    "beat", "block_address", "zip", "policedistrict",
)  # fmt: skip
DISPATCHES = (
    "incident_number", "rpt_dist", "area_occ", "dispatch_date", "dispatch_time", "call_type_code", "call_type_text",
)  # fmt: skip
UNITS = (
    "call_number", "unit_id", "unit_type", "status", "dispatched", "enroute", "arrived", "cleared", "primary",
    "officer_1", "officer_2", "district", "remark", "terminal",
)  # fmt: skip
RECORDINGS = (
    "evidence_id", "status", "title", "id_external", "date_uploaded", "created_date_record_start", "date_record_end",
    "date_deleted", "size_mb", "duration_seconds", "deletion_type", "location", "latitude", "longitude",
    "police_district", "content_type", "flag_y_n", "owner_badge_id", "wearer_badge", "uploader_badge", "categories",
    "evidence_tags", "retention", "retain_until", "legal_hold", "redacted_from", "device_serial", "device_model",
    "dock_serial", "firmware", "clock_offset_seconds", "clock_source", "device_zone", "pre_buffer_seconds", "trigger",
    "triggered_at", "late_activation", "late_by_seconds", "late_reason", "muted_from", "muted_to", "muted_reason",
    "gap_from", "gap_to", "upload_status", "place",
)  # fmt: skip

_START = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-6)))
_TYPES = (
    ("62A", "BURGLAR ALARM, SILENT"), ("103", "DISTURBANCE (OTHER)"), ("94F", "FIREWORKS"), ("103F", "FIGHT"),
    ("21", "COMPLAINT OTHER"), ("18", "TRAFFIC STOP"), ("ZZ9", "NEW CODE"),
)  # fmt: skip
_RADIO = (("415G", "GRP"), ("459", "BURG"), ("1101", "NARCOTIC ACTIVITY"), ("246H", "HEARD ONLY"), ("777X", "UNLISTED"))
_ENDS = (("NAT", "Necessary Action Taken"), ("GOA", "GONE ON ARRIVAL"), ("RTF", "REPORT TO FOLLOW"))
_STREETS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Hawthorn", "Juniper", "Larch", "Maple")


def _local(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S")


def _after(dice: random.Random, when: datetime, minutes: int) -> datetime:
    return when + timedelta(seconds=dice.randrange(10, minutes * 60))


def calls(count: int, seed: int = 1) -> Iterator[Row]:
    """Calls for service; about a third lack a time, one in five was begun by an officer."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        created = _START + timedelta(seconds=61 * number)
        sent, there = _after(dice, created, 20), _after(dice, created, 40)
        own = dice.random() < 0.2
        code, first = dice.choice(_TYPES), dice.choice(_TYPES)
        end, said = dice.choice(_ENDS)
        street, cross = dice.sample(_STREETS, 2)
        yield (
            f"A{number:05d}26", *code, dice.choice(("1A", "2B", "2C")), *first, dice.choice(("1A", "2B", "1H")),
            str(dice.randrange(3_660_000, 3_710_000)), str(dice.randrange(515_000, 565_000)), _local(created),
            "" if own else _local(sent), "" if dice.random() < 0.3 else _local(created if own else there),
            _local(_after(dice, there, 60)), end, said, "Y" if own else "N", f"{dice.randrange(1, 9)}L0{dice.randrange(9)}",
            f"{street} St & {cross} Ave" if dice.random() < 0.2 else f"{dice.randrange(1, 130):03d}XX {street} St",
            f"0000{dice.randrange(9)}", str(dice.randrange(1, 9)),
        )  # fmt: skip


def dispatches(count: int, seed: int = 1) -> Iterator[Row]:
    """Dispatched calls with date and time apart and the text of the radio code cut short."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        at = _START + timedelta(seconds=47 * number)
        yield (
            f"{at:%y%m%d}{number:06d}", f"{dice.randrange(100, 2100):04d}", dice.choice(("Harbor", "Hill", "North")),
            at.strftime("%Y-%m-%dT00:00:00"), at.strftime("%H:%M:%S"), *dice.choice(_RADIO),
        )  # fmt: skip


def units(count: int, seed: int = 1) -> Iterator[Row]:
    """Unit times of the calls that `calls` makes; some units never arrive, some have nobody logged in."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        sent = _START + timedelta(seconds=61 * number + 30)
        moving, there = sent + timedelta(seconds=20), _after(dice, sent, 15)
        gone = _after(dice, there, 50)
        state = dice.choice("DEAC")
        reached = "DEAC".index(state)
        yield (
            f"A{number:05d}26", f"{dice.randrange(1, 9)}D{dice.randrange(1, 20):02d}",
            dice.choice(("PATROL", "K9", "SUP")), state, _local(sent), _local(moving) if reached > 0 else "",
            _local(there) if reached > 1 and dice.random() < 0.8 else "", _local(gone) if reached > 2 else "",
            dice.choice("YN"), f"{dice.randrange(1000, 9999)}", "-9999", str(dice.randrange(1, 9)), "", "T1",
        )  # fmt: skip


def recordings(count: int, seed: int = 1) -> Iterator[Row]:
    """Recordings: two of one incident, blank numbers, no place, late and muted ones, a redacted copy."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        row = _recording(dice, number)
        yield [row.get(column, "") for column in RECORDINGS]


def _recording(dice: random.Random, number: int) -> dict[str, str]:
    start = _START + timedelta(seconds=97 * (number // 2 * 2))  # two cameras at one incident start together
    length = dice.randrange(60, 1800)
    row = _plain(dice, number, start, length)
    if dice.random() < 0.6:
        lat, lon = f"{29.9 + dice.random() / 10:.8f}", f"{-90 - dice.random() / 10:.8f}"
        row |= {
            "location": f"({lat}, {lon})",
            "latitude": lat,
            "longitude": lon,
            "police_district": str(dice.randrange(1, 9)),
        }
    match number % 5:
        case 1:
            row |= {"late_activation": "Y", "late_by_seconds": str(dice.randrange(5, 90)), "late_reason": "FORGOTTEN"}
        case 2:
            row |= {"muted_from": _zoned(start, 120), "muted_to": _zoned(start, 180), "muted_reason": "ADVICE"}
        case 3:
            row |= {
                "redacted_from": _uuid(number - 1),
                "flag_y_n": "Y",
                "gap_from": _zoned(start, 30),
                "gap_to": _zoned(start, 41),
            }
        case 4:
            row |= {"status": "Deleted", "date_deleted": _zoned(start, 9_000_000), "deletion_type": "Scheduled"}
    return row


def _plain(dice: random.Random, number: int, start: datetime, length: int) -> dict[str, str]:
    """What every row has; each seventh says its times without an offset."""
    say = _local if number % 7 == 0 else _zoned
    street, cross = dice.sample(_STREETS, 2)
    return {
        "evidence_id": _uuid(number),
        "status": "Active",
        "title": dice.choice(
            (f"{dice.randrange(100, 9900)} {street.upper()} CT", f"{street}/{cross}", f"{cross} at {street}")
        ),
        "id_external": "" if number % 4 == 0 else f"J-{number // 2:05d}-26",
        "date_uploaded": say(start + timedelta(hours=7, milliseconds=549)),
        "created_date_record_start": say(start),
        "date_record_end": say(start + timedelta(seconds=length)),
        "size_mb": repr(length * 0.4596),
        "duration_seconds": str(length),
        "flag_y_n": "N",
        "owner_badge_id": f"{dice.randrange(1000, 9999)}",
        "wearer_badge": f"{dice.randrange(1000, 9999)}",
        "uploader_badge": f"{dice.randrange(1000, 9999)}",
        "categories": dice.choice(("PATROL", "ARREST;USEOFFORCE", "")),
        "retention": "PATROL",
        "retain_until": "2026-07-01",
        "legal_hold": "N",
        "device_serial": f"B8A{number:05d}",
        "device_model": "X1",
        "clock_offset_seconds": f"{dice.uniform(-3, 3):.2f}",
        "clock_source": dice.choice(("GPS", "DOCK", "SELF")),
        "pre_buffer_seconds": "30",
        "trigger": dice.choice(("BUTTON", "LIGHTS")),
        "triggered_at": say(start + timedelta(seconds=30)),
        "upload_status": "COMPLETE",
    }


def _zoned(start: datetime, seconds: int = 0) -> str:
    return (start + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012X}"


def table(columns: Row, rows: Iterable[Row]) -> Iterator[bytes]:
    """A header and rows as CSV, line by line."""
    yield _line(columns)
    for row in rows:
        yield _line(row)


def _line(row: Row) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(row)
    return buffer.getvalue().encode()


def write(path: Path, pieces: Iterable[bytes]) -> int:
    """Write pieces as they come; returns how many bytes."""
    with path.open("wb", buffering=1 << 20) as file:
        return sum(file.write(piece) for piece in pieces)


def nibrs_file(path: Path, incidents: int, seed: int = 1) -> int:
    """Write a NIBRS submission of so many Group A incidents and what goes with them; returns how many bytes."""
    return write(path, nibrs.submission(incidents, seed))
