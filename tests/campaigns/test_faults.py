"""The tools themselves: a fault fires where it was told to, and says so."""

from __future__ import annotations

import shutil
import socket
import sys

import pytest

from tests.campaigns import faults

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
WRITER = [sys.executable, "-c", "import os\nfor n in range(9): os.write(1, b'%d' % n)\nopen(os.devnull).close()"]


@needs_strace
def test_a_process_is_killed_at_the_call_that_was_named():
    at_start = faults.calls([sys.executable, "-c", ""])["write"]
    ended = faults.killed_at_call(WRITER, "write", at_start + 4)
    assert ended.fired
    assert ended.output == "012"


@needs_strace
def test_a_fault_that_comes_too_late_did_not_fire():
    ended = faults.killed_at_call(WRITER, "write", 60_000)
    assert not ended.fired
    assert ended.output == "012345678"


@needs_strace
def test_a_call_can_be_made_to_fail():
    assert faults.failing_call(WRITER, "write", 1, "EIO").fired


def test_a_dropped_connection_is_seen_at_both_ends_and_the_next_one_works():
    with socket.create_server(("127.0.0.1", 0)) as peer:
        proxy = faults.Proxy(peer.getsockname()[1])
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                client.sendall(b"hello")
                with peer.accept()[0] as other:
                    assert other.recv(5) == b"hello"
                    assert proxy.drop()
                    assert other.recv(1) == b""
                    assert client.recv(1) == b""
        proxy.close()


def test_a_small_disk_is_full_and_can_be_made_larger(tmp_path):
    try:
        with faults.small_disk(tmp_path / "disk", kilobytes=64) as disk:
            with pytest.raises(OSError, match="No space left"):
                (disk / "big").write_bytes(bytes(100_000))
            faults.enlarge(disk, kilobytes=256)
            (disk / "big").write_bytes(bytes(100_000))
    except PermissionError as e:
        pytest.skip(str(e))
