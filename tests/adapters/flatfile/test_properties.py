"""Whatever bytes arrive: each is answered for, nothing but a refusal is raised, and reading goes on from every place.

Blocks are made tiny here, so that every seam between two blocks is met.
"""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adapters.flatfile.layouts.json as json_form
import gateway.xml.cutter
from adapters.flatfile.decode import walk
from adapters.flatfile.layouts import lines
from adapters.flatfile.layouts.choice import form as form_of
from adapters.flatfile.layouts.items import Place, Skipped, Track
from gateway.adapter import RawRecord, Rejected
from gateway.errors import Reject
from tests.adapters.flatfile import reading, systems

FORMS = [
    systems.Delimited, systems.Plain, systems.Fixed, systems.Multirecord,
    systems.Tagged, systems.Xml, systems.Json, systems.JsonLines,
]  # fmt: skip
DIRT = [
    b'"', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b",", b"|", b"<", b">", b"&", b"<!--", b"]]>", b"<call>",
    b"</call>", b"<!DOCTYPE x>", b"{", b"}", b"[", b"]", b"\\", b"\\ud800", b" ", b"END", b"#", b"\x1a", b"x" * 200, b"",
]  # fmt: skip


@pytest.fixture(autouse=True)
def tiny_blocks(monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 37)
    monkeypatch.setattr(json_form, "BLOCK", 37)
    monkeypatch.setattr(gateway.xml.cutter, "BLOCK", 37)


def length(item):
    return item.length if isinstance(item, Skipped) else len(item.original)


def told(item):
    match item:
        case RawRecord():
            return item.kind, item.key, item.version, item.where, item.fields
        case Rejected():
            return item.where, [problem.code.id for problem in item.problems]
        case _:
            return None


@st.composite
def dirty(draw, system):
    """A good document with up to four spots of dirt put in, or written over something."""
    legacy = system.__new__(system)
    data = legacy.document(
        [f"K{number:05d}" if system is not systems.Tagged else f"K{number}|MAIN ST" for number in range(4)]
    )
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        over = draw(st.sampled_from([0, 0, 1, 5, 40]))
        data = data[:at] + draw(st.sampled_from(DIRT)) + data[at + over :]
    return data


@pytest.mark.parametrize("system", FORMS, ids=lambda system: system.__name__)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_dirt_never_loses_a_byte_and_never_stops_the_reading(system, data):
    document = data.draw(dirty(system))
    given = reading.settings(system.layout)
    form, stream, track = form_of(given), io.BytesIO(document), Track()
    try:
        head = form.head(stream, len(document))
    except Reject:
        return
    found, places, place = [], [], Place()
    for item in walk(form, stream, head, place, "d" * 64, track):
        if not isinstance(item, Skipped):
            assert item.original == document[place.offset : place.offset + len(item.original)]
            places.append(place)  # a batch may end before any record
            found.append(item)
        lines_in = item.lines if isinstance(item, Skipped) else item.original.count(b"\n")
        place = Place(place.offset + length(item), place.line + lines_in, track.state)
    assert place.offset == len(document)
    for count, place in list(enumerate(places))[1 :: max(1, len(places) // 4)]:
        rest = walk(form, stream, head, place, "d" * 64, Track(place.state))
        assert [told(item) for item in rest if not isinstance(item, Skipped)] == [told(item) for item in found[count:]]


@pytest.mark.parametrize("system", FORMS, ids=lambda system: system.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_limits_lose_no_byte_either(system, data):
    answered(system, data.draw(dirty(system)))


@pytest.mark.parametrize("system", FORMS, ids=lambda system: system.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.binary(max_size=400))
def test_any_bytes_at_all_are_answered_for(system, document):
    answered(system, document)


def answered(system, document):
    """Under limits so low that good records break them as well."""
    given = reading.settings(system.layout, largest={"line": 120, "record": 150})
    form, stream = form_of(given), io.BytesIO(document)
    try:
        head = form.head(stream, len(document))
    except Reject:
        return
    assert sum(map(length, walk(form, stream, head, Place(), "d" * 64, Track()))) == len(document)
