"""Bundles, what a WSDL offers, and messages of every style."""

import hashlib
import json
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from adapters.soap import adapter
from gateway.adapter import Document, OutRecord, RawRecord
from gateway.errors import Halt
from gateway.testing import Clock, context, drained, keys_of, records_of
from tests.adapters.soap import systems
from tests.peers.soap.php import REGISTRY, ROOT, WSDL


def bundled(folder, *paths, references=None):
    """A bundle of copies of these files, the first of them the WSDL."""
    folder.mkdir()
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    index = {"wsdl": paths[0].name, "files": files, "references": references or {}}
    (folder / "bundle.json").write_text(json.dumps(index))
    return folder


def discovered(folder, *names, **more):
    reach = adapter.reach.model_validate({"bundle": str(folder), **more})
    return adapter.discover(reach, context(folder), names).offers


def test_operations_and_the_records_of_their_answers_are_offered():
    offers = discovered(WSDL.parent, port="Vault11")
    assert list(offers) == [
        "ConfirmTransfers",
        "ListRecordings",
        "ListRecordingsResponse/recordings/recording",
        "TakeTransfers",
        "TakeTransfersResponse/transfer",
    ]
    recording = offers["ListRecordingsResponse/recordings/recording"]
    assert [column.name for column in recording.columns][:4] == ["evidenceId", "title", "incidentNumber", "startedAt"]
    assert "digest.@function" in [column.name for column in recording.columns]
    assert recording.watermarks == ["startedAt", "stoppedAt", "uploadedAt", "modifiedAt"]
    assert [column.name for column in offers["ListRecordings"].columns] == ["changedAfter", "token", "max"]


def test_a_choice_of_ports_is_asked_for():
    with pytest.raises(Halt, match=r"choose one of EvidenceVault/Vault11, EvidenceVault/Vault12"):
        discovered(WSDL.parent)
    with pytest.raises(Halt, match=r"soap\.no-operation"):
        discovered(WSDL.parent, port="Vault13")


