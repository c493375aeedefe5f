"""Legacy systems behind real SOAP stacks, as their own people fill them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from gateway.adapter import OutRecord
from gateway.testing import LegacySystem, LegacyTarget
from tests.peers.soap.java import Java
from tests.peers.soap.php import WSDL, Vault

BEGIN = datetime.fromisoformat("2026-02-01T08:00:00-05:00")


def recording(number: int, **more: Any) -> dict[str, Any]:
    """An invented recording, as the vault writes it."""
    started = BEGIN + timedelta(minutes=number)
    return {
        "evidenceId": f"E{number:05d}",
        "title": f"STOP {number} & SEARCH",
        "incidentNumber": f"J-{number:05d}-26",
        "startedAt": started.isoformat(),
        "stoppedAt": (started + timedelta(minutes=3)).isoformat(),
        "modifiedAt": (started + timedelta(hours=1)).isoformat(),
        "sizeMb": "41.2893",
        "status": "Active",
        "category": ["Patrol", "Traffic"],
        "digest": "00" * 32,
        **more,
    }


def transfer(number: int, **more: Any) -> dict[str, Any]:
    """An invented hand-over."""
    return {
        "transferId": f"X{number:05d}",
        "sequence": number,
        "evidenceId": [f"E{number:05d}"],
        "action": "received",
        "at": (BEGIN + timedelta(minutes=number)).isoformat(),
        "receiving": {"agency": "XX0000000", "badge": "0000"},
        **more,
    }


class Polled(LegacySystem):
    """A vault on PHP's SoapServer."""

    vault: ClassVar[Vault]
    port: ClassVar[str] = "Vault11"
    poll: ClassVar[dict[str, Any]]
    stored: ClassVar[str] = "recordings"

    @classmethod
    def serve(cls, vault: Vault) -> None:
        """A vault of its own for the next test."""
        cls.vault = vault
        cls.settings = settings_of(vault, cls.poll, port=cls.port)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._count = 0

    def made(self, count: int, **more: Any) -> list[dict[str, Any]]:
        self._count += count
        make = recording if self.stored == "recordings" else transfer
        return [make(number, **more) for number in range(self._count - count + 1, self._count + 1)]

    def add(self, count: int) -> list[str]:
        made = self.made(count)
        self.vault.add(self.stored, made)
        return [str(each.get("transferId") or each["evidenceId"]) for each in made]


