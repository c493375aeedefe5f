"""Conversions: every one has an example that runs, none says a value, and the clock's two nights are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from datetime import datetime

import pytest

from gateway import convert
from gateway.convert import CONVERSIONS, Never, Unreadable, build
from gateway.convert.clock import clock

MODULES = [f"gateway.convert.{found.name}" for found in pkgutil.iter_modules(convert.__path__)]


@pytest.mark.parametrize("name", ["gateway.convert", "gateway.yamlfile", *MODULES])
def test_the_examples_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
def test_every_conversion_says_what_it_does_and_shows_it(name):
    assert CONVERSIONS[name].says.endswith(".")
    assert ">>>" in (CONVERSIONS[name].factory.__doc__ or "")


ARGUMENTS = {
    "bytes": ("MB",), "choose": ({"A": "b"},), "columns": (1, 2), "code": ("S",), "common": ("S",), "internal": ("S",),
    "grid": ("S",), "prefix": ("a",), "strip-prefix": ("a",), "trim": ("*",), "before": ("@",), "after": ("@",),
    "sentinel": ("0",), "write-time": ("%Y",), "write-date": ("%Y",), "pad": (4,),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
@pytest.mark.parametrize("value", ["xq7zz", "99999999999999999999", "٣", "-", ["xq7zz"], {"at": "xq7zz"}, float("nan")])
def test_what_cannot_be_read_never_stands_in_the_message(name, value):
    conversion = build(name, *ARGUMENTS.get(name, ()), zone="America/New_York")
    said = ""
    try:
        conversion(value)
    except Unreadable as e:
        said = str(e)
    assert "xq7zz" not in said
    assert "99999" not in said


@pytest.mark.parametrize(
    "name, arguments",
    [("duration", ("weeks",)), ("bytes", ("TB",)), ("columns", (4, 1)), ("epoch", ("h",)), ("choose", ("A",)),
     ("range", ("NN",)), ("sentinel", ()), ("prefix", ()), ("integer", (1,)), ("time", ("%H:%M",)), ("date", ("%Q",))],
)  # fmt: skip
def test_wrong_arguments_are_refused_when_built(name, arguments):
    with pytest.raises(ValueError):
        build(name, *arguments)


def time(*values, zone="America/New_York", formats=()):
    return build("time", *formats, zone=zone, sources=len(values))(*values)


def test_a_local_time_that_comes_twice_is_the_first_and_marked():
    assert time("2026-11-01T01:30:00") == {
        "at": "2026-11-01T01:30:00-04:00", "text": "2026-11-01T01:30:00", "zone": "America/New_York", "ambiguous": True,
    }  # fmt: skip
    assert "ambiguous" not in time("2026-11-01T02:30:00")
    assert time("2026-11-01T00:59:59")["at"].endswith("-04:00")


def test_a_local_time_that_never_was_is_a_problem():
    with pytest.raises(Never):
        time("2026-03-08T02:30:00")
    assert time("2026-03-08T01:59:59")["at"].endswith("-05:00")
    assert time("2026-03-08T03:00:00")["at"].endswith("-04:00")


def test_an_offset_of_its_own_needs_no_zone():
    assert time("2026-11-01T01:30:00-05:00") == {"at": "2026-11-01T01:30:00-05:00"}
    assert time("2026-03-08 02:30:00+0000") == {"at": "2026-03-08T02:30:00+00:00", "text": "2026-03-08 02:30:00+0000"}


@pytest.mark.parametrize(
    "zone, local, offset, twice",
    [
        ("America/St_Johns", "2005-10-29T23:30:00", "-02:30", True),
        ("America/St_Johns", "2005-10-30T00:00:30", "-02:30", True),
        ("America/Sao_Paulo", "2018-02-17T23:30:00", "-02:00", True),
        ("America/Sao_Paulo", "2018-02-18T23:30:00", "-03:00", False),
        ("America/Phoenix", "2026-03-08T02:30:00", "-07:00", False),
        ("Asia/Kolkata", "2026-03-08T02:30:00", "+05:30", False),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", "+11:00", True),
    ],
)
def test_awkward_zones(zone, local, offset, twice):
    assert clock(zone).offset(datetime.fromisoformat(local)) == (offset, twice)


@pytest.mark.parametrize(
    "zone, local",
    [("America/Sao_Paulo", "2017-10-15T00:30:00"), ("Australia/Lord_Howe", "2026-10-04T02:15:00")],
)
def test_awkward_zones_have_times_that_never_were(zone, local):
    with pytest.raises(Never):
        clock(zone).offset(datetime.fromisoformat(local))


def test_a_blank_hour_leaves_the_day_and_says_so():
    formats = ("%Y%m%d", "%H")
    assert time("20260704", None, formats=formats)["precision"] == "day"
    hour = time("20260704", "23", formats=formats)
    assert (hour["at"], hour["precision"], hour["text"]) == ("2026-07-04T23:00:00-04:00", "hour", "20260704 23")
    assert time(None, "23", formats=formats) is None


def test_a_date_column_with_an_idle_midnight_and_a_time_column():
    assert time("2026-02-12T00:00:00", "18:11:47")["at"] == "2026-02-12T18:11:47-05:00"
    with pytest.raises(Unreadable):
        time("2026-02-12T07:00:00", "18:11:47")


def test_numbers_that_touch_are_read_only_in_full_width():
    assert time("3/8/2026", formats=("%m/%d/%Y",))["at"] == "2026-03-08T00:00:00-05:00"
    with pytest.raises(Unreadable):
        time("2026308", formats=("%Y%m%d",))


def test_formats_of_one_source_are_alternatives():
    formats = ("%m/%d/%Y %H:%M", "%Y%m%d%H%M%S")
    assert time("03/09/2026 12:30", formats=formats)["at"] == "2026-03-09T12:30:00-04:00"
    assert time("20260309123000", formats=formats)["at"] == "2026-03-09T12:30:00-04:00"


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01T00:00:00", "26-01-01", "2026-01-01T24:61", "tomorrow", "0152"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(Unreadable):
        time(text)


@pytest.mark.parametrize(
    "address, block",
    [
        ("2424 CUMBERLAND CT", "24XX CUMBERLAND CT"),
        ("12330 I 10 Service Rd", "123XX I 10 Service Rd"),
        ("2424-2430 Elm St", "24XX Elm St"),
        ("12 1/2 Oak Ave Unit B", "XX Oak Ave"),
        ("7 Elm St #4", "XX Elm St"),
        ("CANAL at BOURBON", "CANAL at BOURBON"),
        ("001XX S Cortez St", "001XX S Cortez St"),
    ],
)
def test_a_hundred_block_hides_the_house(address, block):
    assert build("hundred-block")(address) == block


@pytest.mark.parametrize("text", ["(29.9, -190)", "91, 0", "(29.9)", "here", "POINT(1 2 3)", "nan, nan"])
def test_a_place_that_is_none_is_refused(text):
    with pytest.raises(Unreadable):
        build("latlon")(text)


def test_half_a_place_is_refused():
    with pytest.raises(Unreadable):
        build("latlon", sources=2)("29.5", None)
    with pytest.raises(Unreadable):
        build("latlon", sources=2)("nan", "nan")
