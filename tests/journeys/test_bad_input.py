"""What legacy systems drop that they should not, through the commands: each answered, nothing lost, the rest goes on.

One site has a system for each fault, and one `run --once` meets them all; the tests look at what became of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from gateway import site, store
from gateway.archive import Archive
from tests.journeys.conftest import ROOT, Gateway

SAMPLES = ROOT / "mappings" / "systems"
NIBRS = (SAMPLES / "nibrs" / "samples" / "submissions.txt").read_bytes()
SEGMENTS = NIBRS.splitlines(keepends=True)
CALLS = (SAMPLES / "cad-export" / "samples" / "calls.csv").read_bytes()
HEADER, *ROWS = CALLS.splitlines(keepends=True)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
XML = {"form": "xml", "records": "/export/recording", "kind": "recording", "key": ["evidence_id"]}
HEAD_BYTES = 64 * 1024


def second(change):
    """The NIBRS sample with its second segment, of the first incident, changed."""
    return b"".join([SEGMENTS[0], change(SEGMENTS[1]), *SEGMENTS[2:]])


def bomb():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("recordings.csv", b"0" * 20_000_000)
    return packed.getvalue()


BOMB = bomb()


@dataclass(frozen=True)
class Case:
    """A system and the file that it drops: how many records are accepted, why the others are quarantined, where, and what is kept."""

    template: str
    feed: str
    data: bytes
    accepted: int
    codes: tuple[str, ...] = ()
    place: str = ""
    kept: bytes = b""
    settings: dict[str, Any] = field(default_factory=dict)


LONG = HEADER + ROWS[0] + b"x" * 10_000_000 + b"\n" + b"".join(ROWS[1:])
CASES = {
    "nul-in-key": Case("nibrs", "submissions", second(lambda line: line[:20] + b"\0" + line[21:]), 4, ("flatfile.control",), "line 1, byte 0"),
    "nul-in-field": Case("nibrs", "submissions", second(lambda line: line[:40] + b"\0" + line[41:]), 4, ("flatfile.control",), "line 1, byte 0"),
    "wrong-length": Case("nibrs", "submissions", second(lambda line: line[:-2] + b" X\r\n"), 4, ("flatfile.length",), "line 1, byte 0"),
    "wrong-byte": Case("nibrs", "submissions", second(lambda line: line[:40] + b"\xe9" + line[41:]), 4, ("flatfile.charset",), "line 1, byte 0"),
    "cut-segment": Case("nibrs", "submissions", b"".join(SEGMENTS[:6])[:-20], 0, ("flatfile.length",), "line 1, byte 0"),
    "cut-row": Case("cad-export", "calls", CALLS[:-60], len(ROWS) - 1, ("flatfile.ragged",), f"line {len(ROWS) + 1}, byte {len(CALLS) - len(ROWS[-1])}", ROWS[-1][:-60]),
    "long-line": Case("cad-export", "calls", LONG, len(ROWS), ("flatfile.overlong",), f"line 3, byte {len(HEADER + ROWS[0])}", b"x" * HEAD_BYTES),
    "empty": Case("cad-export", "calls", b"", 0),
    "picture": Case("cad-export", "calls", PICTURE, 0, ("flatfile.header",), "byte 0", PICTURE),
    "zip-bomb": Case("bodycam-export", "recordings", BOMB, 0, ("flatfile.container",), "byte 0", BOMB, {"compression": "zip", "match": "*"}),
    "doctype": Case(
        "bodycam-export", "recordings", b'<!DOCTYPE export [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<export><recording><evidence_id>&a;</evidence_id></recording></export>\n',
        0, ("xml.doctype",), "", b"", {"layout": XML, "match": "*"},
    ),
    "other-layout": Case("nibrs", "submissions", CALLS + b"".join(ROWS) * 10, 0),
    "sound": Case("cad-export", "calls", CALLS, len(ROWS)),
}  # fmt: skip
HALTED = "other-layout"


@dataclass
class Ran:
    """The site after its run: what the commands say of it."""

    gateway: Gateway
    figures: dict[str, Any]
    told: str
    quarantined: list[dict[str, Any]]
    receipts: list[dict[str, Any]]

    def of(self, system: str) -> list[dict[str, Any]]:
        return [row for row in self.quarantined if row["system"] == system]

    def opened(self):
        here = site.open(self.gateway.root)
        return store.open(here.store_url(), site.keys(here), read_only=True)


def register(gateway, name, case):
    """A system like the template, with the one feed that the case is about."""
    gateway("new", name, "--from", case.template)
    path = gateway.root / "systems" / name / "system.yaml"
    said = yaml.safe_load(path.read_text())
    feed = said["feeds"][case.feed]
    feed["settings"] |= {"folder": f"inbox/{name}", "match": "*", "ready": {"by": "rename"}, **case.settings}
    path.write_text(yaml.safe_dump({**said, "zone": "America/New_York", "feeds": {case.feed: feed}}, sort_keys=False))
    (gateway.root / "inbox" / name).mkdir(parents=True)
    gateway.arrives(name, "dropped", case.data)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("bad") / "riverton")
    gateway("init", gateway.root, "--agency", "XX0000000")
    for name, case in CASES.items():
        register(gateway, name, case)
    done = gateway.ended("run", "--once", "--json")
    assert done.returncode == 3, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    listed = json.loads(gateway("quarantine", "list", "--json"))
    return Ran(gateway, figures, done.stderr, listed, json.loads(gateway("receipts", "list", "--json")))


def test_every_record_of_every_file_is_counted_once(ran):
    figures = ran.figures
    assert figures["read"] == sum(figures[key] for key in ("accepted", "unchanged", "late", "quarantined"))
    assert figures["quarantined"] == len(ran.quarantined) == sum(len(case.codes) for case in CASES.values())
    assert figures["in_progress"] == figures["parked"] == 0
    ran.gateway("ledger", "verify")


@pytest.mark.parametrize("name", [name for name in CASES if name != HALTED])
def test_the_fault_is_quarantined_with_its_place_and_the_rest_goes_on(ran, name):
    case = CASES[name]
    assert ran.figures["systems"][name]["accepted"] == case.accepted
    assert ran.figures["systems"][name]["delivered"] == ran.figures["systems"][name]["accepted"]
    found = ran.of(name)
    assert tuple(row["problems"][0]["code"] for row in found) == case.codes
    for row in found:
        assert row["place"].endswith(case.place)
        assert all(problem["remedy"] and problem["rule"] for problem in row["problems"])
    assert not list((ran.gateway.root / "inbox" / name).iterdir())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.codes])
def test_the_bytes_are_kept_as_they_came(ran, name):
    case = CASES[name]
    first = b"".join(case.data.splitlines(keepends=True)[:6])
    kept = case.kept or (first if case.template == "nibrs" else case.data)
    with ran.opened() as opened:
        assert opened.journal.original(ran.of(name)[0]["position"]) == kept


def test_every_byte_of_every_document_is_answered_for(ran):
    documents = {hashlib.sha256(case.data).hexdigest(): name for name, case in CASES.items() if name != HALTED}
    found = {documents[row["sha256"]]: row for row in ran.receipts if row["sha256"] in documents}
    assert set(found) == set(documents.values())
    for name, row in found.items():
        assert row["state"] == "complete", name
        assert row["size"] == len(CASES[name].data) == row["bytes_in_records"] + row["bytes_skipped"], name


def test_what_is_too_large_for_a_record_is_whole_in_the_archive_and_sealed(ran):
    here = site.open(ran.gateway.root)
    digest = hashlib.sha256(LONG).digest()
    with Archive(here.var / "archive", site.keys(here)).open(digest) as document:
        assert document.read() == LONG
    assert b"x" * 100 not in (here.var / "archive" / f"{digest.hex()}.sealed").read_bytes()


def test_a_file_of_another_layout_halts_its_system_with_reason_and_remedy_and_stays_where_it_is(ran):
    assert ran.figures["systems"].get(HALTED, {}).get("read", 0) == 0
    (told,) = [line for line in ran.told.splitlines() if line.startswith(f"{HALTED}: ")]
    assert "intake.flood" in told
    assert "line 1, byte 0" in told
    assert "systems resume" in ran.told
    assert [path.read_bytes() for path in (ran.gateway.root / "inbox" / HALTED).iterdir()] == [CASES[HALTED].data]


def test_once_the_file_is_taken_away_the_halted_system_goes_on(ran):
    inbox = ran.gateway.root / "inbox" / HALTED
    (inbox / "dropped").unlink()
    ran.gateway.arrives(HALTED, "right", NIBRS)
    ran.gateway("systems", "resume", HALTED, "--reason", "the wrong file was taken away")
    assert ran.gateway.once()["systems"][HALTED]["accepted"] == 5


SYSTEM = """\
system: frail
zone: America/New_York
feeds:
  records:
    adapter: frail
    settings: {file: frail.jsonl, kind: record}
    mappings: {record: mappings/record.yaml}