def settings_of(vault: Vault, poll: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What system.yaml would say."""
    return {"bundle": str(WSDL.parent), "port": "Vault11", "address": vault.url, "poll": poll, **more}


RECORDINGS: dict[str, Any] = {
    "operation": "ListRecordings",
    "request": {"changedAfter": "$since", "token": "$token", "max": 4},
    "records": "ListRecordingsResponse/recordings/recording",
    "kind": "recording",
    "key": "evidenceId",
    "lists": ["category"],
    "cursor": {
        "since": {"field": "modifiedAt", "begin": "2026-01-01T00:00:00Z"},
        "token": "ListRecordingsResponse/nextToken",
    },
    "more": "ListRecordingsResponse/hasMore",
}
TRANSFERS: dict[str, Any] = {
    "operation": "TakeTransfers",
    "request": {"max": 4},
    "records": "TakeTransfersResponse/transfer",
    "kind": "transfer",
    "key": "transferId",
    "version": "sequence",
    "cursor": {"token": "TakeTransfersResponse/receipt"},
    "empties": True,
    "confirm": {"operation": "ConfirmTransfers", "request": {"receipt": "$token"}},
}


class Tokens(Polled):
    """Pages by a token of the service's own."""

    poll = RECORDINGS

    def again(self) -> None:
        state = self.vault.state
        state["recordings"] += state["recordings"]
        self.vault.write(state)

    def spoiled(self, secret: str) -> list[str]:
        made = self.made(4)
        made[1] |= {"status": secret}
        self.vault.add(self.stored, made)
        return [str(each["evidenceId"]) for each in made if each["status"] != secret]

    def one_instant(self, count: int) -> list[str]:
        made = self.made(count, modifiedAt="2026-02-01T10:00:00-05:00")
        self.vault.add(self.stored, made)
        return [str(each["evidenceId"]) for each in made]


class Tokens12(Tokens):
    """The same by SOAP 1.2."""

    port = "Vault12"


class Queue(Polled):
    """Forgets what it has answered, and wants to be told."""

    poll = TRANSFERS
    stored = "transfers"

    def emptied(self) -> bool:
        receipts = self.vault.state["receipts"]
        return bool(receipts) and all(receipts.values())

ANSWER = "SubmitNibrsNIEMDocumentResponse/return/ingestResponse"
CHECKED = "CheckStatusByDDocnameResponse/return/ingestResponse"
FOUND = "CheckStatusByIncidentResponse/return/ingestResponse"


def rules(at: str) -> list[dict[str, Any]]:
    """What the repository's status means."""
    return [
        {"at": f"{at}/status", "is": ["ACCEPTED", "WARNINGS"], "then": "written"},
        {"at": f"{at}/status", "is": "ERRORS", "then": "refused"},
        {"at": f"{at}/status", "is": "NOTFOUND", "then": "absent"},
        {"at": f"{at}/status", "is": "RECEIVED", "then": "pending", "after": "30s"},
    ]


def exchange(at: str) -> dict[str, Any]:
    """Everything that is said about a record at one place of an answer."""
    return {
        "answer": rules(at),
        "remote": f"{at}/ddocname",
        "violations": {
            "each": f"{at}/violations",
            "code": "violationCode",
            "text": "violationDescription",
            "path": "dataElement",
            "level": "violationLevel",
            "warnings": "W",
        },
    }


SUBMIT: dict[str, Any] = {
    "operation": "SubmitNibrsNIEMDocument",
    "request": {"xmlDoc": "$fields.xmlDoc"},
    "cdata": ["SubmitNibrsNIEMDocument/xmlDoc"],
    **exchange(ANSWER),
    "find": {"operation": "CheckStatusByDDocname", "request": {"ddocname": "$key"}, **exchange(CHECKED)},
    "follow": {"operation": "CheckStatusByDDocname", "request": {"ddocname": "$remote"}, **exchange(CHECKED)},
}


def outgoing(number: int, word: str = "") -> OutRecord:
    """A record for the repository; `word` in its number decides what the repository says of it."""
    name = f"I{word}{number:05d}"
    document = (
        "<s><ReportDate><YearMonthDate>2026-02</YearMonthDate></ReportDate>"
        "<OrganizationORIIdentification><IdentificationID>XX0000000</IdentificationID></OrganizationORIIdentification>"
        f"<ActivityIdentification><IdentificationID>{name}</IdentificationID></ActivityIdentification><note>a ]]&gt; &amp; b</note></s>"
    )
    return OutRecord(f"event-{name}", f"2026_02_XX0000000_{name}_INC", "", "put", {"xmlDoc": document})


class Repository(LegacyTarget):
    """The NIBRS repository on JAX-WS."""

    java: ClassVar[Java]

    @classmethod
    def serve(cls, java: Java) -> None:
        """Empty, and well behaved."""
        cls.java = java
        java.reset()
        cls.settings = submitting(java)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._count = 0

    def records(self, count: int) -> list[OutRecord]:
        self._count += count
        return [outgoing(number) for number in range(self._count - count + 1, self._count + 1)]

    def misfit(self) -> OutRecord:
        return outgoing(1, "ERR")

    def holds(self) -> list[dict[str, Any]]:
        documents = self.java.holds()
        return [{"xmlDoc": documents[name]} for name in self.java.arrivals() if "ERR" not in name]

    def dies_after_commit(self, sink: Any) -> None:
        handed_over, sent = sink._service.call, []

        def die(call: Any, values: Any) -> None:
            handed_over(call, values).answer.body.close()
            sent.append(values)
            if len(sent) == 3:
                raise KeyboardInterrupt

        sink._service.call = die


def digests(bundle: Path) -> dict[str, str]:
    """The files of a bundle as its index names them."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bundle.iterdir() if path.suffix in {".wsdl", ".xsd"}}


def submitting(java: Java, port: str = "plain", **more: Any) -> dict[str, Any]:
    """What system.yaml would say."""
    bundle = WSDL.parents[2] / "nibrs-repository" / "wsdl"
    return {"bundle": str(bundle), "address": java.url(port), "submit": SUBMIT, **more}
