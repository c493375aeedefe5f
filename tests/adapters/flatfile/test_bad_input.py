"""What legacy systems really send: each piece of dirt has its place, its code, and harms nothing beside it."""

import pytest

from adapters.flatfile.layouts.items import Skipped
from gateway.adapter import RawRecord, Rejected
from gateway.errors import Reject
from tests.adapters.flatfile.reading import CALLS, LINES, Site, covered, items, told


def test_a_wrong_charset_byte_rejects_its_row_only():
    assert told(items(CALLS, b"id,t\n1,a\n2,\xff\n3,c\n")) == ["(header)", "1", "flatfile.charset", "3"]


def test_a_wrong_charset_byte_in_a_quoted_row_rejects_that_row_only():
    assert told(items(CALLS, b'id,t\n1,"a"\n2,"\xff"\n3,c\n')) == ["(header)", "1", "flatfile.charset", "3"]


@pytest.mark.parametrize("charset", ["cp1252", "latin-1"])
def test_an_old_charset_is_read_when_the_settings_name_it(charset):
    found = items(CALLS, b"id,t\n1,caf\xe9\n", charset=charset)
    assert found[1].fields == {"id": "1", "t": "café"}


def test_a_nul_rejects_its_row():
    assert told(items(CALLS, b"id,t\n1,a\0b\n2,c\n")) == ["(header)", "flatfile.control", "2"]


@pytest.mark.parametrize("rest", [b"2,c\n", b'2,"c"\n'])
def test_a_bare_carriage_return_rejects_its_row(rest):
    assert told(items(CALLS, b"id,t\n1,a\rb\n" + rest)) == ["(header)", "flatfile.control", "2"]


def test_a_byte_order_mark_is_a_range():
    assert told(items(CALLS, b"\xef\xbb\xbfid,t\n1,a\n")) == ["(bom)", "(header)", "1"]


def test_a_document_in_utf_16_is_refused_whole():
    with pytest.raises(Reject, match=r"flatfile\.charset"):
        items(CALLS, "id,t\n1,a\n".encode("utf-16"))


def test_mixed_line_ends_and_trailing_blank_lines_are_read():
    assert told(items(CALLS, b"id,t\r\n1,a\n2,b\r\n\r\n\n \n\x1a")) == ["(header)", "1", "2", *["(blank)"] * 4]


def test_a_last_line_without_its_end_is_a_record_and_a_cut_one_is_rejected():
    assert told(items(CALLS, b"id,t\n1,a\n2,b")) == ["(header)", "1", "2"]
    assert told(items(CALLS, b"id,t\n1,a\n2")) == ["(header)", "1", "flatfile.ragged"]


def test_a_cell_too_many_or_too_few_rejects_the_row():
    assert told(items(CALLS, b"id,t\n1\n2,b,c\n3,d\n")) == ["(header)", "flatfile.ragged", "flatfile.ragged", "3"]


def test_a_blank_key_rejects_the_row_and_a_blank_row_is_none():
    assert told(items(CALLS, b"id,t\n ,a\n,\n1,b\n")) == ["(header)", "flatfile.key", "(blank)", "1"]


def test_a_header_that_comes_again_is_skipped():
    assert told(items(CALLS, b"id,t\r\n1,a\r\nid,t\n2,b\n")) == ["(header)", "1", "(header)", "2"]


def test_quoting_goes_wrong_in_one_row_only():
    found = items(CALLS, b'id,t\n1,"a"b\n2,"c"\n')
    assert told(found) == ["(header)", "flatfile.quoting", "2"]


def test_a_quote_that_is_never_closed_rejects_what_it_swallowed():
    found = items(CALLS, b'id,t\n1,a\n2,"b\n3,c\n')
    assert told(found) == ["(header)", "1", "flatfile.quoting"]
    assert found[2].original == b'2,"b\n3,c\n'


