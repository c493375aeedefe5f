"""Records read by a pattern hold what lxml reads of them, whatever is between them and in them."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Reject
from gateway.xml import Cutter, Naming, check

FIELD = st.sampled_from(["a", "b", "n:c", "m:c", "list"])
TEXT = st.lists(
    st.sampled_from(
        ["", "x", " ", "é", "€ 5", ">", "&amp;", "&lt;a&gt;", "&quot;&apos;", "&#38;", "&#x1F600;", "&#13;", "&amp;lt;", "\r\n", "\n",
         "\u00a0", "<!-- x -->", "<![CDATA[</call><a>]]>", "<?x y?>", "<d/>", "<d>1</d>"]
    ),
    max_size=3,
).map("".join)  # fmt: skip
ATTRIBUTES = st.sampled_from([""] * 12 + [" x='1'", ' xsi:nil="true"', " xmlns:n='urn:other'"])
BETWEEN = st.sampled_from([""] * 6 + ["\n", "\r\n  ", "<!-- <call> -->", "\u00a0", "text", "<other/>", "<call/>"])


@st.composite
def shapes(draw):
    """A way to write a record, to be filled with texts."""
    fields = draw(st.lists(st.tuples(FIELD, ATTRIBUTES, BETWEEN), max_size=4))
    inner = "".join(f"<{name}{more}>%s</{name}>{between}" for name, more, between in fields)
    return f"<call{draw(ATTRIBUTES)}>{inner}</call>{draw(BETWEEN)}", len(fields)


@st.composite
def documents(draw):
    """Two lists of records, alike for the most part; in the second a prefix may mean something else."""
    forms = draw(st.lists(shapes(), min_size=1, max_size=3))
    lists = []
    for space in draw(st.sampled_from([("urn:n", "urn:n"), ("urn:n", "urn:other")])):
        chosen = draw(st.lists(st.sampled_from(forms), min_size=1, max_size=12))
        records = [form % tuple(draw(TEXT) for _ in range(count)) for form, count in chosen]
        lists.append(f'<export xmlns:n="{space}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{"".join(records)}</export>')
    return f'<all xmlns:m="urn:m">{"".join(lists)}</all>'.encode()


def read(data, naming, *, whole, encoding="utf-8"):
    """What was cut out, what it holds, and how many records took a pattern."""
    cutter = Cutter(io.BytesIO(data), "/all/export/call", naming, longest=10_000, encoding=encoding, whole=whole)
    reader, found, quick = naming.reader(), [], 0
    for piece in cutter.pieces():
        fields = piece.fields
        quick += fields is not None
        if fields is None and piece.element is not None:
            fields = reader(piece.element, piece.flat)
        found.append((piece.what, piece.data, fields and list(fields.items())))
    return found, quick


@pytest.mark.parametrize(
    "naming", [Naming({"n": "urn:n"}), Naming({"n": "urn:n"}, frozenset({"list"})), Naming({}, frozenset({"a.b"}))]
)
@settings(max_examples=300, deadline=None)
@given(data=documents())
def test_a_pattern_reads_what_lxml_reads(naming, data, monkeypatch_module):
    try:
        check(io.BytesIO(data))
    except Reject:
        return
    assert read(data, naming, whole=True)[0] == read(data, naming, whole=False)[0]


@pytest.mark.parametrize(
    "odd",
    [
        "<call>\u00a0<a>1</a></call>", "<call><a>1\r\n2</a></call>", "<call>\r\n<a>1</a>\t</call>", "<call><a>1<!-- <a> -->2</a></call>",
        "<call><a><![CDATA[</a>]]></a></call>", "<call><a>&amp;lt;&#13;</a></call>", "<call><a>1</a>2</call>", "<call><a x='1'>1</a></call>",
        "<call><a>1</a><a>2</a></call>", "<call><a/></call>", "<call><a></a></call>", "<call><a>></a ></call>", "<call ><a>1</a></call>",
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_left_to_lxml(odd, monkeypatch_module):
    plain = "<call><a>1</a></call>" * 9
    data = f"<all><export>{plain}{odd}{plain}</export></all>".encode()
    (found, quick), (wanted, _) = (read(data, Naming(), whole=whole) for whole in (True, False))
    assert found == wanted
    assert quick > 5


@pytest.fixture(scope="module")
def monkeypatch_module():
    """Few records are read together, so that what was learned is used soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.xml.plain.MANY", 3)
        yield patch


@pytest.mark.parametrize("encoding, most", [("utf-8", True), ("iso8859-1", False)])
def test_most_records_take_a_pattern_where_the_charset_is_plain(encoding, most):
    data = ("<all><export>" + "<call><a>R &amp; B</a></call>" * 5000 + "</export></all>").encode()
    found, quick = read(data, Naming(), whole=True, encoding=encoding)
    assert (quick > 4000) is most
    assert all(fields == [("a", "R & B")] for what, _, fields in found if what == "record")


def test_a_list_stands_where_its_first_item_does(monkeypatch_module):
    data = ("<all><export>" + "<call><b>1</b><a>x</a><a>y</a><c>2</c></call>" * 12 + "</export></all>").encode()
    found, quick = read(data, Naming(), whole=True)
    assert quick > 6
    assert {str(fields) for what, _, fields in found if what == "record"} == {"[('b', '1'), ('a', ['x', 'y']), ('c', '2')]"}


def test_the_same_tags_elsewhere_are_read_in_their_own_namespace(monkeypatch_module):
    record = "<call><n:c>1</n:c></call>" * 12
    data = f'<all><export xmlns:n="urn:n">{record}</export><export xmlns:n="urn:other">{record}</export></all>'.encode()
    found, quick = read(data, Naming({"k": "urn:n"}), whole=True)
    assert [fields[0][0] for what, _, fields in found if what == "record"] == ["k:c"] * 12 + ["c"] * 12
    assert quick > 12


def test_a_sender_with_many_shapes_is_read_without_a_pattern_for_each(monkeypatch_module):
    records = "".join(f"<call><f{number}>1</f{number}></call>" * 4 for number in range(50))
    found, quick = read(f"<all><export>{records}</export></all>".encode(), Naming(), whole=True)
    assert len([what for what, _, _ in found if what == "record"]) == 200
    assert 0 < quick <= 4 * 8
