"""Trailers: what they state is checked before a single record is accepted."""

import hashlib
import zlib

import pytest

from tests.adapters.flatfile.reading import CALLS, Site, covered

BODY = b"id,t\n1,a\n2,b\n"


def trailed(tmp_path, trailer, data):
    site = Site(tmp_path, {**CALLS, "trailer": {"starts": "END", **trailer}})
    site.put("a.csv", data)
    return site.take()


def codes(batch):
    return [record.problems[0].code.id for record in batch.records if hasattr(record, "problems")]


def test_a_total_that_agrees_lets_the_document_in(tmp_path):
    data = BODY + b"END,2\n\n"
    batch = trailed(tmp_path, {"count": "2"}, data)
    assert [record.key for record in batch.records] == ["1", "2"]
    assert [what for _, _, what in batch.skipped] == ["header", "trailer", "blank"]
    assert covered(batch) == len(data)


@pytest.mark.parametrize("last", [b"END,3\n", b"END,x\n", b"END,\n", b"END\n"])
def test_a_total_that_does_not_agree_refuses_the_document(tmp_path, last):
    batch = trailed(tmp_path, {"count": "2"}, BODY + last)
    assert codes(batch) == ["flatfile.total"]
    assert len(batch.records) == 1


def test_a_missing_trailer_refuses_the_document(tmp_path):
    assert codes(trailed(tmp_path, {"count": "2"}, BODY)) == ["flatfile.trailer"]


def test_lines_can_be_counted_instead_of_records(tmp_path):
    assert codes(trailed(tmp_path, {"count": "2", "counts": "lines"}, b'id,t\n1,"a\nb"\n2,b\nEND,3\n')) == []


@pytest.mark.parametrize("by", ["sha256", "sha1", "md5", "crc32"])
def test_a_digest_is_compared_with_all_bytes_before_it(tmp_path, by):
    digest = f"{zlib.crc32(BODY):08x}" if by == "crc32" else hashlib.new(by, BODY).hexdigest()
    trailer = {"digest": "2", "by": by}
    assert codes(trailed(tmp_path, trailer, BODY + b"END," + digest.upper().encode() + b"\n")) == []
    assert codes(trailed(tmp_path, trailer, BODY + b"END," + digest[::-1].encode() + b"\n")) == ["flatfile.total"]