def test_a_stray_quote_in_a_long_document_costs_its_own_line():
    rows = b"".join(b"%d,abcdefghijklmnopqrstuvwxyz\n" % number for number in range(10, 1000))
    found = items(CALLS, b'id,t\n1,"stray\n' + rows, largest={"record": 4096})
    assert told(found)[:4] == ["(header)", "flatfile.quoting", "10", "11"]
    assert len(found) == 992


def test_quoted_line_ends_across_blocks_keep_their_bytes():
    rows = b"".join(b'%d,"%s\r\n%s"\r\n' % (number, b"x" * 300, b"y" * 300) for number in range(2000))
    assert len(items(CALLS, b"id,t\r\n" + rows)) == 2001


def test_a_ten_megabyte_line_is_walked_over_and_its_document_kept(tmp_path):
    site = Site(tmp_path, CALLS)
    data = b"id,t\n1,a\n" + b"x" * 10_000_000 + b"\n2,b\n"
    site.put("a.csv", data)
    batch = site.read()
    assert [type(record) for record in batch.records] == [RawRecord, Rejected, RawRecord]
    assert batch.records[1].problems[0].code.id == "flatfile.overlong"
    assert len(batch.records[1].original) == 65536
    assert [what for _, _, what in batch.skipped] == ["header", "overlong"]
    assert covered(batch) == len(data)
    assert list(site.kept.values()) == [(data, True)]