@pytest.mark.parametrize(
    "change, code, place",
    [
        (lambda text: text.replace("records.xsd", "file:///etc/passwd"), "soap.outside", "line 7"),
        (lambda text: text.replace("records.xsd", "http://127.0.0.1:9/records.xsd"), "soap.outside", "line 7"),
        (lambda text: text.replace("records.xsd", "../../../../../../../../etc/passwd"), "soap.outside", "line 7"),
        (lambda text: text.replace("<wsdl:definitions", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><wsdl:definitions', 1), "soap.wsdl", "vault.wsdl"),
        (lambda text: text.replace("</wsdl:types>", ""), "soap.wsdl", "line"),
        (lambda text: text.replace('element="v:TakeTransfers"', 'element="v:Nothing"'), "soap.wsdl", "vault.wsdl"),
    ],
    ids=["a file", "an address", "a way out", "a document type", "broken", "a name that is not there"],
)
def test_a_wsdl_that_cannot_be_used_says_where_and_why(tmp_path, change, code, place):
    changed = tmp_path / "vault.wsdl"
    changed.write_text(change(WSDL.read_text()))
    folder = bundled(tmp_path / "wsdl", changed, WSDL.with_name("records.xsd"))
    with pytest.raises(Halt) as halt:
        discovered(folder, port="Vault11")
    assert halt.value.problem.code.id == code
    assert place in halt.value.problem.where
    assert "root:" not in str(halt.value)


def test_a_schema_that_does_not_hold_together_says_why(tmp_path):
    records = tmp_path / "records.xsd"
    records.write_text(WSDL.with_name("records.xsd").read_text().replace('type="v:Status"', 'type="v:Missing"'))
    folder = bundled(tmp_path / "wsdl", WSDL, records)
    with pytest.raises(Halt, match=r"soap\.wsdl: .*Missing"):
        discovered(folder, port="Vault11")


@pytest.mark.parametrize("damage", ["changed", "gone", "no index"])
def test_what_was_not_reviewed_is_not_used(tmp_path, damage):
    folder = bundled(tmp_path / "wsdl", WSDL, WSDL.with_name("records.xsd"))
    match damage:
        case "changed":
            (folder / "records.xsd").write_text((folder / "records.xsd").read_text() + " ")
        case "gone":
            (folder / "records.xsd").unlink()
        case _:
            (folder / "bundle.json").unlink()
    with pytest.raises(Halt, match=r"soap\.bundle"):
        discovered(folder, port="Vault11")


def test_encoded_messages_are_offered_as_what_they_are_and_refused_by_their_place(tmp_path):
    text = REGISTRY.read_text().replace('use="literal"', 'use="encoded" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"')
    (tmp_path / "registry.wsdl").write_text(text)
    folder = bundled(tmp_path / "wsdl", tmp_path / "registry.wsdl")
    assert "cannot be used" in discovered(folder)["List"].notes[0]
    poll = {"operation": "List", "records": "ListResponse/items/item", "kind": "item", "key": "id"}
    settings = adapter.settings.model_validate({"bundle": str(folder), "address": "http://127.0.0.1:9/", "poll": poll})
    with pytest.raises(Halt, match=r"soap\.encoded.*List, line"):
        adapter.source(settings, context(tmp_path))


@pytest.mark.real_data
def test_wsdls_of_other_people_are_read_or_refused_with_a_reason(shared, tmp_path):
    said = {}
    for number, path in enumerate(sorted((shared / "soap").rglob("*.wsdl"))):
        try:
            said[str(path.relative_to(shared / "soap"))[:20]] = len(discovered(bundled(tmp_path / str(number), path)))
        except Halt as e:
            said[str(path.relative_to(shared / "soap"))[:20]] = e.problem.code.id
    assert said == {
        "GET_ALL_STORE_NUMBER": "soap.no-operation",  # two ports: one has to be chosen
        "OneWay__should_handl": 1,
        "default_namespace_so": "soap.wsdl",  # not well-formed
        "extended_recursive.w": 1,
        "getAttachments__shou": 1,
        "rpcexample.wsdl": "soap.wsdl",  # the schema of soap-encoding was not given
    }


def test_rpc_messages_with_addressing_and_any_content(php, tmp_path):
    """Pages of an rpc answer, of which the WSDL says the parts alone; the headers of WS-Addressing go with the request."""
    vault = php.vault()
    vault.write({**vault.state, "items": [{"id": f"I{n}", "seen": "2026-02-01T08:00:00Z"} for n in range(5)]})
    poll = {
        "operation": "List",
        "request": {"after": "x", "page": "$page"},
        "records": "ListResponse/items/item",
        "kind": "item",
        "key": "id",
        "cursor": {"page": {"first": 0}},
    }
    folder = bundled(tmp_path / "wsdl", REGISTRY)
    settings = adapter.settings.model_validate({"bundle": str(folder), "address": vault.registry_url, "poll": poll})
    source = adapter.source(settings, context(tmp_path))
    batches = drained(source, Clock())
    source.close()
    assert keys_of(batches) == ["I0", "I1", "I2", "I3", "I4"]
    assert records_of(batches)[0].fields["extra"] == {"of": "I0"}
    first = vault.state["asked"][0]
    assert "urn:example:registry:List</wsa:Action>" in first
    assert f"{vault.registry_url}</wsa:To>" in first


def test_a_one_way_operation_is_written_once_it_was_taken(php, tmp_path):
    vault = php.vault()
    submit = {"operation": "Note", "request": {"text": "$fields.text"}, "idempotent": True}
    folder = bundled(tmp_path / "wsdl", REGISTRY)
    settings = adapter.settings.model_validate({"bundle": str(folder), "address": vault.registry_url, "submit": submit})
    sink = adapter.sink(settings, context(tmp_path))
    assert [each.state for each in sink.write([OutRecord("e1", "K", "", "put", {"text": "seen & done"})])] == ["written"]
    sink.close()
    assert vault.state["notes"] == ["seen & done"]


def test_a_token_that_expired_falls_back_to_the_date(php, tmp_path):
    vault = php.vault()
    vault.add("recordings", [systems.recording(n) for n in range(6)])
    settings = systems.settings_of(vault, systems.RECORDINGS, faults=[{"detail": "TokenExpired", "then": "restart"}])
    source = adapter.source(adapter.settings.model_validate(settings), context(tmp_path))
    batches = drained(source, Clock())
    vault.write({**vault.state, "expired": True, "asked": []})
    vault.add("recordings", [systems.recording(6)])
    again = drained(source, Clock(), after=batches[-1].cursor)
    source.close()
    assert "E00006" in keys_of(again)
    asked = vault.state["asked"]
    assert "token" in asked[0]
    assert "token" not in asked[1]
    assert asked[1]["changedAfter"].startswith("2026-02-01T08:50:00")  # 15 minutes before the highest


def test_no_version_below_the_floor_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["soap"]]
    floors = {each.name: each.specifier for each in map(Requirement, wanted) if each.name in {"lxml", "zeep", "xmlsec", "urllib3"}}
    assert floors.keys() == {"lxml", "zeep", "xmlsec", "urllib3"}
    assert not floors["lxml"].contains("6.1.0"), "the first version with every entity fix is 6.1.1"
    assert not floors["zeep"].contains("4.3.2")
    assert all(specifier.contains(version(name)) for name, specifier in floors.items())


def test_the_shipped_bundles_are_as_recorded():
    for index in sorted((ROOT / "mappings" / "systems").glob("*/wsdl/bundle.json")):
        said = json.loads(index.read_text())["files"]
        assert said == {
            path.relative_to(index.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(index.parent.rglob("*"))
            if path.suffix in {".wsdl", ".xsd"}
        }
    assert Path(ROOT / "mappings/systems/evidence-vault/wsdl/bundle.json").is_file()


@pytest.mark.parametrize("given", [True, False])
def test_a_schema_that_only_xs_any_leads_to_is_held_against_what_it_lets_in(tmp_path, given):
    """Such a schema stands in the bundle because somebody put it there; the WSDL never names it."""
    extra = tmp_path / "extra.xsd"
    extra.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:example:extra">'
        '<xs:element name="speed" type="xs:int"/></xs:schema>'
    )
    folder = bundled(tmp_path / "bundle", REGISTRY, *([extra] if given else []))
    settings = adapter.settings.model_validate(
        {
            "bundle": str(folder),
            "address": "http://127.0.0.1:9/",
            "poll": {"operation": "List", "records": "ListResponse/items/item", "kind": "item", "key": "id"},
        }
    )
    items = "".join(
        f'<item><id>{number}</id><seen>2026-02-01T08:00:00Z</seen><x:speed xmlns:x="urn:example:extra">{speed}</x:speed></item>'
        for number, speed in enumerate(("30", "fast"))
    )
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r:ListResponse xmlns:r="urn:example:registry">'
        f"<items>{items}</items><count>2</count></r:ListResponse></s:Body></s:Envelope>"
    ).encode()
    found = list(adapter.decode(settings, Document("answer", hashlib.sha256(body).digest(), len(body), body=body)))
    assert [isinstance(record, RawRecord) for record in found] == [True, not given]
    if given:
        assert [problem.path for problem in found[1].problems] == ["speed"]
