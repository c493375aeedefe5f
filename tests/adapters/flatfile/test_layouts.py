"""What layouts say, and what comes out of them."""

import json

import pytest
from pydantic import ValidationError

from adapters.flatfile import adapter
from gateway.adapter import OutRecord
from gateway.errors import Refused, Reject
from tests.adapters.flatfile.reading import CALLS, LINES, items, settings, told

FIXED = {
    "form": "fixed",
    "kind": "call",
    "key": ["id"],
    "fields": {
        "id": "1-4",
        "priority": 5,
        "units": {"at": "6-11", "repeat": 2},
        "cars": {"at": "12-19", "repeat": {"count": 2, "fields": {"state": "1-2", "plate": "3-4"}}},
    },
}
RECORDS = {"form": "xml", "records": "/export/day/call", "kind": "call", "key": "@id"}
ARRAY = {"form": "json", "records": "data.calls[]", "kind": "call", "key": "head.id"}


def test_positions_count_from_one_as_specifications_write_them():
    found = items(FIXED, b"0001HA1 B22NCAB  ZZ\n")
    assert found[0].fields == {
        "id": "0001",
        "priority": "H",
        "units": ["A1", "B22"],
        "cars": [{"state": "NC", "plate": "AB"}, {"state": "", "plate": "ZZ"}],
    }


def test_a_line_shorter_than_its_fields_is_rejected_unless_any_length_is_allowed():
    assert told(items(FIXED, b"0001H\n")) == ["flatfile.length"]
    found = items({**FIXED, "lengths": "any"}, b"0001H\n")
    assert found[0].fields == {"id": "0001", "priority": "H", "units": [], "cars": []}


def test_several_key_fields_cannot_fall_together():
    layout = {**CALLS, "key": ["id", "t"]}
    found = items(layout, b"id,t\na|b,c\na,b|c\n,x\n")
    assert told(found) == ["(header)", "a\\|b|c", "a|b\\|c", "|x"]


def test_a_field_can_say_the_version_and_the_change():
    layout = {**CALLS, "version": {"field": "t"}, "change": {"field": "act", "remove": ["gone"]}}
    found = items(layout, b"id,t,act\n1,v7,\n1,v8,gone\n")
    assert [(item.version, item.change) for item in found[1:]] == [("v7", "put"), ("v8", "remove")]


def test_a_version_of_the_document_is_its_digest_and_the_offset():
    found = items(CALLS, b"id,t\n1,a\n")
    digest, _, offset = found[1].version.partition(":")
    assert (len(digest), offset) == (32, "5")


def test_blanks_are_taken_off_where_the_layout_says_so():
    found = items({**CALLS, "trim": "both"}, b'id,t\n 1 , a \n2," b "\n')
    assert [item.fields for item in found[1:]] == [{"id": "1", "t": "a"}, {"id": "2", "t": "b"}]


def test_lines_of_one_record_become_one_with_lists_and_objects():
    found = items(LINES, b"00121I0001AA\n00112I0001W\n00112I0001V\n00121I0002AA\n")
    assert found[0].fields["persons"] == [{"role": "W"}, {"role": "V"}]
    assert found[1].fields == {"action": "I", "number": "0002", "head": {"place": "AA"}, "persons": [], "note": None}


def test_a_key_may_name_a_field_of_the_first_line():
    layout = {**LINES, "records": {"incident": {"starts": "1", "key": ["number", "head.place"]}}}
    assert told(items(layout, b"00121I0001AA\n00121I0001BB\n")) == ["0001|AA", "0001|BB"]


def test_xml_keeps_each_records_own_bytes_whatever_hides_in_it():
    data = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<export><made/><day>
 <call id="1"><t>caf\xe9</t></call>
 <!-- <call id="9"/> -->
 <call id="2"><call>inner</call><![CDATA[</call>]]></call><call id="3"/>
 <call id="4">R & B</call>
 <call id="5" xmlns="urn:other"><t/></call>
