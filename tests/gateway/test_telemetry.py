"""What the gateway says about itself never quotes a record."""

import io
import json

from gateway import telemetry


def test_a_log_line_is_one_json_object_with_its_fields():
    out = io.StringIO()
    telemetry.start(out)
    telemetry.log(system="cad").info("batch accepted", new=41, note="one\ntwo")
    line = out.getvalue()
    assert line.count("\n") == 1
    assert json.loads(line) | {"at": ""} == {
        "at": "", "event": "batch accepted", "level": "info", "new": 41, "note": "one\ntwo", "system": "cad",
    }


def test_a_fault_is_told_by_type_and_place_never_by_its_message():
    out = io.StringIO()
    telemetry.start(out)
    try:
        raise ValueError("JANE CANARY")
    except ValueError as e:
        telemetry.log().error("poll failed", exc_info=e)
    assert "CANARY" not in out.getvalue()
    assert json.loads(out.getvalue())["fault"] == "ValueError"


def test_counters_add_up_and_are_told_in_a_stable_order():
    metrics = telemetry.Metrics()
    metrics.add("copperline_records_total", 2, system="cad", outcome="accepted")
    metrics.add("copperline_records_total", 3, outcome="accepted", system="cad")
    metrics.set("copperline_intake_paused", 1)
    assert metrics.value("copperline_records_total", system="cad", outcome="accepted") == 5
    assert list(metrics.lines()) == [
        "copperline_intake_paused 1",
        'copperline_records_total{outcome="accepted",system="cad"} 5',
    ]
