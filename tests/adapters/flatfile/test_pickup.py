"""When a file is taken, which one, and what becomes of it."""

import errno
import os
from datetime import timedelta

import pytest

from gateway.adapter import Rejected
from gateway.errors import Halt, Retry
from tests.adapters.flatfile.reading import CALLS, Site

ONE = b"id,t\n1,a\n"


def keys(batch):
    return [record.key for record in batch.records]


def test_an_unfinished_name_is_never_touched(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv.part", ONE)
    assert not site.take().more
    (site.folder / "a.csv.part").rename(site.folder / "a.csv")
    assert keys(site.take()) == ["1"]


def test_a_marker_says_that_the_file_is_complete_and_goes_with_it(tmp_path):
    site = Site(tmp_path, CALLS, ready={"by": "done"})
    site.put("a.csv", ONE)
    assert not site.take().more
    site.put("a.csv.done", b"")
    assert keys(site.take()) == ["1"]
    assert site.files() == []


def test_a_trailer_says_that_the_file_is_complete(tmp_path):
    site = Site(tmp_path, {**CALLS, "trailer": {"starts": "END"}}, ready={"by": "trailer"})
    site.put("a.csv", ONE)
    assert not site.take().more
    site.put("a.csv", ONE + b"END\n")
    assert keys(site.take()) == ["1"]


def test_a_trailer_that_never_comes_refuses_the_file_after_its_time(tmp_path):
    site = Site(tmp_path, {**CALLS, "trailer": {"starts": "END"}}, ready={"by": "trailer", "seconds": 600})
    site.put("a.csv", ONE)
    assert not site.take().more
    site.clock.move(timedelta(seconds=601))
    assert site.take().records[0].problems[0].code.id == "flatfile.trailer"


def test_a_file_that_still_grows_is_not_taken(tmp_path):
    site = Site(tmp_path, CALLS, ready={"by": "stable", "seconds": 60, "polls": 3})
    for size in (5, 7, 9):
        site.put("a.csv", ONE[:size])
        with pytest.raises(Retry, match=r"flatfile\.waiting"):
            site.take()
        site.clock.move(timedelta(seconds=60))
    with pytest.raises(Retry) as waits:
        site.take()
    site.clock.move(waits.value.after)
    assert keys(site.take()) == ["1"]


def test_a_clock_that_runs_back_starts_the_wait_anew(tmp_path):
    site = Site(tmp_path, CALLS, ready={"by": "stable", "seconds": 10, "polls": 2})
    site.put("a.csv", ONE)
    for move in (-3600, 9, 1):
        with pytest.raises(Retry):
            site.take()
        site.clock.move(timedelta(seconds=move))
    assert keys(site.take()) == ["1"]


def test_links_folders_and_devices_are_never_followed(tmp_path):
    site = Site(tmp_path, CALLS)
    outside = tmp_path / "secret.csv"
    outside.write_bytes(ONE)
    (site.folder / "link.csv").symlink_to(outside)
    (site.folder / "folder.csv").mkdir()
    os.mkfifo(site.folder / "pipe.csv")
    site.put(".hidden.csv", ONE)
    assert not site.take().more
    assert outside.exists()


def test_a_link_that_takes_the_place_of_a_file_in_mid_read_is_not_followed(tmp_path):
    site = Site(tmp_path, CALLS)
    outside = tmp_path / "secret.csv"
    outside.write_bytes(b"id,t\n1,a\n2,SECRET\n")
    path = site.put("a.csv", b"id,t\n1,a\n2,b\n")
    site.take(limit=1)
    path.unlink()
    path.symlink_to(outside)
    site.restart()
    with pytest.raises(Halt, match=r"flatfile\.gone"):
        site.read()


def test_only_names_that_match_are_taken_in_their_order(tmp_path):
    site = Site(tmp_path, CALLS, match="calls*.csv")
    for name, key in (("calls2.csv", b"2"), ("calls1.csv", b"1"), ("units.csv", b"3")):
        site.put(name, b"id,t\n" + key + b",a\n")
    assert keys(site.take()) + keys(site.take()) == ["1", "2"]
    assert site.files() == ["units.csv"]


def test_the_oldest_comes_first_where_the_settings_say_so(tmp_path):
    site = Site(tmp_path, CALLS, order="modified")
    for name, time in (("a.csv", 2), ("b.csv", 1)):
        os.utime(site.put(name, f"id,t\n{name},x\n".encode()), (time, time))
    assert keys(site.take()) + keys(site.take()) == ["b.csv", "a.csv"]


def test_a_file_stays_until_its_last_batch_is_acknowledged(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", b"id,t\n1,a\n2,b\n")
    site.take(limit=1)
    assert site.files() == ["a.csv"]
    last = site.read(limit=1)
    assert site.files() == ["a.csv"]
    site.source.acknowledge(last.cursor)
    assert site.files() == []


def test_new_content_under_the_same_name_is_a_new_document_and_is_not_removed(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", ONE)
    last = site.read()
    site.put("new", b"id,t\n2,b\n").rename(site.folder / "a.csv")
    site.source.acknowledge(last.cursor)
    assert site.files() == ["a.csv"]
    assert keys(site.take()) == ["2"]
    assert site.files() == []


def test_the_same_bytes_dropped_again_under_the_same_name_are_read_again(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", ONE)
    last = site.read()
    site.put("new", ONE).rename(site.folder / "a.csv")
    site.source.acknowledge(last.cursor)
    assert site.files() == ["a.csv"]
    assert keys(site.take()) == keys(last)
    assert site.files() == []


def test_a_file_that_was_only_touched_is_still_the_same(tmp_path):
    site = Site(tmp_path, CALLS)
    path = site.put("a.csv", b"id,t\n1,a\n2,b\n")
    site.take(limit=1)
    os.utime(path, (1, 1))
    assert keys(site.take()) == ["2"]
    assert site.files() == []


def test_a_crash_between_hiding_and_removing_is_finished_at_the_next_start(tmp_path):
    site = Site(tmp_path, CALLS)
    path = site.put("a.csv", ONE)
    last = site.read()
    path.rename(site.folder / ".copperline-a.csv")
    site.start().acknowledge(last.cursor)
    assert site.files() == []


def test_a_file_whose_name_is_as_long_as_names_may_be_is_read_and_removed(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a" * 251 + ".csv", ONE)
    assert keys(site.take()) == ["1"]
    assert site.files() == []


@pytest.mark.parametrize("ready", ["rename", "done"])
@pytest.mark.parametrize("said", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_folder_from_which_nothing_may_be_removed_halts(tmp_path, monkeypatch, ready, said):
    site = Site(tmp_path, CALLS, ready={"by": ready})
    site.put("a.csv", ONE)
    site.put("a.csv.done", b"")
    last = site.read()

    def refuse(*_, **__):
        raise OSError(said, os.strerror(said))

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(Halt, match=r"flatfile\.remove"):
        site.source.acknowledge(last.cursor)


def test_a_file_replaced_between_two_starts_is_told_and_the_new_one_is_read(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", b"id,t\n1,a\n2,b\n3,c\n")
    first = site.take(limit=1)
    site.put("new", b"id,t\n4,d\n").rename(site.folder / "a.csv")
    site.restart()
    closing = site.take()
    assert [type(record) for record in closing.records] == [Rejected]
    assert closing.records[0].problems[0].code.id == "flatfile.replaced"
    assert closing.document.sha256 == first.document.sha256
    assert closing.skipped == [(9, 8, "replaced")]
    assert closing.complete
    assert keys(site.take()) == ["4"]


def test_a_file_replaced_while_it_is_open_is_read_to_its_end_and_the_new_one_after_it(tmp_path):
    site = Site(tmp_path, CALLS)
    site.put("a.csv", b"id,t\n1,a\n2,b\n")
    site.take(limit=1)
    site.put("new", b"id,t\n4,d\n").rename(site.folder / "a.csv")
    assert keys(site.take()) + keys(site.take()) == ["2", "4"]
    assert site.files() == []


def test_a_file_that_went_away_in_mid_read_halts_and_goes_on_when_it_is_back(tmp_path):
    site = Site(tmp_path, CALLS)
    path = site.put("a.csv", b"id,t\n1,a\n2,b\n")
    site.take(limit=1)
    path.rename(tmp_path / "aside")
    site.restart()
    with pytest.raises(Halt, match=r"flatfile\.gone"):
        site.read()
    (tmp_path / "aside").rename(path)
    assert keys(site.take()) == ["2"]


def test_a_folder_that_is_not_there_is_asked_for_again(tmp_path):
    site = Site(tmp_path, CALLS)
    site.folder.rmdir()
    with pytest.raises(Retry, match=r"flatfile\.folder") as put_off:
        site.read()
    assert str(tmp_path) not in str(put_off.value)


@pytest.mark.parametrize("archive, encrypted", [("keep", False), ("encrypt", True)])
def test_an_archive_gets_its_copy_before_the_file_goes(tmp_path, archive, encrypted):
    site = Site(tmp_path, CALLS, archive=archive)
    site.put("a.csv", ONE)
    batch = site.read()
    assert not site.kept
    site.source.acknowledge(batch.cursor)
    assert site.kept == {batch.document.sha256: (ONE, encrypted)}
    assert site.files() == []


def test_a_thousand_files_are_looked_through_once(tmp_path):
    site = Site(tmp_path, CALLS)
    for number in range(300):
        site.put(f"{number:04d}.csv", f"id,t\n{number},a\n".encode())
    looked = []
    scan = site.source._folder._look
    site.source._folder._look = lambda folder: looked.append(1) or scan(folder)
    assert [keys(site.take())[0] for _ in range(300)] == [str(number) for number in range(300)]
    assert len(looked) == 1


def to_the_end(source):
    """Past the look at the file's identity with which each read begins."""
    while not source._batch(source._reading, 10_000).complete:
        pass


@pytest.mark.parametrize("layout", [CALLS, {"form": "xml", "records": "/e/c", "kind": "call", "key": "@id"}])
def test_a_file_that_is_cut_while_it_is_read_is_never_called_complete(tmp_path, layout):
    site = Site(tmp_path, layout)
    rows = b"id,t\n" + b"".join(b"%d,a\n" % number for number in range(100_000))
    calls = b"<e>" + b"".join(b'<c id="%d"/>' % number for number in range(100_000)) + b"</e>"
    path = site.put("a.csv", rows if layout is CALLS else calls)
    site.take(limit=1)
    os.truncate(path, 300_000)
    os.utime(path, ns=(0, site.source._reading.at.modified_ns))
    with pytest.raises(Retry, match=r"flatfile\.busy"):
        to_the_end(site.source)
    closing = site.take()
    assert [record.problems[0].code.id for record in closing.records] == ["flatfile.replaced"]
