"""What is erased is in no file of the site afterwards, and every proof stays valid."""

from __future__ import annotations

import json
import sqlite3

import pytest

CANARY = b"CANARYLANE"
HEADER = b"nopd_item,type_,timecreate,block_address\r\n"


@pytest.mark.parametrize("archive", ["keep", "encrypt"])
def test_no_file_of_the_site_holds_what_was_erased(gateway, archive):
    said = gateway.registers("cad", "cad-export") / "system.yaml"
    said.write_text(said.read_text().replace("ready: {by: rename}", f"ready: {{by: rename}}\n      archive: {archive}"))
    row = b"J0000126,103,2026-01-01T00:00:00," + CANARY + b"\r\n"
    other = b"J0000226,103,2026-01-01T00:00:00,Elm St\r\n"
    gateway.arrives("calls", "calls1.csv", HEADER + row + other)
    gateway.once()
    gateway.arrives("calls", "calls2.csv", HEADER + other + row)  # the same record in another document
    assert gateway.once()["unchanged"] == 2
    salt = _salt(gateway.root / "var" / "store.db")
    assert _files_with(gateway.root, salt)
    assert bool(_files_with(gateway.root, CANARY)) == (archive == "keep")
    assert len(list((gateway.root / "var" / "archive").iterdir())) == 2
    name = ("--system", "cad", "--kind", "call", "--key", "J0000126")
    erase = ("erase", *name, "--reason", "order", "--authority", "rule 4", "--yes", "--json")
    gateway(*erase, "--by", "A. Sample")
    said = json.loads(gateway(*erase, "--by", "B. Sample"))
    assert (said["names"], said["documents"], said["clean"]) == (1, 2, True)
    assert _files_with(gateway.root, salt) == _files_with(gateway.root, CANARY) == []
    assert list((gateway.root / "var" / "archive").iterdir()) == []
    gateway("ledger", "verify")
    gateway("ledger", "proof", "1")


def _salt(database):
    """The salt of the first record, as a thief of the file would read it."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT salt FROM record WHERE position = 1").fetchone()[0]
    finally:
        connection.close()


def _files_with(root, needle):
    return sorted(path.name for path in root.rglob("*") if path.is_file() and needle in path.read_bytes())
