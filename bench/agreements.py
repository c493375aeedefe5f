"""Row `agreements`: what one matching agreement costs an event, with twenty in force.

Ours is the gate as deliveries use it (selection, exclusions, the allow-list, the envelope, later
versions); the peer picks the same fields by hand, in a body without envelope, ids or exclusions.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench.baselines import Cost, Watch
from bench.measure import ROUNDS, Row

AGREEMENTS, EVENTS = 20, 5_000


def agreements(folder: Path, _broker: object) -> Row:
    """Twenty agreements with a city service, each with eight fields of a call, judge five thousand events."""
    from gateway import store as stores
    from gateway.delivery import Leaves
    from gateway.event import Keys

    keys = Keys(bytes(32))
    with stores.open(f"sqlite:///{folder / 'store.db'}", keys) as opened:
        events = _journalled(opened)
        gates = [_gate(opened, keys, number) for number in range(AGREEMENTS)]
        if not all(isinstance(gate.judge(events[0]), Leaves) for gate in gates):
            raise SystemExit("row agreements: an agreement does not match")

        def ours(out: Any) -> None:
            for gate in gates:
                gate.judge(out)

        def by_hand(out: Any) -> None:
            for _ in gates:
                _picked(out.data)

        pairs = [(_cost(ours, events), _cost(by_hand, events)) for _ in range(ROUNDS)]
    each = [(1e6 * cost.cpu_s / cost.count, 1e6 * bare.cpu_s / bare.count) for cost, bare in pairs]
    mine = median(one for one, _ in each)
    return Row("agreements", median(one / other for one, other in each), mine, median(other for _, other in each), "µs CPU", mine)


def _cost(act: Callable[[Any], None], events: list[Any]) -> Cost:
    gc.collect()
    gc.freeze()  # as the gateway does
    gc.set_threshold(50_000, 20, 100)
    watch = Watch()
    for out in events:
        act(out)
    return watch.cost(len(events) * AGREEMENTS)


def _gate(opened: Any, keys: Any, number: int) -> Any:
    from gateway import agreement
    from gateway.agreement import Agreement, Destination
    from gateway.delivery import Gate

    fields = ("locations.block", "locations.district", "priority", "reportedAt", "serviceCall.mechanism", "statuses", "types")
    agreed = Agreement(
        f"city-{number}", "Bench", "bench", "bench", "Measuring", False, date(2020, 1, 1), date(2099, 1, 1), ("police.#",),
        {"incident": fields}, False, (Destination("queue", "bus"),), None, "0" * 16,
        select={"incident": {"types.common.code": ("MVA", "MVAINJY")}},
    )  # fmt: skip
    dest = opened.deliveries.destination(agreed.name, "queue")
    return Gate(agreement.compile(replace(agreed), keys), opened, dest)


def _journalled(opened: Any) -> list[Any]:
    """Calls of a usual size, new ones, as a destination that keeps pace reads them."""
    from gateway.adapter import Batch, RawRecord
    from gateway.event import Draft
    from gateway.store.rows import Intake

    data = orjson.dumps(_CALL)
    feed = opened.journal.feed("cad", "calls").id
    intake = Intake(
        "cad", "XX0000000", lambda raw: [Draft("incident", "", raw.key, "", "2026-03-08T01:30:00-05:00", data)],
        lambda _kind: "ab" * 8, lambda _kind: "incident",
    )  # fmt: skip
    raws = [RawRecord("call", f"C-{number}", "1", "put", {"number": number}, b"x", "here") for number in range(EVENTS)]
    for start in range(0, EVENTS, 1000):
        opened.journal.accept(feed, Batch("", raws[start : start + 1000]), intake)
    found: list[Any] = opened.deliveries.read(0, feed, 0, EVENTS)
    return found


def _picked(data: bytes) -> bytes:
    kept = orjson.loads(data)
    place = kept["locations"][0]
    return orjson.dumps(
        {
            "types": kept["types"],
            "statuses": kept["statuses"],
            "priority": kept["priority"],
            "reportedAt": kept["reportedAt"],
            "serviceCall": {"mechanism": kept["serviceCall"]["mechanism"]},
            "locations": [{"block": place["block"], "district": place["district"]}],
        }
    )


def _coded(code: str, common: str, scheme: str, text: str) -> dict[str, Any]:
    return {"internal": {"code": code, "scheme": "bench", "text": text}, "common": {"code": common, "scheme": scheme}}


_AT = {"at": "2026-03-08T01:30:00-05:00", "text": "2026-03-08 01:30:00", "zone": "America/New_York"}
_CALL = {
    "incidentId": "C-000123",
    "types": [_coded("20", "MVA", "APCO.2.103", "Collision")],
    "initialTypes": [_coded("20I", "MVAINJY", "APCO.2.103", "Collision with injury")],
    "statuses": [_coded("D", "ResourcesAssigned", "EIDO.IncidentStatus", "Dispatched")],
    "priority": _coded("2A", "2", "EIDO.Priority", "Urgent"),
    "reportedAt": _AT,
    "serviceCall": {"callId": "C-000123", "mechanism": _coded("N", "UNKNOWN", "NIEM", "Call"), "receivedAt": _AT, "dispatchedAt": _AT},
    "locations": [{"text": "123 Sample St", "block": "001XX Sample St", "district": "3", "beat": "3A", "geo": {"lat": 44.26, "lon": -72.57}}],
    "narrative": "Two cars, nobody hurt as far as the caller can see.",
    "handling": {"juvenile": False, "sealed": False},
    "sourceRecord": {"system": "cad", "key": "C-000123"},
}
