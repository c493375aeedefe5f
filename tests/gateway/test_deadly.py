"""A record that kills the process when it is decoded: found by real deaths, and nothing before it is lost."""

import json
import subprocess
import sys

from gateway import site, store
from tests.gateway import scripted

PROGRAM = """
import os, sys
from tests.gateway import scripted
from gateway import cli, registry
from gateway.adapter import Batch

def read(self, after, limit):
    numbers = range(int(after or 0) + 1, min(int(after or 0) + limit, 5) + 1)
    if 4 in numbers:
        os._exit(9)  # as a fault in a C library would
    return Batch(str(int(after or 0) + len(numbers)), [scripted.record(number) for number in numbers], more=bool(numbers))

scripted.Source.read = read
scripted.SCRIPTS["cad"] = scripted.Script()
registry.SHIPPED = {"scripted": "tests.gateway.scripted:adapter"}
cli.main(["run", "--once", "--json", "--site", sys.argv[1]])
"""


def test_a_record_that_kills_the_process_halts_its_system_with_all_before_it_journalled(tmp_path):
    here = scripted.new_site(tmp_path / "riverton")
    scripted.system(here.root, "cad")
    runs = [subprocess.run([sys.executable, "-c", PROGRAM, here.root], check=False, capture_output=True, text=True) for _ in range(4)]
    assert [run.returncode for run in runs] == [9, 9, 9, 3], runs[-1].stderr
    assert "intake.deadly" in runs[-1].stderr
    assert "systems resume" in runs[-1].stderr
    with store.open(here.store_url(), site.keys(here)) as opened:
        assert opened.journal.totals()["cad"].accepted == 3
    assert json.loads(runs[-1].stdout)["read"] == 0
