"""Erased is gone from every file; every proof stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from gateway import store
from gateway.errors import Refused
from gateway.store.ledger import verify_inclusion
from tests.gateway.store.scene import KEYS, Clock, Site, document, put

CANARY = "canary-7f3a"


def files_with(folder: Path, what: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if what in path.read_bytes()]


def salt_of(folder: Path, position: int) -> bytes:
    with closing(sqlite3.connect(f"file:{folder}/store.db?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT salt FROM record WHERE position = ?", [position]).fetchone()[0]


def test_an_erased_record_can_be_read_no_more_and_is_not_brought_back(site):
    site.take(put("1", "v1", text=CANARY), put("2", "v1", text="stays"))
    erased = site.erase(1)
    assert (erased.names, erased.rows, erased.clean) == (1, 1, True)
    for ask in (site.store.journal.original, site.store.journal.body):
        with pytest.raises(Refused, match=r"journal\.no-record"):
            ask(1)
    assert site.take(put("1", "v1", text=CANARY)).unchanged == 1
    assert site.story() == [("created", "stays")]
    assert site.store.journal.record(1).erased


def test_every_row_of_the_name_goes(site):
    site.take(put("1", "v1", text="A"), put("1", "v2", text="B", bad=True), put("1", "v3", text="C"), put("2", "v1"))
    assert site.erase(2).rows == 3
    assert [row.erased for row in site.store.journal.history(1)] == [True, True, True]
    assert site.store.quarantine.entry(2).state == "erased"
    assert site.store.quarantine.entry(2).problems == []
    assert site.take(put("1", "v4", text="D")).held == 0


def test_every_document_that_held_it_is_named(site):
    monday, tuesday, other = document(b"monday"), document(b"tuesday"), document(b"other")
    site.take(put("1", "a:0", text="x"), document=monday)
    site.take(put("1", "b:0", text="x"), document=tuesday)
    site.take(put("2", "c:0", text="x"), document=other)
    assert set(site.erase(1).documents) == {monday.sha256, tuesday.sha256}


def test_proofs_stay_valid(site):
    site.take(*(put(str(number), "v1", text=str(number)) for number in range(5)))
    before = site.store.ledger.inclusion(3)
    site.erase(3)
    after = site.store.ledger.inclusion(3)
    assert verify_inclusion(before)
    assert verify_inclusion(after)
    assert before.entry == after.entry
    assert site.store.ledger.verify() == []


def test_a_legal_hold_forbids_it(site):
    site.take(put("1", text="A"))
    site.store.erase.legal_hold(1, True, by="court", reason="case 5")
    with pytest.raises(Refused, match=r"erase\.legal-hold"):
        site.erase(1)
    site.store.erase.legal_hold(1, False, by="court", reason="case 5 closed")
    assert site.erase(1).rows == 1


def test_nothing_is_erased_where_nothing_is(site):
    with pytest.raises(Refused, match=r"journal\.no-record"):
        site.erase(99)


def test_its_exceptions_go_with_it(site):
    site.take(put("1", text="A"))
    site.store.deliveries.replay(site.dest, [1], by="sergeant", reason="lost")
    site.erase(1)
    assert site.store.deliveries.exceptions(site.dest) == []


def test_the_ledger_tells_how_much_and_commits_to_why(site):
    site.take(put("1", text=CANARY))
    site.erase(1)
    leaf = orjson.loads(site.store.ledger.leaf(site.store.ledger.size() - 1).body)
    assert (leaf["kind"], leaf["names"], leaf["rows"]) == ("erased", 1, 1)
    assert leaf["authority"] == site.store.ledger.commitment("order 12")


@pytest.mark.parametrize("size", [20, 3_000, 60_000], ids=["small", "usual", "overflowing"])
def test_salt_and_content_are_in_no_file_afterwards(sqlite_url, tmp_path, size):
    var = tmp_path / "var"
    with store.open(sqlite_url, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        rows = [put(str(number), "v1", text="x" * size) for number in range(40)]
        site.take(*rows[:20], put("9999", "v1", text=CANARY + "x" * size, bad=True), *rows[20:])
        salt = salt_of(var, 21)
        assert files_with(var, salt)
        assert not files_with(var, CANARY.encode())  # never there in the clear
        opened.erase.scrub()
        assert files_with(var, salt) == ["store.db"]
        site.erase(21)
        assert not files_with(var, salt)
        assert opened.ledger.verify() == []


def test_the_sealed_bytes_are_in_no_file_afterwards(sqlite_url, tmp_path):
    var = tmp_path / "var"
    with store.open(sqlite_url, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        site.take(*(put(str(number), "v1", text="x" * 900) for number in range(40)))
        with closing(sqlite3.connect(f"file:{var}/store.db?mode=ro", uri=True)) as connection:
            original, body = connection.execute("SELECT original, body FROM record WHERE position = 20").fetchone()
        assert files_with(var, original[100:140])
        site.erase(20)
        assert not files_with(var, original[100:140])
        assert not files_with(var, body[100:140])


def test_a_reader_in_the_way_is_told_and_the_rest_is_done_later(sqlite_url, tmp_path):
    with store.open(sqlite_url, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        site.take(put("1", "v1", text="A"))
        reader = sqlite3.connect(f"file:{tmp_path}/var/store.db?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM record").fetchone()
        assert not site.erase(1).clean
        reader.close()
        assert opened.erase.scrub()