"""
MAPPING = """\
kind: record
entity: alert
subject: id
fields:
  alertId: {from: id, optional: false}
  headline: {from: text}
"""


@pytest.fixture
def frail(gateway, tmp_path):
    """A plugin of another distribution, as `adapters new` writes one, with a decoder that some bytes kill."""
    gateway("adapters", "new", "frail", "--in", str(tmp_path))
    package = tmp_path / "copperline-frail"
    module = package / "copperline_frail" / "__init__.py"
    decoded = "        fields: dict[str, Any] = json.loads(line)\n"
    assert decoded in module.read_text()
    dies = "        if b'deadly' in line:\n            __import__('ctypes').string_at(0)  # as a fault in a C library\n"
    module.write_text(module.read_text().replace(decoded, dies + decoded))
    installed = package / "copperline_frail-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: copperline-frail\nVersion: 0.1.0\n")
    (installed / "entry_points.txt").write_text("[copperline.adapters]\nfrail = copperline_frail:adapter\n")
    gateway.env["PYTHONPATH"] = f"{ROOT}:{package}"
    with (gateway.root / "site.yaml").open("a") as settings:
        settings.write("plugins: [frail]\n")
    (gateway.root / "systems" / "frail" / "mappings").mkdir(parents=True)
    (gateway.root / "systems" / "frail" / "system.yaml").write_text(SYSTEM)
    (gateway.root / "systems" / "frail" / "mappings" / "record.yaml").write_text(MAPPING)
    return gateway.root / "frail.jsonl"


def test_a_record_that_kills_the_process_stops_its_own_system_and_no_other(gateway, frail):
    lines = [b'{"id": "%d", "text": "%s"}\n' % (number, b"deadly" if number == 4 else b"fine") for number in range(1, 7)]
    frail.write_bytes(b"".join(lines))
    register(gateway, "cad", CASES["sound"])
    ended = [gateway.ended("run", "--once", "--json") for _ in range(4)]
    assert [done.returncode for done in ended] == [-11, -11, -11, 3], ended[-1].stderr
    assert "intake.deadly" in ended[-1].stderr
    assert "systems resume" in ended[-1].stderr
    totals = {row["system"]: row for row in json.loads(gateway("status", "--json"))["systems"]}
    assert totals["cad"]["accepted"] == len(ROWS)
    assert totals["frail"]["accepted"] == 3
    frail.write_bytes(b"".join(lines).replace(b"deadly", b"mended"))
    gateway("systems", "resume", "frail", "--reason", "the record was mended")
    assert gateway.once()["systems"]["frail"]["accepted"] == 3
