"""The one XML parser: what it refuses, what it makes of an element, how it cuts a stream."""

import io
import tracemalloc

import pytest

from gateway.errors import Reject
from gateway.xml import Cutter, Naming, parse

PATH = "/export/call"


def cut(data, *, longest=10_000, stack=b""):
    cutter = Cutter(io.BytesIO(data), PATH, Naming(), longest=longest, encoding="utf-8", stack=stack)
    return cutter, list(cutter.pieces())


def test_entities_are_never_resolved(tmp_path):
    (tmp_path / "secret").write_text("SECRET")
    for declared in (f'<!ENTITY a SYSTEM "file://{tmp_path}/secret">', '<!ENTITY a "SECRET">'):
        with pytest.raises(Reject, match=r"xml\.doctype"):
            parse(f"<!DOCTYPE x [{declared}]><x>&a;</x>".encode())


def test_a_billion_laughs_are_not_heard():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    with pytest.raises(Reject, match=r"xml\.doctype"):
        parse(f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l9;</x>'.encode())


@pytest.mark.parametrize(
    "data", [b"<a><b></a>", b"<a>&x;</a>", b"<a>R & B</a>", b"", b"<a/><b/>", b"<a>\xff</a>", b"<a>\x01</a>"]
)
def test_what_is_not_well_formed_is_refused_without_its_text(data):
    with pytest.raises(Reject, match=r"xml\.malformed"):
        parse(data)


def test_depth_and_length_have_an_end():
    with pytest.raises(Reject):
        parse(b"<a>" * 300 + b"</a>" * 300)
    with pytest.raises(Reject):
        parse(b"<a>" + b"x" * 10_100_000 + b"</a>")


def test_an_element_becomes_plain_values():
    read = Naming({"n": "urn:n"}, frozenset({"unit", "who.name"})).reader()
    element = parse(
        b'<c xmlns:q="urn:n" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" q:id="1"><a/><q:b x="2"> t </q:b>'
        b'<unit>A</unit><d>1</d><d>2</d><e xsi:nil="true"/><who><name>Z</name></who><m>one<i/>two</m><s> keep </s></c>'
    )
    assert read(element) == {
        "@n:id": "1",
        "a": "",
        "n:b": {"@x": "2", "#text": " t "},
        "unit": ["A"],
        "d": ["1", "2"],
        "e": None,
        "who": {"name": ["Z"]},
        "m": {"i": "", "#text": "onetwo"},
        "s": " keep ",
    }


def test_the_pieces_of_a_stream_are_the_stream():
    data = b"<?xml version='1.0'?><export>\n<head><call>no</call></head><call a='>'/>  <!-- <call/> --><call>x</call></export>\n"
    _, pieces = cut(data)
    assert b"".join(piece.data for piece in pieces) == data
    assert [piece.data for piece in pieces if piece.what == "record"] == [b"<call a='>'/>  ", b"<call>x</call>"]


def test_reading_goes_on_behind_any_record():
    data = b"<export><call>1</call><call>2</call></export>"
    cutter = Cutter(io.BytesIO(data), PATH, Naming(), longest=100, encoding="utf-8")
    pieces = cutter.pieces()
    assert next(pieces).data == b"<export>"
    offset = len(b"<export>") + len(next(pieces).data)
    _, rest = cut(data[offset:], stack=cutter.stack)
    assert [piece.data for piece in rest if piece.what == "record"] == [b"<call>2</call>"]


def test_a_record_that_breaks_harms_no_other():
    _, pieces = cut(b"<export><call>R & B</call><call><a></call><call>3</call></export>")
    assert [piece.what for piece in pieces] == ["between", "broken", "broken", "record", "between"]


@pytest.mark.parametrize("data", [b"<export><call/></wrong>", b"<export><call/></export><export/>", b"<export/>text"])
def test_what_no_document_goes_on_with_is_lost(data):
    _, pieces = cut(data)
    assert pieces[-1].what == "lost"
    assert sum(len(piece.data) + piece.more for piece in pieces) == len(data)


def test_a_doctype_between_records_is_never_read():
    _, pieces = cut(b'<export><call/><!DOCTYPE x [<!ENTITY a "b">]><call>&a;</call></export>')
    assert [piece.what for piece in pieces] == ["between", "record", "lost"]
    assert pieces[-1].problem.id == "xml.doctype"


class Endless(io.RawIOBase):
    """So many records, made while they are read."""

    def __init__(self, count):
        self.left, self.data = count, b"<export>"

    def read(self, size=-1):
        while len(self.data) < size and self.left:
            self.left -= 1
            self.data += b"<call><a>%d</a></call>\n" % self.left
        found, self.data = self.data[:size], self.data[size:]
        return found


def test_memory_does_not_grow_with_the_stream():
    def peak(count):
        tracemalloc.start()
        records = sum(
            1
            for piece in Cutter(Endless(count), PATH, Naming(), longest=1000, encoding="utf-8").pieces()
            if piece.element is not None
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert records == count
        return most

    assert peak(60_000) < 1.2 * peak(20_000)


@pytest.mark.parametrize(
    "odd",
    [
        "<call><call>1</call></call>",
        "<call><![CDATA[</call>]]></call>",
        "<call><!-- </call> --></call>",
        "<call/>",
        '<call a="1"/>',
        "<call xmlns='urn:else'>1</call>",
        "<calls>1</calls>",
        "<call>R & B</call>",
        "<call>1</call><other/>",
        "<!-- <call> -->",
        "<call a='<call>'>1</call>",
        "text",
    ],
)
def test_records_parsed_together_are_cut_as_records_parsed_alone(odd, monkeypatch):
    plain = "<call>1</call>\n <call b='2'><x>2</x></call>" * 4
    data = f"<export>{plain}{odd}{plain}</export>".encode()

    def seen():
        return [(piece.what, piece.data, piece.element is not None) for piece in cut(data)[1]]

    together = seen()
    monkeypatch.setattr("gateway.xml.cutter.FEW", 10**9)
    assert together == seen()
    assert b"".join(bytes_ for _, bytes_, _ in together) == data
    assert len([what for what, _, _ in together if what == "record"]) >= 16
