"""A store that came from a backup: nothing leaves on its word until people have looked."""

from __future__ import annotations

import shutil

from tests.gateway import scripted


def store_files(root):
    return [path for path in (root / "var").iterdir() if path.name.startswith("store.db")]


def backed_up(root, into):
    into.mkdir()
    for path in store_files(root):
        shutil.copy(path, into)


def put_back(root, backup):
    for path in store_files(root):
        path.unlink()
    for path in backup.iterdir():
        shutil.copy(path, root / "var")


def test_a_restored_store_stops_the_gateway_and_every_agreement_until_it_is_approved_again(riverton, copperline, tmp_path):
    copperline("run", "--once")
    backed_up(riverton, tmp_path / "backup")
    scripted.SCRIPTS["cad"].steps.append([scripted.record(7)])
    copperline("run", "--once")
    put_back(riverton, tmp_path / "backup")
    stopped = copperline("run", "--once", code=3)
    assert "store.restored" in stopped.err
    assert "copperline restored" in stopped.err
    assert "store.restored" in copperline("doctor", code=1).out
    assert "command.no-reason" in copperline("restored", "--yes", code=3).err
    done = copperline("restored", "--yes", "--reason", "the disk failed", "--json").json
    assert done == {"agreements": ["internal"]}
    scripted.SCRIPTS["cad"].steps.append([scripted.record(8)])
    left = copperline("run", "--once", "--timeout", "2s", "--json", code=4).json
    assert (left["accepted"], left["delivered"]) == (2, 0)
    assert [row["state"] for row in copperline("agreements", "list", "--json").json] == ["suspended"]
    copperline("agreements", "approve", "internal", "--as", "B. Sample", "--reason", "looked at")
    assert copperline("run", "--once", "--json").json["delivered"] == 2
    assert copperline("ledger", "verify").code == 0


def test_a_backup_that_lacks_nothing_and_a_store_that_went_on_are_no_matter(riverton, copperline, tmp_path):
    copperline("run", "--once")
    backed_up(riverton, tmp_path / "backup")
    put_back(riverton, tmp_path / "backup")
    copperline("run", "--once")
    copperline("agreements", "suspend", "internal", "--reason", "a test")
    copperline("run", "--once", "--timeout", "1s")


def test_a_store_that_went_another_way_is_told_by_its_leaves(riverton, copperline, tmp_path):
    copperline("run", "--once")
    backed_up(riverton, tmp_path / "backup")
    copperline("agreements", "suspend", "internal", "--reason", "a test")
    copperline("run", "--once", "--timeout", "1s")
    mark = (riverton / "var" / "ledger.mark").read_bytes()
    put_back(riverton, tmp_path / "backup")
    for number in range(3):
        copperline("systems", "pause" if number % 2 == 0 else "resume", "cad", "--reason", f"another way {number}")
    assert (riverton / "var" / "ledger.mark").read_bytes() == mark
    assert "are others than those" in copperline("run", "--once", code=3).err
