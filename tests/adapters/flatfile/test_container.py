"""Compressed files: opened within limits, names never used, bombs and nests refused whole."""

import gzip
import io
import stat
import zipfile

import pytest

from tests.adapters.flatfile.reading import CALLS, Site, covered

ONE, TWO = b"id,t\n1,a\n2,b\n", b"id,t\n3,c\n"


def zipped(*entries, **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data, **more)
    return out.getvalue()


def refusal(site, data):
    site.put("a.bin", data)
    batch = site.take()
    assert len(batch.records) == 1
    assert batch.records[0].original == data
    assert site.files() == []
    return str(batch.records[0].problems[0])


def test_a_gzip_file_is_read_from_every_byte_of_its_content(tmp_path):
    site = Site(tmp_path, CALLS, compression="gzip", archive="keep")
    site.put("a.csv.gz", gzip.compress(b"id,t\n1,a\n") + gzip.compress(b"2,b\n") + b"\0" * 100)
    first = site.take(limit=1)
    site.restart()
    second = site.take(limit=1)
    assert [record.key for record in (*first.records, *second.records)] == ["1", "2"]
    assert covered(first) + covered(second) == first.document.size == len(ONE)
    assert site.kept == {first.document.sha256: (ONE, False)}
    assert site.files() == []


def test_each_entry_of_a_zip_is_a_document(tmp_path):
    site = Site(tmp_path, CALLS, compression="zip", archive="encrypt")
    site.put("a.zip", zipped(("x/one.csv", ONE), ("two.csv", TWO)))
    first = site.take()
    assert first.complete
    assert site.files() == ["a.zip"]
    site.restart()
    second = site.take()
    assert [record.key for record in (*first.records, *second.records)] == ["1", "2", "3"]
    assert [first.document.size, second.document.size] == [len(ONE), len(TWO)]
    assert sorted(body for body, _ in site.kept.values()) == sorted([ONE, TWO])
    assert site.files() == []


@pytest.mark.parametrize(
    "name", ["../up.csv", "/abs.csv", "a\\b.csv", "a.csv:stream", "line\nend.csv", "deep.zip", "deep.tar"]
)
def test_an_entry_with_a_strange_name_refuses_the_file(tmp_path, name):
    assert "flatfile.container" in refusal(Site(tmp_path, CALLS, compression="zip"), zipped((name, ONE)))


def test_a_link_inside_a_zip_refuses_the_file(tmp_path):
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "flatfile.container" in refusal(Site(tmp_path, CALLS, compression="zip"), zipped((link, b"/etc/hostname")))


def test_names_that_differ_in_case_only_refuse_the_file(tmp_path):
    data = zipped(("a.csv", ONE), ("A.csv", ONE))
    assert "same name" in refusal(Site(tmp_path, CALLS, compression="zip"), data)


def test_an_archive_inside_an_archive_is_refused(tmp_path):
    site = Site(tmp_path, CALLS, compression="zip")
    assert "inside" in refusal(site, zipped(("innocent.csv", zipped(("a.csv", ONE)))))
    assert "inside" in refusal(Site(tmp_path, CALLS, compression="gzip"), gzip.compress(gzip.compress(ONE)))


def test_bombs_are_refused_before_they_go_off(tmp_path):
    bomb = b"0" * 5_000_000
    assert "ratio" in refusal(Site(tmp_path, CALLS, compression="zip"), zipped(("a.csv", bomb)))
    assert "limits" in refusal(Site(tmp_path, CALLS, compression="gzip"), gzip.compress(bomb))


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path):
    data = bytearray(zipped(("a.csv", b"0" * 5_000_000)))
    for header, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(header) + at
        data[start : start + 4] = (1000).to_bytes(4, "little")
    assert "flatfile.container" in refusal(Site(tmp_path, CALLS, compression="zip"), bytes(data))


def test_too_many_entries_are_refused(tmp_path):
    site = Site(tmp_path, CALLS, compression={"kind": "zip", "entries": 2})
    assert "entries" in refusal(site, zipped(*[(f"{n}.csv", ONE) for n in range(3)]))


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_a_damaged_file_is_refused(tmp_path, kind):
    site = Site(tmp_path, CALLS, compression=kind)
    whole = gzip.compress(ONE * 100) if kind == "gzip" else zipped(("a.csv", ONE * 100))
    assert "damaged" in refusal(site, whole[:-12])
    assert "damaged" in refusal(site, b"no archive at all")


def test_a_compressed_file_where_none_is_expected_is_refused(tmp_path):
    assert "compressed" in refusal(Site(tmp_path, CALLS), gzip.compress(ONE))
