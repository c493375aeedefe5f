"""SOAP services end to end: the template polls a vault on PHP, and what the vault lost is not lost here."""

from __future__ import annotations

import json

import pytest

from tests.adapters.soap import systems


@pytest.fixture
def vault(gateway, php):
    """The template evidence-vault, aimed at a vault of this test."""
    made = php.vault()
    folder = gateway.registers("vault", "evidence-vault")
    said = folder / "system.yaml"
    said.write_text(said.read_text().replace("https://vault.example.org/soap", made.url))
    gateway("check", "vault")
    gateway("test", "vault")
    return made


def test_recordings_and_hand_overs_come_once_and_the_vault_is_told(gateway, vault):
    vault.add("recordings", [systems.recording(number) for number in range(7)])
    vault.add("transfers", [systems.transfer(number) for number in range(3)])
    first = gateway.once()
    assert (first["accepted"], first["quarantined"]) == (10, 0)
    assert vault.state["receipts"] == {"R1": True}
    again = gateway.once()
    assert again["accepted"] == 0
    topics = gateway("tail")
    assert topics.count("recording.created") == 7
    assert topics.count("custody-transfer.created") == 3
    gateway("ledger", "verify")


def test_a_record_that_does_not_obey_waits_with_the_name_of_its_element(gateway, vault):
    vault.add("recordings", [systems.recording(1), systems.recording(2, status="ALDERGATE7"), systems.recording(3)])
    ran = gateway.once()
    assert (ran["accepted"], ran["quarantined"]) == (2, 1)
    listed = json.loads(gateway("quarantine", "list", "--json"))
    assert "soap.invalid" in json.dumps(listed)
    assert "ALDERGATE7" not in json.dumps(listed)


def test_a_new_schema_in_the_bundle_is_part_of_how_a_record_was_read(gateway, vault):
    """The digest of the mapping and layout changes with the reviewed schema, as with anything else that reads a record."""
    vault.add("recordings", [systems.recording(1)])
    gateway.once()
    folder = gateway.root / "systems" / "vault" / "wsdl"
    schema = folder / "records.xsd"
    schema.write_text(schema.read_text().replace("<xs:sequence>", "<xs:sequence>\n", 1))
    refused = gateway.ended("check", "vault").stdout + json.dumps(gateway.once(code=3))
    assert "soap.bundle" in refused or gateway("status").count("soap.bundle")
    gateway("wsdl", "add", "vault", str(folder / "vault.wsdl"))
    gateway("systems", "resume", "vault", "--reason", "schema reviewed")
    vault.add("recordings", [systems.recording(2)])
    assert gateway.once()["accepted"] == 1
