"""MTOM both ways, with JAX-WS at the other end."""

import base64
import hashlib
import json

import pytest

from adapters.soap import adapter
from gateway.adapter import Document, OutRecord
from gateway.testing import Clock, context, drained, records_of

XMLMIME = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/2005/05/xmlmime">
<xs:attribute name="expectedContentTypes" type="xs:string"/></xs:schema>"""


@pytest.fixture(scope="module")
def bundle(java, tmp_path_factory):
    """The WSDL that the server itself gives, with its schema and the web schema that it imports."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "files.wsdl").write_text(java._get("files?wsdl").replace(java.url("files") + "?xsd=1", "files.xsd"))
    (folder / "files.xsd").write_text(java._get("files?xsd=1"))
    (folder / "xmlmime.xsd").write_text(XMLMIME)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    references = {"http://www.w3.org/2005/05/xmlmime": "xmlmime.xsd"}
    (folder / "bundle.json").write_text(json.dumps({"wsdl": "files.wsdl", "files": files, "references": references}))
    return folder


def test_attachments_stay_in_the_archived_answer_and_records_name_them(java, bundle, tmp_path):
    poll = {
        "operation": "ListFiles",
        "request": {"count": 7},
        "records": "ListFilesResponse/file",
        "kind": "file",
        "key": "name",
    }
    settings = adapter.settings.model_validate({"bundle": str(bundle), "address": java.url("files"), "poll": poll})
    given = context(tmp_path)
    source = adapter.source(settings, given)
    batches = drained(source, Clock(), limit=3)[:3]
    source.close()
    records = records_of(batches)
    assert [record.key for record in records] == [f"F{number}" for number in range(1, 8)]
    answer = given.archive.kept[batches[0].document.sha256][0]
    for record in records:
        content = record.fields["content"]["Include"]["@href"].removeprefix("cid:")
        assert f"<{content}>".encode() in answer.replace(b"%40", b"@")
        again = list(adapter.decode(settings, Document("record", b"", 0, batches[0].document.preamble, record.original)))
        assert again[0].fields == record.fields
    covered = sum(len(record.original) for record in records) + sum(length for batch in batches for _, length, _ in batch.skipped)
    assert covered == batches[0].document.size == len(answer)
    assert answer.count(b"content of 7") == 1000


def test_what_is_to_be_attached_goes_as_a_part_of_its_own(java, bundle, tmp_path):
    java.reset()
    submit = {
        "operation": "PutFile",
        "request": {"name": "$id", "size": 5, "content": "$bytes.content"},
        "attach": ["PutFile/content"],
        "answer": [{"at": "PutFileResponse/count", "is": "5", "then": "written"}],
    }
    settings = adapter.settings.model_validate({"bundle": str(bundle), "address": java.url("files"), "submit": submit})
    sink = adapter.sink(settings, context(tmp_path))
    record = OutRecord("event-1", "K1", "", "put", {"content": base64.b64encode(b"\x00\xff--\r").decode()})
    assert [outcome.state for outcome in sink.write([record])] == ["written"]
    sink.close()
    assert java.arrivals() == ["event-1 application/octet-stream"]


SWA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://ws-i.org/profiles/basic/1.1/xsd">
<xs:simpleType name="swaRef"><xs:restriction base="xs:anyURI"/></xs:simpleType></xs:schema>"""


def test_soap_with_attachments_without_xop_is_read_the_same_way(java, tmp_path):
    """JAX-WS sends parts that are named by cid: in the text of an element."""
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "parts.wsdl").write_text(
        java._get("parts?wsdl").replace(java.url("parts") + "?xsd=1", "parts.xsd").replace(java.url("parts") + "?xsd=2", "asked.xsd")
    )
    (folder / "parts.xsd").write_text(java._get("parts?xsd=1").replace(java.url("parts") + "?xsd=2", "asked.xsd"))
    (folder / "asked.xsd").write_text(java._get("parts?xsd=2").replace(java.url("parts") + "?xsd=1", "parts.xsd"))
    (folder / "swaref.xsd").write_text(SWA)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    references = {"http://ws-i.org/profiles/basic/1.1/swaref.xsd": "swaref.xsd"}
    (folder / "bundle.json").write_text(json.dumps({"wsdl": "parts.wsdl", "files": files, "references": references}))
    poll = {"operation": "ListParts", "request": {"count": 3}, "records": "ListPartsResponse/part", "kind": "part", "key": "name"}
    settings = adapter.settings.model_validate({"bundle": str(folder), "address": java.url("parts"), "poll": poll})
    given = context(tmp_path)
    source = adapter.source(settings, given)
    batch = source.read("", 10)
    source.close()
    assert [record.key for record in batch.records] == ["P1", "P2", "P3"]
    answer = given.archive.kept[batch.document.sha256][0]
    assert b"xop" not in answer
    for number, record in enumerate(batch.records, 1):
        name = record.fields["content"].removeprefix("cid:")
        head, _, body = answer.partition(f"<{name}>".encode())[2].partition(b"\r\n\r\n")
        assert b"Content-Type" in head or b"Content-Transfer-Encoding" in head
        assert body.startswith(f"part {number}\r\n--no boundary\r\n\r\n".encode() * 500)
    covered = sum(len(record.original) for record in batch.records) + sum(length for _, length, _ in batch.skipped)
    assert covered == batch.document.size == len(answer)
