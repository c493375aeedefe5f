"""Incidents of real flat files as NIBRS XML 2019.1, held against the official schemas."""

import hashlib
import json
from collections import Counter

import pytest

from adapters.soap import adapter
from gateway.adapter import Document, OutRecord, RawRecord
from gateway.errors import Reject
from tests.mappings import nibrs_xml


@pytest.fixture(scope="module")
def settings(shared, tmp_path_factory):
    """The template's settings, its bundle with the official schemas."""
    return nibrs_xml.settings("nibrs-repository", "repository.wsdl", shared, tmp_path_factory.mktemp("bundle"))


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
    out = nibrs_xml.compiled("nibrs-repository")
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
