"""Evidence: an exhibit, and one hand-over of it.

Bytes never travel: an exhibit is named by an opaque reference and its hashes.
"""

from __future__ import annotations

from contracts.parts import (
    OURS,
    Alternate,
    Code,
    Coded,
    Handling,
    Identifier,
    Key,
    Location,
    Officer,
    Opaque,
    Part,
    SourceRecord,
    Time,
    field,
    registry,
)

LINK_METHODS = registry("source number time-and-unit time-and-place person unknown")
DERIVATIONS = registry("redaction clip copy transcript enhancement extraction")


class Hash(Part):
    """A digest of the exhibit's bytes."""

    function: str | None = field("nc:BinaryHashFunctionCode", "key", "SHA-256, SHA-1, MD5, …")
    value: str | None = field("nc:BinaryHashCode", "key", "The digest")


class Retention(Part):
    """How long it is kept, and why."""

    category: Coded | None = field("Axon category", "operational", "Retention category")
    until: Time | None = field("nc:ExpirationDate", "operational", "Kept until")
    legal_hold: bool | None = field(OURS, "operational", "Not to be deleted for now")


class Deletion(Part):
    """That, when and how it was deleted at its store."""

    at: Time | None = field("Axon date_deleted", "operational", "When")
    kind: Coded | None = field("Axon deletion_type", "operational", "Scheduled, by hand, by order")


class Derivation(Part):
    """What this exhibit was made from."""

    evidence_id: str | None = field("CASE wasDerivedFrom", "key", "The exhibit it was made from")
    method: Coded | None = field("CASE InvestigativeAction", "operational", "How it was made", codes=DERIVATIONS)
    at: Time | None = field("uco-action:endTime", "operational", "When")


class IncidentLink(Part):
    """An incident that the exhibit belongs to, how that is known and how sure."""

    incident_id: Key = field("Axon id_external", "key", "The incident's number", need=True)
    method: Coded | None = field("Axon auto-tagging", "operational", "How it was linked", codes=LINK_METHODS)
    confidence: float | None = field("nc:ConfidencePercent", "operational", "Per cent", ge=0, le=100)
    at: Time | None = field(OURS, "operational", "When it was linked")


class EvidenceItem(Part):
    """An exhibit as its store knows it."""

    agency: Code | None = field("NIBRS DE 1", "operational", "Agency that holds it; common scheme ORI")
    evidence_id: Key = field("j:EvidenceNumberIdentification", "key", "The store's own id", need=True)
    exhibit_number: str | None = field("CASE exhibitNumber", "key", "Exhibit number")
    root_exhibit_number: str | None = field("CASE rootExhibitNumber", "key", "Exhibit it was taken from")
    other_ids: list[Identifier] | None = field("j:EvidenceOtherIdentification", "key", "Numbers elsewhere")
    kind: Coded | None = field("j:BinaryCategoryCode", "operational", "Kind of evidence")
    status: Coded | None = field("Axon status", "operational", "Where it stands at its store")
    title: str | None = field("Axon title", "free-text", "Title as somebody typed it")
    description: str | None = field("j:EvidenceItemText", "free-text", "Description")
    mime_type: str | None = field("uco-observable:mimeType", "operational", "Media type")
    size_bytes: int | None = field("nc:BinarySizeValue", "operational", "Size, in bytes", ge=0)
    size_mb: float | None = field("Axon size_mb", "operational", "Size as the source says it, in megabytes", ge=0)
    hashes: list[Hash] | None = field("nc:BinaryHash", "key", "Digests")
    ref: Opaque | None = field("CloudEvents dataref", "key", "Opaque reference to the bytes, never a link")
    captured_at: Time | None = field("nc:BinaryCaptureDate", "operational", "When it was made or collected")
    uploaded_at: Time | None = field("Axon date_uploaded", "operational", "When it reached its store")
    capturer: Officer | None = field("nc:BinaryCapturer", "officer", "Who made or collected it")
    categories: list[Coded] | None = field("Axon category", "operational", "Categories given to it")
    tags: list[str] | None = field("Axon evidence_tags", "free-text", "Tags")
    retention: Retention | None = field("Axon category", "operational", "How long it is kept")
    deletion: Deletion | None = field("Axon date_deleted", "operational", "That it was deleted")
    sensitivity: Coded | None = field("nc:SensitivityAbstract", "operational", "Who may see it")
    derived_from: list[Derivation] | None = field("CASE wasDerivedFrom", "operational", "What it was made from")
    linked_incidents: list[IncidentLink] | None = field("j:IncidentEvidence", "key", "Incidents it belongs to")
    location: Location | None = field("j:EvidenceTakenLocation", "place", "Where it was made or found")
    alternates: list[Alternate] | None = field("EIDO AlternateValues", "special", "What other sources said")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
    source_record: SourceRecord | None = field("nc:SourceIDText", "key", "Where it comes from")


class CustodyParty(Part):
    """One side of a hand-over."""

    agency: Code | None = field("j:CustodyTransferReleasingEnforcementAgency", "operational", "Agency; scheme ORI")
    official: Officer | None = field("j:CustodyTransferReleasingEnforcementOfficial", "officer", "Official")
    facility: str | None = field("j:CustodyTransferReleasingEnforcementFacility", "place", "Facility")


class Authorization(Part):
    """What allowed the act."""

    type: Coded | None = field("CASE authorizationType", "operational", "Warrant, consent, policy, …")
    id: str | None = field("CASE authorizationIdentifier", "key", "Its number")


class CustodyTransfer(Part):
    """One hand-over of exhibits, or one act on them that the chain must show."""

    agency: Code | None = field("NIBRS DE 1", "operational", "Agency that records it; common scheme ORI")
    transfer_id: Key = field("nc:ActivityIdentification", "key", "The source's number of the act", need=True)
    evidence_ids: list[Key] = field("j:CustodyTransferItem", "key", "The exhibits", need=True, min_length=1)
    seq: int | None = field(OURS, "operational", "Number in the exhibit's own chain", ge=0)
    action: Coded | None = field("j:CustodyTransferActionText", "operational", "Seized, received, released, copied, …")
    at: Time | None = field("nc:ActivityDate", "operational", "When")
    releasing: CustodyParty | None = field("j:CustodyTransferReleasing…", "operational", "Who gave it")
    receiving: CustodyParty | None = field("j:CustodyTransferReceiving…", "operational", "Who took it")
    performer: Officer | None = field("uco-action:performer", "officer", "Who acted, where nobody took it over")
    instrument: str | None = field("uco-action:instrument", "operational", "Tool it was done with")
    location: Location | None = field("nc:ActivityLocation", "place", "Where")
    reason: str | None = field("nc:ActivityReasonAbstract", "free-text", "Why")
    authorization: Authorization | None = field("CASE Authorization", "operational", "What allowed it")
    hash_before: Hash | None = field("nc:BinaryHash", "key", "Digest before")
    hash_after: Hash | None = field("nc:BinaryHash", "key", "Digest after")
    previous_id: str | None = field("CASE wasInformedBy", "key", "The act before this one")
    narrative: str | None = field("nc:ActivityNarrative", "free-text", "Remarks")
    alternates: list[Alternate] | None = field("EIDO AlternateValues", "special", "What other sources said")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
    source_record: SourceRecord | None = field("nc:SourceIDText", "key", "Where it comes from")
