"""The papers of the evening: what the legacy systems write, in their own shapes, with invented values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime

CALLS = (
    "nopd_item,type_,typetext,priority,initialtype,initialtypetext,initialpriority,mapx,mapy,timecreate,timedispatch,"
    "timearrive,timeclosed,disposition,dispositiontext,selfinitiated,beat,block_address,zip,policedistrict"
).split(",")
UNITS = (
    "call_number,unit_id,unit_type,status,dispatched,enroute,arrived,cleared,primary,officer_1,officer_2,district,remark,"
    "terminal"
).split(",")
RECORDINGS = (
    "evidence_id,status,title,id_external,date_uploaded,created_date_record_start,date_record_end,size_mb,"
    "duration_seconds,location,latitude,longitude,police_district,wearer_badge"
).split(",")

COLLISION = {
    "nopd_item": "J0412026", "type_": "20", "typetext": "AUTO ACCIDENT", "priority": "1A", "initialtype": "21",
    "initialtypetext": "COMPLAINT OTHER", "initialpriority": "2C", "mapx": "3670001", "mapy": "530002",
    "timecreate": "2026-06-12T21:04:10", "selfinitiated": "N", "beat": "3L02", "block_address": "014XX Alder St",
    "zip": "00000", "policedistrict": "3",
}  # fmt: skip
UNREADABLE = {**COLLISION, "nopd_item": "J0512026", "timecreate": "quarter past nine"}
CLOSED = {
    **COLLISION, "type_": "20I", "typetext": "AUTO ACCIDENT WITH INJURY", "timedispatch": "2026-06-12T21:05:00",
    "timearrive": "2026-06-12T21:11:30", "timeclosed": "2026-06-12T22:02:00", "disposition": "RTF",
    "dispositiontext": "REPORT TO FOLLOW",
}  # fmt: skip

TWO_UNITS = (
    {"call_number": "J0412026", "unit_id": "3D11", "unit_type": "PATROL", "status": "A", "primary": "Y", "officer_1": "4711",
     "officer_2": "-9999", "district": "3", "dispatched": "2026-06-12T21:05:00", "arrived": "2026-06-12T21:11:30"},
    {"call_number": "J0412026", "unit_id": "3D14", "unit_type": "PATROL", "status": "E", "primary": "N", "officer_1": "4802",
     "officer_2": "-9999", "district": "3", "dispatched": "2026-06-12T21:06:00", "enroute": "2026-06-12T21:06:40"},
)  # fmt: skip
TWO_RECORDINGS = (
    {"evidence_id": "0C5A1D52-0000-4000-8000-000000000001", "status": "Active", "title": "1400 ALDER", "id_external": "J0412026",
     "created_date_record_start": "2026-06-12T21:11:20.000-05:00", "date_record_end": "2026-06-12T21:41:02.000-05:00",
     "size_mb": "633.749", "duration_seconds": "1782", "wearer_badge": "4711"},
    {"evidence_id": "0C5A1D52-0000-4000-8000-000000000002", "status": "Active", "title": "", "id_external": "J0412026",
     "created_date_record_start": "2026-06-12T21:15:00", "date_record_end": "2026-06-12T21:44:10", "size_mb": "590.02",
     "duration_seconds": "1750", "wearer_badge": "4802"},
)  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """A delimited file with a header, blank where a row says nothing."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def night(count: int) -> bytes:
    """The log of a busy night: so many calls that a process can be killed in their midst."""
    return table(CALLS, [{**COLLISION, "nopd_item": f"N{number:06d}", "type_": "94F", "typetext": "FIREWORKS"} for number in range(count)])


def collision(day: datetime, *, closed: bool = False) -> Mapping[str, str]:
    """A collision of one day, which may be over."""
    over = {"timeclosed": f"{day:%Y-%m-%d}T22:02:00", "disposition": "RTF", "dispositiontext": "REPORT TO FOLLOW"}
    return {**COLLISION, "nopd_item": "K0010000", "timecreate": f"{day:%Y-%m-%d}T21:04:10", **(over if closed else {})}


def arrest() -> bytes:
    """One NIBRS Group B arrest: a segment of 66 positions."""
    # 26-37 transaction, 38-39 seq, 40-47 date, 48 type, 49-51 offence, 52-57 armed with, 58-61 age, 62-66 sex … under 18
    body = f"XX0000000{'ZZ7000001':12}0120260612O90D01    34  FWNR "
    return f"00667I062026    {body}".ljust(66).encode("ascii") + b"\r\n"
