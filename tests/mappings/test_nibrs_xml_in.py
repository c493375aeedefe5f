"""NIBRS XML as input: the same canonical incident as from the flat file, and what the two forms force apart, by name."""

import hashlib
import json
import re
from collections import Counter

import pytest

from adapters.soap import adapter
from gateway.adapter import Document, OutRecord, RawRecord, Rejected
from gateway.errors import Reject
from gateway.samples import differences
from tests.mappings.nibrs_xml import after_the_tables, answer, compiled, settings

pytestmark = pytest.mark.real_data
FLAT, XML = "Flatfile-XML_Test_1.txt", "xml/Flatfile-XML_Test_1.xml"
FORCED = {
    "occurredStart.text", "occurredStart.precision",  # an hour there, a time of the day here
    "property[].recoveredAt.text",  # 20190713 and 2019-07-13
    "handling",  # only XML can say what it was not allowed to say
}  # fmt: skip
LEFT_OUT = {
    "offences[].bias", "property[].category", "persons[].relationships[].kind",  # 88, 6 and RU: no words of the schema
}  # fmt: skip
SAID_OTHERWISE = {
    "occurredStart.at",  # 14 hours, 02:00
    "offences[].attempted",  # completed, attempted
    "offences[].entryMethod",  # force, not said
    "property[].category.code",  # 17, 16
    "persons[].age.value", "persons[].age.low", "persons[].age.high",  # 29, and from 29 to 29
    "sourceRecord.period",  # November 2019, February 2016
    "cargoTheft",  # no, not said
}  # fmt: skip
ROUND_TRIP = {
    "occurredStart.text", "occurredStart.precision", "reportedAt.text", "reportedAt.precision", "arrests[].at.text",
    "property[].recoveredAt.text", "exceptionalClearance.at.text",
    "property",  # drugs are a substance each, and their kind of goods besides
    "vehicleCounts", "vehicleCounts[].stolen", "vehicleCounts[].recovered", "vehicleCounts[].status.code",  # of a segment, of an item
    "arrests[].armedWith[].kind.code", "arrests[].armedWith[].automatic",  # automatic ones are written last
}  # fmt: skip


@pytest.fixture(scope="module")
def reading(shared, tmp_path_factory):
    return settings("nibrs-xml", "records.wsdl", shared, tmp_path_factory.mktemp("in"))


@pytest.fixture(scope="module")
def mapped():
    return compiled("nibrs-xml")


def records(reading, *submissions):
    body = answer(*submissions)
    return list(adapter.decode(reading, Document("answer", hashlib.sha256(body).digest(), len(body), body=body)))


def canonical(mapped, record):
    (draft,) = mapped.drafts(record.fields, key=record.key)
    return after_the_tables(json.loads(draft.data))


def incidents(feed, body):
    """Raw record and canonical incident of what a flat file puts."""
    for record in feed.decode(Document("file", hashlib.sha256(body).digest(), len(body), body=body)):
        if isinstance(record, RawRecord) and (record.kind, record.change) == ("incident", "put"):
            yield record, json.loads(feed.translate(record)[0].data)


def paths(one, two):
    return {re.sub(r"\[\d+\]", "[]", path).split(" ")[0] for path in differences(one, two)}


def test_one_incident_as_xml_and_as_flat_file_is_one_canonical_incident(shared, shipped, reading, mapped):
    ((flat, made),) = incidents(shipped("nibrs").feeds["submissions"], (shared / "nibrs" / FLAT).read_bytes())
    (record,) = records(reading, (shared / "nibrs" / XML).read_bytes())
    assert record.key == flat.key
    assert paths(after_the_tables(made), canonical(mapped, record)) == FORCED | LEFT_OUT | SAID_OTHERWISE


def test_every_violation_is_listed_and_nothing_that_did_not_validate_is_taken(shared, reading, mapped):
    (record,) = records(reading, (shared / "nibrs" / XML).read_bytes())
    places = [said.partition(": ")[0] for said in record.fields["#violations"]]
    assert places == [
        "Offense.OffenseFactorBiasMotivationCode",
        "Item.ItemCategoryNIBRSPropertyCategoryCode",
        "Victim.VictimInjury.InjuryCategoryCode",
        "Victim.VictimAggravatedAssaultHomicideFactorCode",
        "Victim.VictimJustifiableHomicideFactorCode",
        "SubjectVictimAssociation.VictimToSubjectRelationshipCode",
    ]
    assert canonical(mapped, record)["handling"]["caveats"] == record.fields["#violations"]
    text = json.dumps({name: value for name, value in record.fields.items() if name != "#violations"})
    assert '"RU"' not in text
    assert '"88"' not in text
    assert '"ItemCategoryNIBRSPropertyCategoryCode": "6"' not in text
    refusing = reading.model_copy(update={"poll": reading.poll.model_copy(update={"invalid": "refuse"})})
    (refused,) = records(refusing, (shared / "nibrs" / XML).read_bytes())
    assert isinstance(refused, Rejected)
    assert [problem.path for problem in refused.problems] == places


def test_official_samples_are_taken_as_they_are(shared, reading, mapped):
    samples = shared / "nibrs" / "xml" / "samples"
    whole, gone = records(reading, *((samples / f"nibrs_{name}_Sample.xml").read_bytes() for name in ("GroupAIncident", "IncidentDelete")))
    assert "#violations" not in whole.fields
    made = canonical(mapped, whole)
    assert [len(made[name]) for name in ("offences", "property", "drugs", "persons")] == [1, 6, 1, 3]
    assert gone.change == "remove"
    for name in ("GroupBArrest", "ZeroReport"):
        (other,) = records(reading, (samples / f"nibrs_{name}_Sample.xml").read_bytes())
        assert [problem.code.id for problem in other.problems] == ["soap.no-key"]


@pytest.mark.parametrize("name, count", [("VTUCR0001_20200420_NIBRS_010.txt", 1039), ("Test-Submission-1.txt", 199)])
def test_what_is_written_as_xml_is_read_back_as_the_same_incident(shared, shipped, reading, mapped, tmp_path, name, count):
    """Everything that the official schema can say of a state's file, but for what the two forms force apart."""
    writing, out = settings("nibrs-repository", "repository.wsdl", shared, tmp_path), compiled("nibrs-repository")
    seen = Counter()
    for flat, made in incidents(shipped("nibrs").feeds["submissions"], (shared / "nibrs" / name).read_bytes()):
        sent = out.translate(made, key="")[0]
        try:
            document = adapter.encode(writing, [OutRecord("e", sent.subject, "", "put", sent.data)])
        except Reject:
            continue
        (record,) = records(reading, document)
        assert (record.key, "#violations" in record.fields) == (flat.key, False)
        differ = paths(after_the_tables(made), canonical(mapped, record))
        assert differ <= ROUND_TRIP, flat.key
        seen.update(["incidents"])
    assert seen["incidents"] == count
