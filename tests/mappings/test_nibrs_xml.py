"""Incidents of real flat files as NIBRS XML 2019.1, held against the official schemas."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from adapters.soap import adapter
from gateway import mapping, yamlfile
from gateway.adapter import Document, OutRecord, RawRecord
from gateway.errors import Reject

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "mappings" / "systems" / "nibrs-repository"
CODES = (ROOT / "mappings" / "codes",)


@pytest.fixture(scope="module")
def settings(shared, tmp_path_factory):
    """The template's settings, its bundle with the official schemas."""
    folder = tmp_path_factory.mktemp("bundle")
    files = {}
    for root in (TEMPLATE / "wsdl", shared / "nibrs" / "xml" / "base-xsd"):
        for path in (each for each in root.rglob("*") if each.suffix in {".wsdl", ".xsd"}):
            name = path.relative_to(root)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(path.read_bytes())
            files[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps({"wsdl": "repository.wsdl", "files": files}))
    said = yamlfile.load(TEMPLATE / "system.yaml").data["feeds"]["submissions"]["settings"]
    return adapter.settings.model_validate({**said, "bundle": str(folder)})


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name, valid, parked",
    [
        ("VTUCR0001_20200420_NIBRS_010.txt", 1363, {"ItemCategoryNIBRSPropertyCategoryCode": 3}),
        (
            "Test-Submission-1.txt",
            210,
            {"ArresteeArmedWithCode": 12, "VictimToSubjectRelationshipCode": 1, "ChargeUCRCode": 1},
        ),
        ("Flatfile-XML_Test_1.txt", 1, {}),
    ],
)
def test_every_incident_that_is_sent_obeys_the_official_schema(shared, shipped, settings, name, valid, parked):
    """`encode` sends nothing else; what the schema has no word for is parked with the element."""
    feed = shipped("nibrs").feeds["submissions"]
    out = mapping.compile(TEMPLATE / "mappings" / "incident.yaml", codes=CODES, zone="America/New_York")
    body = (shared / "nibrs" / name).read_bytes()
    sent, refused = 0, Counter()
    for record in feed.decode(Document("file", hashlib.sha256(body).digest(), len(body), body=body)):
        if not isinstance(record, RawRecord) or record.change == "remove":
            continue
        for draft in feed.translate(record):
            made = out.translate(json.loads(draft.data), key="")[0]
            try:
                adapter.encode(settings, [OutRecord("e", made.subject, "", "put", made.data)])
                sent += 1
            except Reject as e:
                refused[e.problems[0].path.rpartition(".")[2]] += 1
    assert (sent, dict(refused)) == (valid, parked)