def test_an_empty_file_is_a_complete_document(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", b"")
    batch = site.take()
    assert batch.complete
    assert batch.document.size == 0
    assert not batch.records
    assert site.files() == []


def test_a_file_with_another_header_is_refused_whole(tmp_path):
    site = Site(tmp_path, CALLS)
    data = b"name,age\nx,1\ny,2\n"
    site.put("a.csv", data)
    batch = site.take()
    assert [record.problems[0].code.id for record in batch.records] == ["flatfile.header"]
    assert batch.records[0].original == data
    assert "id" in batch.records[0].problems[0].rule
    assert batch.complete
    assert site.files() == []


def test_a_large_document_that_is_refused_keeps_its_head_and_goes_to_the_archive(tmp_path):
    site = Site(tmp_path, CALLS)
    data = b"name,age\n" + b"x,1\n" * 2_200_000
    site.put("a.csv", data)
    batch = site.take()
    assert batch.records[0].original == data[:65536]
    assert batch.skipped == [(65536, len(data) - 65536, "refused")]
    assert list(site.kept.values()) == [(data, True)]


def test_a_document_over_its_limit_is_refused_whole(tmp_path):
    site = Site(tmp_path, CALLS, largest={"document": 10})
    site.put("a.csv", b"id,t\n1,a\n2,b\n")
    assert site.take().records[0].problems[0].code.id == "flatfile.large"


def test_a_binary_file_gives_rejects_and_no_error():
    noise = bytes(range(256)) * 20
    found = items({"form": "fixed", "kind": "call", "key": "id", "fields": {"id": "1-4"}}, noise)
    assert all(isinstance(item, Rejected | Skipped) for item in found)


def test_a_segment_of_a_wrong_length_rejects_its_record_only():
    good, bad = b"00121I0001AA\n00112I0001W\n", b"00121I0002AA\n00122I0002WX\n00112I0002V\n"
    found = items(LINES, good + bad + good.replace(b"0001", b"0003"))
    assert told(found) == ["0001", "flatfile.length", "0003"]
    assert found[1].original == bad
    assert found[1].problems[0].where == "line 4, byte 38"


def test_a_line_that_states_another_length_than_it_has_rejects_its_record():
    assert told(items(LINES, b"00141I0001AA\n")) == ["flatfile.length"]


def test_a_line_of_an_unknown_type_rejects_the_record_it_stands_in():
    assert told(items(LINES, b"00121I0001AA\n00119I0001W\n00112I0001V\n00121I0002AA\n")) == ["flatfile.type", "0002"]


def test_a_line_without_its_start_is_rejected_alone():
    assert told(items(LINES, b"00112I0001W\n00121I0002AA\n00112I0003W\n")) == [
        "flatfile.orphan",
        "0002",
        "flatfile.orphan",
    ]


HEAD, PERSON, LAST, NEXT = b"00121I0001AA\n", b"00112I0001W\n", b"00112I0001V\n", b"00121I0002AA\n"


@pytest.mark.parametrize("byte, code", [(b"\0", "flatfile.control"), (b"\xff", "flatfile.charset")])
def test_a_line_whose_key_cannot_be_read_is_the_open_records_as_far_as_it_can(byte, code):
    line = b"00112I00" + byte + b"1V\n"
    found = items(LINES, HEAD + line + PERSON + NEXT, charset="ascii")
    assert told(found) == [code, "0002"]
    assert found[0].original == HEAD + line + PERSON


@pytest.mark.parametrize("line", [b"00112I0009V\n", b"00119I0009V\n", b"0012I0001V\n", b"0\xff\n"])
def test_a_record_that_goes_on_behind_a_line_that_is_not_its_own_is_not_taken_without_it(line):
    found = items(LINES, HEAD + line + PERSON + b"\n" + line + LAST + NEXT, charset="ascii")
    assert [type(item) for item in found] == [Rejected, RawRecord]
    assert found[0].original == HEAD + line + PERSON + b"\n" + line + LAST
    assert len(found[0].problems) == 2


def test_a_record_that_is_over_before_a_line_that_is_not_its_own_is_taken():
    assert told(items(LINES, HEAD + PERSON + b"00112I0009V\n" + NEXT)) == ["0001", "flatfile.orphan", "0002"]


def test_a_record_that_goes_on_behind_a_line_too_long_to_hold_is_not_taken_either():
    found = items(LINES, HEAD + b"x" * 1_000_000 + b"\n" + PERSON + LAST + NEXT, largest={"line": 1000})
    assert told(found) == ["flatfile.overlong", "flatfile.overlong", "(overlong)", "flatfile.orphan", "flatfile.orphan", "0002"]
    assert found[0].original == HEAD


def test_what_waits_behind_a_record_is_held_only_so_far():
    stray = b"00112I0009V\n" * 1000
    found = items(LINES, HEAD + stray + PERSON + NEXT, largest={"record": 4096})
    assert told(found) == ["0001", *["flatfile.orphan"] * 1001, "0002"]


def test_a_line_that_may_come_once_came_twice():
    assert told(items(LINES, b"00121I0001AA\n00113I0001x\n00113I0001y\n")) == ["flatfile.twice"]


def test_a_wrong_charset_byte_rejects_its_group_only():
    found = items(LINES, b"00121I0001AA\n00112I0001\xff\n00112I0001V\n00121I0002AA\n", charset="ascii")
    assert told(found) == ["flatfile.charset", "0002"]


@pytest.mark.parametrize("end", [b"00112I0002", b"00112I00", b"0011"])
def test_a_truncated_last_segment_rejects_its_record_wherever_it_is_cut(end):
    found = items(LINES, b"00121I0001AA\n00121I0002AA\n" + end)
    assert [type(item) for item in found] == [RawRecord, Rejected]
    assert found[1].original == b"00121I0002AA\n" + end


def test_a_last_segment_without_its_end_is_read_and_one_of_another_record_is_rejected_alone():
    assert told(items(LINES, b"00121I0001AA\n00112I0001W")) == ["0001"]
    assert told(items(LINES, b"00121I0001AA\n00112I0002W")) == ["0001", "flatfile.orphan"]


def test_a_delete_and_the_insert_after_it_are_two_records_in_that_order():
    found = items(LINES, b"00121D0001AA\n00121I0001AA\n00112I0001W\n")
    assert [(item.key, item.change) for item in found] == [("0001", "remove"), ("0001", "put")]


def test_blank_lines_inside_a_record_belong_to_it_and_after_it_do_not():
    found = items(LINES, b"00121I0001AA\n\n00112I0001W\n\n\n00121I0002AA\n")
    assert told(found) == ["0001", "(blank)", "(blank)", "0002"]
    assert found[0].fields == {
        "action": "I",
        "number": "0001",
        "head": {"place": "AA"},
        "persons": [{"role": "W"}],
        "note": None,
    }
