"""Each shipped template, from `new` to an event, and the same file again."""

from __future__ import annotations

import json

import pytest

SAMPLES = {
    "cad-export": ("calls", "calls"),
    "bodycam-export": ("recordings", "recordings"),
    "nibrs": ("nibrs", "submissions"),
}


@pytest.mark.parametrize("template", SAMPLES)
def test_a_template_reads_its_own_sample_and_nothing_new_the_second_time(gateway, template):
    inbox, feed = SAMPLES[template]
    folder = gateway.registers("legacy", template)
    gateway("check")
    gateway("test")
    sample = next(path for path in sorted((folder / "samples").iterdir()) if path.stem.startswith(feed))
    gateway.arrives(inbox, f"{inbox}{sample.suffix}", sample.read_bytes())
    first = gateway.once()
    assert first["accepted"] == first["read"] > 0
    assert first["in_progress"] == 0 < first["delivered"]
    gateway.arrives(inbox, f"{inbox}{sample.suffix}", sample.read_bytes())
    again = gateway.once()
    assert (again["read"], again["unchanged"], again["delivered"]) == (first["read"], first["read"], 0)
    assert json.loads(gateway("receipts", "list", "--json"))[0]["state"] == "complete"
    gateway("ledger", "verify")


def test_the_real_state_file_comes_through_three_times(gateway, shared):
    gateway.registers("rms", "nibrs")
    real = (shared / "nibrs" / "VTUCR0001_20200420_NIBRS_010.txt").read_bytes()
    for accepted in (1792, 0, 0):
        gateway.arrives("nibrs", "state.txt", real)
        ran = gateway.once()
        assert (ran["read"], ran["accepted"], ran["unchanged"]) == (1792, accepted, 1792 - accepted)


def test_a_site_on_postgresql_does_the_same(gateway, postgres):
    gateway.env["COPPERLINE_STORE"] = postgres.database()
    with (gateway.root / "site.yaml").open("a") as settings:
        settings.write("store: {url_from: env:COPPERLINE_STORE}\n")
    folder = gateway.registers("rms", "nibrs")
    sample = next((folder / "samples").iterdir()).read_bytes()
    gateway.arrives("nibrs", "state.txt", sample)
    first = gateway.once()
    assert first["accepted"] == first["read"] > 0 == first["in_progress"]
    gateway.arrives("nibrs", "state.txt", sample)
    assert gateway.once()["unchanged"] == first["read"]
    gateway("ledger", "verify")