</day><day><call id="6"/></day></export>
"""
    found = items(RECORDS, data)
    assert [word for word in told(found) if word != "(between)"] == [
        "(header)", "1", "(comment)", "2", "3", "xml.malformed", "5", "6",
    ]  # fmt: skip
    assert found[1].fields == {"@id": "1", "t": "café"}


@pytest.mark.parametrize(
    "data, code",
    [
        (b'<!DOCTYPE export [<!ENTITY a "b">]><export><day><call id="1"/></day></export>', "xml.doctype"),
        (
            b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE export SYSTEM "http://example.invalid/x"><export/>',
            "xml.doctype",
        ),
        (b'<calls><day><call id="1"/></day></calls>', "flatfile.header"),
        (b'<export><day><call id="1"/><call id="2"/>', "flatfile.truncated"),
        (b"no xml at all", "xml.malformed"),
        ('<export><day><call id="1"/></day></export>'.encode("utf-16"), "flatfile.charset"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><export/>', "flatfile.charset"),
    ],
)
def test_an_xml_document_that_is_not_what_the_layout_says_is_refused_whole(data, code):
    with pytest.raises(Reject) as refused:
        items(RECORDS, data)
    assert refused.value.problems[0].code.id == code


def test_an_xml_document_that_breaks_between_its_records_is_read_to_there():
    found = items(RECORDS, b'<export><day><call id="1"/></wrong><call id="2"/></day></export>')
    assert told(found) == ["(header)", "1", "xml.malformed"]


def test_an_element_that_never_ends_is_not_held_in_memory():
    big = b'<call id="2">' + b"x" * 2_000_000 + b"</call>"
    found = items(
        RECORDS, b'<export><day><call id="1"/>' + big + b'<call id="3"/></day></export>', largest={"record": 5000}
    )
    assert told(found) == ["(header)", "1", "xml.overlong", "(overlong)", "3", "(between)", "(between)"]


def test_records_under_other_namespaces_than_the_first_are_rejected():
    found = items(RECORDS, b'<export><day><call id="1"/></day><day xmlns:a="urn:a"><call id="2"/></day></export>')
    assert [word for word in told(found) if word[0] != "("] == ["1", "flatfile.namespaces"]


def test_numbers_in_json_stay_as_they_were_written():
    found = items(ARRAY, b'{"v":1,"data":{"n":[1],"calls":[{"head":{"id":"1"},"lat":29.929501500000001,"big":1e999}]}}')
    assert found[1].fields == {"head": {"id": "1"}, "lat": "29.929501500000001", "big": "1e999"}


def test_one_bad_object_in_an_array_harms_no_other():
    data = b'{"data":{"calls":[ {"head":{"id":"1"}},\n {"head":{"id":"2"},}, NaN, {"head":{"id":"\\ud800"}}, 7, {"head":{"id":"5"}} ]}}'
    bad = ["flatfile.record", "flatfile.record", "flatfile.charset", "flatfile.record"]
    assert told(items(ARRAY, data)) == ["(header)", "1", *bad, "5", "(rest)"]


@pytest.mark.parametrize(
    "data, code",
    [
        (b'{"data":{"other":[]}}', "flatfile.header"),
        (b'[{"head":{"id":"1"}}]', "flatfile.truncated"),
        (b'{"data":{"calls":[{"head":{"id":"1"}},', "flatfile.truncated"),
        (b'{"error":"session expired"}', "flatfile.header"),
    ],
)
def test_a_json_document_that_is_not_what_the_layout_says_is_refused_whole(data, code):
    with pytest.raises(Reject) as refused:
        items(ARRAY, data)
    assert refused.value.problems[0].code.id == code


def test_deep_nesting_is_a_reject_and_no_crash():
    data = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n" + b'{"id":"2"}\n'
    assert told(items({**ARRAY, "records": "lines", "key": "id"}, data)) == ["flatfile.record", "2"]


def test_an_object_longer_than_the_limit_ends_the_reading_with_a_place():
    data = b'[{"id":"1"},{"id":"' + b"x" * 1_000_000 + b'"}]'
    found = items({**ARRAY, "records": "[]", "key": "id"}, data, largest={"record": 5000})
    assert told(found) == ["(header)", "1", "flatfile.overlong", "(lost)"]


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"layout": {**CALLS, "delimiter": "||"}}, "quote: none"),
        ({"layout": {**CALLS, "header": ["a"]}}, "no such column"),
        ({"layout": {**CALLS, "kind": "Call"}}, "pattern"),
        ({"layout": {**FIXED, "key": ["nothing"]}}, "no such field"),
        ({"layout": {**FIXED, "fields": {"id": "4-1"}}}, "before the first"),
        ({"layout": {**FIXED, "fields": {"id": "1", "u": {"at": "2-6", "repeat": 2}}}}, "equal pieces"),
        ({"layout": {**LINES, "change": {"field": "x", "remove": ["D"]}}}, "not under common"),
        ({"layout": {**LINES, "records": {"a": {"starts": "9", "key": "number"}}}}, "no line of type 9"),
        ({"layout": CALLS, "charset": "utf-16"}, "keeps ASCII"),
        ({"layout": CALLS, "charset": "shift_jis"}, "keeps ASCII"),
        ({"layout": CALLS, "match": "../*.csv"}, "pattern"),
        ({"layout": CALLS, "file": "out.csv"}, "{id}"),
        ({"layout": CALLS, "ready": {"by": "trailer"}}, "needs a layout with a trailer"),
        ({"layout": CALLS, "colour": "red"}, "colour"),
        ({"layout": {"form": "excel"}}, "form"),
    ],
)
def test_settings_that_cannot_work_are_refused_when_they_are_read(wrong, says):
    with pytest.raises(ValidationError, match=says):
        adapter.settings.model_validate({"folder": "drop", **wrong})


def test_an_editor_gets_a_schema():
    assert json.dumps(adapter.settings.model_json_schema())


def out(fields, change="put"):
    return OutRecord("e1", "1", "", change, fields)


def test_a_cell_that_a_spreadsheet_would_run_is_guarded_and_a_number_is_not():
    given = settings({**CALLS, "columns": ["id", "t"]})
    cells = ["=1+1", "+cmd", "-5", "-5.25", "@x", "\tx", "plain", "a=b"]
    written = adapter.encode(given, [out({"id": "1", "t": cell}) for cell in cells])
    found = [row.fields["t"] for row in items(CALLS, written)[1:]]
    assert found == ["'=1+1", "'+cmd", "-5", "-5.25", "'@x", "'\tx", "plain", "a=b"]


def test_a_removal_is_written_where_the_layout_has_a_word_for_it():
    layout = {**CALLS, "header": ["id", "act"], "change": {"field": "act", "remove": ["D"], "put": "A"}}
    given = settings(layout)
    assert adapter.encode(given, [out({"id": "1"}), out({"id": "1"}, "remove")]) == b"1,A\r\n1,D\r\n"
    with pytest.raises(Reject):
        adapter.encode(settings({**CALLS, "columns": ["id"]}), [out({"id": "1"}, "remove")])


def test_pieces_and_nested_values_are_written_as_they_are_read():
    fields = {"id": "0001", "priority": "H", "units": ["A1", "B22"], "cars": [{"state": "NC", "plate": "AB"}]}
    assert items(FIXED, adapter.encode(settings(FIXED), [out(fields)]))[0].fields == fields
    nested = {"@id": "1", "place": {"@lat": "1.5", "#text": "Main & 5th"}, "unit": ["A", "B"]}
    assert items(RECORDS, adapter.encode(settings(RECORDS), [out(nested)]))[1].fields == nested
    deep = {"head": {"id": "1"}, "units": ["ñ"], "none": None}
    assert items(ARRAY, adapter.encode(settings(ARRAY), [out(deep)]))[1].fields == deep


def test_what_does_not_fit_is_refused():
    with pytest.raises(Reject, match="wider"):
        adapter.encode(settings(FIXED), [out({"id": "12345"})])
    with pytest.raises(Reject, match="character"):
        adapter.encode(settings(FIXED, charset="ascii"), [out({"id": "ñ"})])
    with pytest.raises(Refused):
        adapter.encode(settings(LINES), [out({})])
