"""Invented tables as a discovery shows them: a dispatch table with the dirt of the field, and one of exhibits."""

from gateway import profile
from gateway.adapter import Discovery, Offer

CANARIES = ("CANARY, ALICE", "555-867-5309", "CANARY lives here", "4711 CANARY ST", "1977-05-04")


def calls():
    return [
        {
            "CALLNO": f"C{100000 + number}",
            "CALLTYPE": ("62A", "21", "103F")[number % 3],
            "PRI": str(number % 4),
            "CALLDATE": f"202603{1 + number % 28:02}",
            "CALLTIME": f"{number % 24:02}{number % 60:02}",
            "TIMEDISP": f"2026-03-01 21:{number % 60:02}:00",
            "TIMECLR": None,
            "STREET": "4711 CANARY ST" if number == 7 else f"{number} Elm St",
            "LAT": 35.1,
            "LON": -77.2,
            "CALLERNAME": "CANARY, ALICE",
            "CALLERPHONE": "555-867-5309",
            "CALLERDOB": "1977-05-04",
            "DISPO": ("NAT", "RTF", "")[number % 3],
            "REMARKS": "CANARY lives here",
            "ROWGUID": f"{number * 7919:08x}",
        }
        for number in range(200)
    ]


def exhibits():
    return [
        {
            "EVIDENCE_NO": f"26-{number:05}",
            "CASE_NO": f"R{number // 3:05}",
            "ITEM_TYPE": ("KNF", "GUN", "PHN", "DOC")[number % 4],
            "COLLECTED_DATE": f"03/{1 + number % 28:02}/2026 10:15",
            "COLLECTED_OFFICER": f"B{number % 9}",
            "DESCR": "CANARY lives here",
        }
        for number in range(120)
    ]


def offer(rows, *, key=()):
    return Offer(profile.columns(rows, dict.fromkeys(rows[0], "VARCHAR(40)")), rows=len(rows), key=key)


def discover(settings, context, names):
    return Discovery({"dbo.calls": offer(calls(), key=["CALLNO"]), "exhibits": offer(exhibits())})
