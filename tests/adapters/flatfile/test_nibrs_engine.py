"""The multirecord form on a real state's file: every segment in a record, every byte answered for."""

from collections import Counter

from gateway.adapter import RawRecord
from tests.adapters.flatfile.reading import items, told

TYPES = {
    "0": ("zero", False, [43]),
    "1": ("administrative", False, [87, 88]),
    "2": ("offences", True, [63, 71]),
    "3": ("property", True, [307]),
    "4": ("victims", True, [129, 141]),
    "5": ("offenders", True, [45, 46]),
    "6": ("arrestees", True, [110]),
    "7": ("arrest", False, [66]),
}
NIBRS = {
    "form": "multirecord",
    "type": "5",
    "length": "1-4",
    "common": {"action": "6", "ori": "17-25", "number": "26-37"},
    "lines": {
        type: {"name": name, "many": many, "lengths": lengths, "fields": {"seq": "38-39"}}
        for type, (name, many, lengths) in TYPES.items()
    },
    "records": {
        "incident": {"starts": "1", "then": ["2", "3", "4", "5", "6"], "key": ["ori", "number"]},
        "arrest": {"starts": "7", "key": ["ori", "number", "arrest.seq"]},
        "zero-report": {"starts": "0", "key": ["ori", "number", "zero.seq"]},
    },
    "change": {"field": "action", "remove": ["D"]},
}


def test_a_real_submission_comes_through_whole(shared):
    data = (shared / "nibrs" / "VTUCR0001_20200420_NIBRS_010.txt").read_bytes()
    found = items(NIBRS, data, charset="ascii")
    records = [item for item in found if isinstance(item, RawRecord)]
    assert Counter((record.kind, record.change) for record in records) == {
        ("incident", "put"): 1042,
        ("incident", "remove"): 304,
        ("arrest", "put"): 324,
        ("arrest", "remove"): 104,
        ("zero-report", "put"): 18,
    }
    assert set(told(found)) - {record.key for record in records} == {"(blank)"}
    segments = Counter(
        name for record in records for name, value in record.fields.items() if isinstance(value, list) for _ in value
    )
    assert segments == {"offences": 1123, "property": 906, "victims": 1135, "offenders": 1123, "arrestees": 437}


def test_a_real_test_submission_comes_through_whole(shared):
    found = items(NIBRS, (shared / "nibrs" / "Test-Submission-1.txt").read_bytes(), charset="ascii")
    assert Counter(item.kind for item in found if isinstance(item, RawRecord)) == {"incident": 212, "arrest": 12}
