"""The tool itself: what was synced survives a power cut, and nothing else does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.campaigns.powerfs import PowerFs

# Writes rows, each in a transaction, and says each only after its commit; until it is killed.
WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute(f"PRAGMA synchronous={sys.argv[2]}")
db.execute("CREATE TABLE IF NOT EXISTS row (n INTEGER PRIMARY KEY)")
for n in range(1, 200):
    db.execute("INSERT INTO row VALUES (?)", (n,))
    print(n, flush=True)
"""


def rows_lost(folder, *, synchronous, lying=False, torn=0.0):
    """Cut the power after the twentieth commit that was said; return how many of those are gone."""
    with PowerFs(folder, lying=lying, torn=torn, seed=7) as disk:
        writer = [sys.executable, "-c", WRITER, str(disk.mount / "s.db"), synchronous]
        process = subprocess.Popen(writer, stdout=subprocess.PIPE, text=True)
        said = 0
        while said < 20:
            said = int(process.stdout.readline())
        disk.cut()
        process.kill()
        said = max([said, *(int(line) for line in process.stdout.read().split("\n") if line.strip())])
        process.wait()
        process.stdout.close()
    try:
        with closing(sqlite3.connect(disk.backing / "s.db")) as db:
            kept = db.execute("SELECT count(*) FROM row").fetchone()[0]
    except sqlite3.OperationalError:
        kept = 0
    return max(0, said - kept)


def test_unsynced_bytes_are_gone_and_synced_ones_are_not(tmp_path):
    with PowerFs(tmp_path) as disk:
        for name, synced in (("synced", True), ("unsynced", False)):
            with (disk.mount / name).open("wb") as file:
                file.write(b"content")
                file.flush()
                if synced:
                    os.fsync(file.fileno())
            assert (disk.mount / name).read_bytes() == b"content"
        (disk.mount / "synced").rename(disk.mount / "renamed")
        disk.cut()
    assert (disk.backing / "renamed").read_bytes() == b"content"
    assert (disk.backing / "unsynced").read_bytes() == b""


@pytest.mark.parametrize("torn", [0.0, 0.5])
def test_a_full_sync_of_sqlite_survives(tmp_path, torn):
    assert rows_lost(tmp_path, synchronous="FULL", torn=torn) == 0


def test_a_commit_without_a_sync_does_not(tmp_path):
    assert rows_lost(tmp_path, synchronous="NORMAL") > 0


def test_a_lying_disk_is_told_apart(tmp_path):
    assert rows_lost(tmp_path, synchronous="FULL", lying=True) > 0
