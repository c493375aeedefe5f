"""Bodies that arrive whole: one batch, every byte answered for, every original readable again."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from adapters.flatfile import document
from adapters.flatfile.layouts import delimited
from gateway.adapter import Document, RawRecord, Rejected
from gateway.errors import Reject
from tests.adapters.flatfile.reading import CALLS, LINES

XML = {"form": "xml", "records": "/export/call", "kind": "call", "key": "id"}
JSON = {"form": "json", "records": "[]", "kind": "call", "key": "id"}
BODIES = {
    "csv": (CALLS, b"# export\r\nid,place\r\n1,Elm Street\r\n\r\n2,Oak Street\r\n"),
    "lines": (LINES, b"00121I0001AA\n00112I0001W\n00121I0002BB\n"),
    "xml": (XML, b"<?xml version='1.0'?>\n<export>\n<call><id>1</id></call>\n<call><id>2</id></call>\n</export>\n"),
    "json": (JSON, b'[{"id": "1"}, {"id": "2"}]'),
}


def read(layout, body, **more):
    settings = document.settings.model_validate({"layout": layout, **more})
    given = Document("request", hashlib.sha256(body).digest(), len(body), body=body)
    return settings, document.whole(settings, given)


@pytest.mark.parametrize("name", BODIES)
def test_every_byte_of_a_body_is_in_a_record_or_a_named_range(name):
    layout, body = BODIES[name]
    settings, batch = read({**layout, "comment": "#"} if name == "csv" else layout, body)
    assert [record.key for record in batch.records] != []
    assert sum(len(record.original) for record in batch.records) + sum(gap[1] for gap in batch.skipped) == len(body)
    assert batch.complete
    assert batch.document.body is None
    for record in batch.records:
        assert isinstance(record, RawRecord)
        kept = Document("request", b"", len(record.original), batch.document.preamble, record.original)
        assert [again.fields for again in document.decode(settings, kept)] == [record.fields]


def test_a_body_whose_header_lacks_a_column_is_refused_whole():
    with pytest.raises(Reject) as refused:
        read(CALLS, b"number,place\n1,Elm Street\n")
    assert refused.value.problems[0].code.id == "flatfile.header"


def test_a_body_whose_totals_do_not_agree_is_refused_whole():
    layout = {**CALLS, "trailer": {"starts": "END", "count": 2}}
    with pytest.raises(Reject):
        read(layout, b"id,place\n1,Elm Street\nEND,7\n")


def test_one_bad_row_is_rejected_with_its_place_and_the_others_are_read():
    _, batch = read(CALLS, b"id,place\n1,Elm Street\n2\n3,Oak Street\n")
    assert [isinstance(record, Rejected) for record in batch.records] == [False, True, False]
    assert batch.records[1].where.startswith("line 3,")


def test_a_document_feed_has_no_source_to_poll():
    assert document.source is None


PIECES = st.sampled_from(
    [b"id", b"place", b",", b"\n", b"\r\n", b"\r", b"1", b"Elm Street", b" ", b"\0", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"\x1a", b'"', b"x" * 90]
)
HEADERS = st.sampled_from([b"id,place\n", b"id,place\r\n", b"place,id\n", b"id,id\n", b"number\n", b"\n", b"\xef\xbb\xbfid,place\n", b"id,place", b""])


@pytest.mark.parametrize("more", [{}, {"charset": "ascii"}, {"charset": "cp1252"}, {"largest": {"line": 120, "record": 150}}], ids=str)
@examples(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=HEADERS, rest=st.lists(PIECES, max_size=30))
def test_a_body_that_is_read_at_once_says_what_a_walk_says(more, header, rest, monkeypatch):
    body = header + b"".join(rest)

    def found():
        try:
            return read({**CALLS, "trim": "both"}, body, **more)[1]
        except Reject as refused:
            return refused.problems

    at_once = found()
    with monkeypatch.context() as walking:
        walking.setattr(delimited.DelimitedForm, "at_once", lambda _form, _body, _sha: None)
        assert found() == at_once


def test_the_end_mark_of_dos_is_no_record_even_where_its_cell_is_the_key():
    _, batch = read({**CALLS, "key": "id"}, b"id\n1\n\x1a")
    assert [record.key for record in batch.records] == ["1"]
    assert batch.skipped == [(0, 3, "header"), (5, 1, "blank")]


def test_a_usual_body_is_read_at_once(monkeypatch):
    monkeypatch.setattr(delimited.DelimitedForm, "items", None)
    _, batch = read(CALLS, b"id,place\n1,Elm Street\n")
    assert [(record.key, record.where) for record in batch.records] == [("1", "line 2, byte 9")]
    assert batch.skipped == [(0, 9, "header")]
